// if4 quantize: a whole model, with a table of what it lost.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "model/core/text.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/interrupt.hpp"
#include "sim/program/progress.hpp"

namespace if4 {
namespace {

std::string decibel(double value) { return std::isinf(value) ? "exact" : fmt::format("{:.2f}", value); }

void print_row(std::size_t width, const std::string& name, const std::string& shape,
               const TensorSummary& summary) {
  const double ints = summary.blocks == 0 ? 0.0
                                          : 100.0 * static_cast<double>(summary.int_blocks) /
                                                static_cast<double>(summary.blocks);
  fmt::print("{:<{}} {:>16} {:>6.1f}  {:>9.6f} {:>6}\n", name, width, shape, ints, relative_mse(summary),
             decibel(sqnr_db(summary)));
}

}  // namespace

int run_quantize(const QuantizeArgs& args) {
  const TensorRef input = parse_tensor_ref(args.input);
  ModelSummary summary;
  const auto start = std::chrono::steady_clock::now();
  {
    const InterruptGuard guard;
    ProgressBar bar("quantize");
    summary = quantize_model(input, args.output, args.options, [&](std::uint64_t done, std::uint64_t total) {
      InterruptGuard::check();
      bar.update(done, total);
    });
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;

  std::size_t width = 30;
  for (const TensorSummary& tensor : summary.tensors) width = std::max(width, one_line(tensor.name).size());
  width = std::min<std::size_t>(width, 60);
  fmt::print("{:<{}} {:>16} {:>6}  {:>9} {:>6}\n", "tensor", width, "shape", "INT %", "rel. MSE", "SQNR");
  for (const TensorSummary& tensor : summary.tensors) {
    print_row(width, one_line(tensor.name), to_string(tensor.shape), tensor);
  }
  const TensorSummary total = summary.total();
  print_row(width, fmt::format("total of {}", summary.tensors.size()), fmt::format("{} values", total.values),
            total);
  const QuantizeOptions& options = args.options.quantize;
  fmt::print("{}{}: {:.1f} MB -> {:.1f} MB ({:.2f} bits a value) in {:.2f} s, {:.2f} GB/s; {} tensors {}\n",
             format_name(options.format),
             uses_rule(options)
                 ? fmt::format(", rule {}{}", rule_name(options.rule), options.search ? ", scale search" : "")
                 : "",
             static_cast<double>(summary.input_bytes) / 1e6, static_cast<double>(summary.output_bytes) / 1e6,
             8.0 * static_cast<double>(summary.output_bytes) / static_cast<double>(total.values),
             seconds.count(), static_cast<double>(summary.input_bytes) / 1e9 / seconds.count(),
             summary.copied, args.stats ? "left alone; nothing written" : "copied unchanged");
  if (!args.stats) fmt::print("{}\n", one_line(args.output));
  return 0;
}

}  // namespace if4
