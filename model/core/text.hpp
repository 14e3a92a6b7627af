// Text of users and of files, in and out of messages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace if4 {

/// `text` fit for a one-line message: backslashes, control characters, line separators and bytes that are not
/// UTF-8 appear as \n, \t, \\ or \xNN.
std::string one_line(std::string_view text);
/// one_line(name) in single quotes, cut after about 100 characters.
std::string quoted_name(std::string_view name);

/// Decimal digits alone, from least to most. Nothing of any other text: "-1", "1e3", " 5", "".
std::optional<std::uint64_t> whole_number(std::string_view text, std::uint64_t least, std::uint64_t most);
/// "a whole number from LEAST to MOST"
std::string whole_number_range(std::uint64_t least, std::uint64_t most);

}  // namespace if4
