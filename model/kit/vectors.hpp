// Vector files: beats and the results that they must give, as text, for any testbench. A file says what it is:
//
//     # if4 vectors 2              the version
//     # format: if4                of all blocks
//     # lanes: 16                  16, 32 or 64
//     # accumulator: 64            its bits
//     # rounding: exact            of the results: exact, or lane-fp32 as the published unit rounds
//     # scaled: 1                  the unit leaves the factor 1 / r^2 out of its results (rtl/SCALED.md)
//     # seed: 1
//     # generator: if4 0.1.0
//     # testpoint: ties.int_float  what the lines below are for
//     B 0 E8 41 E97F359DB46F0B73 636DA0FB66B74D6B   a beat: last, a_scale, w_scale, a_codes, w_codes
//     B 1 94 65 C7EDCA3F62B4AD37 57A50C679C7F4770
//     R C802A96C 0 0               result, NaN flag, overflow flag of the beats above; after each beat with last = 1
//     S 60 0                       stalls of input and output from here on, of 256 clocks
//     X edge 3                     a reset, 3 clocks later, across an `edge` of the clock or `between` two
//     W 16                         wait for all results, and then so many clocks
//     H 8                          take no result until one has been offered for so many clocks
//     I 4                          so many clocks without a beat
//     E 1                          the end, and how many results there are
//
// vector_line.hpp says what S, X, W, H and I mean exactly; their numbers are decimal, those of B and R hexadecimal. The
// fields of B are whole ports of the unit, block 0 and element 0 lowest: a scale has 2 digits a block, the codes have 12,
// 16 or 24 digits a block where a code has 3, 4 or 6 bits. The first lines are in any order but for the
// version's; seed, generator and testpoints may be missing, and scaled is, where it is 0. Blank lines and lines whose first character is # are
// skipped otherwise.
//
// Files of the published script are read too. They have no line "# if4 vectors", and come from a unit of 16 lanes:
//
//     # format: if4
//     1 E8 41 E97F359DB46F0B73 636DA0FB66B74D6B   first, a_scale, w_scale, a_codes, w_codes
//     0 94 65 C7EDCA3F62B4AD37 57A50C679C7F4770
//     R C802A96C
//
// `first` is 1 on the first line of a dot product and 0 on the others. "# format: NAME" may be missing (if4), and may stand
// between dot products.
//
// The reader also takes what is never written: lower case, 0x before a number, white space around a line, and
// CR LF at its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/kit/vector_line.hpp"

namespace if4 {

inline constexpr int kVectorVersion = 2;

/// "exact" or "lane-fp32".
std::string_view rounding_name(ResultOrder order);

/// Hexadecimal digits of one port of scales and of one port of codes.
struct PortDigits {
  std::size_t scales, codes;
};
PortDigits port_digits(const MacConfig& config);

/// A beat as the ports of the unit see it, in hexadecimal digits.
struct PortTexts {
  std::string a_scale, w_scale, a_codes, w_codes;
};
PortTexts port_texts(const MacConfig& config, const BlockPairs& blocks);

/// The first lines of a file.
std::string header_text(const VectorHeader& header);
/// A line of a file, with its end.
std::string line_text(const MacConfig& config, const VectorLine& line);
/// The last line of a file with so many results.
std::string end_text(std::uint64_t results);

/// Reads vector files line by line. Errors are InputErrors "FILE:LINE: ...": a line that is malformed or out of place, a
/// header that lacks something, a version that is not known, an end that is none, and a file without any dot product.
class VectorReader {
 public:
  /// Throws InputError where the file cannot be opened.
  explicit VectorReader(const std::string& path);
  /// Reads from `in`, which must outlive the reader; `name` stands for the file in messages.
  VectorReader(std::istream& in, std::string name);
  VectorReader(const VectorReader&) = delete;
  VectorReader& operator=(const VectorReader&) = delete;

  /// The next line, or nothing at the end of the file. Lines of the published script are given as a BeatLine for each
  /// block and as a ResultLine without flags.
  std::optional<VectorLine> next();
  /// What the file says of itself, once next() has returned; nothing where it has the published script's lines.
  const std::optional<VectorHeader>& header() const { return header_; }
  /// The format of the line that next() returned last.
  Format format() const { return mac_.format; }
  /// "FILE:LINE" of the line that was read last.
  std::string place() const;

 private:
  using Words = std::vector<std::string_view>;
  enum class State : std::uint8_t { kTop, kScript, kHeader, kLines, kEnd };

  [[noreturn]] void fail(const std::string& message) const;
  std::optional<VectorLine> comment(const Words& words);
  void header_line(std::string_view key, const std::string& value);
  void end_header();
  std::optional<VectorLine> script_line(const Words& words);
  std::optional<VectorLine> line(const Words& words);
  VectorLine beat_line(const Words& words);
  VectorLine result_line(const Words& words);
  void end_line(const Words& words);
  void end_of_file();
  unsigned number(std::string_view word, unsigned most, const char* what) const;
  std::uint64_t hex(std::string_view word, std::size_t digits, const char* what) const;
  BlockPairs blocks(const Words& words, std::size_t first) const;

  std::ifstream file_;
  std::istream* in_;
  std::string name_;
  std::size_t line_ = 0;  ///< the number of the line that was read last, from 1
  State state_ = State::kTop;
  MacConfig mac_;
  std::optional<VectorHeader> header_;
  std::vector<std::string> header_keys_;  ///< that were read
  bool open_ = false;                     ///< there are beats without a result
  bool due_ = false;                      ///< the last of them ends its dot product
  std::uint64_t results_ = 0;
  /// Of the script: a beat of which it is not known yet whether it is the last, and a result whose beat is given first.
  std::optional<BeatLine> waiting_beat_;
  std::optional<ResultLine> waiting_result_;
};

}  // namespace if4
