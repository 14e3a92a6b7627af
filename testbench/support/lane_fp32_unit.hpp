// The Verilated baseline (rtl/baseline/lane_fp32_mac.sv) behind a small class, which drive_unit() can drive.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "model/core/format.hpp"
#include "sim/verilated/clocked.hpp"

namespace if4::testing {

/// One instance of `Top`, a Verilated lane_fp32_mac, and its clock. A clock cycle is: drive() or drive_idle(),
/// set_ready(), look at the outputs, step(). The outputs are those of the inputs driven so far in this cycle.
template <class Top>
class LaneFp32Unit {
 public:
  /// Clocks from the edge that takes a last beat to the edge at which its result can first be taken.
  static constexpr int kLatency = 6;

  /// In reset already; the first step() is the first cycle out of reset.
  LaneFp32Unit() : top_(std::make_shared<Model<Top>>()) {
    drive_idle();
    set_ready(false);
    reset();
  }

  /// Offers a beat (valid_i = 1), or nothing.
  void drive(const std::pair<Block, Block>* pair, bool last) {
    const auto& [a, w] = *pair;
    Top& top = top_.drive();
    top.valid_i = 1;
    top.last_i = last;
    top.a_codes_i = static_cast<std::uint64_t>(a.codes);
    top.a_scale_i = a.scale;
    top.w_codes_i = static_cast<std::uint64_t>(w.codes);
    top.w_scale_i = w.scale;
  }
  void drive_idle() { top_.drive().valid_i = 0; }
  /// Whether a result would be taken at the next edge (ready_i).
  void set_ready(bool ready) { top_.drive().ready_i = ready; }

  /// The offered beat is taken at the next edge (ready_o).
  bool ready() { return top_.settled().ready_o != 0; }
  /// The result that the unit offers (valid_o), taken at the next edge if ready_i is high.
  bool valid() { return top_.settled().valid_o != 0; }
  /// Bits of the FP32 result.
  std::uint32_t result() { return top_.settled().result_o; }

  /// One rising clock edge.
  void step() { top_.edge(); }
  /// Asserts reset for one clock: drops everything in flight.
  void reset() { top_.reset(); }
  /// The same without a clock: asserts and releases reset between two rising edges.
  void reset_between_edges() { top_.reset_between_edges(); }

 private:
  Clocked<Top> top_;
};

}  // namespace if4::testing
