// The array core (rtl/array/if4_array.sv) behind one interface, without the SystemC kernel: drive a beat of a tile,
// look at the outputs, step. sim/array/README.md states what happens in which cycle; it is the same for every
// kind of array.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "model/mac/mac.hpp"
#include "sim/verilated/wave_file.hpp"

namespace if4 {

/// One build of the array.
struct ArrayConfig {
  MacConfig mac;               ///< of every cell: format, lanes (16, 32 or 64), accumulator
  int rows = 8;                ///< of cells, 1..256: dot products that share a weight
  int columns = 8;             ///< 1..256: dot products that share an activation
  bool shared_output = false;  ///< one FP32 stage for all columns, not one for each
  int depth = 0;               ///< of cells and FP32 stages: 0 small, 1 fast, with more stages
};

/// An accumulator of the default width equals one that names this width.
inline bool operator==(const ArrayConfig& a, const ArrayConfig& b) {
  const auto members = [](const ArrayConfig& c) {
    return std::make_tuple(c.mac.format, c.mac.lanes, acc_width(c.mac), c.rows, c.columns, c.shared_output,
                           c.depth);
  };
  return members(a) == members(b);
}

/// Throws std::invalid_argument, naming the field, unless the configuration is one that the comments above
/// allow. Everything that takes a configuration calls it.
void check(const ArrayConfig& config);

/// FP32 stages, and with them result ports: columns, or 1.
int output_count(const ArrayConfig& config);
/// S: the results of a tile that share an output, and so the least distance of the last beats of two tiles,
/// in cycles.
int tile_interval(const ArrayConfig& config);
/// E: edges of a cell from the one that takes a last beat to the one that puts its sum into the result register.
int cell_edges(const ArrayConfig& config);
/// L: registers of an FP32 stage.
int output_registers(const ArrayConfig& config);

/// The dot product of a tile that a result belongs to.
struct CellPosition {
  int row;
  int column;

  auto members() const { return std::tie(row, column); }
};
inline bool operator==(const CellPosition& a, const CellPosition& b) { return a.members() == b.members(); }
/// The cell of result number `index` (0..tile_interval() - 1) of a tile on an output (0..output_count() - 1).
/// Results of a column come from the bottom row up; the shared output takes one column after the other.
CellPosition result_position(const ArrayConfig& config, int output, int index);

/// O - I of sim/array/README.md: cycles from the one in which a last beat is issued to the first one in which
/// the result of that cell is valid, with every output always ready.
int result_latency(const ArrayConfig& config, CellPosition cell);
/// Cycles of a GEMM of `tiles` tiles of `beats` beats with outputs always ready, from the first beat offered
/// to the last result taken; both at least 1. `overlap`: a beat is offered in every cycle; otherwise a tile's
/// first beat R + C - 1 cycles after the acceptance of the last one before, which on the shared output may
/// not stall: T + R + C - 2 >= S (std::invalid_argument).
std::uint64_t array_cycles(const ArrayConfig& config, std::uint64_t tiles, std::uint64_t beats, bool overlap);

/// An array and its clock. A cycle is: drive() or drive_idle(), set_ready() of the outputs, look at the
/// outputs, step(). What is driven stays driven until it is driven anew, like a signal. The outputs are those
/// of this cycle: valid() and result() depend on earlier cycles only, ready() also on this cycle's
/// set_ready(), on no other input.
class ArrayCore {
 public:
  virtual ~ArrayCore() = default;
  ArrayCore(const ArrayCore&) = delete;
  ArrayCore& operator=(const ArrayCore&) = delete;

  const ArrayConfig& config() const { return config_; }

  /// Offers a beat of a tile in this cycle. `a`: for each row blocks_per_beat() blocks, row 0 first: block b
  /// of row r is a[r * blocks_per_beat() + b]; `w`: likewise for each column. A row or column that the tile
  /// does not use, and a block beyond the end of a short row, is Block{}. `last`: ends the tile. Both are
  /// copied. The beat is taken at the next edge if ready(); if not, drive the same again: valid, once high,
  /// stays high with the same beat.
  virtual void drive(const Block* a, const Block* w, bool last) = 0;
  /// Offers no beat in this cycle.
  virtual void drive_idle() = 0;
  /// Whether the result of that output would be taken at the next edge. Low after construction; reset() does
  /// not change it.
  virtual void set_ready(int output, bool ready) = 0;

  /// Whether a beat that is offered is accepted at the next edge.
  virtual bool ready() const = 0;
  /// Whether the output offers a result. It offers the same one until it is taken.
  virtual bool valid(int output) const = 0;
  /// The result that the output offers, if valid(). Results come in the order of result_position(), tile
  /// after tile.
  virtual MacResult result(int output) const = 0;

  /// Makes one rising clock edge.
  void step() {
    clock();
    ++cycles_;
  }
  /// Asserts reset for one edge, which step() does not count: drops everything in flight. A core is reset
  /// already when constructed.
  virtual void reset() = 0;
  /// The same without an edge: asserts and releases reset between two of them.
  virtual void reset_between_edges() = 0;
  /// Edges so far, those in reset not counted.
  std::uint64_t cycles() const { return cycles_; }

 protected:
  explicit ArrayCore(const ArrayConfig& config) : config_(config) { check(config); }

 private:
  virtual void clock() = 0;

  ArrayConfig config_;
  std::uint64_t cycles_ = 0;
};

/// The C++ model, of any configuration.
std::unique_ptr<ArrayCore> make_array_model(const ArrayConfig& config);

/// One build of rtl/array/if4_array.sv that Verilator has made a class of.
struct ArrayBuild {
  std::string_view name;  ///< of its row in rtl/builds.txt: "if4_array_8x8", ...
  ArrayConfig config;
};
/// All of them.
const std::vector<ArrayBuild>& array_builds();
/// The Verilated array of that configuration. Only the first of array_builds() writes waveforms
/// (std::invalid_argument for others). Throws std::invalid_argument if no build has the configuration, and
/// InputError if the waveform cannot be created or this program has no class of the build.
std::unique_ptr<ArrayCore> make_array_rtl(const ArrayConfig& config, const Wave& wave = {});

}  // namespace if4
