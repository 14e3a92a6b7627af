#include "sim/mac/mac_unit.hpp"

#include <algorithm>
#include <stdexcept>

#include "sim/mac/stages.hpp"
#include "sim/mac/verilated_unit.hpp"

namespace if4 {

namespace {

std::function<void(const PortValues&)>& observer() {
  static std::function<void(const PortValues&)> function;
  return function;
}

}  // namespace

void observe_ports(std::function<void(const PortValues&)> function) { observer() = std::move(function); }

const std::function<void(const PortValues&)>& port_observer() { return observer(); }

const std::vector<UnitBuild>& unit_builds() {
  static const std::vector<UnitBuild> configs = [] {
    std::vector<UnitBuild> all;
    for (const Build& build : builds()) {
      if (build.module == "if4_mac")
        all.push_back({build.name,
                       {build.format, build.lanes, build.acc_width, build.scaled},
                       build.iterative,
                       build.depth});
    }
    return all;
  }();
  return configs;
}

const UnitBuild& unit_build(std::string_view name) {
  for (const UnitBuild& build : unit_builds()) {
    if (build.name == name) return build;
  }
  throw std::invalid_argument("no unit is called " + std::string(name));
}

const UnitBuild& cosim_unit(bool scaled) {
  return scaled ? unit_build("if4_mac_scaled") : unit_builds().front();
}

const UnitBuild* build_of(const MacConfig& config) {
  const UnitBuild* found = nullptr;
  for (const UnitBuild& build : unit_builds()) {
    const bool same = build.mac.format == config.format && build.mac.lanes == config.lanes &&
                      acc_width(build.mac) == acc_width(config) &&
                      sum_divisor(build.mac) == sum_divisor(config);
    if (!same || !Registry<UnitMaker>::has(build.name)) continue;
    if (!build.iterative) return &build;
    if (found == nullptr) found = &build;
  }
  return found;
}

namespace {

int pieces(const UnitBuild& build) { return accumulator_pieces(build.mac, build.iterative, build.depth); }

// Up to the clock in which the accumulator has the sum.
int sum_latency(const UnitBuild& build) {
  return block_stages(build.mac.format, build.depth) + beat_stages(build.mac) + pieces(build);
}

// Bits of r = 2^ones - 1 if the unit divides by its square, else 1.
int ones(const UnitBuild& build) {
  int bits = 0;
  while (((1 << bits) - 1) * ((1 << bits) - 1) < sum_divisor(build.mac)) ++bits;
  return bits;
}

// Of if4_fp32_iterative, from the edge that takes a sum: a clock for each bit of the quotient from that of
// 2^(acc_width - 2) down to the 25th significant one, one to round, one to give it. The first significant bit
// is at the lowest that of 2^(-2 * ones), or, of the sum -1 without a division, that of 1/2.
int longest_iterative(const UnitBuild& build) {
  return acc_width(build.mac) + (ones(build) > 1 ? 2 * ones(build) : 1) + 25;
}

int pipelined_stages(const UnitBuild& build) { return fp32_stages(build.mac, build.depth); }

// Of the fast iterative unit no stage waits; what would have to is not let in.
bool rigid(const UnitBuild& build) { return build.depth != 0 && build.iterative; }

}  // namespace

int latency(const UnitBuild& build) {
  return sum_latency(build) + (build.iterative ? longest_iterative(build) : pipelined_stages(build));
}

int shortest_latency(const UnitBuild& build) {
  if (!build.iterative) return latency(build);
  // The quotient of 2^(acc_width - 1) by r^2, which has 2 * ones bits, or 1, has leading zeros.
  return sum_latency(build) + 27 + (ones(build) > 1 ? 2 * ones(build) - 1 : 0);
}

int result_interval(const UnitBuild& build) { return build.iterative ? longest_iterative(build) + 1 : 1; }

int pause(const UnitBuild& build) {
  if (!build.iterative) return 0;
  // The sum before has to be in the output stage, too (rtl/if4_mac.sv: Closed).
  return rigid(build) ? std::max(pieces(build), (sum_latency(build) + 1) / 2) : 1;
}

int capacity(const UnitBuild& build) {
  if (rigid(build)) return 2;  // a result, and a sum
  return sum_latency(build) + (build.iterative ? 1 : pipelined_stages(build));
}

MacUnit::MacUnit(const UnitBuild& build, const Wave& wave)
    : build_(build), ports_(Registry<UnitMaker>::find(build.name)(build, wave)) {
  reset();
}

MacUnit::~MacUnit() = default;

void MacUnit::drive(const std::pair<Block, Block>* pairs, bool last) { ports_->drive(pairs, last); }

void MacUnit::drive(const Beat& beat) {
  const std::pair<Block, Block> pair(beat.a, beat.w);
  ports_->drive(&pair, beat.last);
}

void MacUnit::drive_idle() { ports_->drive_idle(); }

void MacUnit::set_ready(bool ready) { ports_->set_ready(ready); }

bool MacUnit::ready() const { return ports_->ready(); }

bool MacUnit::valid() const { return ports_->valid(); }

MacResult MacUnit::result() const { return ports_->result(); }

void MacUnit::step() {
  ports_->clock();
  ++cycles_;
}

void MacUnit::reset() {
  ports_->set_reset(true);
  ports_->clock();
  ports_->set_reset(false);
}

void MacUnit::reset_between_edges() { ports_->reset_between_edges(); }

MacResult run_dot_product(MacUnit& unit, const std::vector<std::pair<Block, Block>>& beats) {
  constexpr int kPatience = 1000;
  unit.set_ready(true);
  const auto per_beat = static_cast<std::size_t>(blocks_per_beat(unit.build().mac));
  for (std::size_t i = 0; i < beats.size(); i += per_beat) {
    unit.drive(&beats[i], i + per_beat >= beats.size());
    int waited = 0;
    while (!unit.ready()) {
      if (++waited > kPatience) throw std::runtime_error("the MAC unit refuses a beat");
      unit.step();
    }
    unit.step();
  }
  unit.drive_idle();
  for (int waited = 0; waited <= kPatience; ++waited) {
    if (unit.valid()) {
      const MacResult result = unit.result();
      unit.step();
      return result;
    }
    unit.step();
  }
  throw std::runtime_error("the MAC unit gives no result");
}

}  // namespace if4
