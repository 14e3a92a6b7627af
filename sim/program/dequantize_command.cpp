// if4 dequantize: a quantized tensor back to FP32.
#include <fmt/format.h>

#include <memory>

#include "model/core/text.hpp"
#include "model/files/tensor_file.hpp"
#include "model/quantize/rotation.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/options.hpp"

namespace if4 {
namespace {

struct Arguments {
  std::string input;  // FILE or FILE:NAME of a quantized tensor; without a name the only one
  std::string output;
};

int run(const Arguments& args) {
  const NamedQuantized named = read_quantized(parse_tensor_ref(args.input));
  Tensor tensor = dequantize(named.tensor);
  if (named.rotated) tensor = rotated_back(tensor);
  if (named.transposed) tensor = transposed(tensor);
  write_tensor(args.output, named.name, tensor);
  fmt::print("{}: {} {} F32\n", one_line(args.output), one_line(named.name), to_string(tensor.shape));
  return 0;
}

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  add_text(app, "input", args->input, "FILE[:NAME]",
           "quantized tensor; NAME may be left out if it is the only one")
      .required();
  add_text(app, "-o,--output", args->output, "FILE", "safetensors file to write, one F32 tensor").required();
  return [args] { return run(*args); };
}

}  // namespace

const Command kDequantizeCommand = {
    "dequantize", "a quantized tensor back to FP32, rotated and transposed back if it was", set_up};

}  // namespace if4
