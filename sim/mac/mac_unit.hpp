// The Verilated MAC unit (rtl/if4_mac.sv) behind a small class: drive a beat, step, collect results.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/mac/mac.hpp"
#include "sim/verilated/wave_file.hpp"

namespace if4 {

/// What the block on the unit's input ports is, for one clock of a unit of 16 lanes.
struct Beat {
  Block a;            ///< activations
  Block w;            ///< weights
  bool last = false;  ///< ends its dot product
};

/// One build of rtl/if4_mac.sv that Verilator has made a class of.
struct UnitBuild {
  std::string_view name;  ///< of its row in rtl/builds.txt: "if4_mac", "if4_mac_iterative", ...
  MacConfig mac;
  bool iterative = false;  ///< iterative output stage
  int depth = 0;           ///< 1: the fast unit, with more stages
};

/// All of them, the first being the default: IF4, 16 lanes, pipelined.
const std::vector<UnitBuild>& unit_builds();
/// The one of that name. Throws std::invalid_argument if there is none.
const UnitBuild& unit_build(std::string_view name);

/// The pipelined unit of IF4 with 16 lanes that cosimulate() runs: the default, or that with scaled results.
const UnitBuild& cosim_unit(bool scaled);

/// The first build of those parameters that this program has a class of, pipelined if it can be; null if there is none.
const UnitBuild* build_of(const MacConfig& config);

/// Clocks from the edge that takes a last beat to the edge at which its result can first be taken, without
/// stalls: the same for every result of a pipelined output stage; the most for an iterative one, that of the
/// sum -1.
int latency(const UnitBuild& build);
/// The least: of an iterative output stage for the largest sums.
int shortest_latency(const UnitBuild& build);
/// Clocks from the edge that takes the last beat of a dot product to the edge that takes the first of the next, less
/// one, if the output stage is idle.
int pause(const UnitBuild& build);
/// Beats that the unit holds where each ends its dot product and no result is taken.
int capacity(const UnitBuild& build);
/// Clocks from the edge at which the output stage takes a sum to the one at which it can take the next, if
/// results are taken at once, at worst: 1 if pipelined.
int result_interval(const UnitBuild& build);

class UnitPorts;

/// One instance of the unit and its clock. A clock cycle is: drive() / set_ready(), look at the outputs,
/// step(). The outputs are those of the inputs driven so far in this cycle.
class MacUnit {
 public:
  /// latency() of the default.
  static constexpr int kLatency = 6;

  /// In reset already; the first step() is the first cycle out of reset. Throws InputError if the waveform
  /// cannot be created.
  explicit MacUnit(const Wave& wave = {}) : MacUnit(unit_builds().front(), wave) {}
  /// Only builds with the use `trace` write waveforms; throws std::invalid_argument for others, and
  /// InputError where this program has no class of the build.
  explicit MacUnit(const UnitBuild& build, const Wave& wave = {});
  ~MacUnit();
  MacUnit(const MacUnit&) = delete;
  MacUnit& operator=(const MacUnit&) = delete;

  const UnitBuild& build() const { return build_; }

  /// Offers a beat (valid_i = 1), or nothing. `pairs`: blocks_per_beat() pairs of activations and weights.
  void drive(const std::pair<Block, Block>* pairs, bool last);
  void drive(const Beat& beat);
  void drive_idle();
  /// Whether a result would be taken at the next edge (ready_i).
  void set_ready(bool ready);

  /// The offered beat is taken at the next edge (ready_o).
  bool ready() const;
  /// The result that the unit offers (valid_o), taken at the next edge if ready_i is high.
  bool valid() const;
  MacResult result() const;

  /// One rising clock edge.
  void step();
  /// Asserts reset for one clock: drops everything in flight.
  void reset();
  /// The same without a clock: asserts and releases reset between two rising edges.
  void reset_between_edges();

  /// Rising edges so far, those in reset not counted.
  std::uint64_t cycles() const { return cycles_; }

 private:
  UnitBuild build_;
  std::unique_ptr<UnitPorts> ports_;
  std::uint64_t cycles_ = 0;
};

/// What the ports of a unit show in the clock that ends at a rising edge.
struct PortValues {
  const void* unit = nullptr;  ///< tells the models apart; the first clock of one is in reset
  const UnitBuild* build = nullptr;
  bool in_reset = false;
  bool valid_i = false;
  bool ready_o = false;
  bool last_i = false;
  std::pair<Block, Block> blocks[4];  ///< of the beat: blocks_per_beat() pairs
  bool valid_o = false;
  bool ready_i = false;
  MacResult result;  ///< meaningless without valid_o
};
/// Has `observer` called before every rising edge of every unit of this process, and at every reset between
/// edges; empty: nobody. Not while units run in other threads.
void observe_ports(std::function<void(const PortValues&)> observer);

/// Runs one dot product without stalls on an idle unit and returns its result. Throws std::runtime_error if
/// the unit gives none within a thousand clocks of the last beat, or refuses a beat that long.
MacResult run_dot_product(MacUnit& unit, const std::vector<std::pair<Block, Block>>& beats);

}  // namespace if4
