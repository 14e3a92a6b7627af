// if4 inspect: what the tensors of a file are, and what their quantization lost or would lose.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/npy.hpp"
#include "model/files/safetensors.hpp"
#include "model/files/tensor_file.hpp"
#include "model/quantize/fast_quantizer.hpp"
#include "model/quantize/measure.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/options.hpp"
#include "sim/report/text.hpp"

namespace if4 {
namespace {

struct Arguments {
  std::string input;  // FILE or FILE:NAME, plain or quantized
  Rule rule = Rule::kMse;
  bool json = false;
};

// The plain tensors that a command without a name works on.
std::vector<TensorRef> plain_tensors(const TensorRef& ref) {
  if (!ref.name.empty() || is_npy(ref.path)) return {ref};
  const SafetensorsFile file(ref.path);
  std::vector<TensorRef> refs;
  for (const TensorInfo& info : file.tensors()) {
    const bool floating =
        info.dtype == DType::kF32 || info.dtype == DType::kF16 || info.dtype == DType::kBF16;
    if (floating) refs.push_back({ref.path, info.name});
  }
  if (refs.empty()) throw InputError(one_line(ref.path) + ": no F32, F16 or BF16 tensor");
  return refs;
}

std::string tensor_name(const TensorRef& ref) {
  return ref.name.empty() ? std::filesystem::path(ref.path).stem().string() : ref.name;
}

double int_share(const QuantizedTensor& tensor) {
  const auto is_int = [&](std::uint8_t scale) {
    return element_type(tensor.format, scale) == ElementType::kInt;
  };
  const auto ints = std::count_if(tensor.scales.begin(), tensor.scales.end(), is_int);
  return tensor.scales.empty() ? 0.0 : static_cast<double>(ints) / static_cast<double>(tensor.scales.size());
}

// JSON has no infinity: null stands for "nothing lost".
nlohmann::ordered_json error_json(const QuantizationError& error) {
  nlohmann::ordered_json json;
  json["relative_mse"] = error.relative_mse;
  json["sqnr_db"] =
      std::isinf(error.sqnr_db) ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(error.sqnr_db);
  return json;
}

void print_json(const nlohmann::ordered_json& json) { fmt::print("{}\n", json_text(json)); }

void print_plain_header() {
  fmt::print("{:<44} {:>14} {:>11} {:>6}  {:>9} {:>6}  {:>9} {:>6}\n", "", "", "", "INT", "IF4", "SQNR",
             "NVFP4", "SQNR");
  fmt::print("{:<44} {:>14} {:>11} {:>6}  {:>9} {:>6}  {:>9} {:>6}\n", "tensor", "shape", "amax", "%",
             "rel. MSE", "dB", "rel. MSE", "dB");
}

void inspect_plain(const std::vector<TensorRef>& refs, const Arguments& args) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const TensorRef& ref : refs) {
    const Tensor tensor = read_tensor(ref);
    // Not before the first tensor is read: nothing is printed for a file that is refused.
    if (!args.json && &ref == &refs.front()) print_plain_header();
    const QuantizedTensor if4 = quantize_fast(view_of(tensor), {Format::kIF4, args.rule});
    const QuantizationError error = measure(tensor, if4);
    const QuantizationError nvfp4 =
        measure(tensor, quantize_fast(view_of(tensor), {Format::kNVFP4, args.rule}));
    if (args.json) {
      all.push_back({{"name", tensor_name(ref)},
                     {"shape", tensor.shape},
                     {"amax", if4.amax},
                     {"int_share", error.int_share},
                     {"rule", std::string(rule_name(args.rule))},
                     {"if4", error_json(error)},
                     {"nvfp4", error_json(nvfp4)}});
    } else {
      fmt::print("{:<44} {:>14} {:>11.5g} {:>6.1f}  {:>9.6f} {:>6}  {:>9.6f} {:>6}\n",
                 one_line(tensor_name(ref)), to_string(tensor.shape), if4.amax, 100.0 * error.int_share,
                 error.relative_mse, decibel(error.sqnr_db), nvfp4.relative_mse, decibel(nvfp4.sqnr_db));
    }
  }
  if (args.json) print_json(all);
}

void inspect_quantized(const std::vector<TensorRef>& refs, const Arguments& args) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  if (!args.json) {
    fmt::print("{:<44} {:>14} {:>6} {:>8} {:>11} {:>6}\n", "quantized tensor", "shape", "format", "rule",
               "amax", "INT %");
  }
  for (const TensorRef& ref : refs) {
    const NamedQuantized named = read_quantized(ref);
    const QuantizedTensor& tensor = named.tensor;
    if (args.json) {
      all.push_back({{"name", named.name},
                     {"shape", tensor.shape},
                     {"format", std::string(format_name(tensor.format))},
                     {"rule", named.rule},
                     {"amax", tensor.amax},
                     {"int_share", int_share(tensor)}});
    } else {
      fmt::print("{:<44} {:>14} {:>6} {:>8} {:>11.5g} {:>6.1f}\n", one_line(named.name),
                 to_string(tensor.shape), format_name(tensor.format), named.rule.empty() ? "-" : named.rule,
                 tensor.amax, 100.0 * int_share(tensor));
    }
  }
  if (args.json) print_json(all);
}

int run(const Arguments& args) {
  const TensorRef input = parse_tensor_ref(args.input);
  if (!has_quantized(input)) {
    inspect_plain(plain_tensors(input), args);
    return 0;
  }
  std::vector<TensorRef> refs;
  if (input.name.empty()) {
    for (const std::string& name : list_quantized(input.path)) refs.push_back({input.path, name});
  } else {
    refs.push_back(input);
  }
  inspect_quantized(refs, args);
  return 0;
}

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  add_text(app, "input", args->input, "FILE[:NAME]", "all plain or all quantized tensors of a file, or one")
      .required();
  add_rule(app, args->rule, "which error decides between IF4's types in the blocks of plain tensors");
  add_flag(app, "--json", args->json, "print JSON, not a table");
  return [args] { return run(*args); };
}

}  // namespace

const Command kInspectCommand = {
    "inspect",
    "shape, amax and share of INT blocks of each tensor; of plain ones also the errors of IF4 and NVFP4",
    set_up};

}  // namespace if4
