// The SIMD inner loops of the fast quantizer. They are compiled for every instruction set that the machine
// family of the compiler has, and Highway chooses one at run time. A lane holds a block: nothing is summed
// across lanes, so vectors of every width give the bits of the scalar quantizer.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/quantize/candidates.hpp"
#include "model/quantize/options.hpp"
#include "model/simd/noise.hpp"

namespace if4 {

/// What all blocks of a tensor share: its options, and the constants of its format from the tables of
/// format.hpp and candidates.hpp.
struct KernelParams {
  struct Way {
    bool is_int;
    float target;
    float factor;
  };
  Way ways[2] = {};  ///< candidates()
  int way_count = 0;
  bool shares_scale = false;          ///< both ways, the floats and the integers, start with the same scale
  const SearchStep* steps = nullptr;  ///< search_steps(); null where scales are not searched
  std::size_t step_count = 0;
  Rule rule = Rule::kMse;

  int code_bits = 4;
  int mantissa_bits = 0;
  std::uint32_t smallest_bits = 0;  ///< FP32 bits of the smallest normal number of the float type
  float largest = 0.0F;             ///< largest value of the float type
  float int_limit = 0.0F;           ///< largest integer
  float int_steps_per_unit = 0.0F;  ///< 1 / int_step
  float int_step = 0.0F;            ///< the factor of the integers
  bool sign_magnitude = false;      ///< how negative integers are coded
  bool mixes_types = false;         ///< whether bit 7 of the scale byte tells integers from floats
  bool power_scale = false;         ///< whether the scale byte is E8M0

  float normalize = 1.0F;  ///< 2^k of normalized()
  /// Whether codes may stand for values beyond FP32. Only then are the bounds made and obeyed.
  bool bounded = false;
  /// By scale byte, with its type bit: the largest code with a finite value, without its sign.
  std::uint8_t bounds[256] = {};
  TensorScale tensor = {1.0F, 1.0F};
  bool stochastic = false;
  NoiseKey key = {0, 0};
};

/// The parameters for a tensor with that amax, which must be > 0 and is that before the normalization.
KernelParams kernel_params(const QuantizeOptions& options, float amax);

/// What one call of kernel_encode() codes: `pieces` columns of `rows` pieces each. A piece is 16 values that
/// follow each other in memory, and the pieces of a column share a scale.
///
///   16 x 16 values in a band of rows (2D blocks)           blocks of 32 values in a row (MXFP4)
///   rows = 16, stride = 1                                  rows = 2, stride = 2, row_values = 16
///
///               column 0    column 1                       column 0                column 1
///   x +         |piece 0,0 |piece 0,1 | ...                |piece 0,0 |piece 1,0 |piece 0,1 |piece 1,1 | ...
///   row_values: |piece 1,0 |piece 1,1 | ...                 x +        row_values
///               ...
///   15 row_values: |piece 15,0 |piece 15,1 | ...           blocks of 16 values in a row
///                                                          rows = 1, stride = 1: column p is piece 0,p
///   scales +    0           1
///
/// Of the piece in row r of column p,
///   - the values are at  x + r * row_values + 16 * stride * p,
///   - the codes go to    codes + r * row_code_bytes + 2 * code_bits * stride * p,
///   - the scale goes to  scales[p], once for all rows,
///   - the numbers of noise() are those from (position + r * row_pieces + stride * p) * 16 on.
struct KernelJob {
  const float* x = nullptr;  ///< at any address
  std::size_t row_values = 0;
  std::size_t rows = 1;  ///< 1 to 16
  std::size_t pieces = 0;
  std::size_t stride = 1;
  std::uint64_t position = 0;
  std::uint64_t row_pieces = 0;
  std::uint8_t* codes = nullptr;
  std::size_t row_code_bytes = 0;
  std::uint8_t* scales = nullptr;
  /// How many scales the jobs that come next have, where their values and codes follow those of this job in
  /// memory without a gap. The kernel fetches that memory into the cache while it codes this job.
  std::size_t following = 0;
  /// Whether all pieces, which must follow each other in memory, are rotated first. They must be part of a tensor whose
  /// RotationExtremes are gentle.
  bool rotated = false;
};

/// Writes the codes and the scales of a job.
void kernel_encode(const KernelParams& params, const KernelJob& job);

/// Blocks that run down the columns of a matrix: of block b of column c,
///   - value i is at    x + (16 b + i) * row_values + c,
///   - the codes go to  codes + c * column_code_bytes + 8 b,
///   - the scale goes to  scales + c * column_scales + b.
struct ColumnsJob {
  static constexpr std::size_t kMaxColumns = 256;

  const float* x = nullptr;  ///< at any address
  std::size_t row_values = 0;
  std::size_t columns = 0;  ///< a multiple of 16, at most kMaxColumns
  std::size_t blocks = 0;
  std::uint8_t* codes = nullptr;
  std::size_t column_code_bytes = 0;
  std::uint8_t* scales = nullptr;
  std::size_t column_scales = 0;
};

/// Codes the columns, or returns false where it has no loops for these parameters and this processor.
bool kernel_encode_columns(const KernelParams& params, const ColumnsJob& job);

}  // namespace if4
