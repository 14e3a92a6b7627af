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

/// Block b of a beat, of row r, is in bank r * blocks per beat + b modulo the number of banks. A bank reads a
/// block a cycle. The scratchpad itself takes no time: the sequencer offers the beats as far apart as the
/// banks need. Writes go to the half that is not read, which has banks of its own, so they never wait.
class Scratchpad : public sc_core::sc_module {
 public:
  sc_core::sc_in<PanelRead> read;
  sc_core::sc_vector<sc_core::sc_out<EdgeBlocks>> blocks;  ///< one for each row, or column, of the array
  /// b_transport and transport_dbg write, in no time.
  tlm_utils::simple_target_socket<Scratchpad> socket;

  Scratchpad(const sc_core::sc_module_name& name, const SystemConfig& config, const Geometry& geometry,
             Operand operand);

  /// Address of a panel's first byte. The rows of a panel follow each other, and so do the blocks of a row.
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
