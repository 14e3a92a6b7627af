#include "model/files/vectors.hpp"

#include <algorithm>
#include <istream>
#include <ostream>
#include <string_view>

#include "model/core/error.hpp"
#include "model/core/text.hpp"

namespace if4 {

namespace {

constexpr std::string_view kWhiteSpace = " \t\r\v\f";

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> tokens;
  std::size_t begin = line.find_first_not_of(kWhiteSpace);
  while (begin != std::string_view::npos) {
    const std::size_t end = std::min(line.find_first_of(kWhiteSpace, begin), line.size());
    tokens.push_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(kWhiteSpace, end);
  }
  return tokens;
}

/// The number that a text of exactly that many hexadecimal digits is; 0x may stand before them.
std::optional<Codes> parse_hex(std::string_view token, std::size_t digits) {
  if (token.substr(0, 2) == "0x" || token.substr(0, 2) == "0X") token.remove_prefix(2);
  if (token.size() != digits) return std::nullopt;
  Codes value = 0;
  for (const char c : token) {
    int digit = 0;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      digit = c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = c - 'A' + 10;
    } else {
      return std::nullopt;
    }
    value = value << 4 | static_cast<Codes>(digit);
  }
  return value;
}

std::string to_hex(Codes value, std::size_t digits) {
  std::string text;
  for (std::size_t i = digits; i-- > 0;) {
    text += "0123456789ABCDEF"[static_cast<unsigned>(value >> (4 * i)) & 15U];
  }
  return text;
}

std::size_t code_digits(Format format) { return 2 * code_bytes(format); }

}  // namespace

VectorReader::VectorReader(const std::string& path) : file_(path), in_(&file_), name_(one_line(path)) {
  if (!file_) throw InputError(name_ + ": cannot be opened");
}

VectorReader::VectorReader(std::istream& in, std::string name) : in_(&in), name_(std::move(name)) {}

void VectorReader::fail(const std::string& message) const {
  throw InputError(name_ + ":" + std::to_string(line_) + ": " + message);
}

std::optional<DotProduct> VectorReader::next() {
  DotProduct dot_product;
  const auto number = [this](std::string_view token, std::size_t digits, const char* what) {
    const std::optional<Codes> value = parse_hex(token, digits);
    if (!value) {
      fail(std::string(what) + " is " + quoted_name(token) + ", not " + std::to_string(digits) +
           " hexadecimal digits");
    }
    return *value;
  };

  std::string line;
  while (std::getline(*in_, line)) {
    ++line_;
    const std::vector<std::string_view> tokens = split(line);
    if (tokens.empty()) continue;
    if (tokens[0][0] == '#') {
      const std::vector<std::string_view> comment = split(std::string_view(line).substr(line.find('#') + 1));
      if (comment.empty() || comment[0] != "format:") continue;
      if (comment.size() != 2) fail("one format name expected");
      const std::optional<Format> format = format_from_name(comment[1]);
      if (!format || !has_mac(*format)) fail("unknown format " + quoted_name(comment[1]));
      if (!dot_product.beats.empty()) fail("a format inside a dot product");
      format_ = *format;
      continue;
    }

    if (tokens[0] == "R" || tokens[0] == "r") {
      if (tokens.size() != 2) fail("R and one number expected");
      if (dot_product.beats.empty()) fail("a result without a beat before it");
      dot_product.result = static_cast<std::uint32_t>(number(tokens[1], 8, "the result"));
      dot_product.format = format_;
      any_ = true;
      return dot_product;
    }

    if (tokens.size() != 5) fail("5 numbers expected: first a_scale w_scale a_codes w_codes, or R result");
    const std::optional<Codes> first = parse_hex(tokens[0], 1);
    if (!first || *first > 1) fail("'first' is " + quoted_name(tokens[0]) + ", not 0 or 1");
    if (*first == 0 && dot_product.beats.empty()) fail("'first' is 0 at the start of a dot product");
    if (*first == 1 && !dot_product.beats.empty()) fail("'first' is 1 before the result of the beats above");
    Block a;
    Block w;
    a.scale = static_cast<std::uint8_t>(number(tokens[1], 2, "a_scale"));
    w.scale = static_cast<std::uint8_t>(number(tokens[2], 2, "w_scale"));
    a.codes = number(tokens[3], code_digits(format_), "a_codes");
    w.codes = number(tokens[4], code_digits(format_), "w_codes");
    dot_product.beats.emplace_back(a, w);
  }
  if (in_->bad()) fail("cannot be read on");
  if (!dot_product.beats.empty()) fail("the file ends before the result of the beats above");
  if (!any_) fail("the file has no dot product");
  return std::nullopt;
}

void write_format(std::ostream& out, Format format) { out << "# format: " << format_name(format) << '\n'; }

void write_dot_product(std::ostream& out, const DotProduct& dot_product) {
  if (dot_product.beats.empty()) throw InputError("a dot product without beats cannot be written");
  const std::size_t digits = code_digits(dot_product.format);
  char first = '1';
  for (const auto& [a, w] : dot_product.beats) {
    out << first << ' ' << to_hex(a.scale, 2) << ' ' << to_hex(w.scale, 2) << ' ' << to_hex(a.codes, digits)
        << ' ' << to_hex(w.codes, digits) << '\n';
    first = '0';
  }
  out << "R " << to_hex(dot_product.result, 8) << '\n';
}

}  // namespace if4
