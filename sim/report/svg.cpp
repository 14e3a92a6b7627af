#include "sim/report/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/core/text.hpp"

namespace if4 {
namespace {

constexpr std::string_view kEllipsis = "\xE2\x80\xA6", kReplacement = "\xEF\xBF\xBD";

struct Scheme {
  const char *back, *text, *quiet, *line, *bad, *inside;
  const char* series[kSeriesColors];
};
constexpr Scheme kLight = {
    "#ffffff",
    "#1b1f24",
    "#57606a",
    "#d3d8de",
    "#b3121d",
    "#ffffff",
    {"#2f7d4f", "#6a9f40", "#6f7780", "#b8860b", "#2b6cb8", "#b5483a", "#7a4fa3", "#c26a1e"}};
constexpr Scheme kDark = {
    "#0f1318",
    "#e4e7eb",
    "#9ba5b1",
    "#323b46",
    "#ff9089",
    "#0f1318",
    {"#4fae75", "#a9d388", "#98a1ab", "#dcb13c", "#6aa5ea", "#e27a6b", "#b08be0", "#f09a55"}};

// Classes with literal colours, since programs that draw SVG outside of browsers know no variables.
std::string scheme_css(const Scheme& scheme) {
  std::string css = fmt::format(
      ".back{{fill:{0}}}text{{fill:{1}}}.label{{stroke:{0}}}.quiet{{fill:{2}}}.bad{{fill:{4}}}.inside{{fill:{"
      "5}}}"
      ".grid{{stroke:{3}}}.axis{{stroke:{2}}}.roof{{stroke:{1}}}.dot{{stroke:{0}}}\n",
      scheme.back, scheme.text, scheme.quiet, scheme.line, scheme.bad, scheme.inside);
  for (int i = 0; i < kSeriesColors; ++i)
    css += fmt::format(".{}{{fill:{}}}", series_class(i), scheme.series[i]);
  return css + "\n";
}

// A character, or a byte that is none, and what it becomes in XML.
struct Character {
  std::size_t length;
  std::string_view xml;
};

Character character(std::string_view text) {
  switch (text[0]) {
    case '&':
      return {1, "&amp;"};
    case '<':
      return {1, "&lt;"};
    case '>':
      return {1, "&gt;"};
    case '"':
      return {1, "&quot;"};
    case '\\':
      return {1, "\\"};
    default:
      break;
  }
  // What one_line() leaves as it is can be shown.
  for (std::size_t length = 1; length <= std::min<std::size_t>(text.size(), 4); ++length) {
    const std::string_view whole = text.substr(0, length);
    // U+FFFE and U+FFFF are no characters of XML.
    if (one_line(whole) == whole)
      return {length, whole == "\xEF\xBF\xBE" || whole == "\xEF\xBF\xBF" ? kReplacement : whole};
  }
  return {1, kReplacement};
}

constexpr double kNarrowest = 0.42;

// In parts of the size of the font, a little more than in the widest of the usual fonts.
double character_width(std::string_view one) {
  constexpr std::string_view kNarrow = " !'(),./:;I[]fijlrt|", kWide = "%@MWmw";
  if (one.size() > 1) return one.size() == 2 || one == kEllipsis ? 0.72 : 1.05;
  if (kNarrow.find(one[0]) != std::string_view::npos) return kNarrowest;
  if (kWide.find(one[0]) != std::string_view::npos) return 0.98;
  return one[0] >= 'A' && one[0] <= 'Z' ? 0.75 : 0.64;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const Character next = character(text);
    result += next.xml;
    text.remove_prefix(next.length);
  }
  return result;
}

double text_width(std::string_view text, TextStyle style) {
  double width = 0.0;
  while (!text.empty()) {
    const std::size_t length = character(text).length;
    width += character_width(text.substr(0, length));
    text.remove_prefix(length);
  }
  const bool bold = style.name == kTitle.name || style.name == kHeading.name || style.name == kBad.name;
  return width * style.size * (bold ? 1.1 : 1.0);
}

std::string fitted(std::string_view text, double width, TextStyle style) {
  if (text_width(text, style) <= width) return std::string(text);
  std::vector<std::string_view> all;
  for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(all.back().size()))
    all.push_back(rest.substr(0, character(rest).length));
  // As many characters as there is room for, one more of the start than of the end if they are odd.
  const auto most = static_cast<std::size_t>(width / (kNarrowest * style.size)) + 1;
  for (std::size_t kept = std::min(all.size() - 1, most); kept > 0; --kept) {
    std::string shorter;
    for (std::size_t i = 0; i < (kept + 1) / 2; ++i) shorter += all[i];
    shorter += kEllipsis;
    for (std::size_t i = all.size() - kept / 2; i < all.size(); ++i) shorter += all[i];
    if (text_width(shorter, style) <= width) return shorter;
  }
  return std::string(kEllipsis);
}

