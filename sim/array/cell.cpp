// Verilator's header first: once it has seen SystemC's, it wants the kernel's time.
// clang-format off
#include <verilated.h>
#include "sim/array/cell.hpp"
// clang-format on

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "Vif4_array_cell.h"
#include "Vif4_array_cell_32.h"
#include "Vif4_array_cell_if3.h"
#include "Vif4_array_cell_if6_e2m3.h"
#include "Vif4_array_cell_if6_e3m2.h"
#include "Vif4_array_cell_mixfp4.h"
#include "Vif4_array_cell_nvfp4.h"
#include "Vif4_array_cell_nvfp6_e2m3.h"
#include "Vif4_array_cell_nvfp6_e3m2.h"
#include "Vif4_array_cell_nvint4.h"
#include "sim/verilated/port_bits.hpp"

namespace if4 {
namespace {

// Every line is one of the Makefile's units: name, format, lanes.
#define IF4_CELLS(CELL)                           \
  CELL(if4_array_cell, kIF4, 16)                  \
  CELL(if4_array_cell_mixfp4, kMixFP4, 16)        \
  CELL(if4_array_cell_nvfp4, kNVFP4, 16)          \
  CELL(if4_array_cell_nvint4, kNVINT4, 16)        \
  CELL(if4_array_cell_if3, kIF3, 16)              \
  CELL(if4_array_cell_if6_e2m3, kIF6E2M3, 16)     \
  CELL(if4_array_cell_if6_e3m2, kIF6E3M2, 16)     \
  CELL(if4_array_cell_nvfp6_e2m3, kNVFP6E2M3, 16) \
  CELL(if4_array_cell_nvfp6_e3m2, kNVFP6E3M2, 16) \
  CELL(if4_array_cell_32, kIF4, 32)

// if4_pkg::decoded(): elements travel as {significand, sign}, not as codes.
bool decoded(const FormatTraits& format) {
  return format.int_code != IntCode::kNone && format.code_bits <= 4;
}

bool has_both(const FormatTraits& format) {
  return format.int_code != IntCode::kNone && format.exponent_bits != 0;
}

int operand_max(Format format) {
  int most = 0;
  for (unsigned code = 0; code < 1U << traits(format).code_bits; ++code) {
    for (const std::uint8_t scale : {std::uint8_t{0}, kScaleIntBit})
      most = std::max(most, std::abs(operand(format, element_type(format, scale), code)));
  }
  return most;
}

int element_bits(Format format) {
  if (!decoded(traits(format))) return traits(format).code_bits;
  int bits = 1;
  for (int most = operand_max(format); most != 0; most >>= 1) ++bits;
  return bits;
}

int block_bits(Format format) {
  return kBlockSize * element_bits(format) + 9 + (has_both(traits(format)) ? 1 : 0);
}

}  // namespace

bool operator==(const CellOperands& a, const CellOperands& b) {
  return a.words == b.words && a.valid == b.valid && a.last == b.last;
}
bool operator==(const CellResult& a, const CellResult& b) {
  return a.sum == b.sum && a.nan == b.nan && a.overflow == b.overflow && a.held == b.held;
}
std::ostream& operator<<(std::ostream& out, const CellOperands& operands) {
  return out << (operands.valid ? operands.last ? "last beat" : "beat" : "bubble");
}
std::ostream& operator<<(std::ostream& out, const CellResult& result) {
  return out << (result.held ? "held" : "empty");
}
void sc_trace(sc_core::sc_trace_file* file, const CellOperands& operands, const std::string& name) {
  sc_core::sc_trace(file, operands.valid, name + ".valid");
  sc_core::sc_trace(file, operands.last, name + ".last");
}
void sc_trace(sc_core::sc_trace_file* file, const CellResult& result, const std::string& name) {
  sc_core::sc_trace(file, result.held, name + ".held");
}

CellOperands decode_operands(const MacConfig& config, const EdgeBlocks& blocks) {
  const FormatTraits& format = traits(config.format);
  const int bits = element_bits(config.format);
  CellOperands operands;
  int low = 0;
  const auto put = [&](int count, unsigned value) {
    set_bits(operands.words, low, count, value);
    low += count;
  };
  for (int b = 0; b < blocks_per_beat(config); ++b) {
    const Block& block = blocks.blocks[static_cast<std::size_t>(b)];
    for (int i = 0; i < kBlockSize; ++i) {
      const unsigned code = block.code(i, format.code_bits);
      const int value = operand(config.format, element_type(config.format, block.scale), code);
      put(bits, decoded(format) ? static_cast<unsigned>(std::abs(value)) << 1 | (value < 0 ? 1U : 0U) : code);
    }
    const Scale scale = decode_scale(block.scale);
    put(4, static_cast<unsigned>(scale.significand));
    put(4, static_cast<unsigned>(scale.exponent - 1));
    put(1, scale.nan ? 1 : 0);
    if (has_both(format)) put(1, scale.type == ElementType::kInt ? 1 : 0);
  }
  return operands;
}

ArrayCellModule::ArrayCellModule(const sc_core::sc_module_name& name)
    : sc_module(name),
      clk("clk"),
      rst_n("rst_n"),
      advance("advance"),
      release("release"),
      shift("shift"),
      stall("stall"),
      capture("capture"),
      a_in("a_in"),
      w_in("w_in"),
      a_out("a_out"),
      w_out("w_out"),
      result_in("result_in"),
      result_out("result_out") {}

namespace {

template <class Top>
class VerilatedCell final : public ArrayCellModule {
 public:
  VerilatedCell(const sc_core::sc_module_name& name, const MacConfig& config)
      : ArrayCellModule(name),
        operand_bits_(blocks_per_beat(config) * block_bits(config.format)),
        sum_bits_(acc_width(config)),
        top_(&context_) {
    top_.clk_i = 0;
    SC_HAS_PROCESS(VerilatedCell);
    SC_METHOD(edge);
    sensitive << clk.pos();
    dont_initialize();
    SC_METHOD(settle);
    sensitive << shift << moved_;
  }
  ~VerilatedCell() override { top_.final(); }

