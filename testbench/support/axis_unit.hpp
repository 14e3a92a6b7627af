// The Verilated AXI4-Stream unit (rtl/if4_mac_axis.sv) behind a small class, which drive_unit() can drive.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "model/mac/mac.hpp"
#include "sim/verilated/clocked.hpp"
#include "sim/verilated/port_bits.hpp"

namespace if4::testing {

/// One instance of `Top`, a Verilated if4_mac_axis, and its clock. A clock cycle is: drive() or drive_idle(),
/// set_ready(), look at the outputs, step(). The outputs are those of the inputs driven so far in this cycle.
template <class Top>
class AxisUnit {
 public:
  /// In reset already; the first step() is the first cycle out of reset. `data_bits`: DataWidth of the build.
  AxisUnit(const MacConfig& config, int data_bits)
      : blocks_(blocks_per_beat(config)),
        code_bits_(kBlockSize * traits(config.format).code_bits),
        data_bits_(data_bits),
        top_(std::make_shared<Model<Top>>()) {
    drive_idle();
    set_ready(false);
    reset();
  }

  /// Offers a beat (TVALID = 1) of blocks_per_beat() pairs of blocks. Padding has ones, and no byte of it is
  /// kept.
  void drive(const std::pair<Block, Block>* pairs, bool last) {
    Top& top = top_.drive();
    top.s_axis_tvalid = 1;
    top.s_axis_tlast = last;
    int low = 0;
    const auto field = [&](int bits, Codes value) {
      set_bits(top.s_axis_tdata, low, bits, value);
      low += bits;
    };
    for (int b = 0; b < blocks_; ++b) field(code_bits_, pairs[b].first.codes);
    for (int b = 0; b < blocks_; ++b) field(8, pairs[b].first.scale);
    for (int b = 0; b < blocks_; ++b) field(code_bits_, pairs[b].second.codes);
    for (int b = 0; b < blocks_; ++b) field(8, pairs[b].second.scale);
    fill(top.s_axis_tkeep, 0, low / 8, ~Codes{0});
    fill(top.s_axis_tkeep, low / 8, data_bits_ / 8, 0);
    fill(top.s_axis_tdata, low, data_bits_, ~Codes{0});
  }
  /// Offers nothing (TVALID = 0). The other signals may then be anything.
  void drive_idle() {
    Top& top = top_.drive();
    top.s_axis_tvalid = 0;
    top.s_axis_tlast = 1;
    fill(top.s_axis_tkeep, 0, data_bits_ / 8, 0);
    fill(top.s_axis_tdata, 0, data_bits_, ~Codes{0});
  }
  /// Whether a result would be taken at the next edge (TREADY).
  void set_ready(bool ready) { top_.drive().m_axis_tready = ready; }

  /// The offered beat is taken at the next edge.
  bool ready() { return top_.settled().s_axis_tready != 0; }
  /// The result that the unit offers, taken at the next edge if its TREADY is high.
  bool valid() { return top_.settled().m_axis_tvalid != 0; }
  bool last() { return top_.settled().m_axis_tlast != 0; }
  MacResult result() {
    const Top& top = top_.settled();
    return {top.m_axis_tdata, (top.m_axis_tuser & 1) != 0, (top.m_axis_tuser & 2) != 0};
  }

  /// One rising clock edge.
  void step() { top_.edge(); }
  /// Asserts reset for one clock: drops everything in flight.
  void reset() { top_.reset(); }
  /// The same without a clock: asserts and releases reset between two rising edges.
  void reset_between_edges() { top_.reset_between_edges(); }

 private:
  /// Sets bits low..end - 1 of a port to those of `value`, again and again.
  template <class Port>
  static void fill(Port& port, int low, int end, Codes value) {
    for (; low < end; low += 8) set_bits(port, low, end - low < 8 ? end - low : 8, value & 0xFF);
  }

  int blocks_;     // of each operand in a beat
  int code_bits_;  // of a block
  int data_bits_;  // of TDATA
  Clocked<Top> top_;
};

}  // namespace if4::testing
