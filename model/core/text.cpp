#include "model/core/text.hpp"

#include <algorithm>
#include <charconv>

namespace if4 {
namespace {

constexpr std::size_t kQuotedLimit = 100;

/// The length of the UTF-8 sequence at the start of `text`, or 0 where it is malformed or must
/// not be printed.
std::size_t printable_prefix(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7F && first != '\\' ? 1 : 0;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  unsigned point = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
    point = point << 6 | (byte(i) & 0x3FU);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  const bool breaks_line = point < 0xA0 || point == 0x2028 || point == 0x2029;
  return overlong || surrogate || breaks_line || point > 0x10FFFF ? 0 : length;
}

}  // namespace

std::string one_line(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string line;
  while (!text.empty()) {
    const std::size_t length = printable_prefix(text);
    if (length != 0) {
      line += text.substr(0, length);
    } else if (text[0] == '\n') {
      line += "\\n";
    } else if (text[0] == '\t') {
      line += "\\t";
    } else if (text[0] == '\\') {
      line += "\\\\";
    } else {
      const auto byte = static_cast<unsigned char>(text[0]);
      line += "\\x";
      line += kHex[byte >> 4];
      line += kHex[byte & 15U];
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return line;
}

std::string quoted_name(std::string_view name) {
  if (name.size() <= kQuotedLimit) return "'" + one_line(name) + "'";
  std::size_t end = kQuotedLimit;
  // A character of several bytes is not cut in the middle.
  while (end > kQuotedLimit - 3 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U) --end;
  return "'" + one_line(name.substr(0, end)) + "...'";
}

std::optional<std::uint64_t> whole_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < least || number > most) return std::nullopt;
  return number;
}

std::vector<std::string_view> words(std::string_view line) {
  constexpr std::string_view kWhiteSpace = " \t\r\v\f";
  std::vector<std::string_view> all;
  std::size_t begin = line.find_first_not_of(kWhiteSpace);
  while (begin != std::string_view::npos) {
    const std::size_t end = std::min(line.find_first_of(kWhiteSpace, begin), line.size());
    all.push_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(kWhiteSpace, end);
  }
  return all;
}

std::string hex_text(unsigned __int128 value, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; value >>= 4)
    text[i] = "0123456789ABCDEF"[static_cast<unsigned>(value) & 15U];
  return text;
}

std::optional<unsigned __int128> hex_number(std::string_view text, std::size_t digits) {
  if (text.size() != digits) return std::nullopt;
  unsigned __int128 value = 0;
  for (const char c : text) {
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<unsigned>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<unsigned>(c - 'A') + 10;
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string join(std::string_view start, std::string_view end) { return std::string(start).append(end); }

std::optional<std::uint64_t> byte_size(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::uint64_t bytes;
  };
  static constexpr Unit kUnits[] = {
      {"kB", 1000},
      {"KB", 1000},
      {"MB", 1'000'000},
      {"GB", 1'000'000'000},
      {"TB", 1'000'000'000'000},
      {"KiB", 1ULL << 10},
      {"MiB", 1ULL << 20},
      {"GiB", 1ULL << 30},
      {"TiB", 1ULL << 40},
      {"B", 1},
      {"", 1},
  };
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string_view unit = text.substr(digits);
  if (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  for (const Unit& known : kUnits) {
    if (unit != known.name) continue;
    const auto number = whole_number(text.substr(0, digits), 1, UINT64_MAX / known.bytes);
    if (number) return *number * known.bytes;
  }
  return std::nullopt;
}

std::string whole_number_range(std::uint64_t least, std::uint64_t most) {
  return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
}

}  // namespace if4
