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

/// Asks the DRAM for one burst at a time, for the next one when the bus is idle. If the results of a tile are
/// complete in the output buffer, the burst stores the first such tile; otherwise it loads the first panel
/// that is not loaded yet, if its half of the scratchpad is free.
class Dma : public sc_core::sc_module, private tlm::tlm_mm_interface {
 public:
  sc_core::sc_in<bool> clk;
  sc_core::sc_in<bool> rst_n;
  sc_core::sc_in<std::uint64_t> tiles_read;  ///< tiles whose last beat was accepted
  sc_core::sc_in<std::uint64_t> tiles_done;  ///< tiles whose results are all in the output buffer
  sc_core::sc_out<std::uint64_t> activations_loaded, weights_loaded;  ///< loads of panels that are complete
  sc_core::sc_out<std::uint64_t> tiles_stored;                        ///< tiles whose results are in the DRAM
  tlm_utils::simple_initiator_socket<Dma> dram, activations, weights, results;

  /// The scratchpads and the writer are asked for their addresses.
  Dma(const sc_core::sc_module_name& name, const SystemConfig& config, const Geometry& geometry,
      const CycleCounter& cycle, const Scratchpad& activation_pad, const Scratchpad& weight_pad,
      const OutputWriter& writer, Timeline& timeline);

  /// With ideal memory: loads all panels before the simulation, in no time.
  void load_all();
  /// With ideal memory: stores the results of all tiles after the simulation.
  void store_all();

  /// Tiles whose results are in the DRAM.
  std::uint64_t stored() const { return stored_; }
  /// The traffic so far; only the counts of the DRAM.
  const ByteCounts& bytes() const { return bytes_; }

 private:
  // A burst on its way, a part of the load or the store that it belongs to.
  struct Burst : tlm::tlm_generic_payload {
    std::vector<std::uint8_t> data;
    bool last = false;                        // it is the last one of its load or store
    std::uint64_t to = 0;                     // of a load: address in the scratchpad
    std::uint64_t length = 0;                 // bytes of the panel or tile; the rest fills the burst
    Operand operand = Operand::kActivations;  // of a load
    std::size_t event = 0;                    // of a load: its index in Timeline::loads
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
  bool loading_ = false;           // load_ is a load of which not all bursts have begun
  std::uint64_t load_offset_ = 0;  // bytes of load_ whose bursts have begun
  TileStream tiles_;
  Tile tile_;                         // the next tile to store
  bool storing_ = false;              // there is such a tile
  std::uint64_t store_offset_ = 0;    // bytes of it whose bursts have begun
  std::uint64_t stored_ = 0;          // tiles
  std::uint64_t loaded_[2] = {0, 0};  // panels, by Operand

  std::uint64_t read_now_ = 0, done_now_ = 0;  // tiles_read and tiles_done as they are in this cycle
  bool busy_ = false;                          // a burst is on the bus
  ByteCounts bytes_;
  // All payloads that were ever needed at the same time, and those of them that are not in use.
  std::vector<std::unique_ptr<Burst>> bursts_;
  std::vector<Burst*> free_;
};

}  // namespace if4
