#include "sim/report/array_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sim/report/svg.hpp"

namespace if4 {
namespace {

constexpr std::size_t kMaxLayers = 60;
constexpr double kWidth = 900.0;
constexpr double kLeft = 80.0, kRight = 870.0;
constexpr double kRoofTop = 50.0, kRoofBottom = 350.0;
constexpr double kBarLeft = 260.0, kBarRight = 840.0, kBarHeight = 16.0, kBarPitch = 22.0;

// A logarithmic axis over whole decades.
struct Axis {
  Axis(double least, double most, double from, double to)
      : low(std::floor(std::log10(least))),
        high(std::max(low + 1.0, std::ceil(std::log10(most)))),
        from(from),
        to(to) {}
  double at(double value) const { return from + (std::log10(value) - low) / (high - low) * (to - from); }
  double low, high, from, to;
};

std::string line(double x1, double y1, double x2, double y2, const char* style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x1, y1, x2, y2,
                     style);
}

std::string roofline(const ArraySummary& summary, const std::vector<const LayerReport*>& layers) {
  const SystemConfig& config = summary.config;
  const double bandwidth = config.dram_bandwidth / 1000.0;
  const auto top = static_cast<double>(peak(config));
  const double ridge = top / bandwidth;
  struct Point {
    double x, y;
    const LayerReport* layer;
  };
  std::vector<Point> points;
  double least_x = ridge / 10, most_x = ridge * 10, least_y = top / 10;
  for (const LayerReport* layer : layers) {
    const auto work = static_cast<double>(macs(layer->layer.shape));
    const Point point{work / static_cast<double>(layer->stats.bytes.dram()),
                      work / static_cast<double>(layer->stats.cycles.total()), layer};
    points.push_back(point);
    least_x = std::min(least_x, point.x);
    most_x = std::max(most_x, point.x);
    least_y = std::min(least_y, point.y);
  }
  const Axis x(least_x, most_x, kLeft, kRight), y(least_y, top, kRoofBottom, kRoofTop);
  std::string svg = svg_text(kLeft, 30, "start", "Roofline: MACs a cycle over MACs a byte of DRAM traffic");
  const char* const grid = "stroke=\"#ddd\"";
  for (double decade = x.low; decade <= x.high; ++decade) {
    const double at = x.at(std::pow(10.0, decade));
    svg += line(at, kRoofTop, at, kRoofBottom, grid) +
           svg_text(at, kRoofBottom + 18, "middle", fmt::format("{:g}", std::pow(10.0, decade)));
  }
  for (double decade = y.low; decade <= y.high; ++decade) {
    const double at = y.at(std::pow(10.0, decade));
    svg += line(kLeft, at, kRight, at, grid) +
           svg_text(kLeft - 8, at + 4, "end", fmt::format("{:g}", std::pow(10.0, decade)));
  }
  const char* const roof = "stroke=\"#222\" stroke-width=\"2\"";
  const double right = std::pow(10.0, x.high);
  if (ridge < right) svg += line(x.at(ridge), y.at(top), kRight, y.at(top), roof);
  // The slope, from where it leaves the bottom or the left edge up to the ridge.
  const double start = std::max(std::pow(10.0, x.low), std::pow(10.0, y.low) / bandwidth);
  const double stop = std::min(ridge, right);
  if (start < stop) {
    svg += line(x.at(start), y.at(start * bandwidth), x.at(stop), y.at(stop * bandwidth), roof);
    const double middle = std::sqrt(start * stop);
    svg += svg_text(x.at(middle) - 8, y.at(middle * bandwidth) - 6, "end",
                    fmt::format("{:g} bytes a cycle", bandwidth));
  }
  svg += svg_text(kRight, y.at(top) - 6, "end", fmt::format("{:g} MACs a cycle", top));
  for (const Point& point : points) {
    svg += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"#b5483a\" fill-opacity=\"0.7\"><title>{}: {:.1f} "
        "MACs a "
        "byte, {:.1f} a cycle</title></circle>\n",
        x.at(point.x), y.at(point.y), escaped(point.layer->layer.name), point.x, point.y);
  }
  return svg;
}

}  // namespace

std::string to_svg(const ArraySummary& summary) {
  std::vector<const LayerReport*> layers;
  for (const LayerReport& layer : summary.layers) layers.push_back(&layer);
  if (layers.size() > kMaxLayers) {
    const auto cycles = [](const LayerReport* layer) {
      return layer->stats.cycles.total() * layer->layer.count;
    };
    std::stable_sort(layers.begin(), layers.end(),
                     [&](const LayerReport* a, const LayerReport* b) { return cycles(a) > cycles(b); });
    layers.resize(kMaxLayers);
  }
  std::string body;
  double y = 40.0;
  if (!summary.config.ideal_memory) {
    body += roofline(summary, layers);
    y = kRoofBottom + 70.0;
  }
  body += svg_text(kLeft, y, "start", "Where the cycles went; on the right what was useful of them");
  y += 14.0;
  double x = kLeft;
  for (const CycleShare& share : shares(summary.config, 0, {})) {
    body += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"12\" height=\"12\" fill=\"{}\"/>\n", x, y,
                        share.color);
    body += svg_text(x + 17, y + 11, "start", share.name);
    x += 95.0;
  }
  y += 28.0;
  for (const LayerReport* layer : layers) {
    body += svg_text(kBarLeft - 8, y + 12, "end", fmt::format("{:.32}", layer->layer.name));
    double from = kBarLeft;
    const auto all = static_cast<double>(layer->stats.cycles.total());
    for (const CycleShare& share : shares(summary.config, macs(layer->layer.shape), layer->stats.cycles)) {
      const double width = share.cycles / all * (kBarRight - kBarLeft);
      body += fmt::format(
          "<rect x=\"{:.2f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{}\" fill=\"{}\"><title>{}: {} {:.1f} "
          "%</title></rect>\n",
          from, y, std::max(width, 0.0), kBarHeight, share.color, escaped(layer->layer.name), share.name,
          100.0 * share.cycles / all);
      from += width;
    }
    body += svg_text(kBarRight + 6, y + 12, "start",
                     fmt::format("{:.1f} %", 100.0 * utilization(summary.config, macs(layer->layer.shape),
                                                                 layer->stats.cycles.total())));
    y += kBarPitch;
  }
  return svg_picture(kWidth, y + 20.0, 12, body);
}

}  // namespace if4
