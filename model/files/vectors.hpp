// Vector files: dot products and their expected results as text, for testbenches and for other tools.
//
//     # format: if4
//     # any other comment
//     1 E8 41 E97F359DB46F0B73 636DA0FB66B74D6B   first a_scale w_scale a_codes w_codes
//     0 94 65 C7EDCA3F62B4AD37 57A50C679C7F4770   one line a pair of blocks
//     R C802A96C                                  FP32 bits of the result of the blocks above
//
// `first` is 1 on the first line of a dot product and 0 on the others. Numbers are hexadecimal: scales 2
// digits, the result 8, codes as many as their bits take, 12, 16 or 24 for 3-, 4- and 6-bit codes, with
// element 0 in the lowest. A unit that takes n blocks a beat takes n lines, and zeros for those that the last
// beat lacks.
//
// The line "# format: NAME" (a format_name()) says what the blocks below it are, up to the next such line; it
// stands between dot products. Above the first, blocks are IF4: a reader that knows 4-bit blocks only sees a
// comment. Blank lines and other lines whose first character is # are skipped. Read also, but not written:
// lower case, 0x before a number, white space around a line, CR LF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/core/format.hpp"

namespace if4 {

struct DotProduct {
  std::vector<std::pair<Block, Block>> beats;  ///< activations, weights; at least one
  std::uint32_t result = 0;                    ///< bits of an FP32 number
  Format format = Format::kIF4;                ///< of all blocks
};

/// Reads a vector file one dot product at a time; only that one is in memory.
class VectorReader {
 public:
  /// Throws InputError if the file cannot be opened.
  explicit VectorReader(const std::string& path);
  /// Reads from `in`, which must outlive the reader; `name` stands for the file in messages.
  VectorReader(std::istream& in, std::string name);
  VectorReader(const VectorReader&) = delete;
  VectorReader& operator=(const VectorReader&) = delete;

  /// The next dot product, or nothing at the end of the file. Throws InputError "FILE:LINE: ..." for a line
  /// that is malformed or out of place, for an end inside a dot product, and for a file without any dot
  /// product.
  std::optional<DotProduct> next();

 private:
  [[noreturn]] void fail(const std::string& message) const;

  std::ifstream file_;
  std::istream* in_;
  std::string name_;
  std::size_t line_ = 0;  ///< of the line read last, from 1
  bool any_ = false;
  Format format_ = Format::kIF4;
};

/// Appends the line that says the format of the dot products below it.
void write_format(std::ostream& out, Format format);

/// Appends one dot product, without its format. The stream's own state reports a failed write. Throws
/// InputError if it has no beat.
void write_dot_product(std::ostream& out, const DotProduct& dot_product);

}  // namespace if4
