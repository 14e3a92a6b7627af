#include "sim/report/format_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "model/core/text.hpp"
#include "sim/report/text.hpp"
#include "sim/report/version.hpp"

namespace if4 {

double bits_per_value(Format format) { return traits(format).code_bits + 8.0 / traits(format).block_size; }

double int_percent(const ErrorSums& sums) { return 100.0 * int_share(sums); }

namespace {

using Json = nlohmann::ordered_json;

bool has_rules(const FormatComparison& comparison) {
  return !comparison.rows.empty() && comparison.rows.front().rule != comparison.rows.back().rule;
}

std::string label(const FormatComparison& comparison, const FormatErrors& row) {
  std::string name(format_name(row.format));
  if (has_rules(comparison)) name += " " + std::string(rule_name(row.rule));
  return name;
}

std::size_t label_width(const FormatComparison& comparison) {
  std::size_t width = 12;
  for (const FormatErrors& row : comparison.rows) width = std::max(width, label(comparison, row).size());
  return width;
}

std::string error_columns(const ErrorSums& sums) {
  return fmt::format("{:>9.6f} {:>6}", relative_mse(sums), decibel(sqnr_db(sums)));
}

std::string model_text(const FormatComparison& comparison) {
  const std::size_t width = label_width(comparison);
  std::string text = fmt::format("{:<{}} {:>6} {:>6}  {:>9} {:>6}   with scale search: {:>9} {:>6}\n",
                                 "format", width, "bits", "INT %", "rel. MSE", "SQNR", "rel. MSE", "SQNR");
  for (const FormatErrors& row : comparison.rows) {
    text += fmt::format("{:<{}} {:>6.2f} {:>6.1f}  {}                      {}\n", label(comparison, row),
                        width, bits_per_value(row.format), int_percent(row.plain), error_columns(row.plain),
                        error_columns(row.searched));
  }
  return text;
}

std::string product_text(const FormatComparison& comparison) {
  const std::size_t width = label_width(comparison);
  std::string text;
  const char* const names[] = {"activations", "weights"};
  for (std::size_t i = 0; i < 2; ++i) {
    const ComparedTensor& tensor = comparison.tensors.at(i);
    text += fmt::format("{:<12} {} {}\n", names[i], one_line(tensor.name), to_string(tensor.shape));
  }
  text += fmt::format("\n{:<{}} {:>6}  {:^15}  {:^15}  {:>16}  {:>16}\n", "", width, "", "activations",
                      "weights", "product", "with search");
  text += fmt::format("{:<{}} {:>6}  {:>6} {:>8}  {:>6} {:>8}  {:>9} {:>6}  {:>9} {:>6}\n", "format", width,
                      "bits", "INT %", "SQNR dB", "INT %", "SQNR dB", "rel. MSE", "SQNR", "rel. MSE", "SQNR");
  for (const FormatErrors& row : comparison.rows) {
    text += fmt::format("{:<{}} {:>6.2f}", label(comparison, row), width, bits_per_value(row.format));
    for (const ErrorSums& sums : row.plain.tensors)
      text += fmt::format("  {:>6.1f} {:>8}", int_percent(sums), decibel(sqnr_db(sums)));
    text += fmt::format("  {}  {}\n", error_columns(row.plain.product.value()),
                        error_columns(row.searched.product.value()));
  }
  return text;
}

// The signal-to-noise ratio of each tensor, a column for each row of the comparison.
std::string tensor_table(const FormatComparison& comparison) {
  std::string text = fmt::format("\n{:<44} {:>14}", "SQNR in dB", "shape");
  std::vector<std::size_t> widths;
  for (const FormatErrors& row : comparison.rows) {
    const std::string name = label(comparison, row);
    widths.push_back(std::max<std::size_t>(name.size(), 6));
    text += fmt::format("  {:>{}}", name, widths.back());
  }
  text += "\n";
  for (std::size_t i = 0; i < comparison.tensors.size(); ++i) {
    const ComparedTensor& tensor = comparison.tensors[i];
    text += fmt::format("{:<44} {:>14}", one_line(tensor.name), to_string(tensor.shape));
    for (std::size_t r = 0; r < widths.size(); ++r) {
      const ErrorSums& sums = comparison.rows[r].plain.tensors.at(i);
      text += fmt::format("  {:>{}}", decibel(sqnr_db(sums)), widths[r]);
    }
    text += "\n";
  }
  return text;
}

// JSON has no infinity.
Json finite_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

void add_error(Json& json, const ErrorSums& sums) {
  json["relative_mse"] = finite_or_null(relative_mse(sums));
  json["sqnr_db"] = finite_or_null(sqnr_db(sums));
}

Json operand_json(const ErrorSums& sums) {
  Json json;
  add_error(json, sums);
  json["int_share"] = int_share(sums);
  return json;
}

Json entry_json(const FormatComparison& comparison, const FormatErrors& row, bool search) {
  const FormatSummary& summary = search ? row.searched : row.plain;
  QuantizeOptions options = comparison.options;
  options.format = row.format;
  options.search = search;
  Json json;
  json["format"] = std::string(format_name(row.format));
  json["rule"] = uses_rule(options) ? Json(std::string(rule_name(row.rule))) : Json(nullptr);
  json["search"] = search;
  json["2d"] = options.square;
  json["rht"] = options.rotate;
  json["transpose"] = options.transpose;
  json["stochastic"] = options.seed ? Json(*options.seed) : Json(nullptr);
  json["bits"] = bits_per_value(row.format);
  json.update(operand_json(summary));
  if (summary.product) {
    json["activations"] = operand_json(summary.tensors.at(0));
    json["weights"] = operand_json(summary.tensors.at(1));
    add_error(json["product"], *summary.product);
    return json;
  }
  if (comparison.tensors.empty()) return json;
  json["tensors"] = Json::array();
  for (std::size_t i = 0; i < comparison.tensors.size(); ++i) {
    Json tensor = {{"name", comparison.tensors[i].name}};
    tensor.update(operand_json(summary.tensors.at(i)));
    json["tensors"].push_back(tensor);
  }
  return json;
}

}  // namespace

std::string to_text(const FormatComparison& comparison) {
  if (comparison.of_product()) return product_text(comparison);
  return model_text(comparison) + (comparison.tensors.empty() ? "" : tensor_table(comparison));
}

std::string to_json(const FormatComparison& comparison) {
  Json json;
  json["generator"] = generator();
  const auto described = [&](std::size_t i) {
    return Json{{"name", comparison.tensors.at(i).name}, {"shape", comparison.tensors.at(i).shape}};
  };
  if (comparison.of_product()) {
    json["activations"] = described(0);
    json["weights"] = described(1);
  } else {
    json["input"] = comparison.input;
    for (std::size_t i = 0; i < comparison.tensors.size(); ++i) json["tensors"].push_back(described(i));
  }
  json["formats"] = Json::array();
  for (const FormatErrors& row : comparison.rows) {
    QuantizeOptions plain = comparison.options;
    plain.format = row.format;
    if (uses_rule(plain) || row.rule == comparison.rows.front().rule)
      json["formats"].push_back(entry_json(comparison, row, false));
    json["formats"].push_back(entry_json(comparison, row, true));
  }
  return json_text(json) + "\n";
}

}  // namespace if4
