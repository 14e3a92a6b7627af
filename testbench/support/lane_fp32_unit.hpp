// The Verilated baseline (rtl/baseline/lane_fp32_mac.sv) behind a small class, which drive_unit() can drive.
#pragma once

#include <verilated.h>

#include <cstdint>
#include <utility>

#include "model/core/format.hpp"

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
  void drive(const std::pair<Block, Block>* pair, bool last) {
    const auto& [a, w] = *pair;
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

}  // namespace if4::testing
