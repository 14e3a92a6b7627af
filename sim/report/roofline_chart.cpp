#include "sim/report/roofline_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

namespace if4 {
namespace {

constexpr double kHeight = 300.0, kAxisRoom = 62.0;
constexpr double kLabelWidths[] = {250.0, 150.0};  // of a label with room, and without

// "0.01", "500", "10,000", "2 M", "1e+09"
std::string number_text(double value) {
  if (value >= 1e9) return fmt::format("{:g}", value);
  if (value >= 1e6) return fmt::format("{:g} M", value / 1e6);
  if (value < 1e3) return fmt::format("{:g}", value);
  return grouped(static_cast<std::uint64_t>(std::llround(value)));
}

// A logarithmic axis.
struct Axis {
  double at(double value) const {
    return from + std::log(value / least) / std::log(most / least) * (to - from);
  }
  // Decades, with 2 and 5 times each where there are few.
  std::vector<double> ticks() const {
    const bool few = most / least < 500.0;
    std::vector<double> all;
    for (double decade = std::pow(10.0, std::floor(std::log10(least))); decade <= most; decade *= 10.0) {
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double tick = factor * decade;
        if ((factor == 1.0 || few) && tick >= least && tick <= most) all.push_back(tick);
      }
    }
    // A wide axis names every second or third decade.
    const std::size_t step = (all.size() + 7) / 8;
    std::vector<double> shown;
    for (std::size_t i = 0; i < all.size(); i += step) shown.push_back(all[i]);
    return shown;
  }
  double least, most, from, to;
};

struct Box {
  double left, top, right, bottom;
  bool meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
  bool within(const Box& other) const {
    return left >= other.left && right <= other.right && top >= other.top && bottom <= other.bottom;
  }
};

// Layers whose points cover each other.
struct Dot {
  double x, y, radius, seconds;
  std::string label, tip;
  std::size_t layers;
  Box box() const { return {x - radius, y - radius, x + radius, y + radius}; }
};

class Roofline {
 public:
  Roofline(SvgPicture& picture, const ArraySummary& summary, const std::vector<const LayerReport*>& layers,
           double left, double right, double top)
      : picture_(picture),
        config_(summary.config),
        bandwidth_(config_.dram_bandwidth / 1000.0),
        peak_(static_cast<double>(peak(config_))),
        field_{left + kAxisRoom, top, right, top + kHeight} {
    const double ridge = peak_ / bandwidth_;
    x_ = {ridge / 8.0, ridge * 8.0, field_.left, field_.right};
    y_ = {peak_ / 20.0, peak_ * 1.8, field_.bottom, field_.top};
    for (const LayerReport* layer : layers) {
      x_.least = std::min(x_.least, intensity(*layer) / 1.6);
      x_.most = std::max(x_.most, intensity(*layer) * 1.6);
      y_.least = std::min(y_.least, speed(*layer) / 1.6);
    }
    const double all = at_clock(config_, summary.total().cycles.total());
    for (const LayerReport* layer : layers) add(*layer, all);
    std::stable_sort(dots_.begin(), dots_.end(),
                     [](const Dot& a, const Dot& b) { return a.seconds > b.seconds; });
  }

  double draw() {
    draw_axes();
    draw_roof();
    for (const Dot& dot : dots_) picture_.circle(dot.x, dot.y, dot.radius, "s5 dot", dot.tip);
    for (const Dot& dot : dots_) taken_.push_back(dot.box());
    const Layout labels = best_layout();
    for (const Label& label : labels.labels) {
      if (label.line)
        picture_.line(label.line->left + 1.0, label.line->top, label.line->left + 1.0, label.line->bottom,
                      "axis");
      picture_.text(label.left, label.base, Anchor::kStart, kLabel, label.text);
    }
    return field_.bottom + 40.0;
  }

 private:
  static double intensity(const LayerReport& layer) {
    return static_cast<double>(macs(layer.layer.shape)) / static_cast<double>(layer.stats.bytes.dram());
  }
  static double speed(const LayerReport& layer) {
    return static_cast<double>(macs(layer.layer.shape)) / static_cast<double>(layer.stats.cycles.total());
  }

