// if4 compare: every format on the tensors of one file, or on the product of two tensors, as a table, as JSON and as a
// picture.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "model/accuracy/product_reference.hpp"
#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/output_path.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/options.hpp"
#include "sim/program/system_options.hpp"
#include "sim/report/format_chart.hpp"
#include "sim/report/format_report.hpp"
#include "sim/terminal/progress.hpp"

namespace if4 {
namespace {

struct Arguments {
  std::string input;                   // FILE or FILE:NAME; or, with `input` empty,
  std::string activations, weights;    // the operands of a product
  std::optional<std::string> formats;  // names between commas; none: all
  bool all_rules = false;
  bool tensors = false;
  std::string svg, json;  // files to write; empty: none
  ModelOptions options;   // format and search are of no effect: all are compared
};

std::vector<Format> read_formats(const Arguments& args) {
  std::vector<Format> formats;
  std::string all;
  for (int number = 0; number < kFormatCount; ++number) {
    const auto format = static_cast<Format>(number);
    all += (all.empty() ? "" : ", ") + std::string(format_name(format));
    // Blocks of 32 have no 2D form.
    if (!args.formats && !(args.options.quantize.square && traits(format).block_size != kBlockSize))
      formats.push_back(format);
  }
  if (!args.formats) return formats;
  const std::string& text = *args.formats;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string name = text.substr(begin, end - begin);
    const auto format = format_from_name(name);
    if (!format) throw InputError("--format: " + quoted_name(name) + " is not one of " + all);
    if (std::find(formats.begin(), formats.end(), *format) != formats.end())
      throw InputError("--format: " + name + " is there twice");
    formats.push_back(*format);
    begin = end + 1;
  }
  return formats;
}

void check_args(const Arguments& args) {
  const bool product = !args.activations.empty() || !args.weights.empty();
  if (product == !args.input.empty())
    throw InputError("compare: give a model, or --acts and --weights of a product");
  if (!product) return;
  if (args.activations.empty() || args.weights.empty())
    throw InputError(std::string(args.weights.empty() ? "--weights" : "--acts") +
                     ": a product needs both operands");
  const auto refuse = [](bool given, const char* option) {
    if (given)
      throw InputError(std::string(option) +
                       ": a product has two operands, which are named and taken as they are");
  };
  refuse(!args.options.include.empty(), "--include");
  refuse(!args.options.exclude.empty(), "--exclude");
  refuse(args.options.quantize.transpose, "--transpose");
  refuse(args.tensors, "--tensors");
}

// The values of a plain tensor, or those that a quantized one stands for.
NamedTensor read_operand_values(const std::string& text) {
  const TensorRef ref = parse_tensor_ref(text);
  return {to_string(ref), has_quantized(ref) ? original_values(read_quantized(ref)) : read_tensor(ref)};
}

// Calls `run` with each way to quantize that differs from the others, and puts what it gives in a row for each rule and
// format.
class Rows {
 public:
  using Run = std::function<FormatSummary(const QuantizeOptions&, std::size_t run, std::size_t runs)>;

  Rows(const Arguments& args, const std::vector<Format>& formats) {
    const std::vector<Rule> rules = args.all_rules ? std::vector<Rule>(kRules.begin(), kRules.end())
                                                   : std::vector<Rule>{args.options.quantize.rule};
    for (const Rule rule : rules)
      for (const Format format : formats) rows_.push_back({format, rule, {}, {}});
    first_rule_ = rules.front();
  }

  std::vector<FormatErrors> fill(const QuantizeOptions& common, const Run& run) {
    std::size_t done = 0;
    for (FormatErrors& row : rows_) {
      for (const bool search : {false, true}) {
        QuantizeOptions options = common;
        options.format = row.format;
        options.rule = row.rule;
        options.search = search;
        FormatSummary& summary = search ? row.searched : row.plain;
        // Without a candidate to choose, the first rule's figures are those of all.
        summary = uses_rule(options) || row.rule == first_rule_ ? run(options, done, 2 * rows_.size())
                                                                : row_of(row.format).plain;
        ++done;
      }
    }
    return std::move(rows_);
  }

 private:
  // The row of the format under the first rule.
  const FormatErrors& row_of(Format format) const {
    return *std::find_if(rows_.begin(), rows_.end(),
                         [&](const FormatErrors& row) { return row.format == format; });
  }

