// if4 cosim: a matrix product on the Verilated unit or the bits engine, every result compared with the golden model.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "model/core/error.hpp"
#include "model/core/float_bits.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"
#include "model/mac/gemm.hpp"
#include "model/quantize/fast_quantizer.hpp"
#include "sim/bits/cosim.hpp"
#include "sim/mac/mac_unit.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/dot_products.hpp"
#include "sim/program/operands.hpp"
#include "sim/program/options.hpp"
#include "sim/report/cosim_report.hpp"
#include "sim/report/text.hpp"
#include "sim/terminal/progress.hpp"

namespace if4 {
namespace {

enum class Engine { kVerilated, kBits };

struct Arguments {
  Engine engine = Engine::kVerilated;
  std::string activations;  // FILE:NAME, plain (quantized first) or quantized
  std::string weights;
  QuantizeOptions quantize;
  CosimOptions options;
  std::string json;  // file; empty: none
};

// "if4", or "if4 x nvfp4" where the operands differ, or "mse x none" where only one has any; empty if neither
// has.
std::string both(const std::string& a, const std::string& w) {
  const auto named = [](const std::string& name) { return name.empty() ? "none" : name; };
  return a == w ? a : named(a) + " x " + named(w);
}

// The factor from a result of the unit to the value of the dot product.
double product_scale(const QuantizedTensor& activations, const QuantizedTensor& weights,
                     const MacConfig& unit) {
  return value_unit(activations) * value_unit(weights) / result_factor(unit);
}

// The errors of the unit's products, times `unit_scale`, and of the same product in NVFP4.
ProductErrors product_errors(const Tensor& activations, const Tensor& weights, double unit_scale,
                             const CosimReport& report) {
  const QuantizeOptions options{Format::kNVFP4, Rule::kMse};
  const QuantizedTensor nv_a = quantize_fast(view_of(activations), options);
  const QuantizedTensor nv_w = quantize_fast(view_of(weights), options);
  const GemmResult nv_products = gemm({Format::kNVFP4}, nv_a, nv_w);
  const double nv_scale = product_scale(nv_a, nv_w, {Format::kNVFP4});

  double unit_error = 0.0;
  double nv_error = 0.0;
  double reference = 0.0;
  const std::size_t columns = activations.columns();
  for (std::size_t m = 0; m < activations.rows(); ++m) {
    for (std::size_t n = 0; n < weights.rows(); ++n) {
      double exact = 0.0;
      for (std::size_t k = 0; k < columns; ++k) {
        exact += static_cast<double>(activations.values[m * columns + k]) *
                 static_cast<double>(weights.values[n * columns + k]);
      }
      const std::size_t index = m * weights.rows() + n;
      const double nv = static_cast<double>(float_from_bits(nv_products.bits[index])) * nv_scale;
      const double unit = static_cast<double>(report.products[index]) * unit_scale;
      unit_error += (unit - exact) * (unit - exact);
      nv_error += (nv - exact) * (nv - exact);
      reference += exact * exact;
    }
  }
  const auto relative = [&](double error) {
    return reference > 0.0 ? std::sqrt(error / reference) : (error > 0.0 ? INFINITY : 0.0);
  };
  return {relative(unit_error), relative(nv_error)};
}

CosimReport simulate(const Arguments& args, const QuantizedTensor& activations,
                     const QuantizedTensor& weights) {
  WaveFile wave(args.options.wave.file);
  CosimReport report;
  {
    ProgressBar bar("cosim");
    CosimOptions options = args.options;
    options.wave.file = wave.temporary();
    options.progress = [&bar](std::uint64_t done, std::uint64_t total) { bar.update(done, total); };
    report = args.engine == Engine::kBits
                 ? cosimulate_bits(activations, weights, options, {cosim_unit(options.scaled)})
                 : cosimulate(activations, weights, options);
  }
  wave.commit();
  return report;
}

int run(const Arguments& args) {
  if (args.engine == Engine::kBits && !args.options.wave.file.empty())
    throw InputError("--wave: the bits engine writes no waveform; --engine verilated does");
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
  summary.report = simulate(args, a.quantized, w.quantized);
  if (a.original && w.original && summary.report.passed()) {
    summary.errors =
        product_errors(*a.original, *w.original, product_scale(a.quantized, w.quantized, args.options.golden),
                       summary.report);
  }
  if (!args.json.empty()) write_text_file(args.json, to_json(summary));
  std::string text = to_text(summary);
  if (!args.options.wave.file.empty()) {
    const std::uint64_t clocks = std::min(args.options.wave.cycles, summary.report.cycles);
    const std::uint64_t first = summary.report.wave_first;
    text += report_line("waveform",
                        one_line(args.options.wave.file) +
                            (first == 0 ? fmt::format(" (first {} clocks)", clocks)
                                        : fmt::format(" (clocks {} to {}, around the first mismatch)", first,
                                                      std::min(first + clocks, summary.report.cycles) - 1)));
  }
  if (!args.json.empty()) text += report_line("JSON", one_line(args.json));
  fmt::print("{}", text);
  return summary.report.passed() ? 0 : 1;
}

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  CosimOptions& options = args->options;
  const auto [activations, weights] = add_operands(app, args->activations, args->weights);
  activations.required();
  weights.required();
  add_format(app, args->quantize.format, reads_as_if4, "format that plain tensors are quantized to");
  add_rule(app, args->quantize.rule,
           "which error decides between the candidates of a block of plain tensors");
  add_choice(
      app, "--engine", args->engine, {{"verilated", Engine::kVerilated}, {"bits", Engine::kBits}},
      "one unit as Verilator reads the RTL, or many at once as Yosys reads it, a hundred times as fast");
  add_threads(app, options.threads, "threads of --engine bits");
  add_flag(
      app, "--scaled", [&options] { options.scaled = options.golden.scaled = true; },
      "on the unit with Scaled = 1, whose results leave out the factor 1/49");
  add_whole(app, "--stall-in", options.stalls.input_percent, 0, 99,
            "clocks in which no beat is offered, 0 to 99 percent");
  add_whole(app, "--stall-out", options.stalls.output_percent, 0, 99,
            "clocks in which no result is taken, 0 to 99 percent");
  add_whole(app, "--seed", options.stalls.seed, 0, kAnyWhole, "seed of the stalls");
  add_text(app, "--wave", options.wave.file, "FILE", "FST waveform to write");
  add_whole(app, "--wave-cycles", options.wave.cycles, 1, kAnyWhole, "clocks in the waveform");
  add_text(app, "--json", args->json, "FILE", "report as JSON to this file");
  return [args] { return run(*args); };
}

}  // namespace

const Command kCosimCommand = {
    "cosim", "multiply two tensors on the RTL of the unit, and compare every result with the golden model",
    set_up};

}  // namespace if4
