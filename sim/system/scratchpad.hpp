// A scratchpad: two halves of panels. The DMA writes one while the array reads the other.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <systemc>
#include <tlm>
#include <vector>

#include "sim/array/module.hpp"
#include "sim/system/parts.hpp"

namespace if4 {

/// Block (row r, block b of a beat) is in bank (r * blocks per beat + b) modulo the number of banks. A bank
/// reads a block a cycle; the sequencer keeps the time that this takes. Writes go to the other half, which
/// has banks of its own, so they never wait.
class Scratchpad : public sc_core::sc_module {
 public:
  sc_core::sc_in<PanelRead> read;
  sc_core::sc_vector<sc_core::sc_out<EdgeBlocks>> blocks;  ///< one for each row of the array's edge
  tlm_utils::simple_target_socket<Scratchpad>
      socket;  ///< b_transport and transport_dbg of writes, in no time

  Scratchpad(const sc_core::sc_module_name& name, const SystemConfig& config, const Geometry& geometry,
             Operand operand);

  /// The address of a panel's first byte. Rows follow each other, blocks of a row too.
  std::uint64_t address(const PanelPlace& place) const;

 private:
  void output();
  void write(tlm::tlm_generic_payload& access, sc_core::sc_time& delay);
  unsigned int debug(tlm::tlm_generic_payload& access);

  const Format format_;
  const std::uint64_t per_beat_;  // blocks of a row in a beat
  const std::uint64_t per_row_;   // blocks of a row
  const std::uint64_t block_bytes_;
  const std::uint64_t panel_bytes_;
  const std::uint64_t half_bytes_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace if4
