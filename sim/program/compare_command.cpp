// if4 compare: every format on the tensors of one file, as a table and as a picture.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"
#include "model/files/output_path.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/options.hpp"
#include "sim/report/format_chart.hpp"
#include "sim/report/format_report.hpp"
#include "sim/terminal/progress.hpp"

namespace if4 {
namespace {

struct Arguments {
  std::string input;  // FILE or FILE:NAME
  std::string svg;    // picture to write; empty: none
  bool json = false;
  ModelOptions options;  // format and search are of no effect: all are compared
};

// Sorted by bits a value, then by error.
std::vector<FormatErrors> measure_all(const Arguments& args) {
  ProgressBar bar("compare");
  const TensorRef input = parse_tensor_ref(args.input);
  std::vector<FormatErrors> rows;
  std::uint64_t runs = 0;
  for (int number = 0; number < kFormatCount; ++number) {
    FormatErrors row{static_cast<Format>(number), {}, {}};
    // Blocks of 32 have no 2D form.
    if (args.options.quantize.square && traits(row.format).block_size != kBlockSize) continue;
    for (const bool search : {false, true}) {
      ModelOptions options = args.options;
      options.quantize.format = row.format;
      options.quantize.search = search;
      const ModelSummary summary =
          quantize_model(input, "", options, [&](std::uint64_t done, std::uint64_t total) {
            bar.update(runs * total + done, 2 * kFormatCount * total);
          });
      (search ? row.searched : row.plain) = summary.total();
      ++runs;
    }
    rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const FormatErrors& a, const FormatErrors& b) {
    const double a_bits = bits_per_value(a.format), b_bits = bits_per_value(b.format);
    return a_bits != b_bits ? a_bits < b_bits : relative_mse(a.plain) < relative_mse(b.plain);
  });
  return rows;
}

int run(const Arguments& args) {
  if (!args.svg.empty()) check_not_input(args.svg, {parse_tensor_ref(args.input).path});
  const std::vector<FormatErrors> rows = measure_all(args);
  if (!args.svg.empty()) write_text_file(args.svg, to_svg(rows, one_line(args.input)));
  if (args.json) {
    fmt::print("{}", to_json(rows));
    return 0;
  }
  fmt::print("{}", to_text(rows));
  if (!args.svg.empty()) fmt::print("picture: {}\n", one_line(args.svg));
  return 0;
}

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  add_text(app, "input", args->input, "MODEL[:NAME]",
           "all tensors of a file or of a folder of shards that the patterns choose, or one")
      .required();
  add_text(app, "--svg", args->svg, "FILE", "picture to write: the error of each format as a bar");
  add_flag(app, "--json", args->json, "print JSON, not a table");
  add_model_options(app, args->options);
  return [args] { return run(*args); };
}

}  // namespace

const Command kCompareCommand = {"compare", "the error of every format on one file, side by side", set_up};

}  // namespace if4
