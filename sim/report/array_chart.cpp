#include "sim/report/array_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sim/report/roofline_chart.hpp"
#include "sim/report/svg.hpp"
#include "sim/report/text.hpp"

namespace if4 {
namespace {

constexpr std::size_t kMaxLayers = 60;
constexpr double kWidth = 560.0, kLeft = 20.0, kRight = kWidth - kLeft;
constexpr double kTotalBar = 26.0, kLayerBar = 12.0, kLayerPitch = 38.0;

double seconds_of(const SystemConfig& config, const LayerReport& layer) {
  return at_clock(config, layer.stats.cycles.total()) * static_cast<double>(layer.layer.count);
}

// A bar from kLeft, so long, divided as the cycles were.
void draw_bar(SvgPicture& picture, double y, double length, double height, const std::string& name,
              const std::vector<CycleShare>& parts, double cycles) {
  double from = kLeft;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const double share = parts[i].cycles / cycles, width = share * length;
    if (width <= 0.0) continue;
    const std::string tip =
        fmt::format("{}: {}, {:.0f} cycles, {:.1f} %", name, parts[i].words, parts[i].cycles, 100.0 * share);
    picture.rect(from, y, width, height, series_class(static_cast<int>(i)), tip);
    from += width;
  }
}

double draw_head(SvgPicture& picture, const ArraySummary& summary) {
  const SystemConfig& config = summary.config;
  double y = 28.0;
  picture.text(kLeft, y, Anchor::kStart, kTitle, fitted(summary.network, kRight - kLeft, kTitle));
  y += 4.0;
  for (const std::string& text :
       {array_text(config, format_name(config.array.mac.format)), "memory: " + memory_text(config),
        summary.results ? "operands: " + summary.operands : std::string("cycles alone, no results")}) {
    for (const std::string& line : wrapped(text, kRight - kLeft, kQuiet))
      picture.text(kLeft, y += 16.0, Anchor::kStart, kQuiet, line);
  }
  if (!summary.passed())
    picture.text(kLeft, y += 24.0, Anchor::kStart, kBad, "FAIL: this run is not correct, see its report");
  return y + 34.0;
}

// The bar of the whole, and a table of its parts.
double draw_total(SvgPicture& picture, const ArraySummary& summary, double y) {
  const SystemConfig& config = summary.config;
  const RunStats total = summary.total();
  const auto cycles = static_cast<double>(total.cycles.total());
  const double seconds = at_clock(config, total.cycles.total());
  std::uint64_t runs = 0;
  for (const LayerReport& layer : summary.layers) runs += layer.layer.count;
  picture.text(kLeft, y, Anchor::kStart, kHeading, "Total: " + seconds_text(seconds));
  picture.text(kRight, y, Anchor::kEnd, kSmall,
               fmt::format("{} cycles, {} {}", grouped(total.cycles.total()), grouped(runs),
                           runs == 1 ? "run" : "runs"));
  y += 10.0;
  const std::vector<CycleShare> parts = shares(config, summary.total_macs(), total.cycles);
  picture.open("total");
  draw_bar(picture, y, kRight - kLeft, kTotalBar, "total", parts, cycles);
  picture.close();
  y += kTotalBar + 8.0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].cycles <= 0.0) continue;
    const double share = parts[i].cycles / cycles;
    picture.rect(kLeft, y, 12.0, 12.0, series_class(static_cast<int>(i)));
    picture.text(kLeft + 20.0, y + 10.5, Anchor::kStart, kPlain, parts[i].words);
    picture.text(kRight - 90.0, y + 10.5, Anchor::kEnd, kPlain, seconds_text(share * seconds));
    picture.text(kRight, y + 10.5, Anchor::kEnd, kPlain, fmt::format("{:.1f} %", 100.0 * share));
    y += 20.0;
  }
  return y + 30.0;
}

// A unit that makes `most` seconds a number that is easy to read.
struct TimeUnit {
  const char* name;
  double seconds;
};
TimeUnit unit_of(double most) {
  constexpr TimeUnit kUnits[] = {{"s", 1.0}, {"ms", 1e-3}, {"us", 1e-6}};
  for (const TimeUnit& unit : kUnits)
    if (most >= unit.seconds) return unit;
  return {"ns", 1e-9};
}

