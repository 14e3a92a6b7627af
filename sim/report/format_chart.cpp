#include "sim/report/format_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/report/svg.hpp"
#include "sim/report/text.hpp"

namespace if4 {
namespace {

constexpr double kWidth = 560.0, kMargin = 16.0;
constexpr double kLeft = 116.0, kRight = 384.0;  // of the bars
constexpr double kBits = 476.0, kError = kWidth - kMargin;
constexpr double kPitch = 26.0, kBar = 18.0;
// Series of the bars.
constexpr int kPlainColor = 4, kSearchColor = 1, kOwnColor = 7;

// The axis in dB.
struct Axis {
  explicit Axis(const std::vector<FormatErrors>& rows) {
    double largest = 0.0;
    for (const FormatErrors& row : rows) {
      for (const double value : {sqnr_db(row.plain), sqnr_db(row.searched)})
        if (std::isfinite(value)) largest = std::max(largest, value);
    }
    most = std::max(largest, 1.0);
  }
  double at(double decibels) const {
    return std::isnan(decibels) ? kLeft : kLeft + std::clamp(decibels / most, 0.0, 1.0) * (kRight - kLeft);
  }
  double most = 1.0;
};

void draw_row(SvgPicture& picture, const Axis& axis, double y, const FormatErrors& row) {
  const double plain = sqnr_db(row.plain), searched = sqnr_db(row.searched);
  const double end = axis.at(plain), further = std::max(end, axis.at(searched));
  const std::string name(format_name(row.format));
  const std::string tip =
      fmt::format("{}: {} dB, with scale search {} dB; relative MSE {:.6f}, {:.6f}", name, decibel(plain),
                  decibel(searched), relative_mse(row.plain), relative_mse(row.searched));
  picture.open(name);
  const double base = y + 14.0;
  picture.text(kLeft - 8.0, base, Anchor::kEnd, kPlain, fitted(name, kLeft - 8.0 - kMargin, kPlain));
  if (end > kLeft) {
    const int color = row.format == Format::kIF4 ? kOwnColor : kPlainColor;
    picture.rect(kLeft, y, end - kLeft, kBar, series_class(color), tip);
  }
  if (further > end) picture.rect(end, y, further - end, kBar, series_class(kSearchColor), tip);
  const std::string label = decibel(plain);
  const bool inside = end - kLeft > text_width(label, kInside) + 10.0;
  if (inside) picture.text(end - 5.0, base - 1.0, Anchor::kEnd, kInside, label);
  // What the search gains; of one that is exact already there is nothing to gain.
  const double gain = searched - plain;
  const std::string gained = std::isfinite(gain) ? fmt::format("{:+.2f}", gain) : decibel(searched);
  picture.text(further + 5.0, base - 1.0, Anchor::kStart, kSmall,
               inside ? (std::isfinite(plain) ? gained : "") : label + " " + gained);
  picture.text(kBits, base, Anchor::kEnd, kPlain, fmt::format("{:g}", bits_per_value(row.format)));
  picture.text(kError, base, Anchor::kEnd, kPlain, fmt::format("{:.5f}", relative_mse(row.plain)));
  picture.close();
}

}  // namespace

std::string to_svg(const std::vector<FormatErrors>& rows, const std::string& title) {
  const Axis axis(rows);
  SvgPicture picture(kWidth);
  picture.text(kMargin, 26.0, Anchor::kStart, kTitle, "Quantization error by format");
  picture.text(kMargin, 46.0, Anchor::kStart, kQuiet, fitted(title, kWidth - 2 * kMargin, kQuiet));
  double y = 58.0;
  const auto key = [&](double x, int color, std::string_view text) {
    picture.rect(x, y, 12.0, 12.0, series_class(color));
    picture.text(x + 17.0, y + 10.5, Anchor::kStart, kSmall, text);
  };
  key(kMargin, kPlainColor, "signal to noise in dB, longer is better");
  key(312.0, kOwnColor, "if4");
  key(364.0, kSearchColor, "gained by the scale search");
  y += 34.0;
  picture.text(kBits, y, Anchor::kEnd, kQuiet, "bits a value");
  picture.text(kError, y, Anchor::kEnd, kQuiet, "rel. MSE");
  y += 8.0;
  const double bottom = y + kPitch * static_cast<double>(rows.size());
  for (const double tick : ticks(axis.most, 6)) {
    picture.line(axis.at(tick), y - 4.0, axis.at(tick), bottom, "grid");
    picture.text(axis.at(tick), bottom + 16.0, Anchor::kMiddle, kQuiet, fmt::format("{:g}", tick));
  }
  picture.line(kLeft, y - 4.0, kLeft, bottom, "axis");
  picture.text(kRight + 22.0, bottom + 16.0, Anchor::kStart, kQuiet, "dB");
  for (const FormatErrors& row : rows) {
    draw_row(picture, axis, y + 2.0, row);
    y += kPitch;
  }
  return picture.finish(bottom + 28.0, "Quantization error by format: " + title);
}

}  // namespace if4
