// if4 inspect: what the tensors of a file are, and what their quantization lost or would lose.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/foreign_layout.hpp"
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

// The floating-point tensors of a file that are not parts of quantized ones.
std::vector<std::string> floating_names(const SafetensorsFile& file) {
  std::vector<std::string> names;
  for (std::string& name : plain_names(file)) {
    const DType dtype = file.find(name)->dtype;
    if (dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16)
      names.push_back(std::move(name));
  }
  return names;
}

std::string counted(std::size_t number, const std::string& what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
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

void print_plain_header() {
  fmt::print("{:<44} {:>14} {:>11} {:>6}  {:>9} {:>6}  {:>9} {:>6}\n", "", "", "", "INT", "IF4", "SQNR",
             "NVFP4", "SQNR");
  fmt::print("{:<44} {:>14} {:>11} {:>6}  {:>9} {:>6}  {:>9} {:>6}\n", "tensor", "shape", "amax", "%",
             "rel. MSE", "dB", "rel. MSE", "dB");
}

// Why a tensor cannot be quantized; empty where it can.
std::string unfit(const Tensor& tensor) {
  if (tensor.values.empty()) return "empty";
  const auto nan =
      std::count_if(tensor.values.begin(), tensor.values.end(), [](float x) { return std::isnan(x); });
  const auto inf =
      std::count_if(tensor.values.begin(), tensor.values.end(), [](float x) { return std::isinf(x); });
  if (nan == 0 && inf == 0) return "";
  return fmt::format("{} NaN and {} infinite values", nan, inf);
}

// A row of plain tensors at a time, to a table or to an array.
class PlainReport {
 public:
  explicit PlainReport(const Arguments& args) : args_(args) {}

  void add(const std::string& name, const Tensor& tensor) {
    // Not before the first tensor is read: nothing is printed for a file that is refused.
    if (!args_.json && rows_++ == 0) print_plain_header();
    const std::string reason = unfit(tensor);
    if (!reason.empty()) {
      if (args_.json) {
        all_.add({{"name", name}, {"shape", tensor.shape}, {"unfit", reason}});
      } else {
        fmt::print("{:<44} {:>14} {}\n", one_line(name), to_string(tensor.shape), reason);
      }
      return;
    }
    const QuantizedTensor if4 = quantize_fast(view_of(tensor), {Format::kIF4, args_.rule});
    const QuantizationError error = measure(tensor, if4);
    const QuantizationError nvfp4 =
        measure(tensor, quantize_fast(view_of(tensor), {Format::kNVFP4, args_.rule}));
    if (args_.json) {
      all_.add({{"name", name},
                {"shape", tensor.shape},
                {"amax", if4.amax},
                {"int_share", error.int_share},
                {"rule", std::string(rule_name(args_.rule))},
                {"if4", error_json(error)},
                {"nvfp4", error_json(nvfp4)}});
    } else {
      fmt::print("{:<44} {:>14} {:>11.5g} {:>6.1f}  {:>9.6f} {:>6}  {:>9.6f} {:>6}\n", one_line(name),
                 to_string(tensor.shape), if4.amax, 100.0 * error.int_share, error.relative_mse,
                 decibel(error.sqnr_db), nvfp4.relative_mse, decibel(nvfp4.sqnr_db));
    }
  }

  void finish() const {
    if (args_.json) fmt::print("{}\n", all_.text());
  }

 private:
  const Arguments& args_;
  std::size_t rows_ = 0;
  JsonRows all_;
};

void inspect_plain(const SafetensorsFile& file, const std::vector<std::string>& names,
                   const Arguments& args) {
  PlainReport report(args);
  for (const std::string& name : names) report.add(name, file.read_tensor(*file.find(name)));
  report.finish();
}

void inspect_quantized(const SafetensorsFile& file, const std::vector<std::string>& names,
                       const Arguments& args) {
  JsonRows all;
  for (const std::string& name : names) {
    const NamedQuantized named = read_quantized(file, name);
    const QuantizedTensor& tensor = named.tensor;
    const std::size_t nan = nan_scales(tensor);
    if (args.json) {
      all.add({{"name", named.name},
               {"shape", tensor.shape},
               {"format", std::string(format_name(tensor.format))},
               {"layout", std::string(layout_name(named.layout))},
               {"rule", named.rule},
               {"amax", tensor.amax},
               {"int_share", int_share(tensor)},
               {"nan_scales", nan}});
      continue;
    }
    if (&name == &names.front()) {
      fmt::print("{:<44} {:>14} {:>6} {:>8} {:>11} {:>6}\n", "quantized tensor", "shape", "format", "rule",
                 "amax", "INT %");
    }
    fmt::print("{:<44} {:>14} {:>6} {:>8} {:>11.5g} {:>6.1f}{}\n", one_line(named.name),
               to_string(tensor.shape), format_name(tensor.format), named.rule.empty() ? "-" : named.rule,
               tensor.amax, 100.0 * int_share(tensor),
               (named.layout == Layout::kIF4 ? "" : fmt::format("  {}", layout_name(named.layout))) +
                   (nan == 0 ? "" : "  " + counted(nan, "NaN scale")));
  }
  if (args.json) fmt::print("{}\n", all.text());
}

int run(const Arguments& args) {
  const TensorRef input = parse_tensor_ref(args.input);
  if (is_npy(input.path)) {
    PlainReport report(args);
    report.add(std::filesystem::path(input.path).stem().string(), read_tensor(input));
    report.finish();
    return 0;
  }
  const SafetensorsFile file(input.path);
  if (!input.name.empty()) {
    if (is_quantized(file, input.name)) {
      inspect_quantized(file, {input.name}, args);
    } else {
      if (file.find(input.name) == nullptr) read_tensor(input);  // which throws, and says what there is
      inspect_plain(file, {input.name}, args);
    }
    return 0;
  }
  const std::vector<std::string> quantized = quantized_names(file);
  const std::vector<std::string> floating = floating_names(file);
  if (quantized.empty()) {
    const std::string note = unread_note(file);
    if (floating.empty()) {
      throw InputError(one_line(input.path) + ": no F32, F16 or BF16 tensor" +
                       (note.empty() ? "" : "; " + note));
    }
    inspect_plain(file, floating, args);
    if (!args.json && !note.empty()) fmt::print("{}\n", note);
    return 0;
  }
  inspect_quantized(file, quantized, args);
  if (!args.json && !floating.empty())
    fmt::print("and {}, each to be inspected by its name\n", counted(floating.size(), "plain tensor"));
  return 0;
}

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  add_text(app, "input", args->input, "MODEL[:NAME]",
           "all plain or all quantized tensors of a file or of a folder of shards, or one")
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
