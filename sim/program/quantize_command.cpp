// if4 quantize: a whole model, with a table of what it lost.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

#include "model/core/text.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/options.hpp"
#include "sim/report/format_report.hpp"
#include "sim/report/text.hpp"
#include "sim/terminal/progress.hpp"

namespace if4 {
namespace {

struct Arguments {
  std::string input;   // FILE or FILE:NAME
  std::string output;  // empty with `stats`
  bool stats = false;  // only measure
  ModelOptions options;
};

void print_row(std::size_t width, const std::string& name, const std::string& shape,
               const TensorSummary& summary) {
  fmt::print("{:<{}} {:>16} {:>6.1f}  {:>9.6f} {:>6}\n", name, width, shape, int_percent(summary),
             relative_mse(summary), decibel(sqnr_db(summary)));
}

void print_table(const ModelSummary& summary) {
  std::size_t width = 30;
  for (const TensorSummary& tensor : summary.tensors) width = std::max(width, one_line(tensor.name).size());
  width = std::min<std::size_t>(width, 60);
  fmt::print("{:<{}} {:>16} {:>6}  {:>9} {:>6}\n", "tensor", width, "shape", "INT %", "rel. MSE", "SQNR");
  for (const TensorSummary& tensor : summary.tensors)
    print_row(width, one_line(tensor.name), to_string(tensor.shape), tensor);
  const TensorSummary total = summary.total();
  print_row(width, fmt::format("total of {}", summary.tensors.size()), fmt::format("{} values", total.values),
            total);
}

int run(const Arguments& args) {
  const TensorRef input = parse_tensor_ref(args.input);
  ModelSummary summary;
  const auto start = std::chrono::steady_clock::now();
  {
    ProgressBar bar("quantize");
    summary = quantize_model(input, args.output, args.options,
                             [&](std::uint64_t done, std::uint64_t total) { bar.update(done, total); });
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;

  print_table(summary);
  const QuantizeOptions& options = args.options.quantize;
  fmt::print("{}{}: {} -> {} ({:.2f} bits a value) in {:.2f} s, {:.2f} GB/s; {} tensor{} {}\n",
             format_name(options.format),
             uses_rule(options)
                 ? fmt::format(", rule {}{}", rule_name(options.rule), options.search ? ", scale search" : "")
                 : "",
             bytes_text(summary.input_bytes), bytes_text(summary.output_bytes),
             8.0 * static_cast<double>(summary.output_bytes) / static_cast<double>(summary.total().values),
             seconds.count(), static_cast<double>(summary.input_bytes) / 1e9 / seconds.count(),
             summary.copied, summary.copied == 1 ? "" : "s",
             args.stats ? "left alone; nothing written" : "copied unchanged");
  if (!args.stats) fmt::print("{}\n", one_line(args.output));
  return 0;
}

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  QuantizeOptions& options = args->options.quantize;
  add_text(app, "input", args->input, "MODEL[:NAME]",
           "all tensors of a file or of a folder of shards that the patterns choose, or one")
      .required();
  const OptionRef output = add_text(app, "-o,--output", args->output, "PATH",
                                    "safetensors file to write; of a folder, the folder to write");
  const OptionRef stats = add_flag(app, "--stats", args->stats, "only measure the errors, write nothing");
  stats.excludes(output);
  add_format(
      app, options.format, [](Format) { return true; }, "format of the result");
  add_flag(app, "--search", options.search, "try neighbouring scales of each block: less error, more time");
  add_size(
      app, "--shard-size", [args](std::uint64_t bytes) { args->options.shard_size = bytes; },
      "largest size of a shard, such as 300MB; default 5GB")
      .excludes(stats);
  add_choice(app, "--scale-layout", args->options.tiled, {{"linear", false}, {"tiled", true}},
             "order of the scales in the file: row after row, or tiles of 128 x 4 for tensor cores");
  add_choice(app, "--layout", args->options.layout,
             {{"if4", Layout::kIF4},
              {"compressed-tensors", Layout::kCompressedTensors},
              {"modelopt", Layout::kModelOpt}},
             "names and types of the tensors in the file: ours, or those of another tool, for nvfp4");
  add_choice(app, "--device", args->options.device, {{"cpu", DeviceKind::kCpu}, {"cuda", DeviceKind::kCuda}},
             "what quantizes; both give the same bits, and cuda needs a program that was built with CUDA=1");
  add_model_options(app, args->options);
  return [args] {
    if (args->output.empty() && !args->stats) fail_required("--output or --stats");
    return run(*args);
  };
}

}  // namespace

const Command kQuantizeCommand = {
    "quantize", "quantize a whole model, or one tensor of it, to any of the formats, and say what was lost",
    set_up};

}  // namespace if4