std::vector<std::string> wrapped(std::string_view text, double width, TextStyle style) {
  std::vector<std::string> lines(1);
  for (const std::string_view word : words(text)) {
    const std::string one = fitted(word, width, style);
    const std::string longer = lines.back().empty() ? one : lines.back() + " " + one;
    if (text_width(longer, style) <= width) {
      lines.back() = longer;
    } else {
      lines.push_back(one);
    }
  }
  return lines;
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t left = text.size(); left > 3; left -= 3) text.insert(left - 3, 1, ',');
  return text;
}

std::vector<double> ticks(double most, std::size_t count) {
  const double decade = std::pow(10.0, std::floor(std::log10(most / static_cast<double>(count))));
  double step = 10.0 * decade;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (most / (factor * decade) > static_cast<double>(count)) continue;
    step = factor * decade;
    break;
  }
  std::vector<double> all;
  for (std::size_t i = 0; static_cast<double>(i) * step <= most * (1.0 + 1e-9); ++i)
    all.push_back(static_cast<double>(i) * step);
  return all;
}

std::string series_class(int number) { return fmt::format("s{}", number + 1); }

void SvgPicture::text(double x, double y, Anchor anchor, TextStyle style, std::string_view text) {
  turned_text(x, y, 0.0, anchor, style, text);
}

void SvgPicture::turned_text(double x, double y, double degrees, Anchor anchor, TextStyle style,
                             std::string_view text) {
  constexpr const char* kAnchors[] = {"start", "middle", "end"};
  const std::string turn =
      degrees == 0.0 ? "" : fmt::format(" transform=\"rotate({:.1f} {:.1f} {:.1f})\"", degrees, x, y);
  body_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\"{}>{}</text>\n", x, y,
                       kAnchors[static_cast<std::size_t>(anchor)], style.name, turn, escaped(text));
}

namespace {

std::string with_tip(std::string_view element, std::string_view tip) {
  return tip.empty() ? "/>\n" : fmt::format("><title>{}</title></{}>\n", escaped(tip), element);
}

}  // namespace

void SvgPicture::rect(double x, double y, double width, double height, std::string_view style,
                      std::string_view tip) {
  body_ += fmt::format("<rect x=\"{:.3f}\" y=\"{:.1f}\" width=\"{:.3f}\" height=\"{:.1f}\" class=\"{}\"{}", x,
                       y, width, height, style, with_tip("rect", tip));
}

void SvgPicture::circle(double x, double y, double radius, std::string_view style, std::string_view tip) {
  body_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" class=\"{}\"{}", x, y, radius, style,
                       with_tip("circle", tip));
}

void SvgPicture::line(double x1, double y1, double x2, double y2, std::string_view style) {
  body_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1,
                       y1, x2, y2, style);
}

void SvgPicture::open(std::string_view name) {
  body_ += fmt::format("<g data-name=\"{}\">\n", escaped(name));
}
void SvgPicture::close() { body_ += "</g>\n"; }

std::string SvgPicture::finish(double height, std::string_view name) const {
  std::string css =
      "svg{max-width:100%;height:auto}"
      "text{font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}"
      ".label{stroke-width:3px;stroke-linejoin:round;paint-order:stroke}"
      ".title,.heading,.bad{font-weight:600}.roof{stroke-width:2px}\n";
  for (const TextStyle& style : {kTitle, kHeading, kPlain, kSmall, kQuiet, kInside, kBad, kLabel})
    css += fmt::format(".{}{{font-size:{:g}px}}", style.name, style.size);
  css += "\n" + scheme_css(kLight) + "@media (prefers-color-scheme:dark){\n" + scheme_css(kDark) + "}\n";
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:g}\" height=\"{1:g}\" "
      "viewBox=\"0 0 {0:g} {1:g}\" role=\"img\" aria-label=\"{4}\">\n"
      "<style>\n{2}</style>\n<rect width=\"100%\" height=\"100%\" class=\"back\"/>\n{3}</svg>\n",
      width_, height, css, body_, escaped(name));
}

}  // namespace if4
