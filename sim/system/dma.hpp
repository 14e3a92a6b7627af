// The DMA: loads panels from the DRAM into the scratchpads, and stores the results of tiles.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <memory>
#include <systemc>
#include <tlm>
#include <vector>

#include "sim/system/parts.hpp"
#include "sim/system/scratchpad.hpp"
#include "sim/system/writer.hpp"

namespace if4 {

/// Asks the DRAM for one burst at a time, the next when the bus is idle: of the first tile in the output
/// buffer that is complete, or else of the first panel not yet loaded, if its half of the scratchpad is free.
class Dma : public sc_core::sc_module, private tlm::tlm_mm_interface {
 public:
  sc_core::sc_in<bool> clk;
  sc_core::sc_in<bool> rst_n;
  sc_core::sc_in<std::uint64_t> tiles_read, tiles_done;
  sc_core::sc_out<std::uint64_t> activations_loaded, weights_loaded, tiles_stored;
  tlm_utils::simple_initiator_socket<Dma> dram, activations, weights, results;

  /// The scratchpads and the writer know their own addresses.
  Dma(const sc_core::sc_module_name& name, const SystemConfig& config, const Geometry& geometry,
      const CycleCounter& cycle, const Scratchpad& activation_pad, const Scratchpad& weight_pad,
      const OutputWriter& writer, Timeline& timeline);

  /// Ideal memory: everything at once, before and after the simulation.
  void load_all();
  void store_all();

  std::uint64_t stored() const { return stored_; }
  const ByteCounts& bytes() const { return bytes_; }

 private:
  // A burst on its way, and which job it belongs to.
  struct Burst : tlm::tlm_generic_payload {
    std::vector<std::uint8_t> data;
    bool last = false;         // of its job
    std::uint64_t to = 0;      // address in the scratchpad
    std::uint64_t length = 0;  // bytes that count; the rest fills the burst
    Operand operand = Operand::kActivations;
    std::size_t event = 0;  // of its load
  };

  void edge();
  void request();
  bool store_burst();
  bool load_burst();
  void begin(Burst& burst, tlm::tlm_command command, std::uint64_t address);
  Burst& allocate();
  void free(tlm::tlm_generic_payload* burst) override;
  tlm::tlm_sync_enum respond(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                             sc_core::sc_time& delay);
  void arrive(Burst& burst);
  void read_results(std::uint64_t address, std::uint8_t* data, std::uint64_t length);
  std::uint64_t load_bytes() const { return load_.rows * geometry_.blocks * geometry_.block_bytes; }
  std::uint64_t tile_bytes() const {
    return tile_.operands[0].rows * tile_.operands[1].rows * sizeof(std::uint32_t);
  }
  std::uint64_t tile_address() const { return map_.tile(tile_.operands[0].panel, tile_.operands[1].panel); }

  const Geometry geometry_;
  const DramMap map_;
  const std::uint64_t burst_bytes_;
  const CycleCounter& cycle_;
  const Scratchpad& activation_pad_;
  const Scratchpad& weight_pad_;
  const OutputWriter& writer_;
  Timeline& timeline_;

  LoadStream loads_;
  Load load_;
  bool loading_ = false;  // load_ is one, not all of its bursts begun
  std::uint64_t load_offset_ = 0;
  TileStream tiles_;
  Tile tile_;             // the next to store
  bool storing_ = false;  // tile_ is one
  std::uint64_t store_offset_ = 0;
  std::uint64_t stored_ = 0;
  std::uint64_t loaded_[2] = {0, 0};

  std::uint64_t read_now_ = 0, done_now_ = 0;  // the inputs as they are in this cycle
  bool busy_ = false;                          // the bus has a burst
  ByteCounts bytes_;
  std::vector<std::unique_ptr<Burst>> bursts_;
  std::vector<Burst*> free_;
};

}  // namespace if4
