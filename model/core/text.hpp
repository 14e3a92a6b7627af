// Text that comes from users and from files: how it is shown in messages, and how numbers are read from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace if4 {

/// `text` as it is shown in a message of one line: backslashes, control characters, line separators and bytes
/// that are not UTF-8 become \\, \n, \t or \xNN.
std::string one_line(std::string_view text);
/// one_line(name) in single quotes, cut after about 100 characters.
std::string quoted_name(std::string_view name);

bool ends_with(std::string_view text, std::string_view end);
/// The two texts, one after the other.
std::string join(std::string_view start, std::string_view end);

/// What stands between blanks, tabs and carriage returns.
std::vector<std::string_view> words(std::string_view line);

/// The lowest `digits` hexadecimal digits of a number, in capitals.
std::string hex_text(unsigned __int128 value, std::size_t digits);
/// The number that a text of exactly that many hexadecimal digits, up to 32, is.
std::optional<unsigned __int128> hex_number(std::string_view text, std::size_t digits);

/// The number from `least` to `most` that `text` is in decimal digits alone, or nothing: "-1", "1e3", " 5"
/// and "" are no such numbers.
std::optional<std::uint64_t> whole_number(std::string_view text, std::uint64_t least, std::uint64_t most);
/// The number of bytes, 1 or more, that a text such as "5GB", "300 kB", "2GiB" or "4096" stands for, or nothing.
std::optional<std::uint64_t> byte_size(std::string_view text);
/// "a whole number from LEAST to MOST", for messages.
std::string whole_number_range(std::uint64_t least, std::uint64_t most);

}  // namespace if4
