// The Verilated baseline (rtl/baseline/lane_fp32_mac.sv) behind a small class, and a driver with random
// stalls that watches its handshake.
#pragma once

#include <verilated.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "testbench/support/mac_testing.hpp"

namespace if4::testing {

/// One instance of `Top`, a Verilated lane_fp32_mac, and its clock. A clock cycle is: drive() or
/// drive_idle(), set_ready(), look at the outputs, step(). The outputs are those of the inputs driven so far
/// in this cycle.
template <class Top>
class LaneFp32Unit {
 public:
  /// Clocks from the edge that takes a last beat to the edge at which its result can first be taken.
  static constexpr int kLatency = 6;

  /// In reset already; the first step() is the first cycle out of reset.
  LaneFp32Unit() : top_(&context_) {
    top_.clk_i = 0;
    top_.valid_i = 0;
    top_.ready_i = 0;
    reset();
  }
  ~LaneFp32Unit() { top_.final(); }
  LaneFp32Unit(const LaneFp32Unit&) = delete;
  LaneFp32Unit& operator=(const LaneFp32Unit&) = delete;

  /// Offers a beat (valid_i = 1), or nothing.
  void drive(const Block& a, const Block& w, bool last) {
    top_.valid_i = 1;
    top_.last_i = last;
    top_.a_codes_i = static_cast<std::uint64_t>(a.codes);
    top_.a_scale_i = a.scale;
    top_.w_codes_i = static_cast<std::uint64_t>(w.codes);
    top_.w_scale_i = w.scale;
    stale_ = true;
  }
  void drive_idle() {
    top_.valid_i = 0;
    stale_ = true;
  }
  /// Whether a result would be taken at the next edge (ready_i).
  void set_ready(bool ready) {
    top_.ready_i = ready;
    stale_ = true;
  }

  /// The offered beat is taken at the next edge (ready_o).
  bool ready() {
    settle();
    return top_.ready_o != 0;
  }
  /// The result that the unit offers (valid_o), taken at the next edge if ready_i is high.
  bool valid() {
    settle();
    return top_.valid_o != 0;
  }
  /// Bits of the FP32 result.
  std::uint32_t result() {
    settle();
    return top_.result_o;
  }

  /// One rising clock edge.
  void step() {
    settle();
    top_.clk_i = 1;
    top_.eval();
    top_.clk_i = 0;
    stale_ = true;
  }
  /// Asserts reset for one clock: drops everything in flight.
  void reset() {
    top_.rst_ni = 0;
    stale_ = true;
    step();
    top_.rst_ni = 1;
  }

 private:
  // An evaluation works through all 16 lanes: once for all inputs of a clock, not at every assignment.
  void settle() {
    if (stale_) top_.eval();
    stale_ = false;
  }

  VerilatedContext context_;
  Top top_;
  bool stale_ = true;
};

struct LaneFp32Driven {
  std::vector<std::uint32_t> results;
  std::uint64_t cycles = 0;     ///< from the first clock to the one that took the last result
  std::string protocol_errors;  ///< empty unless the unit broke a rule of its handshake
};

/// Runs the dot products through the unit and takes results until there are as many, plus 64 clocks in which
/// no other may come. Gives up after 10,000 clocks without progress. No beat is offered in `input_percent` of
/// the clocks, and no result taken in `output_percent`.
template <class Top>
LaneFp32Driven drive(LaneFp32Unit<Top>& unit, const std::vector<Beats>& dot_products, unsigned input_percent,
                     unsigned output_percent, std::uint64_t seed) {
  constexpr int kPatience = 10000;
  constexpr int kQuietClocks = 64;
  std::mt19937_64 random(seed);
  LaneFp32Driven driven;
  std::size_t index = 0;
  std::size_t position = 0;
  bool offered = false;
  bool held = false;  // a result was offered in the last clock and not taken
  std::uint32_t held_result = 0;
  int idle = 0;
  int quiet = 0;
  unit.drive_idle();
  for (std::uint64_t cycle = 1; idle < kPatience && quiet < kQuietClocks; ++cycle) {
    if (!offered && index < dot_products.size() && random() % 100 >= input_percent) {
      const Beats& beats = dot_products[index];
      unit.drive(beats[position].first, beats[position].second, position + 1 == beats.size());
      offered = true;
    }
    const bool take = random() % 100 >= output_percent;
    unit.set_ready(take);
    if (held && !unit.valid()) driven.protocol_errors += "a result was withdrawn; ";
    if (held && unit.valid() && unit.result() != held_result) {
      driven.protocol_errors += "a result changed while stalled; ";
    }
    held = unit.valid() && !take;
    held_result = unit.result();
    ++idle;
    if (unit.valid() && take) {
      driven.results.push_back(unit.result());
      driven.cycles = cycle;
      idle = 0;
    }
    const bool taken = offered && unit.ready();
    unit.step();
    if (taken) {
      idle = 0;
      offered = false;
      unit.drive_idle();
      if (++position == dot_products[index].size()) {
        position = 0;
        ++index;
      }
    }
    if (driven.results.size() >= dot_products.size()) ++quiet;
  }
  return driven;
}

}  // namespace if4::testing
