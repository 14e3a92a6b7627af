#include "sim/program/array_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace if4 {
namespace {

using Json = nlohmann::ordered_json;

double per_cent(double part, double whole) { return whole == 0.0 ? 0.0 : 100.0 * part / whole; }

std::string seconds_text(double seconds) {
  if (seconds >= 1.0) return fmt::format("{:.3f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.3f} ms", seconds * 1e3);
  return fmt::format("{:.3f} us", seconds * 1e6);
}

std::string bytes_text(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1'000'000'000) return fmt::format("{:.2f} GB", value / 1e9);
  if (bytes >= 1'000'000) return fmt::format("{:.2f} MB", value / 1e6);
  if (bytes >= 1000) return fmt::format("{:.2f} kB", value / 1e3);
  return fmt::format("{} B", bytes);
}

std::string rate_text(double per_second) {
  if (per_second >= 1e12) return fmt::format("{:.2f} T", per_second / 1e12);
  if (per_second >= 1e9) return fmt::format("{:.2f} G", per_second / 1e9);
  return fmt::format("{:.2f} M", per_second / 1e6);
}

double at_clock(const SystemConfig& config, std::uint64_t cycles) {
  return static_cast<double>(cycles) / (config.clock_mhz * 1e6);
}

void add(CycleCounts& to, const CycleCounts& from, std::uint64_t times) {
  to.beats += from.beats * times;
  to.banks += from.banks * times;
  to.activations += from.activations * times;
  to.weights += from.weights * times;
  to.output += from.output * times;
  to.interval += from.interval * times;
  to.fill_drain += from.fill_drain * times;
}

void add(ByteCounts& to, const ByteCounts& from, std::uint64_t times) {
  to.dram_activations += from.dram_activations * times;
  to.dram_weights += from.dram_weights * times;
  to.dram_outputs += from.dram_outputs * times;
  to.buffer_activations += from.buffer_activations * times;
  to.buffer_weights += from.buffer_weights * times;
  to.buffer_outputs += from.buffer_outputs * times;
}

// name and value of every count, the columns of the CSV and the members of the JSON.
std::vector<std::pair<std::string, std::uint64_t>> counts(const RunStats& stats) {
  const CycleCounts& c = stats.cycles;
  const ByteCounts& b = stats.bytes;
  return {{"cycles", c.total()},
          {"tiles", stats.tiles},
          {"beat_cycles", c.beats},
          {"fill_drain_cycles", c.fill_drain},
          {"interval_cycles", c.interval},
          {"activation_wait_cycles", c.activations},
          {"weight_wait_cycles", c.weights},
          {"output_wait_cycles", c.output},
          {"bank_cycles", c.banks},
          {"dram_activation_bytes", b.dram_activations},
          {"dram_weight_bytes", b.dram_weights},
          {"dram_output_bytes", b.dram_outputs},
          {"buffer_activation_bytes", b.buffer_activations},
          {"buffer_weight_bytes", b.buffer_weights},
          {"buffer_output_bytes", b.buffer_outputs}};
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of("\",\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
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

std::string system_text(const SystemConfig& c) {
  std::string text = fmt::format("{} x {} cells of {} lanes, {}, {}, {:g} MHz, {} tiles", c.array.rows,
                                 c.array.columns, c.array.mac.lanes, format_name(c.array.mac.format),
                                 c.array.shared_output ? "shared output" : "an output for each column",
                                 c.clock_mhz, c.overlap ? "overlapping" : "separate");
  return text;
}

std::string memory_text(const SystemConfig& c) {
  if (c.ideal_memory) return "ideal: operands are there, results need no room";
  return fmt::format("DRAM {:g} B/cycle, latency {}, bursts of {} B; buffers {} + {} + {} B; order {}{}",
                     c.dram_bandwidth / 1000.0, c.dram_latency, c.dram_burst, c.activation_bytes,
                     c.weight_bytes, c.output_bytes, c.order == LoopOrder::kMN ? "mn" : "nm",
                     c.snake ? ", snake" : "");
}

Json config_json(const SystemConfig& c) {
  Json json;
  json["rows"] = c.array.rows;
  json["columns"] = c.array.columns;
  json["lanes"] = c.array.mac.lanes;
  json["format"] = std::string(format_name(c.array.mac.format));
  json["acc-width"] = c.array.mac.acc_width;
  json["shared-output"] = c.array.shared_output;
  json["clock"] = c.clock_mhz;
  json["overlap"] = c.overlap;
  json["order"] = c.order == LoopOrder::kMN ? "mn" : "nm";
  json["snake"] = c.snake;
  json["acts-buffer"] = c.activation_bytes;
  json["weights-buffer"] = c.weight_bytes;
  json["output-buffer"] = c.output_bytes;
  json["acts-banks"] = c.activation_banks;
  json["weights-banks"] = c.weight_banks;
  json["ideal-memory"] = c.ideal_memory;
  json["dram-bandwidth"] = c.dram_bandwidth / 1000.0;
  json["dram-latency"] = c.dram_latency;
  json["dram-burst"] = c.dram_burst;
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

}  // namespace

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
  return {{"useful", "#2f7d4f", useful},
          {"edge", "#9ccb86", static_cast<double>(cycles.beats) - useful},
          {"drain", "#8a8a8a", static_cast<double>(cycles.fill_drain)},
          {"result", "#c9a227", static_cast<double>(cycles.interval)},
          {"acts", "#3b6fb6", static_cast<double>(cycles.activations)},
          {"weight", "#b5483a", static_cast<double>(cycles.weights)},
          {"output", "#7a4fa3", static_cast<double>(cycles.output)},
          {"banks", "#d98b4a", static_cast<double>(cycles.banks)}};
}

bool ArraySummary::passed() const {
  return !layers.empty() && std::all_of(layers.begin(), layers.end(), [this](const LayerReport& layer) {
    return layer.mismatches == 0 && layer.cycles_agree && (!results || layer.checked != 0);
  });
}

RunStats ArraySummary::total() const {
  RunStats total;
  for (const LayerReport& layer : layers) {
    add(total.cycles, layer.stats.cycles, layer.layer.count);
    add(total.bytes, layer.stats.bytes, layer.layer.count);
    total.tiles += layer.stats.tiles * layer.layer.count;
  }
  return total;
}

std::uint64_t ArraySummary::total_macs() const {
  std::uint64_t total = 0;
  for (const LayerReport& layer : layers) total += macs(layer.layer.shape) * layer.layer.count;
  return total;
}

std::string to_text(const ArraySummary& summary) {
  std::string text;
  const SystemConfig& config = summary.config;
  const auto line = [&text](const char* label, const std::string& value) {
    text += fmt::format("  {:<18}{}\n", label, value);
  };
  const RunStats total = summary.total();
  std::uint64_t checked = 0, mismatches = 0, nan = 0, overflow = 0, runs = 0, simulated = 0;
  double seconds = 0.0;
  bool agree = true;
  for (const LayerReport& layer : summary.layers) {
    checked += layer.checked;
    mismatches += layer.mismatches;
    nan += layer.nan_results;
    overflow += layer.overflow_results;
    runs += layer.layer.count;
    simulated += macs(layer.layer.shape);
    seconds += layer.seconds;
    agree = agree && layer.cycles_agree;
  }
  text += fmt::format("{:<28} {:>19} {:>5} {:>13} {:>11}", "layer", "M x N x K", "runs", "cycles", "time");
  for (const CycleShare& share : shares(config, 0, {})) text += fmt::format(" {:>6}", share.name);
  text += fmt::format(" {:>10}\n", "DRAM");
  for (const LayerReport& layer : summary.layers) {
    text += table_row(layer.layer.name, to_string(layer.layer.shape), layer.layer.count,
                      macs(layer.layer.shape), layer.stats, config);
  }
  if (summary.layers.size() > 1 || runs > 1)
    text += table_row("total", "", runs, summary.total_macs(), total, config);
  text += '\n';

  text += fmt::format("{}  {}\n", summary.passed() ? "PASS" : "FAIL", summary.engine);
  line("array", system_text(config));
  line("memory", memory_text(config));
  line("operands", summary.operands);
  const std::uint64_t cycles = total.cycles.total();
  const double time = at_clock(config, cycles);
  line("cycles", fmt::format("{}, {} at the clock", cycles, seconds_text(time)));
  line("utilization", fmt::format("{:.2f} % of {} MACs a cycle; {}MAC/s",
                                  100.0 * utilization(config, summary.total_macs(), cycles), peak(config),
                                  rate_text(static_cast<double>(summary.total_macs()) / time)));
  const ByteCounts& bytes = total.bytes;
  line("DRAM",
       fmt::format("read {} of activations, {} of weights; written {}", bytes_text(bytes.dram_activations),
                   bytes_text(bytes.dram_weights), bytes_text(bytes.dram_outputs)));
  line("buffers",
       fmt::format("read {} of activations, {} of weights; written {}", bytes_text(bytes.buffer_activations),
                   bytes_text(bytes.buffer_weights), bytes_text(bytes.buffer_outputs)));
  if (summary.results) {
    line("mismatches", fmt::format("{} of {} results compared with the golden model", mismatches, checked));
    for (const LayerReport& layer : summary.layers)
      if (!layer.first_mismatch.empty()) line("", layer.layer.name + ": " + layer.first_mismatch);
    if (nan + overflow != 0) line("flagged", fmt::format("{} NaN, {} overflow", nan, overflow));
  } else {
    line("results", "not computed (timing only)");
  }
  if (!agree) line("cycles differ", "the engine and the fast model do not agree");
  line("speed", fmt::format("{}MAC/s simulated ({:.3f} s)",
                            rate_text(static_cast<double>(simulated) / std::max(seconds, 1e-9)), seconds));
  return text;
}

std::string to_csv(const ArraySummary& summary) {
  std::string text = "layer,m,n,k,runs,macs,utilization,seconds_at_clock,useful_beat_cycles";
  for (const auto& [name, value] : counts({})) text += "," + name;
  text += ",checked,mismatches\n";
  for (const LayerReport& layer : summary.layers) {
    const GemmShape& shape = layer.layer.shape;
    const std::uint64_t cycles = layer.stats.cycles.total();
    text += fmt::format("{},{},{},{},{},{},{:.6f},{:.9g},{:.2f}", csv_field(layer.layer.name), shape.m,
                        shape.n, shape.k, layer.layer.count, macs(shape),
                        utilization(summary.config, macs(shape), cycles), at_clock(summary.config, cycles),
                        static_cast<double>(macs(shape)) / static_cast<double>(peak(summary.config)));
    for (const auto& [name, value] : counts(layer.stats)) text += fmt::format(",{}", value);
    text += fmt::format(",{},{}\n", layer.checked, layer.mismatches);
  }
  return text;
}

std::string to_json(const ArraySummary& summary) {
  Json json;
  json["passed"] = summary.passed();
  json["engine"] = summary.engine;
  json["operands"] = summary.operands;
  json["config"] = config_json(summary.config);
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
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace if4