  std::vector<FormatErrors> rows_;
  Rule first_rule_ = Rule::kMse;
};

FormatComparison compare_model(const Arguments& args, Rows rows) {
  ProgressBar bar("compare");
  const TensorRef input = parse_tensor_ref(args.input);
  FormatComparison comparison;
  comparison.input = to_string(input);
  comparison.rows = rows.fill(
      args.options.quantize, [&](const QuantizeOptions& quantize, std::size_t run, std::size_t runs) {
        ModelOptions options = args.options;
        options.quantize = quantize;
        const ModelSummary model = quantize_model(
            input, "", options,
            [&](std::uint64_t done, std::uint64_t total) { bar.update(run * total + done, runs * total); });
        FormatSummary summary{model.total(), {}, {}};
        if (!args.tensors) return summary;
        const bool first = comparison.tensors.empty();
        for (const TensorSummary& tensor : model.tensors) {
          if (first) comparison.tensors.push_back({tensor.name, tensor.shape});
          summary.tensors.push_back(tensor);
        }
        return summary;
      });
  return comparison;
}

FormatComparison compare_product(const Arguments& args, Rows rows) {
  ProgressBar bar("compare");
  NamedTensor activations = read_operand_values(args.activations);
  NamedTensor weights = read_operand_values(args.weights);
  FormatComparison comparison;
  for (const NamedTensor* operand : {&activations, &weights})
    comparison.tensors.push_back({operand->name, operand->tensor.shape});
  const ProductReference reference(std::move(activations), std::move(weights), args.options.threads);
  comparison.rows = rows.fill(args.options.quantize,
                              [&](const QuantizeOptions& quantize, std::size_t run, std::size_t runs) {
                                bar.update(run, runs);
                                const ProductAccuracy accuracy = reference.measure(quantize);
                                FormatSummary summary;
                                summary += accuracy.activations;
                                summary += accuracy.weights;
                                summary.tensors = {accuracy.activations, accuracy.weights};
                                summary.product = accuracy.product;
                                return summary;
                              });
  return comparison;
}

// The rows whose bars show the error of the product, and not that of the operands.
std::vector<FormatErrors> rows_of_product(std::vector<FormatErrors> rows) {
  for (FormatErrors& row : rows) {
    for (FormatSummary* summary : {&row.plain, &row.searched})
      static_cast<ErrorSums&>(*summary) = summary->product.value();
  }
  return rows;
}

std::string picture(const FormatComparison& comparison) {
  if (!comparison.of_product()) return to_svg(comparison.rows, one_line(comparison.input));
  return to_svg(rows_of_product(comparison.rows), "product of " + one_line(comparison.tensors[0].name) +
                                                      " and " + one_line(comparison.tensors[1].name));
}

// Those of each rule by bits a value, then by error.
void sort_rows(FormatComparison& comparison) {
  const auto error = [](const FormatErrors& row) {
    return relative_mse(row.plain.product ? *row.plain.product : row.plain);
  };
  std::stable_sort(comparison.rows.begin(), comparison.rows.end(),
                   [&](const FormatErrors& a, const FormatErrors& b) {
                     const double a_bits = bits_per_value(a.format), b_bits = bits_per_value(b.format);
                     if (a.rule != b.rule) return a.rule < b.rule;
                     return a_bits != b_bits ? a_bits < b_bits : error(a) < error(b);
                   });
}

int run(const Arguments& args) {
  check_args(args);
  RunFiles files;
  std::vector<std::string> inputs;
  for (const std::string* input : {&args.input, &args.activations, &args.weights})
    if (!input->empty()) inputs.push_back(parse_tensor_ref(*input).path);
  for (const auto& [option, path] : {std::pair{"--svg", &args.svg}, std::pair{"--json", &args.json}}) {
    if (!path->empty()) check_not_input(*path, inputs);
    files.use(option, *path, true);
  }
  ReportFile svg(args.svg), json(args.json);
  const Rows rows(args, read_formats(args));
  FormatComparison comparison = args.input.empty() ? compare_product(args, rows) : compare_model(args, rows);
  comparison.options = args.options.quantize;
  sort_rows(comparison);
  svg.write([&] { return picture(comparison); });
  json.write([&] { return to_json(comparison); });
  fmt::print("{}", to_text(comparison));
  if (!args.svg.empty()) fmt::print("picture: {}\n", one_line(args.svg));
  if (!args.json.empty()) fmt::print("JSON: {}\n", one_line(args.json));
  return 0;
}

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  add_text(app, "input", args->input, "MODEL[:NAME]",
           "all tensors of a file or of a folder of shards that the patterns choose, or one");
  add_operands(app, args->activations, args->weights);
  add_text(
      app, "--format", [args](const std::string& text) { args->formats = text; }, "LIST",
      "formats, names between commas; default all");
  const OptionRef all_rules =
      add_flag(app, "--all-rules", args->all_rules, "every rule, not one: rows for each of them");
  add_flag(app, "--tensors", args->tensors, "also the errors of each tensor of the model");
  const OptionRef svg =
      add_text(app, "--svg", args->svg, "FILE", "picture to write: the error of each format as a bar");
  svg.excludes(all_rules);
  add_text(app, "--json", args->json, "FILE", "report as JSON to this file");
  add_model_options(app, args->options).excludes(all_rules);
  add_footer(
      app,
      "With --acts and --weights both tensors are quantized and multiplied, and the results are compared "
      "with the product of the tensors as they are, in FP64.");
  return [args] { return run(*args); };
}

}  // namespace

const Command kCompareCommand = {
    "compare", "the error of every format on one file or on the product of two tensors, side by side",
    set_up};

}  // namespace if4
