// if4 compare: every format on the tensors of one file, as a table and as a picture.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/interrupt.hpp"
#include "sim/program/progress.hpp"

namespace if4 {
namespace {

struct Row {
  Format format;
  TensorSummary plain;
  TensorSummary searched;
};

/// Bits a value in blocks without padding.
double bits_of(Format format) { return traits(format).code_bits + 8.0 / traits(format).block_size; }

std::vector<Row> measure_all(const CompareArgs& args) {
  const InterruptGuard guard;
  ProgressBar bar("compare");
  const TensorRef input = parse_tensor_ref(args.input);
  std::vector<Row> rows;
  std::uint64_t runs = 0;
  for (int number = 0; number < kFormatCount; ++number) {
    Row row{static_cast<Format>(number), {}, {}};
    // Blocks of 32 have no 2D form.
    if (args.options.quantize.square && traits(row.format).block_size != kBlockSize) continue;
    for (const bool search : {false, true}) {
      ModelOptions options = args.options;
      options.quantize.format = row.format;
      options.quantize.search = search;
      const ModelSummary summary =
          quantize_model(input, "", options, [&](std::uint64_t done, std::uint64_t total) {
            InterruptGuard::check();
            bar.update(runs * total + done, 2 * kFormatCount * total);
          });
      (search ? row.searched : row.plain) = summary.total();
      ++runs;
    }
    rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    if (bits_of(a.format) != bits_of(b.format)) return bits_of(a.format) < bits_of(b.format);
    return relative_mse(a.plain) < relative_mse(b.plain);
  });
  return rows;
}

double int_percent(const TensorSummary& summary) {
  return summary.blocks == 0
             ? 0.0
             : 100.0 * static_cast<double>(summary.int_blocks) / static_cast<double>(summary.blocks);
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else {
      result += c;
    }
  }
  return result;
}

/// Bars of the SQNR, one format a line: plain, and what the scale search adds.
std::string picture(const std::vector<Row>& rows, const std::string& title) {
  constexpr int kLine = 26;
  constexpr int kLeft = 120;
  constexpr int kWidth = 480;
  double most = 1.0;
  for (const Row& row : rows) {
    for (const TensorSummary* summary : {&row.plain, &row.searched}) {
      if (std::isfinite(sqnr_db(*summary))) most = std::max(most, sqnr_db(*summary));
    }
  }
  const auto length = [&](const TensorSummary& summary) {
    return std::clamp(sqnr_db(summary) / most, 0.0, 1.0) * kWidth;
  };
  const int height = 76 + kLine * static_cast<int>(rows.size());
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      kLeft + kWidth + 170, height);
  svg += fmt::format("<text x=\"12\" y=\"22\" font-size=\"15\">Quantization error by format: {}</text>\n",
                     escaped(title));
  svg +=
      "<text x=\"12\" y=\"42\" fill=\"#555\">signal to noise in dB, longer is better; light: gained by the "
      "scale search; right: relative MSE, bits a value</text>\n";
  int y = 56;
  for (const Row& row : rows) {
    const double plain = length(row.plain);
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", kLeft - 8, y + 15,
                       format_name(row.format));
    svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"18\" fill=\"#a9c7e8\"/>\n", kLeft,
                       y, std::max(plain, length(row.searched)));
    svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"18\" fill=\"{}\"/>\n", kLeft, y,
                       plain, row.format == Format::kIF4 ? "#c2410c" : "#2563a8");
    svg += fmt::format("<text x=\"{}\" y=\"{}\">{:.5f}  ({:g} bits)</text>\n", kLeft + kWidth + 8, y + 15,
                       relative_mse(row.plain), bits_of(row.format));
    y += kLine;
  }
  return svg + "</svg>\n";
}

std::string decibel(double value) { return std::isinf(value) ? "exact" : fmt::format("{:.2f}", value); }

}  // namespace

int run_compare(const CompareArgs& args) {
  const std::vector<Row> rows = measure_all(args);
  if (!args.svg.empty()) write_text_file(args.svg, picture(rows, one_line(args.input)));
  if (args.json) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const Row& row : rows) {
      all.push_back({{"format", std::string(format_name(row.format))},
                     {"bits", bits_of(row.format)},
                     {"int_share", int_percent(row.plain) / 100.0},
                     {"relative_mse", relative_mse(row.plain)},
                     {"relative_mse_search", relative_mse(row.searched)}});
    }
    fmt::print("{}\n", all.dump(2));
    return 0;
  }
  fmt::print("{:<12} {:>6} {:>6}  {:>9} {:>6}   with scale search: {:>9} {:>6}\n", "format", "bits", "INT %",
             "rel. MSE", "SQNR", "rel. MSE", "SQNR");
  for (const Row& row : rows) {
    fmt::print("{:<12} {:>6.2f} {:>6.1f}  {:>9.6f} {:>6}                      {:>9.6f} {:>6}\n",
               format_name(row.format), bits_of(row.format), int_percent(row.plain), relative_mse(row.plain),
               decibel(sqnr_db(row.plain)), relative_mse(row.searched), decibel(sqnr_db(row.searched)));
  }
  if (!args.svg.empty()) fmt::print("picture: {}\n", one_line(args.svg));
  return 0;
}

}  // namespace if4
