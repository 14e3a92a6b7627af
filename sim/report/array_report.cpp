#include "sim/report/array_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <variant>

#include "sim/network/csv.hpp"
#include "sim/report/text.hpp"
#include "sim/report/version.hpp"

namespace if4 {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::string seconds_text(double seconds) {
  if (seconds >= 1.0) return fmt::format("{:.3f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.3f} ms", seconds * 1e3);
  return fmt::format("{:.3f} us", seconds * 1e6);
}

namespace {

std::string rate_text(double per_second) {
  if (per_second >= 1e12) return fmt::format("{:.2f} T", per_second / 1e12);
  if (per_second >= 1e9) return fmt::format("{:.2f} G", per_second / 1e9);
  return fmt::format("{:.2f} M", per_second / 1e6);
}

}  // namespace

double at_clock(const SystemConfig& config, std::uint64_t cycles) {
  return static_cast<double>(cycles) / (config.clock_mhz * 1e6);
}

namespace {

// Name and value of every count: the columns of the CSV file and the members of the JSON file.
std::vector<std::pair<std::string, std::uint64_t>> counts(const RunStats& stats) {
  std::vector<std::pair<std::string, std::uint64_t>> all = {{"cycles", stats.cycles.total()},
                                                            {"tiles", stats.tiles}};
  for (const auto& count : kCycleCounts) all.emplace_back(count.name, stats.cycles.*count.member);
  for (const auto& count : kByteCounts) all.emplace_back(count.name, stats.bytes.*count.member);
  return all;
}

std::string table_row(const std::string& name, const std::string& shape, std::uint64_t count,
                      std::uint64_t macs, const RunStats& stats, const SystemConfig& config) {
  const std::uint64_t cycles = stats.cycles.total();
  std::string row = fmt::format("{:<28.28} {:>19} {:>5} {:>13} {:>11}", name, shape, count, cycles,
                                seconds_text(at_clock(config, cycles)));
  for (const CycleShare& share : shares(config, macs, stats.cycles))
    row += fmt::format(" {:>6.1f}", per_cent(share.cycles, static_cast<double>(cycles)));
  return row + fmt::format(" {:>10}\n", bytes_text(stats.bytes.dram()));
}

// All layers of a run together, each counted once however often it runs.
struct ResultCounts {
  std::uint64_t checked = 0, mismatches = 0, nan = 0, overflow = 0;
  std::uint64_t macs = 0;  // simulated
  double seconds = 0.0;    // wall clock of the simulation
  bool cycles_agree = true;
};

ResultCounts count_results(const ArraySummary& summary) {
  ResultCounts counts;
  for (const LayerReport& layer : summary.layers) {
    counts.checked += layer.checked;
    counts.mismatches += layer.mismatches;
    counts.nan += layer.nan_results;
    counts.overflow += layer.overflow_results;
    counts.macs += macs(layer.layer.shape);
    counts.seconds += layer.seconds;
    counts.cycles_agree = counts.cycles_agree && layer.cycles_agree;
  }
  return counts;
}

// A line for each layer, and one for all of them if that says something new.
std::string layer_table(const ArraySummary& summary, const RunStats& total) {
  std::string text =
      fmt::format("{:<28} {:>19} {:>5} {:>13} {:>11}", "layer", "M x N x K", "runs", "cycles", "time");
  for (const CycleShare& share : shares(summary.config, 0, {})) text += fmt::format(" {:>6}", share.name);
  text += fmt::format(" {:>10}\n", "DRAM");
  std::uint64_t runs = 0;
  for (const LayerReport& layer : summary.layers) {
    runs += layer.layer.count;
    text += table_row(layer.layer.name, to_string(layer.layer.shape), layer.layer.count,
                      macs(layer.layer.shape), layer.stats, summary.config);
  }
  if (runs > 1) text += table_row("total", "", runs, summary.total_macs(), total, summary.config);
  return text;
}

}  // namespace

std::string array_text(const SystemConfig& c, std::string_view format) {
  return fmt::format("{} x {} {}cells of {} lanes, {}, {}, {:g} MHz, {} tiles", c.array.rows, c.array.columns,
                     c.array.depth == 0 ? "" : "fast ", c.array.mac.lanes, format,
                     c.array.shared_output ? "shared output" : "an output for each column", c.clock_mhz,
                     c.overlap ? "overlapping" : "separate");
}

namespace {

std::string traffic_text(std::uint64_t activations, std::uint64_t weights, std::uint64_t results) {
  return fmt::format("read {} of activations, {} of weights; written {}", bytes_text(activations),
                     bytes_text(weights), bytes_text(results));
}

}  // namespace

std::string memory_text(const SystemConfig& c) {
  if (c.ideal_memory) return "ideal: operands are there, results need no room";
  const SystemConfig usual;
  const bool grown = (!c.activation_chosen && c.activation_bytes != usual.activation_bytes) ||
                     (!c.weight_chosen && c.weight_bytes != usual.weight_bytes) ||
                     (!c.output_chosen && c.output_bytes != usual.output_bytes);
  return fmt::format("DRAM {:g} B/cycle, latency {}, bursts of {} B; buffers {} + {} + {} B{}; order {}{}",
                     c.dram_bandwidth / 1000.0, c.dram_latency, c.dram_burst, c.activation_bytes,
                     c.weight_bytes, c.output_bytes, grown ? " (grown to hold a tile)" : "",
                     order_name(c.order), c.snake ? ", snake" : "");
}

std::string clock_text(const SystemConfig& c) {
  if (c.synthesized_mhz == 0.0) return fmt::format("{:g} MHz, assumed: no synthesis backs it", c.clock_mhz);
  return c.clock_mhz > c.synthesized_mhz
             ? fmt::format("{:g} MHz, above the {:g} that synthesis of this array allows", c.clock_mhz,
                           c.synthesized_mhz)
             : fmt::format("{:g} MHz; synthesis of this array allows {:g}", c.clock_mhz, c.synthesized_mhz);
}

Json config_json(const SystemConfig& config) {
  Json json;
  for (const Knob& knob : knobs())
    std::visit([&](const auto& value) { json[std::string(knob.name)] = value; }, knob.get(config));
  return json;
}

Json stats_json(const SystemConfig& config, std::uint64_t macs, const RunStats& stats) {
  Json json;
  for (const auto& [name, value] : counts(stats)) json[name] = value;
  json["macs"] = macs;
  json["utilization"] = utilization(config, macs, stats.cycles.total());
  json["seconds_at_clock"] = at_clock(config, stats.cycles.total());
  return json;
}

std::uint64_t macs(const GemmShape& shape) { return shape.m * shape.n * shape.k; }

std::uint64_t peak(const SystemConfig& config) {
  return static_cast<std::uint64_t>(config.array.rows) * static_cast<std::uint64_t>(config.array.columns) *
         static_cast<std::uint64_t>(config.array.mac.lanes);
}

double utilization(const SystemConfig& config, std::uint64_t macs, std::uint64_t cycles) {
  return static_cast<double>(macs) / (static_cast<double>(peak(config)) * static_cast<double>(cycles));
}

std::vector<CycleShare> shares(const SystemConfig& config, std::uint64_t macs, const CycleCounts& cycles) {
  const double useful = static_cast<double>(macs) / static_cast<double>(peak(config));
  return {{"useful", "useful", useful},
          {"edge", "unused at the edges of tiles", static_cast<double>(cycles.beats) - useful},
          {"drain", "filling and draining", static_cast<double>(cycles.fill_drain)},
          {"result", "waiting for results to leave", static_cast<double>(cycles.interval)},
          {"acts", "waiting for activations", static_cast<double>(cycles.activations)},
          {"weight", "waiting for weights", static_cast<double>(cycles.weights)},
          {"output", "waiting for room for results", static_cast<double>(cycles.output)},
          {"banks", "waiting for banks of buffers", static_cast<double>(cycles.banks)}};
}

bool ArraySummary::passed() const {
  return !layers.empty() && std::all_of(layers.begin(), layers.end(), [this](const LayerReport& layer) {
    return layer.mismatches == 0 && layer.cycles_agree && (!results || layer.checked != 0);
  });
}

RunStats ArraySummary::total() const {
  RunStats total;
  for (const LayerReport& layer : layers) add(total, layer.stats, layer.layer.count);
  return total;
}

std::uint64_t ArraySummary::total_macs() const {
  std::uint64_t total = 0;
  for (const LayerReport& layer : layers) total += macs(layer.layer.shape) * layer.layer.count;
  return total;
}

std::string to_text(const ArraySummary& summary) {
  const SystemConfig& config = summary.config;
  const RunStats total = summary.total();
  const ResultCounts results = count_results(summary);
  std::string text = layer_table(summary, total);
  text += '\n' + verdict_line(summary.passed(), summary.engine);
  text += report_line("array", array_text(config, format_name(config.array.mac.format)));
  text += report_line("clock", clock_text(config));
  text += report_line("memory", memory_text(config));
  text += report_line("operands", summary.operands);
  const std::uint64_t cycles = total.cycles.total();
  const double time = at_clock(config, cycles);
  text += report_line("cycles", fmt::format("{}, {} at the clock", cycles, seconds_text(time)));
  text += report_line("utilization",
                      fmt::format("{:.2f} % of {} MACs a cycle; {}MAC/s",
                                  100.0 * utilization(config, summary.total_macs(), cycles), peak(config),
                                  rate_text(static_cast<double>(summary.total_macs()) / time)));
  const ByteCounts& bytes = total.bytes;
  text += report_line("DRAM", traffic_text(bytes.dram_activations, bytes.dram_weights, bytes.dram_outputs));
  text += report_line("buffers",
                      traffic_text(bytes.buffer_activations, bytes.buffer_weights, bytes.buffer_outputs));
  if (summary.results) {
    text += report_line("mismatches", fmt::format("{} of {} results compared with the golden model",
                                                  results.mismatches, results.checked));
    for (const LayerReport& layer : summary.layers) {
      if (!layer.first_mismatch.empty())
        text += report_line("", layer.layer.name + ": " + layer.first_mismatch);
    }
    if (results.nan + results.overflow != 0)
      text += report_line("flagged", fmt::format("{} NaN, {} overflow", results.nan, results.overflow));
  } else {
    text += report_line("results", "not computed (timing only)");
  }
  if (!results.cycles_agree)
    text += report_line("cycles differ", "the engine and the fast model do not agree");
  text += report_line(
      "speed", fmt::format("{}MAC/s simulated ({:.3f} s)",
                           rate_text(static_cast<double>(results.macs) / std::max(results.seconds, 1e-9)),
                           results.seconds));
  return text;
}

namespace {

// A line of the CSV file. `name`: layer, M, N and K; `end`: what is the same in all lines.
std::string csv_line(const SystemConfig& config, const std::string& name, std::uint64_t runs,
                     std::uint64_t macs, const RunStats& stats, std::uint64_t checked,
                     std::uint64_t mismatches, const std::string& end) {
  const std::uint64_t cycles = stats.cycles.total();
  std::string text =
      fmt::format("{},{},{},{:.6f},{:.9g},{:.2f}", name, runs, macs, utilization(config, macs, cycles),
                  at_clock(config, cycles), static_cast<double>(macs) / static_cast<double>(peak(config)));
  for (const auto& [count, value] : counts(stats)) text += fmt::format(",{}", value);
  return text + fmt::format(",{},{}{}\n", checked, mismatches, end);
}

}  // namespace

std::string to_csv(const ArraySummary& summary) {
  std::string text = "layer,m,n,k,runs,macs,utilization,seconds_at_clock,useful_beat_cycles";
  for (const auto& [name, value] : counts({})) text += "," + name;
  text += ",checked,mismatches,network,engine,operands";
  std::string end;
  for (const std::string* value : {&summary.network, &summary.engine, &summary.operands})
    end += "," + csv_field(*value);
  for (const Knob& knob : knobs()) {
    std::string name(knob.name);
    std::replace(name.begin(), name.end(), '-', '_');
    text += "," + name;
    end += "," + csv_field(knob_text(knob.get(summary.config)));
  }
  text += '\n';
  std::uint64_t runs = 0;
  for (const LayerReport& layer : summary.layers) {
    const GemmShape& shape = layer.layer.shape;
    const std::string name =
        fmt::format("{},{},{},{}", csv_field(layer.layer.name), shape.m, shape.n, shape.k);
    text += csv_line(summary.config, name, layer.layer.count, macs(shape), layer.stats, layer.checked,
                     layer.mismatches, end);
    runs += layer.layer.count;
  }
  const ResultCounts results = count_results(summary);
  return text + csv_line(summary.config, "total,,,", runs, summary.total_macs(), summary.total(),
                         results.checked, results.mismatches, end);
}

std::string to_json(const ArraySummary& summary) {
  Json json;
  json["generator"] = generator();
  json["passed"] = summary.passed();
  json["network"] = summary.network;
  json["engine"] = summary.engine;
  json["operands"] = summary.operands;
  json["config"] = config_json(summary.config);
  json["synthesized_mhz"] =
      summary.config.synthesized_mhz == 0.0 ? Json() : Json(summary.config.synthesized_mhz);
  json["layers"] = Json::array();
  double seconds = 0.0;
  for (const LayerReport& layer : summary.layers) {
    Json entry;
    entry["name"] = layer.layer.name;
    entry["m"] = layer.layer.shape.m;
    entry["n"] = layer.layer.shape.n;
    entry["k"] = layer.layer.shape.k;
    entry["runs"] = layer.layer.count;
    entry.update(stats_json(summary.config, macs(layer.layer.shape), layer.stats));
    entry["checked"] = layer.checked;
    entry["mismatches"] = layer.mismatches;
    entry["nan_results"] = layer.nan_results;
    entry["overflow_results"] = layer.overflow_results;
    entry["simulation_seconds"] = layer.seconds;
    json["layers"].push_back(entry);
    seconds += layer.seconds;
  }
  json["total"] = stats_json(summary.config, summary.total_macs(), summary.total());
  json["simulation_seconds"] = seconds;
  return json_text(json) + "\n";
}

}  // namespace if4
