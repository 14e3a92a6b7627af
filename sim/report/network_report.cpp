#include "sim/report/network_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/core/text.hpp"
#include "sim/report/array_report.hpp"
#include "sim/report/text.hpp"
#include "sim/report/version.hpp"

namespace if4 {
namespace {

using Json = nlohmann::ordered_json;

// "974x768x256", or the range of each size that differs between the products of a layer: "7-16x7-16x64".
std::string shape_text(const ProductCounts& counts) {
  std::uint64_t least[3] = {}, most[3] = {};
  bool first = true;
  for (const auto& [key, count] : counts.shapes) {
    const std::uint64_t sizes[3] = {std::get<0>(key), std::get<1>(key), std::get<2>(key)};
    for (int i = 0; i < 3; ++i) {
      least[i] = first ? sizes[i] : std::min(least[i], sizes[i]);
      most[i] = std::max(most[i], sizes[i]);
    }
    first = false;
  }
  std::string text;
  for (int i = 0; i < 3; ++i) {
    text += (i == 0 ? "" : "x") + std::to_string(least[i]);
    if (least[i] != most[i]) text += "-" + std::to_string(most[i]);
  }
  return text;
}

std::string ints_text(std::uint64_t ints, std::uint64_t blocks) {
  return fmt::format("{:>5.1f}", per_cent(static_cast<double>(ints), static_cast<double>(blocks)));
}

std::string costs(const SystemConfig& config, std::uint64_t macs, const RunStats& stats) {
  const std::uint64_t cycles = stats.cycles.total();
  std::string text = fmt::format(" {:>11} {:>11}", cycles, seconds_text(at_clock(config, cycles)));
  for (const CycleShare& share : shares(config, macs, stats.cycles))
    text += fmt::format(" {:>6.1f}", per_cent(share.cycles, static_cast<double>(cycles)));
  return text + fmt::format(" {:>10}", bytes_text(stats.bytes.dram()));
}

// A column for energies, where they are known; `text` is "" in a line that has none.
std::string energy_column(bool known, const std::string& text) {
  return known ? fmt::format(" {:>9}", text) : "";
}
std::string energy_column(const FormatResult& format, const RunStats& stats) {
  return format.energy ? energy_column(true, energy_text(format.energy_pj(stats))) : "";
}

std::string layer_table(const FormatResult& format) {
  std::string text =
      fmt::format("{:<28} {:>19} {:>8} {:>11} {:>11}", "layer", "M x N x K", "products", "cycles", "time");
  for (const CycleShare& share : shares(format.config, 0, {})) text += fmt::format(" {:>6}", share.name);
  text += fmt::format(" {:>10}{} {:>5} {:>5} {:>8}\n", "DRAM",
                      energy_column(format.energy.has_value(), "energy"), "INT a", "INT w", "error");
  ProductCounts all;
  std::uint64_t products = 0;
  for (const LayerResult& layer : format.layers) {
    const ProductCounts& counts = layer.counts;
    text += fmt::format("{:<28.28} {:>19} {:>8}", layer.name, shape_text(counts), layer.products) +
            costs(format.config, layer.macs, layer.stats) + energy_column(format, layer.stats) + " " +
            ints_text(counts.activation_ints, counts.activation_blocks) + " " +
            ints_text(counts.weight_ints, counts.weight_blocks) + fmt::format(" {:>8.4f}\n", layer.error);
    products += layer.products;
    all.activation_ints += counts.activation_ints;
    all.activation_blocks += counts.activation_blocks;
    all.weight_ints += counts.weight_ints;
    all.weight_blocks += counts.weight_blocks;
  }
  return text + fmt::format("{:<28} {:>19} {:>8}", "total", "", products) +
         costs(format.config, format.macs(), format.total()) + energy_column(format, format.total()) + " " +
         ints_text(all.activation_ints, all.activation_blocks) + " " +
         ints_text(all.weight_ints, all.weight_blocks) + "\n\n";
}

std::string format_table(const NetworkSummary& summary) {
  const bool energy = !summary.library.empty();
  std::string text = fmt::format("{:<16} {:>8} {:>8} {:>9} {:>9} {:>11} {:>11}{} {:>6} {:>6}\n", "format",
                                 "1 - cos", "largest", "ranks", "nearest", "cycles", "time",
                                 energy_column(energy, "energy"), "useful", "INT");
  for (const FormatResult& format : summary.formats) {
    const Agreement& a = format.agreement;
    text += fmt::format("{:<16} {:>8.4f} {:>8.4f}", format.name, a.mean_distance, a.largest_distance);
    text += a.pairs ? fmt::format(" {:>9.4f} {:>7.1f} %", a.rank_correlation, 100.0 * a.same_neighbour)
                    : fmt::format(" {:>9} {:>9}", "-", "-");
    if (!format.quantized) {
      text += fmt::format(" {:>11} {:>11}{} {:>6} {:>6}\n", "-", "-", energy_column(energy, "-"), "-", "-");
      continue;
    }
    const std::uint64_t cycles = format.total().cycles.total();
    text +=
        fmt::format(" {:>11} {:>11}{} {:>6.1f} {:>6.1f}\n", cycles,
                    seconds_text(at_clock(format.config, cycles)), energy_column(format, format.total()),
                    100.0 * utilization(format.config, format.macs(), cycles), 100.0 * format.int_share());
  }
  return text + "\n";
}

// The similarity of every two sentences in each format.
std::string similarity_table(const NetworkSummary& summary) {
  if (summary.texts.size() < 2) return "";
  std::string text;
  for (std::size_t i = 0; i < summary.texts.size(); ++i)
    text += fmt::format("{:>3}  {}\n", i + 1, one_line(summary.texts[i]));
  text += fmt::format("\n{:<16}", "similarity");
  for (const FormatResult& format : summary.formats) text += fmt::format(" {:>15}", format.name);
  std::vector<std::vector<double>> pairs;
  for (const FormatResult& format : summary.formats)
    pairs.push_back(similarities(format.output, summary.columns));
  std::size_t at = 0;
  for (std::size_t i = 0; i < summary.texts.size(); ++i) {
    for (std::size_t j = i + 1; j < summary.texts.size(); ++j, ++at) {
      text += fmt::format("\n{:<16}", fmt::format("{} and {}", i + 1, j + 1));
      for (const std::vector<double>& of_format : pairs) text += fmt::format(" {:>15.4f}", of_format[at]);
    }
  }
  return text + "\n\n";
}

// What the energies are of, and what is not in them.
std::string energy_lines(const NetworkSummary& summary) {
  if (summary.library.empty()) return "";
  std::string each;
  double clock = 0.0, least = 0.0;
  for (const FormatResult& format : summary.formats) {
    if (!format.energy) continue;
    each += fmt::format("{}{} {:.2f}", each.empty() ? "" : ", ", format.name,
                        format.energy_pj(format.total()) / static_cast<double>(format.macs()));
    clock = format.config.clock_mhz;
    least = least == 0.0 ? format.energy->clock_mhz : std::min(least, format.energy->clock_mhz);
  }
  if (each.empty()) return "";
  std::string text =
      report_line("energy", "of the array in cells of " + summary.library + ", in pJ a product: " + each);
  text += report_line(
      "", "a beat counts as one of the sample of `make run`; no buffers, DRAM, glitches or layout");
  if (clock > least) {
    text += report_line(
        "",
        fmt::format("these cells allow {:.0f} MHz, so the times at {:g} MHz are not theirs", least, clock));
  }
  return text;
}

// The sums of what was compared.
struct Checked {
  std::uint64_t checked = 0, mismatches = 0, engine = 0, engine_mismatches = 0, results = 0;
  bool cycles_agree = true;
  std::vector<std::string> first;
};
Checked checked(const NetworkSummary& summary) {
  Checked sums;
  for (const FormatResult& format : summary.formats) {
    for (const LayerResult& layer : format.layers) {
      sums.results += layer.counts.results;
      sums.checked += layer.counts.checked;
      sums.mismatches += layer.counts.mismatches;
      sums.engine += layer.engine_results;
      sums.engine_mismatches += layer.engine_mismatches;
      sums.cycles_agree = sums.cycles_agree && layer.cycles_agree;
      for (const std::string& first : {layer.counts.first_mismatch, layer.engine_mismatch})
        if (!first.empty()) sums.first.push_back(format.name + ": " + layer.name + ": " + first);
    }
  }
  return sums;
}

Json layer_json(const FormatResult& format, const LayerResult& layer) {
  const ProductCounts& counts = layer.counts;
  Json json;
  json["name"] = layer.name;
  json["operation"] = std::string(traits(layer.kind).name);
  json["products"] = layer.products;
  json["shapes"] = Json::array();
  for (const auto& [key, count] : counts.shapes) {
    Json shape;
    shape["m"] = std::get<0>(key);
    shape["n"] = std::get<1>(key);
    shape["k"] = std::get<2>(key);
    shape["count"] = count;
    json["shapes"].push_back(shape);
  }
  if (!format.quantized) return json;
  json.update(stats_json(format.config, layer.macs, layer.stats));
  if (format.energy) json["energy_pj"] = format.energy_pj(layer.stats);
  json["error"] = layer.error;
  json["activation_blocks"] = counts.activation_blocks;
  json["activation_int_blocks"] = counts.activation_ints;
  json["weight_blocks"] = counts.weight_blocks;
  json["weight_int_blocks"] = counts.weight_ints;
  json["results"] = counts.results;
  json["checked"] = counts.checked;
  json["mismatches"] = counts.mismatches;
  json["engine_results"] = layer.engine_results;
  json["engine_mismatches"] = layer.engine_mismatches;
  json["cycles_agree"] = layer.cycles_agree;
  return json;
}

}  // namespace

bool NetworkSummary::compared() const {
  return !reference.empty() || std::any_of(formats.begin(), formats.end(),
                                           [](const FormatResult& format) { return format.quantized; });
}

bool NetworkSummary::passed() const {
  return !formats.empty() && std::all_of(formats.begin(), formats.end(), [](const FormatResult& format) {
    return format.passed();
  }) && (reference.empty() || difference <= allowed);
}

std::string to_text(const NetworkSummary& summary) {
  const bool one = summary.formats.size() == 1 && summary.formats.front().quantized;
  std::string text = one ? layer_table(summary.formats.front()) : "";
  text += similarity_table(summary);
  text += format_table(summary);
  const Checked sums = checked(summary);
  text +=
      summary.compared() ? verdict_line(summary.passed(), summary.network) : one_line(summary.network) + "\n";
  text += report_line("sentences", fmt::format("{}, {} tokens", summary.sentences, summary.tokens));
  const auto quantized = std::find_if(summary.formats.begin(), summary.formats.end(),
                                      [](const FormatResult& format) { return format.quantized; });
  if (quantized != summary.formats.end()) {
    text += report_line("array", array_text(quantized->config, one ? quantized->name : "in each format"));
    text += report_line("clock", clock_text(quantized->config));
    text += report_line("memory", memory_text(quantized->config));
    text += energy_lines(summary);
    text += report_line("mismatches", fmt::format("{} of {} results compared with the golden MAC, of {}",
                                                  sums.mismatches, sums.checked, sums.results));
  }
  if (!summary.engine.empty()) {
    text += report_line(summary.engine, fmt::format("{} of {} results differ; cycles {} the fast model's",
                                                    sums.engine_mismatches, sums.engine,
                                                    sums.cycles_agree ? "are" : "are not"));
  }
  for (const std::string& first : sums.first) text += report_line("", first);
  if (!summary.reference.empty()) {
    text += report_line("reference", fmt::format("FP32 differs from {} by {:.2g} at most; {:g} is allowed",
                                                 summary.reference, summary.difference, summary.allowed));
  }
  return text;
}

std::string to_json(const NetworkSummary& summary) {
  Json json;
  json["generator"] = generator();
  if (summary.compared()) json["passed"] = summary.passed();
  json["network"] = summary.network;
  json["sentences"] = summary.sentences;
  json["tokens"] = summary.tokens;
  json["cut_sentences"] = summary.cut;
  json["ids"] = summary.ids;
  if (!summary.engine.empty()) json["engine"] = summary.engine;
  if (!summary.reference.empty()) {
    json["reference"] = summary.reference;
    json["reference_difference"] = summary.difference;
  }
  if (!summary.library.empty()) {
    json["energy_from"] = summary.energy_file;
    json["library"] = summary.library;
  }
  json["formats"] = Json::array();
  for (const FormatResult& format : summary.formats) {
    Json entry;
    entry["format"] = format.name;
    entry["mean_cosine_distance"] = format.agreement.mean_distance;
    entry["largest_cosine_distance"] = format.agreement.largest_distance;
    if (format.agreement.pairs) {
      entry["rank_correlation"] = format.agreement.rank_correlation;
      entry["same_neighbour"] = format.agreement.same_neighbour;
    }
    if (format.quantized) {
      entry["config"] = config_json(format.config);
      entry["total"] = stats_json(format.config, format.macs(), format.total());
      if (format.energy) entry["total"]["energy_pj"] = format.energy_pj(format.total());
      entry["int_share"] = format.int_share();
    }
    entry["layers"] = Json::array();
    for (const LayerResult& layer : format.layers) entry["layers"].push_back(layer_json(format, layer));
    json["formats"].push_back(entry);
  }
  return json_text(json) + "\n";
}

}  // namespace if4
