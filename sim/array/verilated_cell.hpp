// A class that Verilator has made of rtl/array/if4_array_cell.sv, as a SystemC module. The sources that
// scripts/builds.py makes of the table of builds instantiate it.
#pragma once

// Verilator's header comes before SystemC's: once it has seen that, it wants the time of SystemC's kernel.
// clang-format off
#include "sim/verilated/clocked.hpp"
#include "sim/array/cell.hpp"
// clang-format on

#include <algorithm>
#include <cstdint>
#include <memory>

#include "sim/mac/stages.hpp"
#include "sim/verilated/builds.hpp"
#include "sim/verilated/port_bits.hpp"

namespace if4 {

/// Of a name, a configuration, and the depth of the cell.
using CellMaker = std::unique_ptr<ArrayCellModule> (*)(const sc_core::sc_module_name&, const MacConfig&, int);

/// Bits of the ports a_i and w_i of a cell: the blocks of a beat as rtl/array/if4_array_edge.sv decodes them.
int operand_bits(const MacConfig& config);

template <class Top, bool Traced = false>
class VerilatedCell final : public ArrayCellModule {
 public:
  /// Adds the class to those that make_array_cell() can use, under the name of its build.
  struct Registration {
    explicit Registration(std::string_view build) { Registry<CellMaker>::add(build, &VerilatedCell::make); }
  };

  VerilatedCell(const sc_core::sc_module_name& name, const MacConfig& config, int depth)
      : ArrayCellModule(name),
        operand_bits_(operand_bits(config)),
        sum_bits_(acc_width(config)),
        carries_(cell_carries(config, depth)),
        top_(std::make_shared<Model<Top>>()) {
    SC_HAS_PROCESS(VerilatedCell);
    SC_METHOD(edge);
    sensitive << clk.pos();
    dont_initialize();
    SC_METHOD(settle);
    sensitive << shift << moved_;
  }

 private:
  static std::unique_ptr<ArrayCellModule> make(const sc_core::sc_module_name& name, const MacConfig& config,
                                               int depth) {
    return std::make_unique<VerilatedCell>(name, config, depth);
  }

  void edge() {
    Top& in = top_.drive();
    in.rst_ni = rst_n.read();
    in.advance_i = advance.read();
    in.release_i = release.read();
    in.shift_i = shift.read();
    const CellOperands& a = a_in.read();
    const CellOperands& w = w_in.read();
    in.valid_i = a.valid;
    in.last_i = a.last;
    for (int low = 0; low < operand_bits_; low += 32) {
      const int count = std::min(32, operand_bits_ - low);
      set_bits(in.a_i, low, count, a.words[static_cast<std::size_t>(low / 32)]);
      set_bits(in.w_i, low, count, w.words[static_cast<std::size_t>(low / 32)]);
    }
    const CellResult& above = result_in.read();
    in.held_i = above.held;
    set_bits(in.sum_i, 0, sum_bits_, static_cast<Codes>(above.sum));
    if (carries_ > 0) set_bits(in.sum_i, sum_bits_, carries_, 0);
    in.nan_i = above.nan;
    in.overflow_i = above.overflow;
    top_.edge();
    write_outputs();
    moved_.notify(sc_core::SC_ZERO_TIME);
  }

  // What the registers hold since the edge; none of these follows an input.
  void write_outputs() {
    const Top& out = top_.model().top;
    CellOperands right, below;
    right.valid = out.valid_o != 0;
    right.last = out.last_o != 0;
    for (int low = 0; low < operand_bits_; low += 32) {
      const int count = std::min(32, operand_bits_ - low);
      right.words[static_cast<std::size_t>(low / 32)] =
          static_cast<std::uint32_t>(get_bits(out.a_o, low, count));
      below.words[static_cast<std::size_t>(low / 32)] =
          static_cast<std::uint32_t>(get_bits(out.w_o, low, count));
    }
    a_out.write(right);
    w_out.write(below);
    CellResult result;
    // The pieces, and the carries between them, which an array adds below the column.
    Codes sum = get_bits(out.sum_o, 0, sum_bits_);
    for (int c = 0; c < carries_; ++c) sum += get_bits(out.sum_o, sum_bits_ + c, 1) << (kCellPiece * (c + 1));
    // Sign extension.
    const int unused = 128 - sum_bits_;
    result.sum = static_cast<Int128>(sum << unused) >> unused;
    result.nan = out.nan_o != 0;
    result.overflow = out.overflow_o != 0;
    result.held = out.held_o != 0;
    result_out.write(result);
  }

  void settle() {
    top_.drive().shift_i = shift.read();
    const Top& out = top_.settled();
    stall.write(out.waits_o != 0 && !shift.read());
    capture.write(out.capture_o != 0);
  }

  int operand_bits_;  // of either operand of a beat
  int sum_bits_;      // of the accumulator
  int carries_;       // between the pieces of a sum
  Clocked<Top, Traced> top_;
  sc_core::sc_event moved_;
};

}  // namespace if4
