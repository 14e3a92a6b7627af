// SVG pictures.
#pragma once

#include <string>
#include <string_view>

namespace if4 {

/// `text` as character data or an attribute value: the characters & < > " become references.
std::string escaped(std::string_view text);

/// A text whose `anchor` ("start", "middle", "end") is at (x, y); `text` is escaped here.
std::string svg_text(double x, double y, std::string_view anchor, std::string_view text);

/// A whole picture of that size in pixels on a white ground. `body`: its elements.
std::string svg_picture(double width, double height, int font_size, std::string_view body);

}  // namespace if4
