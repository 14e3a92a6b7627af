// verilated_cell.hpp comes first, for the reason that it states.
// clang-format off
#include "sim/array/verilated_cell.hpp"
#include "sim/array/cell.hpp"
// clang-format on

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "sim/verilated/port_bits.hpp"

namespace if4 {
namespace {

// if4_pkg::decoded(): elements travel as {significand, sign}, not as codes.
bool decoded(const FormatTraits& format) {
  return format.int_code != IntCode::kNone && format.code_bits <= 4;
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

}  // namespace

int operand_bits(const MacConfig& config) {
  // E4M3: 4 bits of significand, 4 of exponent and NaN; and the type, where the format has two.
  const int block = kBlockSize * element_bits(config.format) + 9 + (mixes_types(config.format) ? 1 : 0);
  return blocks_per_beat(config) * block;
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
    if (mixes_types(config.format)) put(1, scale.type == ElementType::kInt ? 1 : 0);
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

std::unique_ptr<ArrayCellModule> make_array_cell(const sc_core::sc_module_name& name, const MacConfig& config,
                                                 int depth) {
  check(config);
  std::string names;
  for (const Build& build : builds()) {
    if (build.module != "if4_array_cell") continue;
    if (build.format == config.format && build.lanes == config.lanes && build.depth == depth &&
        acc_width(config) == acc_width({build.format, build.lanes, build.acc_width}))
      return Registry<CellMaker>::find(build.name)(name, config, depth);
    names += " " + std::string(build.name);
  }
  throw std::invalid_argument("no Verilated cell has that configuration; there are" + names);
}

}  // namespace if4
