// Compares the quantizer with reference results: outputs of the published quantizer on seeded inputs.
//
// A file of reference results is a safetensors file in one of two layouts. Each input INPUT/x (F32, [rows, columns],
// columns a multiple of 16) is followed by what the reference made of it, for a number of formats:
//   INPUT/FORMAT.RULE/codes U8 one code a byte, /scales U8 one a block, /amax F32 [1]
//   INPUT/FORMAT/q          U8 two codes a byte, /s U8 one a block, linear or tiled, /amax F32 [1]
// and in the input "swizzle" the same scales both linear and tiled; "rht" holds the rotation of swizzle/x and
// its matrix. A format that is not known is named, and fails the comparison.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/quantize/quantizer.hpp"

namespace if4 {

/// The blocks of one format and rule, over all inputs of a file. Every block is in exactly one of the classes
/// `equal` to `failures`; the four between are the known reasons to differ, each verified on the block
/// itself.
struct ReferenceCount {
  std::string label;  ///< "if4.mse", ...
  QuantizeOptions options;
  std::size_t tensors = 0;
  std::size_t blocks = 0;
  std::size_t equal = 0;  ///< codes and scale byte
  /// The other candidate was kept, and the errors of the two, in double, are within 1e-5 of each other.
  std::size_t near_ties = 0;
  /// FP4, s is 0x01 or 0x02, and the reference did not saturate: it took magnitudes of 7 and more for 8 when
  /// it chose the type, and stored code 0x8 for them.
  std::size_t wrapped = 0;
  /// Input "huge", rule mse: INT4 is better, but the reference's squared errors overflow and it kept FP4.
  std::size_t overflowed = 0;
  /// Input "subnormal": the reference's scale is NaN.
  std::size_t reference_nan = 0;
  std::size_t failures = 0;  ///< any other difference
};

struct ReferenceReport {
  std::string path;
  std::vector<ReferenceCount> counts;               ///< one for each compared format the file holds
  std::map<std::string, std::size_t> not_compared;  ///< unknown formats: label -> tensors
  std::size_t tilings = 0;                          ///< tiled scales compared with linear ones
  std::size_t rotated = 0;                          ///< values of the rotation compared
  /// Failures outside the blocks: an amax or a tiling that differs, a subnormal input badly quantized.
  std::size_t tensor_failures = 0;
  std::vector<std::string> messages;  ///< the first failures, one line each

  std::size_t blocks() const;
  /// No failure, nothing unknown, at least one block compared, and none of `counts` without blocks.
  bool ok() const;
};

/// Throws InputError where the file cannot be read or does not have the layout.
ReferenceReport compare_with_reference(const std::string& path);

/// Whether a safetensors file holds reference results, that is, has an INPUT/x. Throws InputError where it cannot be read.
bool is_reference_file(const std::string& path);

/// The report as a table, followed by its messages.
std::string to_text(const ReferenceReport& report);

}  // namespace if4
