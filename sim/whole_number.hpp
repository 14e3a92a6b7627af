// Whole numbers as users write them, and how a message names their range.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace if4 {

/// Decimal digits alone, from least to most. Nothing of any other text: "-1", "1e3", " 5", "".
inline std::optional<std::uint64_t> whole_number(std::string_view text, std::uint64_t least,
                                                 std::uint64_t most) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < least || number > most) return std::nullopt;
  return number;
}

/// "a whole number from LEAST to MOST"
inline std::string whole_number_range(std::uint64_t least, std::uint64_t most) {
  return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
}

}  // namespace if4
