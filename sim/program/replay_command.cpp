// if4 replay: a vector file against the models and the Verilated unit.
#include <fmt/format.h>

#include <array>
#include <map>
#include <memory>
#include <optional>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/kit/vectors.hpp"
#include "sim/mac/mac_unit.hpp"
#include "sim/mac/vector_driver.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/dot_products.hpp"
#include "sim/program/options.hpp"
#include "sim/report/text.hpp"

namespace if4 {
namespace {

constexpr std::uint64_t kShownMismatches = 8;  // of each kind

struct Arguments {
  std::string file;
  std::optional<ResultOrder> order;
};

// A file while it is read.
class Replay {
 public:
  explicit Replay(const Arguments& args)
      : args_(args),
        name_(one_line(args.file)),
        reader_(args.file),
        order_(args.order.value_or(kScriptOrder)) {}

  int run() {
    while (const auto line = reader_.next()) {
      if (lines_++ == 0) begin();
      add(*line);
    }
    for (auto& [format, unit] : units_) {
      if (unit.driver) unit.driver->finish();
    }
    report();
    return passed() ? 0 : 1;
  }

 private:
  static constexpr ResultOrder kScriptOrder = ResultOrder::kLaneFp32;  // of the published script

  // A unit for the blocks of a format. Only files of the published script have more than one.
  struct Unit {
    std::optional<MacUnit> unit;
    std::optional<VectorDriver> driver;
  };

  void begin() {
    if (!reader_.header()) return;
    const ResultOrder order = reader_.header()->rounding;
    if (args_.order && *args_.order != order) {
      throw InputError(fmt::format("{}: the file says that its results are {}: leave --result out", name_,
                                   result_order_name(order)));
    }
    order_ = order;
    if (order == ResultOrder::kLaneFp32 && !has_lane_fp32())
      throw InputError(name_ + ": lane-FP32 results are of if4 or nvfp4 with 16 lanes");
  }

  MacConfig mac() const {
    if (reader_.header()) return reader_.header()->mac;
    MacConfig config;
    config.format = reader_.format();
    return config;
  }
  bool has_lane_fp32() const { return reads_as_if4(mac().format) && mac().lanes == kBlockSize; }

  // The unit with the parameters of the lines, or one without a driver where this program has none.
  Unit& unit() {
    const auto [place, is_new] = units_.try_emplace(mac().format);
    Unit& unit = place->second;
    const UnitBuild* build = is_new ? build_of(mac()) : nullptr;
    if (build == nullptr) return unit;
    unit.unit.emplace(*build);
    unit.driver.emplace(*unit.unit, 1, [this](std::uint64_t, const std::string& what) {
      if (++unit_failures_ <= kShownMismatches) {
        fmt::print("{}: up to dot product {}{}: {}\n", name_, dot_products_, testpoint(), what);
      }
    });
    return unit;
  }

  void add(const VectorLine& line) {
    if (const auto* result = std::get_if<ResultLine>(&line)) return add_result(result->result);
    if (const auto* name = std::get_if<TestpointLine>(&line)) {
      testpoint_ = name->name;
      ++testpoints_;
    } else if (const auto* beat = std::get_if<BeatLine>(&line)) {
      ++beats_;
      blocks_.insert(blocks_.end(), beat->blocks.begin(), beat->blocks.end());
    } else if (std::holds_alternative<ResetLine>(line)) {
      blocks_.clear();
    }
    if (auto& driver = unit().driver) driver->line(line);
  }

  void add_result(const MacResult& result) {
    ++dot_products_;
    const MacResult exact = dot_product(mac(), blocks_);
    if (auto& driver = unit().driver) driver->line(ResultLine{exact});
    const std::uint32_t lane = has_lane_fp32() ? lane_fp32_result(mac().format, blocks_) : 0;
    MacResult model = order_ == ResultOrder::kExact ? exact : MacResult{lane, false, false};
    if (!reader_.header()) model.nan = model.overflow = false;  // the published script has no flags
    if (order_ == ResultOrder::kLaneFp32 && !has_lane_fp32()) {
      throw InputError(fmt::format("{}: lane-FP32 results are for if4 and nvfp4, not {}; give --result exact",
                                   reader_.place(), format_name(mac().format)));
    }
    if (model != result && ++wrong_ <= kShownMismatches) {
      fmt::print("{}: dot product {}: file {}, {} model {}{}\n", name_, dot_products_, result_text(result),
                 result_order_name(order_), result_text(model), testpoint());
    }
    if (has_lane_fp32() && exact.nan) ++nan_;
    if (has_lane_fp32() && !exact.nan && exact.bits != lane) ++rounds_differently_;
    blocks_.clear();
  }

