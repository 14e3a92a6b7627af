// if4 dequantize: the quantized tensors of a model back to FP32.
#include <fmt/format.h>

#include <memory>
#include <optional>

#include "model/checkpoint/model_dequantizer.hpp"
#include "model/core/text.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/options.hpp"
#include "sim/terminal/progress.hpp"

namespace if4 {
namespace {

struct Arguments {
  std::string input;  // a model, or MODEL:NAME of a quantized tensor in it
  std::string output;
  std::optional<std::uint64_t> shard_size;
};

int run(const Arguments& args) {
  const TensorRef input = parse_tensor_ref(args.input);
  DequantizeSummary summary;
  {
    ProgressBar bar("dequantize");
    summary = dequantize_model(input, args.output, args.shard_size,
                               [&](std::uint64_t done, std::uint64_t total) { bar.update(done, total); });
  }
  for (const DequantizeSummary::Dequantized& tensor : summary.tensors) {
    if (tensor.nan_scales == 0) continue;
    fmt::print(stderr, "if4: {}: tensor {}: {} NaN scale{}, whose blocks are NaN\n", one_line(input.path),
               quoted_name(tensor.name), tensor.nan_scales, tensor.nan_scales == 1 ? "" : "s");
  }
  if (summary.tensors.size() == 1 && summary.copied == 0) {
    const DequantizeSummary::Dequantized& tensor = summary.tensors[0];
    fmt::print("{}: {} {} F32\n", one_line(args.output), one_line(tensor.name), to_string(tensor.shape));
    return 0;
  }
  fmt::print("{}: {} tensors F32, {} copied unchanged\n", one_line(args.output), summary.tensors.size(),
             summary.copied);
  return 0;
}

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  add_text(app, "input", args->input, "MODEL[:NAME]",
           "all quantized tensors of a file or of a folder of shards, or one")
      .required();
  add_text(app, "-o,--output", args->output, "PATH",
           "safetensors file to write; of a folder, the folder to write")
      .required();
  add_size(
      app, "--shard-size", [args](std::uint64_t bytes) { args->shard_size = bytes; },
      "largest size of a shard, such as 300MB; default 5GB");
  return [args] { return run(*args); };
}

}  // namespace

const Command kDequantizeCommand = {
    "dequantize",
    "a quantized model, or one tensor of it, back to FP32; rotated and transposed back if it was", set_up};

}  // namespace if4
