// if4 cosim, vectors, replay.
#include <fmt/format.h>

#include <random>
#include <sstream>

#include "model/core/error.hpp"
#include "model/core/float_bits.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"
#include "model/files/tensor_file.hpp"
#include "model/files/vectors.hpp"
#include "model/mac/lane_fp32.hpp"
#include "sim/mac/mac_unit.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/cosim_report.hpp"
#include "sim/program/interrupt.hpp"
#include "sim/program/operands.hpp"
#include "sim/program/progress.hpp"

namespace if4 {
namespace {

// "if4", or "if4 x nvfp4" where the operands differ.
std::string both(const std::string& a, const std::string& w) { return a == w ? a : a + " x " + w; }

// The formats of the lane-FP32 model and of the Verilated unit: both read IF4 blocks, and NVFP4 blocks are
// IF4 blocks without the type INT4.
bool reads_as_if4(Format format) { return format == Format::kIF4 || format == Format::kNVFP4; }

// The one format that both operands' blocks can be read as.
Format common_format(Format a, Format w) {
  if (a == w) return a;
  if (reads_as_if4(a) && reads_as_if4(w)) return Format::kIF4;
  throw InputError("activations in " + std::string(format_name(a)) + " and weights in " +
                   std::string(format_name(w)) + " cannot be multiplied");
}

// The dot product as IF4, of a format that reads_as_if4() names.
DotProduct as_if4(DotProduct dot_product) {
  for (auto& [a, w] : dot_product.beats) {
    if (dot_product.format == Format::kIF4) break;
    a.scale &= kScaleMagnitudeMask;  // NVFP4 ignores bit 7
    w.scale &= kScaleMagnitudeMask;
  }
  dot_product.format = Format::kIF4;
  return dot_product;
}

std::uint32_t lane_fp32_result(const DotProduct& dot_product) {
  return float_bits(lane_fp32_dot_product(dot_product.beats));
}

MacResult exact_result(const DotProduct& dot) { return dot_product({dot.format}, dot.beats); }

// Uniform over all codes and all scale bytes of the format that are not NaN.
Block random_block(std::mt19937_64& random, Format format) {
  const int bits = traits(format).code_bits * kBlockSize;
  const bool two_types = element_type(format, 0) != element_type(format, kScaleIntBit);
  Block block;
  block.codes = random();
  if (bits > 64) block.codes |= static_cast<Codes>(random()) << 64;
  block.codes &= (Codes{1} << bits) - 1;
  do {
    block.scale = static_cast<std::uint8_t>(random() & (two_types ? 0xFFU : 0x7FU));
  } while (decode_scale(block.scale).nan);
  return block;
}

}  // namespace

int run_cosim(const CosimArgs& args) {
  const ProductOperand a = read_operand(args.activations, args.quantize);
  const ProductOperand w = read_operand(args.weights, args.quantize);
  check_product(a, w);
  const Format format = common_format(a.quantized.format, w.quantized.format);
  if (!reads_as_if4(format)) {
    throw InputError("the Verilated unit multiplies if4 and nvfp4, not " + std::string(format_name(format)));
  }

  CosimSummary summary;
  summary.activations = a.name;
  summary.weights = w.name;
  summary.format =
      both(std::string(format_name(a.quantized.format)), std::string(format_name(w.quantized.format)));
  summary.rule = both(a.rule, w.rule);
  summary.m = a.quantized.rows();
  summary.n = w.quantized.rows();
  summary.k = a.quantized.columns();
  summary.options = args.options;
  const InterruptGuard guard;
  WaveFile wave(args.options.wave.file);
  {
    ProgressBar bar("cosim");
    CosimOptions options = args.options;
    options.wave.file = wave.temporary();
    options.progress = [&bar](std::uint64_t done, std::uint64_t total) {
      InterruptGuard::check();
      bar.update(done, total);
    };
    summary.report = cosimulate(a.quantized, w.quantized, options);
  }
  wave.commit();
  if (a.original && w.original && summary.report.passed()) {
    summary.errors =
        product_errors(*a.original, *w.original, product_scale(a.quantized, w.quantized), summary.report);
  }
  if (!args.json.empty()) write_text_file(args.json, to_json(summary));
  fmt::print("{}", to_text(summary));
  if (!args.options.wave.file.empty()) {
    fmt::print("  {:<18}{} (first {} clocks)\n", "waveform", one_line(args.options.wave.file),
               std::min(args.options.wave.cycles, summary.report.cycles));
  }
  if (!args.json.empty()) fmt::print("  {:<18}{}\n", "JSON", one_line(args.json));
  return summary.report.passed() ? 0 : 1;
}

int run_vectors(const VectorsArgs& args) {
  AtomicFile file(args.output);
  const bool exact = args.order == ResultOrder::kExact;
  const bool random_operands = args.activations.empty();
  std::optional<ProductOperand> a, w;
  Format format = args.format;
  if (!random_operands) {
    a = read_operand(args.activations, {args.format, args.rule});
    w = read_operand(args.weights, {args.format, args.rule});
    check_product(*a, *w);
    format = common_format(a->quantized.format, w->quantized.format);
  }
  if (!exact && !reads_as_if4(format)) {
    throw InputError("lane-FP32 results are for if4 and nvfp4, not " + std::string(format_name(format)) +
                     "; exact ones are for all formats: --result exact");
  }

  const char* order = exact ? "exact" : "lane-FP32";
  std::ostringstream header;
  if (random_operands) {
    header << fmt::format("# if4 vectors: {} random {} dot products of {} beats, seed {}, {} results\n",
                          args.count, format_name(format), args.beats, args.seed, order);
  } else {
    header << fmt::format("# if4 vectors: {} x {}, {} results\n", one_line(args.activations),
                          one_line(args.weights), order);
  }
  write_format(header, format);
  file.write(header.str());

  std::uint64_t count = 0;
  const auto write = [&](DotProduct dot_product) {
    dot_product.format = format;
    dot_product.result = exact ? exact_result(dot_product).bits : lane_fp32_result(dot_product);
    std::ostringstream text;
    write_dot_product(text, dot_product);
    file.write(text.str());
    ++count;
  };
  if (random_operands) {
    std::mt19937_64 random(args.seed);
    for (std::uint64_t i = 0; i < args.count; ++i) {
      DotProduct dot_product;
      for (unsigned b = 0; b < args.beats; ++b) {
        const Block a_block = random_block(random, format);
        dot_product.beats.emplace_back(a_block, random_block(random, format));
      }
      write(std::move(dot_product));
    }
  } else {
    for (std::size_t m = 0; m < a->quantized.rows(); ++m) {
      for (std::size_t n = 0; n < w->quantized.rows(); ++n) {
        DotProduct dot_product;
        for (std::size_t b = 0; b < a->quantized.blocks_per_row(); ++b) {
          dot_product.beats.emplace_back(a->quantized.block(m, b), w->quantized.block(n, b));
        }
        write(std::move(dot_product));
      }
    }
  }
  file.commit();
  fmt::print("{}: {} dot products, {} results\n", one_line(args.output), count, order);
  return 0;
}

int run_replay(const ReplayArgs& args) {
  VectorReader reader(args.file);
  MacUnit unit;
  const bool lane = args.order == ResultOrder::kLaneFp32;
  std::uint64_t count = 0, beats = 0, wrong = 0, unit_wrong = 0, rounds_differently = 0, nan = 0;
  while (const auto next = reader.next()) {
    ++count;
    if (!reads_as_if4(next->format)) {
      throw InputError(one_line(args.file) + ": dot product " + std::to_string(count) + " is in " +
                       std::string(format_name(next->format)) +
                       ", and the Verilated unit multiplies if4 and nvfp4");
    }
    const DotProduct dot_product = as_if4(*next);
    const std::uint32_t lane_fp32 = lane_fp32_result(dot_product);
    const MacResult exact = exact_result(dot_product);
    const MacResult actual = run_dot_product(unit, dot_product.beats);
    const std::uint32_t model = lane ? lane_fp32 : exact.bits;
    beats += dot_product.beats.size();
    if (model != dot_product.result && ++wrong <= 8) {
      fmt::print("{}: dot product {}: file 0x{:08X}, {} model 0x{:08X}\n", one_line(args.file), count,
                 dot_product.result, lane ? "lane-FP32" : "exact", model);
    }
    if (actual != exact && ++unit_wrong <= 8) {
      fmt::print("{}: dot product {}: RTL 0x{:08X}, exact model 0x{:08X}\n", one_line(args.file), count,
                 actual.bits, exact.bits);
    }
    if (exact.nan) {
      ++nan;
    } else if (actual.bits != lane_fp32) {
      ++rounds_differently;
    }
  }
  const bool passed = wrong == 0 && unit_wrong == 0;
  const auto line = [](const char* label, const std::string& value) {
    fmt::print("  {:<18}{}\n", label, value);
  };
  fmt::print("{}  {}\n", passed ? "PASS" : "FAIL", one_line(args.file));
  line("dot products", fmt::format("{}, {} beats", count, beats));
  line(lane ? "lane-FP32 model" : "exact model",
       fmt::format("{} of {} results equal, bit for bit", count - wrong, count));
  line("Verilated unit", fmt::format("{} of {} results equal to the exact model", count - unit_wrong, count));
  line("exact unit",
       fmt::format("rounds {} of {} results differently from lane-FP32 ({:.1f} %)", rounds_differently, count,
                   100.0 * static_cast<double>(rounds_differently) / static_cast<double>(count)));
  if (nan != 0)
    line("NaN scales",
         fmt::format("in {} dot products: NaN in the exact unit, read as 448 by lane-FP32", nan));
  return passed ? 0 : 1;
}

}  // namespace if4
