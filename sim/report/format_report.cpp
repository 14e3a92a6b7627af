#include "sim/report/format_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "sim/report/svg.hpp"
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

std::string to_svg(const std::vector<FormatErrors>& rows, const std::string& title) {
  constexpr int kLine = 26;
  constexpr int kLeft = 120;
  constexpr int kWidth = 480;
  double most = 1.0;
  for (const FormatErrors& row : rows) {
    for (const TensorSummary* summary : {&row.plain, &row.searched}) {
      if (std::isfinite(sqnr_db(*summary))) most = std::max(most, sqnr_db(*summary));
    }
  }
  const auto length = [&](const TensorSummary& summary) {
    return std::clamp(sqnr_db(summary) / most, 0.0, 1.0) * kWidth;
  };
  std::string body = fmt::format(
      "<text x=\"12\" y=\"22\" font-size=\"15\">Quantization error by format: {}</text>\n", escaped(title));
  body +=
      "<text x=\"12\" y=\"42\" fill=\"#555\">signal to noise in dB, longer is better; light: gained by the "
      "scale search; right: relative MSE, bits a value</text>\n";
  int y = 56;
  for (const FormatErrors& row : rows) {
    const double plain = length(row.plain);
    body += svg_text(kLeft - 8, y + 15, "end", format_name(row.format));
    body += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"18\" fill=\"#a9c7e8\"/>\n", kLeft,
                        y, std::max(plain, length(row.searched)));
    body += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"18\" fill=\"{}\"/>\n", kLeft, y,
                        plain, row.format == Format::kIF4 ? "#c2410c" : "#2563a8");
    body += svg_text(kLeft + kWidth + 8, y + 15, "start",
                     fmt::format("{:.5f}  ({:g} bits)", relative_mse(row.plain), bits_per_value(row.format)));
    y += kLine;
  }
  return svg_picture(kLeft + kWidth + 170, 76 + kLine * static_cast<double>(rows.size()), 13, body);
}

}  // namespace if4
