#include "sim/report/format_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sim/report/text.hpp"

namespace if4 {

double bits_per_value(Format format) { return traits(format).code_bits + 8.0 / traits(format).block_size; }

double int_percent(const TensorSummary& summary) {
  return per_cent(static_cast<double>(summary.int_blocks), static_cast<double>(summary.blocks));
}

std::string to_text(const std::vector<FormatErrors>& rows) {
  std::string text = fmt::format("{:<12} {:>6} {:>6}  {:>9} {:>6}   with scale search: {:>9} {:>6}\n",
                                 "format", "bits", "INT %", "rel. MSE", "SQNR", "rel. MSE", "SQNR");
  for (const FormatErrors& row : rows) {
    text += fmt::format("{:<12} {:>6.2f} {:>6.1f}  {:>9.6f} {:>6}                      {:>9.6f} {:>6}\n",
                        format_name(row.format), bits_per_value(row.format), int_percent(row.plain),
                        relative_mse(row.plain), decibel(sqnr_db(row.plain)), relative_mse(row.searched),
                        decibel(sqnr_db(row.searched)));
  }
  return text;
}

std::string to_json(const std::vector<FormatErrors>& rows) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const FormatErrors& row : rows) {
    all.push_back({{"format", std::string(format_name(row.format))},
                   {"bits", bits_per_value(row.format)},
                   {"int_share", int_percent(row.plain) / 100.0},
                   {"relative_mse", relative_mse(row.plain)},
                   {"relative_mse_search", relative_mse(row.searched)}});
  }
  return json_text(all) + "\n";
}

}  // namespace if4
