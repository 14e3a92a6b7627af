// Vector files dot product by dot product, without what is between them, and the published script's lines.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

#include "model/kit/vectors.hpp"

namespace if4 {

struct DotProduct {
  BlockPairs beats;              ///< pairs of blocks: activations, weights; at least one
  std::uint32_t result = 0;      ///< the bits of an FP32 number
  Format format = Format::kIF4;  ///< the format of all blocks
};

/// Reads the dot products of a vector file of either kind. Only one of them is in memory at a time.
class DotProductReader {
 public:
  /// Throws as VectorReader does.
  explicit DotProductReader(const std::string& path) : lines_(path) {}
  DotProductReader(std::istream& in, std::string name) : lines_(in, std::move(name)) {}

  /// The next one, or nothing at the end of the file. Beats that a reset drops are left out.
  std::optional<DotProduct> next();

 private:
  VectorReader lines_;
};

/// Appends the line that says the format of the dot products below it.
void write_format(std::ostream& out, Format format);

/// Appends one dot product in the published script's lines, a line a pair of blocks, without the line of its format.
/// Throws InputError where it has no beat. Whether the text could be written is for the state of the stream to say.
void write_dot_product(std::ostream& out, const DotProduct& dot_product);

}  // namespace if4
