// The tile sequencer: it offers the beats to the array, and counts each cycle under its heading.
#pragma once

#include <cstdint>
#include <systemc>
#include <vector>

#include "sim/system/parts.hpp"
#include "sim/verilated/wave_file.hpp"

namespace if4 {

/// Where in the product the beat is that the sequencer offers, or offered last: what a waveform shows beside the
/// array's signals.
struct BeatIndex {
  std::uint32_t tile = 0;  ///< number in the order of the run, from 0
  std::uint32_t m = 0;     ///< row of the activations at row 0 of the array
  std::uint32_t n = 0;     ///< row of the weights at column 0
  std::uint32_t k = 0;     ///< number of the beat in the dot product

  std::vector<WaveNumber> numbers() const { return {{"tile", &tile}, {"m", &m}, {"n", &n}, {"k", &k}}; }
};

/// Offers the first beat of a tile when both panels are in the scratchpads and the output buffer has room for
/// the tile. The counts on the ports change with the clock edge like registers: what happens in a cycle shows
/// in the next one.
class Sequencer : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> clk;
  sc_core::sc_in<bool> rst_n;
  sc_core::sc_in<std::uint64_t> activations_loaded, weights_loaded;  ///< loads of panels that are complete
  sc_core::sc_in<std::uint64_t> tiles_done;         ///< tiles whose results are all in the output buffer
  sc_core::sc_in<std::uint64_t> tiles_stored;       ///< tiles whose results have left the output buffer
  sc_core::sc_out<std::uint64_t> tiles_read;        ///< tiles whose last beat was accepted
  sc_core::sc_out<PanelRead> activations, weights;  ///< to the scratchpads: the beat that is offered
  sc_core::sc_out<bool> valid, last;                ///< to the array
  sc_core::sc_in<bool> ready;                       ///< from the array

  Sequencer(const sc_core::sc_module_name& name, const SystemConfig& config, const Geometry& geometry,
            const CycleCounter& cycle, Timeline& timeline, BeatIndex& index);

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
  BeatIndex& index_;
  TileStream tiles_;
  Tile tile_;
  bool active_ = false;     // tile_ is a tile whose beats are not all accepted
  bool offered_ = false;    // a beat was offered in the cycle before and not accepted
  std::uint64_t beat_ = 0;  // the beat of tile_ to offer next
  // Cycles before the next offer. bank_gap_ counts down first, then tile_gap_.
  std::uint64_t bank_gap_ = 0, tile_gap_ = 0;
  std::uint64_t read_ = 0;  // tiles whose last beat was accepted
  CycleCounts cycles_;
  sc_core::sc_event moved_;
};

}  // namespace if4
