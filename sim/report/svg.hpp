// SVG pictures, legible in light and dark and at 400 pixels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace if4 {

/// `text` as character data or an attribute value: the characters & < > " become references, and what XML
/// cannot hold, such as control characters and bytes that are not UTF-8, U+FFFD.
std::string escaped(std::string_view text);

/// How a text of a picture is set: its size in pixels, and its class in the style of the picture.
struct TextStyle {
  double size;
  std::string_view name;
};
inline constexpr TextStyle kTitle{17, "title"}, kHeading{14, "heading"}, kPlain{14, "plain"},
    kSmall{12, "small"}, kQuiet{12, "quiet"}, kInside{12, "inside"}, kBad{14, "bad"},
    kLabel{12, "label"};  ///< kInside: on a bar; kLabel: with a margin that hides what it is drawn over

enum class Anchor { kStart, kMiddle, kEnd };

/// About how wide a text is, in pixels; fonts differ, and few are wider.
double text_width(std::string_view text, TextStyle style);
/// `text`, or what of its start and end fits into that width with an ellipsis between them.
std::string fitted(std::string_view text, double width, TextStyle style);
/// `text` in lines of that width, broken at blanks. A word that is wider alone is cut by fitted().
std::vector<std::string> wrapped(std::string_view text, double width, TextStyle style);

/// "7,332,614"
std::string grouped(std::uint64_t number);

/// Ends of the steps of an axis from 0 to `most` > 0: 1, 2 or 5 times a power of ten apart, at most so many, the
/// last one at `most` or below.
std::vector<double> ticks(double most, std::size_t count);

/// Number of colours of series, which are those of scripts/page/page.css.
inline constexpr int kSeriesColors = 8;
/// The class of a series' colour, "s1" to "s8"; `number` counts from 0.
std::string series_class(int number);

/// A picture that is written from top to bottom. Texts are escaped here; numbers are in pixels.
class SvgPicture {
 public:
  explicit SvgPicture(double width) : width_(width) {}

  void text(double x, double y, Anchor anchor, TextStyle style, std::string_view text);
  /// A text that begins or ends below the other one of its line, turned by so many degrees around its anchor.
  void turned_text(double x, double y, double degrees, Anchor anchor, TextStyle style, std::string_view text);
  /// `style`: a class. `tip`: what a pointer over it shows; empty: nothing.
  void rect(double x, double y, double width, double height, std::string_view style,
            std::string_view tip = {});
  void circle(double x, double y, double radius, std::string_view style, std::string_view tip);
  void line(double x1, double y1, double x2, double y2, std::string_view style);
  /// A group of what follows until close(), with a name for programs that read the picture.
  void open(std::string_view name);
  void close();

  /// The whole picture, of that height. `name`: what it is of, for readers who do not see it.
  std::string finish(double height, std::string_view name) const;

 private:
  double width_;
  std::string body_;
};

}  // namespace if4