  std::string testpoint() const { return testpoint_.empty() ? "" : ", testpoint " + testpoint_; }

  bool passed() const {
    bool units = true;
    for (const auto& [format, unit] : units_) units = units && (!unit.driver || unit.driver->passed());
    return wrong_ == 0 && units;
  }

  void report() const {
    const auto count = [](std::uint64_t right, std::uint64_t all) {
      return fmt::format("{} of {}", right, all);
    };
    std::string text = verdict_line(passed(), name_);
    if (const auto& header = reader_.header()) {
      text += report_line(
          "vectors", fmt::format("{}, {} lanes, accumulator of {} bits{}; {} testpoint{}",
                                 format_name(header->mac.format), header->mac.lanes, acc_width(header->mac),
                                 header->mac.scaled ? ", scaled results" : "", testpoints_,
                                 testpoints_ == 1 ? "" : "s"));
    }
    text += report_line("dot products", fmt::format("{}, {} beats", dot_products_, beats_));
    text += report_line(std::string(result_order_name(order_)) + " model",
                        count(dot_products_ - wrong_, dot_products_) + " results equal, bit for bit");
    for (const auto& [format, unit] : units_) text += unit_line(format, unit);
    // Where the published unit's results are of interest: beside its script's lines, and in files of them.
    if (has_lane_fp32() && (!reader_.header() || order_ == ResultOrder::kLaneFp32)) {
      const double share =
          per_cent(static_cast<double>(rounds_differently_), static_cast<double>(dot_products_));
      text += report_line("exact unit", fmt::format("rounds {} results differently from lane-FP32 ({:.1f} %)",
                                                    count(rounds_differently_, dot_products_), share));
      if (nan_ != 0) {
        text += report_line(
            "NaN scales",
            fmt::format("in {} dot products: NaN in the exact unit, read as 448 by lane-FP32", nan_));
      }
    }
    fmt::print("{}", text);
  }

  std::string unit_line(Format format, const Unit& unit) const {
    const std::string of = units_.size() > 1 ? fmt::format(", {}", format_name(format)) : "";
    if (!unit.driver) {
      return report_line(
          "Verilated unit",
          fmt::format("not checked: this program has none of {} with these parameters", format_name(format)));
    }
    const VectorDriver& driver = *unit.driver;
    std::string text = fmt::format("{} of {} results equal to the exact model{}", driver.right(),
                                   driver.right() + driver.wrong() + driver.missing(), of);
    if (driver.dropped() != 0) text += fmt::format("; resets dropped {}", driver.dropped());
    if (!driver.passed() && driver.wrong() == 0) text += "; its handshake is wrong";
    return report_line("Verilated unit", text);
  }

  const Arguments& args_;
  std::string name_;
  VectorReader reader_;
  ResultOrder order_;
  std::map<Format, Unit> units_;
  BlockPairs blocks_;  // of the dot product so far
  std::string testpoint_;
  std::uint64_t lines_ = 0, testpoints_ = 0, dot_products_ = 0, beats_ = 0;
  std::uint64_t wrong_ = 0;               // the file's result is not the model's
  std::uint64_t unit_failures_ = 0;       // what the unit did wrong
  std::uint64_t nan_ = 0;                 // a scale is NaN
  std::uint64_t rounds_differently_ = 0;  // without NaN, and the exact result is not lane-FP32's
};

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  add_text(app, "file", args->file, "FILE", "vector file, as `if4 vectors` or the published script writes it")
      .required();
  constexpr std::array kOrders = {ResultOrder::kLaneFp32, ResultOrder::kExact};
  std::vector<std::string> names;
  for (const ResultOrder order : kOrders) names.emplace_back(rounding_name(order));
  add_name(
      app, "--result", names, 0, [args, kOrders](std::size_t index) { args->order = kOrders[index]; },
      "which results a file of the published script's lines has; other files say it");
  add_footer(app, "Vector files are described in model/kit/vectors.hpp.\n");
  return [args] { return Replay(*args).run(); };
}

}  // namespace

const Command kReplayCommand = {
    "replay", "check the results of a vector file with the models and the Verilated unit", set_up};

}  // namespace if4
