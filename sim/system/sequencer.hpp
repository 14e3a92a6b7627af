// The tile sequencer: drives the array's input, beat by beat, and says what each cycle was.
#pragma once

#include <cstdint>
#include <systemc>

#include "sim/system/parts.hpp"

namespace if4 {

/// Offers the first beat of a tile when both panels are in the scratchpads and the output buffer has room for
/// the tile. Counts cross clock edges like registers: what happens in a cycle shows in the next one.
class Sequencer : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> clk;
  sc_core::sc_in<bool> rst_n;
  sc_core::sc_in<std::uint64_t> activations_loaded, weights_loaded;  ///< panels
  sc_core::sc_in<std::uint64_t> tiles_done;                          ///< all results in the output buffer
  sc_core::sc_in<std::uint64_t> tiles_stored;                        ///< and gone from it
  sc_core::sc_out<std::uint64_t> tiles_read;                         ///< last beat accepted
  sc_core::sc_out<PanelRead> activations, weights;
  sc_core::sc_out<bool> valid, last;
  sc_core::sc_in<bool> ready;

  Sequencer(const sc_core::sc_module_name& name, const SystemConfig& config, const Geometry& geometry,
            const CycleCounter& cycle, Timeline& timeline);

  const CycleCounts& cycles() const { return cycles_; }

 private:
  void edge();
  void drive();
  void accept();
  void next_tile();
  bool may_start() const;

  const Geometry geometry_;
  const CycleCounter& cycle_;
  Timeline& timeline_;
  TileStream tiles_;
  Tile tile_;
  bool active_ = false;   // tile_ is one
  bool offered_ = false;  // its beat was, and not taken
  std::uint64_t beat_ = 0;
  std::uint64_t bank_gap_ = 0,
                tile_gap_ = 0;  // cycles before the next offer: first the ones, then the others
  std::uint64_t read_ = 0;
  CycleCounts cycles_;
  sc_core::sc_event moved_;
};

}  // namespace if4
