#include "sim/report/cosim_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sim/report/text.hpp"
#include "sim/report/version.hpp"

namespace if4 {
namespace {

constexpr const char* kTypeNames[2] = {"FP", "INT"};

double beats_per_cycle(const CosimReport& report) {
  return report.cycles == 0 ? 0.0 : static_cast<double>(report.beats) / static_cast<double>(report.cycles);
}

double beats_per_second(const CosimReport& report) {
  return report.seconds > 0.0 ? static_cast<double>(report.beats) / report.seconds : 0.0;
}

std::string describe(const MacResult& result) {
  return fmt::format("0x{:08X}{}{}", result.bits, result.nan ? " nan" : "",
                     result.overflow ? " overflow" : "");
}

}  // namespace

std::string to_text(const CosimSummary& summary) {
  const CosimReport& r = summary.report;
  std::string text = verdict_line(r.passed(), summary.activations + " x " + summary.weights);
  const auto line = [&text](const char* label, const std::string& value) {
    text += report_line(label, value);
  };
  line("shape", fmt::format("M {}  N {}  K {}", summary.m, summary.n, summary.k));
  line("format", summary.format + (summary.rule.empty() ? "" : ", rule " + summary.rule));
  if (summary.options.scaled) line("scaled", "results leave out the factor 1/49");
  line("checked", fmt::format("{} results, {} beats on the {} against the golden model", r.results, r.beats,
                              r.engine.empty() ? "Verilated RTL" : "bits engine"));
  if (!r.engine.empty()) line("engine", "bits, " + r.engine);
  line("mismatches", fmt::format("{}", r.mismatches));
  if (r.missing != 0)
    line("missing", fmt::format("{} results never came; the last beat or result moved in clock {}", r.missing,
                                r.last_moved_clock));
  for (const CosimMismatch& bad : r.first_mismatches) {
    line("", fmt::format("m {} n {}, {}clock {}: expected {}, RTL gave {}", bad.m, bad.n,
                         bad.unit ? fmt::format("unit {}, ", *bad.unit) : "", bad.clock,
                         describe(bad.expected), describe(bad.actual)));
  }
  if (r.nan_results + r.overflow_results != 0) {
    line("flagged", fmt::format("{} NaN, {} overflow", r.nan_results, r.overflow_results));
  }
  line("cycles", fmt::format("{}, {:.3f} beats a cycle (stalls: input {} %, output {} %, seed {})", r.cycles,
                             beats_per_cycle(r), summary.options.stalls.input_percent,
                             summary.options.stalls.output_percent, summary.options.stalls.seed));
  std::string pairs;
  for (std::size_t a = 0; a < 2; ++a) {
    for (std::size_t w = 0; w < 2; ++w) {
      pairs += fmt::format("{}{}/{} {} ({:.1f} %)", pairs.empty() ? "" : "  ", kTypeNames[a], kTypeNames[w],
                           r.pair_beats[a][w],
                           per_cent(static_cast<double>(r.pair_beats[a][w]), static_cast<double>(r.beats)));
    }
  }
  line("type pairs", pairs);
  if (summary.errors) {
    line("relative error", fmt::format("{:.4f} against the unquantized product; NVFP4 {:.4f}",
                                       summary.errors->unit, summary.errors->nvfp4));
  }
  line("speed", fmt::format("{:.0f} checked beats/s ({:.3f} s)", beats_per_second(r), r.seconds));
  return text;
}

std::string to_json(const CosimSummary& summary) {
  const CosimReport& r = summary.report;
  nlohmann::ordered_json json;
  json["generator"] = generator();
  json["passed"] = r.passed();
  json["activations"] = summary.activations;
  json["weights"] = summary.weights;
  json["format"] = summary.format;
  json["rule"] = summary.rule;
  json["scaled"] = summary.options.scaled;
  json["m"] = summary.m;
  json["n"] = summary.n;
  json["k"] = summary.k;
  json["engine"] = r.engine.empty() ? "verilated" : "bits, " + r.engine;
  json["results"] = r.results;
  json["beats"] = r.beats;
  json["mismatches"] = r.mismatches;
  json["missing"] = r.missing;
  json["nan_results"] = r.nan_results;
  json["overflow_results"] = r.overflow_results;
  json["cycles"] = r.cycles;
  json["beats_per_cycle"] = beats_per_cycle(r);
  json["stalls"] = {{"input_percent", summary.options.stalls.input_percent},
                    {"output_percent", summary.options.stalls.output_percent},
                    {"seed", summary.options.stalls.seed}};
  json["pair_beats"] = {{"fp_fp", r.pair_beats[0][0]},
                        {"fp_int", r.pair_beats[0][1]},
                        {"int_fp", r.pair_beats[1][0]},
                        {"int_int", r.pair_beats[1][1]}};
  if (summary.errors) {
    json["relative_error"] = summary.errors->unit;
    json["relative_error_nvfp4"] = summary.errors->nvfp4;
  }
  json["seconds"] = r.seconds;
  json["checked_beats_per_second"] = beats_per_second(r);
  json["first_mismatches"] = nlohmann::ordered_json::array();
  for (const CosimMismatch& bad : r.first_mismatches) {
    json["first_mismatches"].push_back({{"m", bad.m},
                                        {"n", bad.n},
                                        {"clock", bad.clock},
                                        {"expected", describe(bad.expected)},
                                        {"actual", describe(bad.actual)}});
    if (bad.unit) json["first_mismatches"].back()["unit"] = *bad.unit;
  }
  return json_text(json) + "\n";
}

}  // namespace if4