  void add(const LayerReport& layer, double all) {
    const double seconds =
        at_clock(config_, layer.stats.cycles.total()) * static_cast<double>(layer.layer.count);
    const double x = x_.at(intensity(layer)), y = y_.at(speed(layer));
    const double radius = 3.0 + 6.0 * std::sqrt(seconds / all);
    const std::string tip = fmt::format("{}: {:.1f} MACs a byte, {:.1f} MACs a cycle", layer.layer.name,
                                        intensity(layer), speed(layer));
    for (Dot& dot : dots_) {
      if (std::hypot(dot.x - x, dot.y - y) > 3.0) continue;
      ++dot.layers;
      if (seconds > dot.seconds) dot.label = layer.layer.name;
      dot.seconds = std::max(dot.seconds, seconds);
      dot.radius = std::max(dot.radius, radius);
      dot.tip += "; " + tip;
      return;
    }
    dots_.push_back({x, y, radius, seconds, layer.layer.name, tip, 1});
  }

  void draw_axes() {
    for (const double tick : x_.ticks()) {
      picture_.line(x_.at(tick), field_.top, x_.at(tick), field_.bottom, "grid");
      picture_.text(x_.at(tick), field_.bottom + 16.0, Anchor::kMiddle, kQuiet, number_text(tick));
    }
    for (const double tick : y_.ticks()) {
      picture_.line(field_.left, y_.at(tick), field_.right, y_.at(tick), "grid");
      picture_.text(field_.left - 6.0, y_.at(tick) + 4.0, Anchor::kEnd, kQuiet, number_text(tick));
    }
    picture_.line(field_.left, field_.bottom, field_.right, field_.bottom, "axis");
    picture_.line(field_.left, field_.top, field_.left, field_.bottom, "axis");
    picture_.text(field_.right, field_.bottom + 33.0, Anchor::kEnd, kQuiet, "MACs a byte of DRAM traffic");
    picture_.text(field_.left, field_.top - 7.0, Anchor::kStart, kQuiet, "MACs a cycle");
  }

  void roof_line(double x1, double y1, double x2, double y2) {
    picture_.line(x1, y1, x2, y2, "roof");
    // The line as small boxes, for what must not cover it.
    const int steps = 1 + static_cast<int>(std::hypot(x2 - x1, y2 - y1) / 4.0);
    for (int i = 0; i <= steps; ++i) {
      const double x = x1 + (x2 - x1) * i / steps, y = y1 + (y2 - y1) * i / steps;
      roof_.push_back({x - 1.0, y - 1.0, x + 1.0, y + 1.0});
    }
  }

  void draw_roof() {
    const double ridge = peak_ / bandwidth_;
    const double top = y_.at(peak_);
    roof_line(x_.at(ridge), top, field_.right, top);
    const std::string flat = fmt::format("array: {} MACs a cycle", number_text(peak_));
    picture_.text(field_.right - 4.0, top - 7.0, Anchor::kEnd, kLabel, flat);
    taken_.push_back({field_.right - 4.0 - text_width(flat, kLabel), top - 18.0, field_.right, top - 3.0});
    // The slope, from where it leaves the bottom or the left edge up to the ridge.
    const double start = std::max(x_.least, y_.least / bandwidth_);
    const double x1 = x_.at(start), y1 = y_.at(start * bandwidth_), x2 = x_.at(ridge);
    roof_line(x1, y1, x2, top);
    const std::string text = fmt::format("DRAM: {:g} bytes a cycle", bandwidth_);
    const double length = std::hypot(x2 - x1, top - y1), needed = text_width(text, kLabel);
    if (needed > length) return;
    const double cosine = (x2 - x1) / length, sine = (top - y1) / length;
    const double along = (length - needed) / 2.0;
    const double x = x1 + along * cosine + 7.0 * sine, y = y1 + along * sine - 7.0 * cosine;
    picture_.turned_text(x, y, std::atan2(sine, cosine) * 180.0 / M_PI, Anchor::kStart, kLabel, text);
    for (double at = 0.0; at <= needed; at += 4.0) {
      const double along_x = x + at * cosine + 4.0 * sine, along_y = y + at * sine - 4.0 * cosine;
      taken_.push_back({along_x - 6.0, along_y - 6.0, along_x + 6.0, along_y + 6.0});
    }
  }

  // A text, and the line from its dot to it if it is not beside the dot.
  struct Label {
    double left, base;
    std::string text;
    std::optional<Box> line;
  };
  struct Layout {
    bool to_left =
        false;  // whether labels above and below a dot only end there, and leave the right of it to others
    double seconds = 0.0;  // of the layers of the dots that have a label
    std::vector<Label> labels;
    std::vector<Box> taken;  // where no other label may be
  };