 private:
  void edge() {
    top_.rst_ni = rst_n.read();
    top_.advance_i = advance.read();
    top_.release_i = release.read();
    top_.shift_i = shift.read();
    const CellOperands& a = a_in.read();
    const CellOperands& w = w_in.read();
    top_.valid_i = a.valid;
    top_.last_i = a.last;
    for (int low = 0; low < operand_bits_; low += 32) {
      const int count = std::min(32, operand_bits_ - low);
      set_bits(top_.a_i, low, count, a.words[static_cast<std::size_t>(low / 32)]);
      set_bits(top_.w_i, low, count, w.words[static_cast<std::size_t>(low / 32)]);
    }
    const CellResult& above = result_in.read();
    top_.held_i = above.held;
    set_bits(top_.sum_i, 0, sum_bits_, static_cast<Codes>(above.sum));
    top_.nan_i = above.nan;
    top_.overflow_i = above.overflow;
    top_.eval();
    top_.clk_i = 1;
    top_.eval();
    top_.clk_i = 0;

    CellOperands right, below;
    right.valid = top_.valid_o != 0;
    right.last = top_.last_o != 0;
    for (int low = 0; low < operand_bits_; low += 32) {
      const int count = std::min(32, operand_bits_ - low);
      right.words[static_cast<std::size_t>(low / 32)] =
          static_cast<std::uint32_t>(get_bits(top_.a_o, low, count));
      below.words[static_cast<std::size_t>(low / 32)] =
          static_cast<std::uint32_t>(get_bits(top_.w_o, low, count));
    }
    a_out.write(right);
    w_out.write(below);
    CellResult result;
    // Sign extension.
    const int unused = 128 - sum_bits_;
    result.sum = static_cast<Int128>(get_bits(top_.sum_o, 0, sum_bits_) << unused) >> unused;
    result.nan = top_.nan_o != 0;
    result.overflow = top_.overflow_o != 0;
    result.held = top_.held_o != 0;
    result_out.write(result);
    moved_.notify(sc_core::SC_ZERO_TIME);
  }

  void settle() {
    top_.shift_i = shift.read();
    top_.eval();
    stall.write(top_.stall_o != 0);
    capture.write(top_.capture_o != 0);
  }

  int operand_bits_;
  int sum_bits_;
  VerilatedContext context_;
  Top top_;
  sc_core::sc_event moved_;
};

}  // namespace

std::unique_ptr<ArrayCellModule> make_array_cell(const sc_core::sc_module_name& name,
                                                 const MacConfig& config) {
  check(config);
#define IF4_CELL(unit, format_, lanes_)                               \
  if (config.format == Format::format_ && config.lanes == (lanes_) && \
      acc_width(config) == default_acc_width(config))                 \
    return std::make_unique<VerilatedCell<V##unit>>(name, config);
  IF4_CELLS(IF4_CELL)
#undef IF4_CELL
#define IF4_CELL(unit, format_, lanes_) " " #unit
  throw std::invalid_argument("no Verilated cell has that configuration; there are" IF4_CELLS(IF4_CELL));
#undef IF4_CELL
}

}  // namespace if4
