// Vector files: dot products and their expected results as text, for testbenches and for other tools.
//
//     # format: if4
//     # any other comment
//     1 E8 41 E97F359DB46F0B73 636DA0FB66B74D6B   first a_scale w_scale a_codes w_codes
//     0 94 65 C7EDCA3F62B4AD37 57A50C679C7F4770   one line a pair of blocks
//     R C802A96C                                  FP32 bits of the result of the blocks above
//
// `first` is 1 on the first line of a dot product and 0 on the others. Numbers are hexadecimal: a scale has 2
// digits, the result 8, and the codes of a block 12, 16 or 24 where a code has 3, 4 or 6 bits. Element 0 is
// in the lowest bits. A unit that takes n blocks of either operand in a beat takes n lines, and zeros for
// lines that the last beat lacks.
//
// The line "# format: NAME" (a format_name()) says what the blocks below it are, up to the next such line. It
// may stand between dot products only. Blocks above the first such line are IF4, and to a reader that knows
// IF4 only, the line is a comment. Blank lines and all other lines whose first character is # are skipped.
// The reader also takes what is never written: lower case, 0x before a number, white space around a line, and
// CR LF at its end.
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
  std::vector<std::pair<Block, Block>> beats;  ///< pairs of blocks: activations, weights; at least one
  std::uint32_t result = 0;                    ///< the bits of an FP32 number
  Format format = Format::kIF4;                ///< the format of all blocks
};

/// Reads a vector file. Only one dot product is in memory at a time.
class VectorReader {
 public:
  /// Throws InputError where the file cannot be opened.
  explicit VectorReader(const std::string& path);
  /// Reads from `in`, which must outlive the reader; `name` stands for the file in messages.
  VectorReader(std::istream& in, std::string name);
  VectorReader(const VectorReader&) = delete;
  VectorReader& operator=(const VectorReader&) = delete;

  /// The next dot product, or nothing at the end of the file. Throws InputError "FILE:LINE: ..." for a
  /// line that is malformed or out of place, for an end inside a dot product, and for a file without
  /// any dot product.
  std::optional<DotProduct> next();

 private:
  [[noreturn]] void fail(const std::string& message) const;

  std::ifstream file_;
  std::istream* in_;
  std::string name_;
  std::size_t line_ = 0;  ///< the number of the line that was read last, from 1
  bool any_ = false;
  Format format_ = Format::kIF4;
};

/// Appends the line that says the format of the dot products below it.
void write_format(std::ostream& out, Format format);

/// Appends one dot product, without the line of its format. Throws InputError where it has no beat. Whether
/// the text could be written is for the state of the stream to say.
void write_dot_product(std::ostream& out, const DotProduct& dot_product);

}  // namespace if4
