// if4 replay: a vector file against the models and the Verilated unit.
#include <fmt/format.h>

#include <memory>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/vectors.hpp"
#include "sim/mac/mac_unit.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/dot_products.hpp"
#include "sim/program/options.hpp"
#include "sim/report/text.hpp"

namespace if4 {
namespace {

constexpr std::uint64_t kShownMismatches = 8;  // of each kind

struct Arguments {
  std::string file;
  ResultOrder order = ResultOrder::kLaneFp32;
};

struct Counts {
  std::uint64_t dot_products = 0, beats = 0;
  std::uint64_t wrong = 0;               // the file's result is not the model's
  std::uint64_t unit_wrong = 0;          // the unit's result is not the exact model's
  std::uint64_t nan = 0;                 // a scale is NaN
  std::uint64_t rounds_differently = 0;  // without NaN, and the unit's result is not the lane-FP32 model's
};

void replay(const Arguments& args, MacUnit& unit, const DotProduct& dot_product, Counts& counts) {
  const std::uint32_t lane_fp32 = lane_fp32_result(dot_product);
  const MacResult exact = exact_result(dot_product);
  const MacResult actual = run_dot_product(unit, dot_product.beats);
  const std::uint32_t model = args.order == ResultOrder::kLaneFp32 ? lane_fp32 : exact.bits;
  counts.beats += dot_product.beats.size();
  if (model != dot_product.result && ++counts.wrong <= kShownMismatches) {
    fmt::print("{}: dot product {}: file 0x{:08X}, {} model 0x{:08X}\n", one_line(args.file),
               counts.dot_products, dot_product.result, result_order_name(args.order), model);
  }
  if (actual != exact && ++counts.unit_wrong <= kShownMismatches) {
    fmt::print("{}: dot product {}: RTL 0x{:08X}, exact model 0x{:08X}\n", one_line(args.file),
               counts.dot_products, actual.bits, exact.bits);
  }
  if (exact.nan) {
    ++counts.nan;
  } else if (actual.bits != lane_fp32) {
    ++counts.rounds_differently;
  }
}

int run(const Arguments& args) {
  VectorReader reader(args.file);
  MacUnit unit;
  Counts counts;
  while (const auto next = reader.next()) {
    ++counts.dot_products;
    if (!reads_as_if4(next->format)) {
      throw InputError(
          fmt::format("{}: dot product {} is in {}, and the Verilated unit multiplies if4 and nvfp4",
                      one_line(args.file), counts.dot_products, format_name(next->format)));
    }
    replay(args, unit, as_if4(*next), counts);
  }
  const std::uint64_t all = counts.dot_products;
  const bool passed = counts.wrong == 0 && counts.unit_wrong == 0;
  std::string text = verdict_line(passed, one_line(args.file));
  text += report_line("dot products", fmt::format("{}, {} beats", all, counts.beats));
  text += report_line(std::string(result_order_name(args.order)) + " model",
                      fmt::format("{} of {} results equal, bit for bit", all - counts.wrong, all));
  text += report_line("Verilated unit",
                      fmt::format("{} of {} results equal to the exact model", all - counts.unit_wrong, all));
  text += report_line(
      "exact unit",
      fmt::format("rounds {} of {} results differently from lane-FP32 ({:.1f} %)", counts.rounds_differently,
                  all, per_cent(static_cast<double>(counts.rounds_differently), static_cast<double>(all))));
  if (counts.nan != 0) {
    text += report_line(
        "NaN scales",
        fmt::format("in {} dot products: NaN in the exact unit, read as 448 by lane-FP32", counts.nan));
  }
  fmt::print("{}", text);
  return passed ? 0 : 1;
}

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  add_text(app, "file", args->file, "FILE", "vector file, in if4 or nvfp4, as `if4 vectors` writes it")
      .required();
  add_result_order(app, args->order, "which results are in the file");
  add_footer(app, "The format of the file is described in model/files/vectors.hpp.\n");
  return [args] { return run(*args); };
}

}  // namespace

const Command kReplayCommand = {
    "replay", "check the results of a vector file with both models and the Verilated unit", set_up};

}  // namespace if4
