#include <algorithm>
#include <istream>
#include <utility>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/kit/vectors.hpp"

namespace if4 {

namespace {

constexpr std::string_view kRequired[] = {"format", "lanes", "accumulator", "rounding"};
constexpr std::string_view kOptional[] = {"scaled", "seed", "generator"};

template <class Words>
bool contains(const Words& words, std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

std::string_view without_prefix(std::string_view word) {
  return word.substr(0, 2) == "0x" || word.substr(0, 2) == "0X" ? word.substr(2) : word;
}

bool is_testpoint_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxTestpointName &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") == std::string_view::npos;
}

}  // namespace

VectorReader::VectorReader(const std::string& path) : file_(path), in_(&file_), name_(one_line(path)) {
  if (!file_) throw InputError(name_ + ": cannot be opened");
}

VectorReader::VectorReader(std::istream& in, std::string name) : in_(&in), name_(std::move(name)) {}

std::string VectorReader::place() const { return name_ + ":" + std::to_string(line_); }

void VectorReader::fail(const std::string& message) const { throw InputError(place() + ": " + message); }

std::optional<VectorLine> VectorReader::next() {
  if (waiting_result_) return std::exchange(waiting_result_, std::nullopt);
  std::string text;
  while (std::getline(*in_, text)) {
    ++line_;
    const Words all = words(text);
    if (all.empty()) continue;
    std::optional<VectorLine> found;
    if (all[0][0] == '#') {
      found = comment(words(std::string_view(text).substr(text.find('#') + 1)));
    } else if (state_ == State::kTop || state_ == State::kScript) {
      state_ = State::kScript;
      found = script_line(all);
    } else {
      found = line(all);
    }
    if (found) return found;
  }
  if (in_->bad()) fail("cannot be read on");
  end_of_file();
  return std::nullopt;
}

void VectorReader::end_of_file() {
  if (state_ == State::kEnd) return;
  if (open_) fail("the file ends before the result of the beats above");
  if (state_ == State::kHeader || state_ == State::kLines)
    fail("the file ends without its last line, E and the number of results");
  if (results_ == 0) fail("the file has no dot product");
}

// --- What begins with # ---

std::optional<VectorLine> VectorReader::comment(const Words& words) {
  if (words.size() < 2) {
    if (words.size() == 1 && words[0] == "format:" && state_ <= State::kScript)
      fail("one format name expected");
    return std::nullopt;
  }
  const bool digit = words.size() > 2 && words[2][0] >= '0' && words[2][0] <= '9';
  if (words[0] == "if4" && words[1] == "vectors" && (words.size() == 3 || digit)) {
    if (state_ != State::kTop) fail("the version of the file belongs above all other lines");
    const auto version = whole_number(words[2], 0, ~std::uint64_t{0});
    if (words.size() != 3 || !version)
      fail("the version is " + quoted_name(words[2]) + ", not a whole number");
    if (*version != kVectorVersion) {
      fail("version " + std::to_string(*version) + " of vector files, and this program reads version " +
           std::to_string(kVectorVersion) + " and the published script's lines");
    }
    state_ = State::kHeader;
    return std::nullopt;
  }
  if (state_ <= State::kScript) {
    if (words[0] != "format:") return std::nullopt;
    state_ = State::kScript;
    if (words.size() != 2) fail("one format name expected");
    if (open_) fail("a format inside a dot product");
    header_line("format", std::string(words[1]));
    return std::nullopt;
  }
  if (words[0] == "testpoint:") {
    if (open_) fail("a testpoint inside a dot product");
    if (state_ == State::kEnd) fail("a line after the end");
    if (words.size() != 2 || !is_testpoint_name(words[1]))
      fail("the name of a testpoint is 1 to 64 characters of a-z, 0-9, '_' and '.'");
    if (state_ == State::kHeader) end_header();
    return TestpointLine{std::string(words[1])};
  }
  const std::string_view key = words[0].substr(0, words[0].size() - 1);
  if (words[0].back() != ':' || (!contains(kRequired, key) && !contains(kOptional, key))) return std::nullopt;
  if (state_ != State::kHeader)
    fail("'" + std::string(key) + "' belongs above the first testpoint and the first beat");
  if (contains(header_keys_, key)) fail("'" + std::string(key) + "' for the second time");
  if (words.size() != 2 && key != "generator") fail("one value of '" + std::string(key) + "' expected");
  header_keys_.emplace_back(key);
  std::string value(words[1]);
  for (std::size_t i = 2; i < words.size(); ++i) value += " " + std::string(words[i]);
  header_line(key, value);
  return std::nullopt;
}

void VectorReader::header_line(std::string_view key, const std::string& value) {
  if (key == "format") {
    const std::optional<Format> format = format_from_name(value);
    if (!format || !has_mac(*format)) fail("unknown format " + quoted_name(value));
    mac_.format = *format;
    return;
  }
  if (!header_) header_.emplace();
  if (key == "lanes") {
    if (value != "16" && value != "32" && value != "64")
      fail("lanes is " + quoted_name(value) + ", not 16, 32 or 64");
    mac_.lanes = static_cast<int>(number(value, 64, "lanes"));
  } else if (key == "accumulator") {
    mac_.acc_width = static_cast<int>(number(value, 120, "accumulator"));
  } else if (key == "rounding") {
    const auto orders = {ResultOrder::kExact, ResultOrder::kLaneFp32};
    const auto found = std::find_if(orders.begin(), orders.end(),
                                    [&](ResultOrder order) { return rounding_name(order) == value; });
    if (found == orders.end()) fail("rounding is " + quoted_name(value) + ", not exact or lane-fp32");
    header_->rounding = *found;
  } else if (key == "scaled") {
    mac_.scaled = number(value, 1, "scaled") != 0;
  } else if (key == "seed") {
    const auto seed = whole_number(value, 0, ~std::uint64_t{0});
    if (!seed) fail("seed is " + quoted_name(value) + ", not a whole number");
    header_->seed = *seed;
  } else {
    header_->generator = value;
  }
}

void VectorReader::end_header() {
  for (const std::string_view key : kRequired) {
    if (!contains(header_keys_, key)) fail("no line '# " + std::string(key) + ": ...' above");
  }
  if (mac_.acc_width < beat_width(mac_)) {
    fail("an accumulator of " + std::to_string(mac_.acc_width) + " bits cannot hold one beat of " +
         std::string(format_name(mac_.format)) + " with " + std::to_string(mac_.lanes) +
         " lanes, which has " + std::to_string(beat_width(mac_)));
  }
  if (mac_.scaled && header_->rounding == ResultOrder::kLaneFp32)
    fail("results are scaled, and lane-fp32 has none that are");
  header_->mac = mac_;
  state_ = State::kLines;
}

// --- Numbers ---

unsigned VectorReader::number(std::string_view word, unsigned most, const char* what) const {
  const auto value = whole_number(word, 0, most);
  if (!value) fail(std::string(what) + " is " + quoted_name(word) + ", not " + whole_number_range(0, most));
  return static_cast<unsigned>(*value);
}

std::uint64_t VectorReader::hex(std::string_view word, std::size_t digits, const char* what) const {
  const auto value = hex_number(without_prefix(word), digits);
  if (!value) {
    fail(std::string(what) + " is " + quoted_name(word) + ", not " + std::to_string(digits) +
         " hexadecimal digits");
  }
  return static_cast<std::uint64_t>(*value);
}

// Four ports from that word on: a_scale, w_scale, a_codes, w_codes.
BlockPairs VectorReader::blocks(const Words& words, std::size_t first) const {
  constexpr const char* kPorts[] = {"a_scale", "w_scale", "a_codes", "w_codes"};
  const auto count = static_cast<std::size_t>(blocks_per_beat(mac_));
  BlockPairs pairs(count);
  for (std::size_t port = 0; port < 4; ++port) {
    const std::size_t digits = (port < 2 ? port_digits(mac_).scales : port_digits(mac_).codes) / count;
    const std::string_view word = without_prefix(words[first + port]);
    for (std::size_t b = 0; b < count; ++b) {
      // The highest block is leftmost. A word of another length is named as a whole.
      const bool fits = word.size() == digits * count;
      const auto value =
          fits ? hex_number(word.substr(digits * (count - 1 - b), digits), digits) : std::nullopt;
      if (!value) {
        fail(std::string(kPorts[port]) + " is " + quoted_name(words[first + port]) + ", not " +
             std::to_string(digits * count) + " hexadecimal digits");
      }
      Block& block = port % 2 == 0 ? pairs[b].first : pairs[b].second;
      port < 2 ? static_cast<void>(block.scale = static_cast<std::uint8_t>(*value))
               : static_cast<void>(block.codes = *value);
    }
  }
  return pairs;
}

// --- Lines of the published script ---

std::optional<VectorLine> VectorReader::script_line(const Words& words) {
  if (words[0] == "R" || words[0] == "r") {
    if (words.size() != 2) fail("R and one number expected");
    if (!open_) fail("a result without a beat before it");
    waiting_result_ = ResultLine{{static_cast<std::uint32_t>(hex(words[1], 8, "the result")), false, false}};
    open_ = false;
    ++results_;
    waiting_beat_->last = true;
    return std::exchange(waiting_beat_, std::nullopt);
  }
  if (words[0] == "B" && words.size() == 6)
    fail("a beat of version 2, and no line '# if4 vectors 2' at the top");
  if (words.size() != 5) fail("5 numbers expected: first a_scale w_scale a_codes w_codes, or R result");
  const auto first = hex_number(without_prefix(words[0]), 1);
  if (!first || *first > 1) fail("'first' is " + quoted_name(words[0]) + ", not 0 or 1");
  if (*first == 0 && !open_) fail("'first' is 0 at the start of a dot product");
  if (*first == 1 && open_) fail("'first' is 1 before the result of the beats above");
  open_ = true;
  auto before = std::exchange(waiting_beat_, BeatLine{blocks(words, 1), false});
  if (!before) return std::nullopt;
  return *before;
}

// --- Lines of version 2 ---

std::optional<VectorLine> VectorReader::line(const Words& words) {
  if (state_ == State::kHeader) end_header();
  if (state_ == State::kEnd) fail("a line after the end");
  constexpr std::string_view kNames = "BRSXWHIE";
  constexpr std::string_view kFields[] = {"B last a_scale w_scale a_codes w_codes",
                                          "R result nan overflow",
                                          "S input output",
                                          "X edge|between clocks",
                                          "W clocks",
                                          "H clocks",
                                          "I clocks",
                                          "E results"};
  const char letter = static_cast<char>(words[0][0] & ~0x20);  // small letters too
  const std::size_t kind = words[0].size() == 1 ? kNames.find(letter) : std::string_view::npos;
  if (kind == std::string_view::npos) fail(quoted_name(words[0]) + " is none of B, R, S, X, W, H, I and E");
  const std::string fields(kFields[kind]);
  if (static_cast<std::ptrdiff_t>(words.size()) != std::count(fields.begin(), fields.end(), ' ') + 1)
    fail("'" + fields + "' expected");
  if (due_ && letter != 'R') fail("no result of the beat above, which is the last of its dot product");
  const auto clocks = [&] { return number(words[1], kMaxClocks, "the number of clocks"); };
  switch (letter) {
    case 'B':
      return beat_line(words);
    case 'R':
      return result_line(words);
    case 'S':
      return StallLine{number(words[1], kMaxStall, "input"), number(words[2], kMaxStall, "output")};
    case 'X':
      if (words[1] != "edge" && words[1] != "between")
        fail("X is " + quoted_name(words[1]) + ", not edge or between");
      open_ = false;
      return ResetLine{words[1] == "between", number(words[2], kMaxResetClocks, "the number of clocks")};
    case 'W':
      return WaitLine{clocks()};
    case 'H':
      return HoldLine{clocks()};
    case 'I':
      return IdleLine{clocks()};
    default:
      end_line(words);
      return std::nullopt;
  }
}

VectorLine VectorReader::beat_line(const Words& words) {
  if (words[1] != "0" && words[1] != "1") fail("'last' is " + quoted_name(words[1]) + ", not 0 or 1");
  open_ = true;
  due_ = words[1] == "1";
  return BeatLine{blocks(words, 2), due_};
}

VectorLine VectorReader::result_line(const Words& words) {
  if (!open_) fail("a result without a beat before it");
  if (!due_) fail("a result where the beat above is not the last of its dot product");
  for (std::size_t i = 2; i < 4; ++i) {
    if (words[i] != "0" && words[i] != "1") fail("a flag is " + quoted_name(words[i]) + ", not 0 or 1");
  }
  const MacResult result{static_cast<std::uint32_t>(hex(words[1], 8, "the result")), words[2] == "1",
                         words[3] == "1"};
  const bool flagged = result.nan || result.overflow;
  if (result.nan && result.overflow) fail("both flags are set, and a unit sets one at most");
  if (flagged && header_->rounding == ResultOrder::kLaneFp32) fail("a flag is set, and lane-fp32 has none");
  if (flagged != (result.bits == kResultNaN) && header_->rounding == ResultOrder::kExact) {
    fail(flagged ? "a flag is set, and the result is not the NaN 7FC00000"
                 : "the result is the NaN 7FC00000, and no flag is set");
  }
  open_ = due_ = false;
  ++results_;
  return ResultLine{result};
}

void VectorReader::end_line(const Words& words) {
  if (open_) fail("the end before the result of the beats above");
  const auto results = whole_number(words[1], 0, ~std::uint64_t{0});
  if (!results || *results != results_) {
    fail("the end is of " + quoted_name(words[1]) + " results, and there are " + std::to_string(results_) +
         " above");
  }
  if (results_ == 0) fail("the file has no dot product");
  state_ = State::kEnd;
}

}  // namespace if4