double draw_layers(SvgPicture& picture, const ArraySummary& summary,
                   const std::vector<const LayerReport*>& layers, double y) {
  const SystemConfig& config = summary.config;
  double longest = 0.0, drawn = 0.0;
  for (const LayerReport* layer : layers) {
    longest = std::max(longest, seconds_of(config, *layer));
    drawn += seconds_of(config, *layer);
  }
  picture.text(kLeft, y, Anchor::kStart, kHeading,
               "Where the time of each layer went, all its runs together");
  y += 18.0;
  const std::size_t others = summary.layers.size() - layers.size();
  if (others != 0) {
    const double rest = at_clock(config, summary.total().cycles.total()) - drawn;
    picture.text(kLeft, y, Anchor::kStart, kQuiet,
                 fmt::format("the {} layers that take the most; {} others take {} together", layers.size(),
                             others, seconds_text(std::max(rest, 0.0))));
    y += 18.0;
  }
  const TimeUnit unit = unit_of(longest);
  const double bottom = y + 8.0 + kLayerPitch * static_cast<double>(layers.size());
  for (const double tick : ticks(longest / unit.seconds, 6)) {
    const double x = kLeft + tick * unit.seconds / longest * (kRight - kLeft);
    picture.line(x, y + 6.0, x, bottom, "grid");
    const std::string label = tick == 0.0 ? "0" : fmt::format("{:g} {}", tick, unit.name);
    picture.text(x, y,
                 x > kRight - 30.0 ? Anchor::kEnd
                 : tick == 0.0     ? Anchor::kStart
                                   : Anchor::kMiddle,
                 kQuiet, label);
  }
  y += 10.0;
  for (const LayerReport* layer : layers) {
    const double seconds = seconds_of(config, *layer);
    const GemmShape& shape = layer->layer.shape;
    const std::uint64_t cycles = layer->stats.cycles.total();
    const std::string figures = fmt::format("{}, {:.1f} % useful", seconds_text(seconds),
                                            100.0 * utilization(config, macs(shape), cycles));
    const std::string runs = layer->layer.count == 1 ? "" : fmt::format(", {} runs", layer->layer.count);
    const double room = kRight - kLeft - 14.0 - text_width(figures, kSmall) - text_width(runs, kSmall);
    picture.open(layer->layer.name);
    picture.text(kLeft, y + 12.0, Anchor::kStart, kSmall, fitted(layer->layer.name, room, kSmall) + runs);
    picture.text(kRight, y + 12.0, Anchor::kEnd, kSmall, figures);
    draw_bar(picture, y + 17.0, seconds / longest * (kRight - kLeft), kLayerBar,
             fmt::format("{} {}", layer->layer.name, to_string(shape)),
             shares(config, macs(shape), layer->stats.cycles), static_cast<double>(cycles));
    picture.close();
    y += kLayerPitch;
  }
  return y + 10.0;
}

}  // namespace

std::string to_svg(const ArraySummary& summary) {
  std::vector<const LayerReport*> layers;
  for (const LayerReport& layer : summary.layers) layers.push_back(&layer);
  if (layers.size() > kMaxLayers) {
    std::stable_sort(layers.begin(), layers.end(), [&](const LayerReport* a, const LayerReport* b) {
      return seconds_of(summary.config, *a) > seconds_of(summary.config, *b);
    });
    layers.resize(kMaxLayers);
  }
  SvgPicture picture(kWidth);
  double y = draw_head(picture, summary);
  y = draw_total(picture, summary, y);
  if (!summary.config.ideal_memory) {
    picture.text(kLeft, y, Anchor::kStart, kHeading,
                 "Roofline: what limits each layer, larger where it takes longer");
    y = draw_roofline(picture, summary, layers, kLeft, kRight, y + 30.0) + 30.0;
  }
  if (summary.layers.size() > 1) y = draw_layers(picture, summary, layers, y);
  return picture.finish(y, "Where the time went: " + summary.network);
}

}  // namespace if4
