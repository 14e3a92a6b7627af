// The output writer: it takes the results from the array into the output buffer, tile by tile.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <deque>
#include <systemc>
#include <tlm>
#include <vector>

#include "sim/array/module.hpp"
#include "sim/system/parts.hpp"

namespace if4 {

/// It is always ready, since the sequencer starts no tile that the buffer has no room for. Results of rows
/// and columns that a tile does not use are dropped. The simulation throws std::logic_error if a result has
/// no room in the buffer, or belongs to no tile.
class OutputWriter : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> clk;
  sc_core::sc_in<bool> rst_n;
  sc_core::sc_vector<sc_core::sc_in<bool>> result_valid;
  sc_core::sc_vector<sc_core::sc_out<bool>> result_ready;
  sc_core::sc_vector<sc_core::sc_in<MacResult>> result;
  sc_core::sc_in<std::uint64_t> tiles_stored;            ///< tiles whose results have left the buffer
  sc_core::sc_out<std::uint64_t> tiles_done;             ///< tiles whose results are all in the buffer
  tlm_utils::simple_target_socket<OutputWriter> socket;  ///< b_transport reads, in no time

  OutputWriter(const sc_core::sc_module_name& name, const SystemConfig& config, const Geometry& geometry,
               const CycleCounter& cycle, Timeline& timeline);

  /// Address of a tile's results in the buffer: FP32, row after row, only those that the tile uses.
  std::uint64_t address(std::uint64_t tile) const { return tile % geometry_.output_slots * tile_bytes_; }

  /// Tiles whose results are all in the buffer, or were.
  std::uint64_t done() const { return done_; }
  /// Results so far that were flagged as NaN, and as an overflow of the accumulator.
  std::uint64_t nan_results() const { return nan_; }
  std::uint64_t overflow_results() const { return overflow_; }

 private:
  // A tile that has results in the buffer, but not all.
  struct Filling {
    Tile tile;
    std::uint64_t missing;  // results that have not come yet, unused ones included
  };
  // What comes next on an output of the array.
  struct Port {
    std::uint64_t tile = 0;
    int index = 0;  // number of the result among those of the tile on this output
  };

  void edge();
  void take(std::size_t port);
  void read(tlm::tlm_generic_payload& access, sc_core::sc_time& delay);

  const ArrayConfig config_;
  const Geometry geometry_;
  const CycleCounter& cycle_;
  Timeline& timeline_;
  TileStream tiles_;
  const std::uint64_t tile_bytes_;
  std::vector<Port> ports_;
  std::deque<Filling> filling_;  // the tiles from number done_ on
  std::uint64_t done_ = 0;
  std::vector<std::uint8_t> bytes_;
  std::uint64_t nan_ = 0, overflow_ = 0;
};

}  // namespace if4