  // The layout that names most of the time, of some that begin with another dot or side each.
  Layout best_layout() const {
    std::vector<const Dot*> order;
    for (const Dot& dot : dots_) order.push_back(&dot);
    Layout best = layout(order, false);
    const auto by = [&](auto before) {
      std::stable_sort(order.begin(), order.end(),
                       [&](const Dot* one, const Dot* other) { return before(*one, *other); });
      for (const bool to_left : {false, true}) {
        const Layout next = layout(order, to_left);
        if (next.seconds > best.seconds) best = next;
      }
    };
    by([](const Dot& one, const Dot& other) { return one.x < other.x; });
    by([](const Dot& one, const Dot& other) { return one.x > other.x; });
    by([](const Dot& one, const Dot& other) {
      return std::make_pair(one.y, one.x) < std::make_pair(other.y, other.x);
    });
    return best;
  }

  Layout layout(const std::vector<const Dot*>& order, bool to_left) const {
    Layout made;
    made.to_left = to_left;
    made.taken = taken_;
    for (const Dot* dot : order)
      if (add_label(made, *dot)) made.seconds += dot->seconds;
    return made;
  }

  // First beside the dot where it hides nothing of the roof, then further down at the end of a line, then over the roof;
  // each time whole, then shortened. Returns whether there is room.
  bool add_label(Layout& made, const Dot& dot) const {
    const std::string more = dot.layers > 1 ? fmt::format(" and {} more", dot.layers - 1) : "";
    std::vector<std::string> texts;
    for (const double room : kLabelWidths)
      texts.push_back(fitted(dot.label, room - text_width(more, kLabel), kLabel) + more);
    const auto any = [&](auto place) { return std::any_of(texts.begin(), texts.end(), place); };
    return any([&](const std::string& text) { return beside(made, dot, text, false); }) ||
           any([&](const std::string& text) { return below(made, dot, text); }) ||
           any([&](const std::string& text) { return beside(made, dot, text, true); });
  }

  bool is_free(const Layout& made, const Box& box, bool over_roof) const {
    const auto meets = [&](const Box& other) { return box.meets(other); };
    return box.within(field_) && std::none_of(made.taken.begin(), made.taken.end(), meets) &&
           (over_roof || std::none_of(roof_.begin(), roof_.end(), meets));
  }

  bool place(Layout& made, double left, double base, const std::string& text, bool over_roof,
             std::optional<Box> line = std::nullopt) const {
    const Box box{left, base - 10.0, left + text_width(text, kLabel), base + 3.0};
    if (!is_free(made, box, over_roof)) return false;
    made.labels.push_back({left, base, text, line});
    made.taken.push_back(box);
    if (line) made.taken.push_back(*line);
    return true;
  }

  // At the sides of the dot, and then above and below.
  bool beside(Layout& made, const Dot& dot, const std::string& text, bool over_roof) const {
    const double width = text_width(text, kLabel), away = dot.radius + 4.0;
    for (const double down : {4.0, -away - 2.0, away + 10.0}) {
      const double gap = down == 4.0 ? away : 0.0;
      std::vector<double> lefts = {dot.x + gap, dot.x - gap - width, dot.x - width / 2.0};
      if (made.to_left)
        lefts = gap == 0.0 ? std::vector<double>{lefts[1]} : std::vector<double>{lefts[1], lefts[0]};
      for (const double left : lefts)
        if (place(made, left, dot.y + down, text, over_roof)) return true;
    }
    return false;
  }

  // At the end of a line that goes straight down.
  bool below(Layout& made, const Dot& dot, const std::string& text) const {
    const double width = text_width(text, kLabel);
    for (double base = dot.y + dot.radius + 26.0; base < field_.bottom; base += 4.0) {
      const Box line{dot.x - 1.0, dot.y + dot.radius + 0.5, dot.x + 1.0, base - 11.0};
      if (!is_free(made, line, true)) return false;
      for (const double left : {dot.x - width + 4.0, dot.x - 4.0, dot.x - width / 2.0})
        if (place(made, left, base, text, false, line)) return true;
    }
    return false;
  }

  SvgPicture& picture_;
  const SystemConfig& config_;
  double bandwidth_, peak_;  // bytes and multiply-accumulates a cycle
  Box field_;
  Axis x_{}, y_{};
  std::vector<Dot> dots_;
  std::vector<Box> taken_, roof_;  // where no label may be, and where it should not be
};

}  // namespace

double draw_roofline(SvgPicture& picture, const ArraySummary& summary,
                     const std::vector<const LayerReport*>& layers, double left, double right, double top) {
  return Roofline(picture, summary, layers, left, right, top).draw();
}

}  // namespace if4
