// The SIMD inner loops of the fast quantizer, compiled for every instruction set that the compiler's machine
// family has and chosen at run time by Highway. A lane holds a block, so that nothing is summed across lanes
// and every width gives the bits of the scalar quantizer.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/quantize/quantizer.hpp"

namespace if4 {

/// What all blocks of a tensor share: the constants of its format, taken from the tables of format.hpp and
/// quantizer.hpp.
struct KernelParams {
  struct Way {
    bool is_int;
    float target;
    float factor;
  };
  Way ways[2] = {};  ///< candidates()
  int way_count = 0;
  bool shares_scale = false;  ///< the ways, a float type and an integer one, start with the same scale
  const SearchStep* steps = nullptr;  ///< search_steps(), or none
  std::size_t step_count = 0;
  Rule rule = Rule::kMse;

  int code_bits = 4;
  int mantissa_bits = 0;
  std::uint32_t smallest_bits = 0;  ///< FP32 bits of the smallest normal number of the float type
  float largest = 0.0F;             ///< of the float type
  float int_limit = 0.0F;
  float int_steps_per_unit = 0.0F;
  float int_step = 0.0F;
  bool sign_magnitude = false;
  bool mixes_types = false;
  bool power_scale = false;  ///< E8M0

  float normalize = 1.0F;  ///< the factor of normalized()
  TensorScale tensor = {1.0F, 1.0F};
  bool stochastic = false;
  NoiseKey key = {0, 0};
};

/// The parameters for a tensor with that amax (not normalized, > 0).
KernelParams kernel_params(const QuantizeOptions& options, float amax);

/// Sums over the values coded, in units of the normalized tensor. A job adds up in FP32, a lane at a time.
struct KernelSums {
  double noise = 0.0;   ///< squared errors
  double signal = 0.0;  ///< squared values
};

/// `pieces` scales, each for a column of `rows` (1 to 16) pieces of 16 values. Piece p of row r is at x + r *
/// row_values + 16 * stride * p. Its codes go to codes + r * row_code_bytes + 2 * code_bits * stride * p, its
/// noise has the numbers from (position + r * row_pieces + stride * p) * 16 on, the scale goes to scales[p].
/// One row and stride 1: blocks in a row. 16 rows: 2D blocks. Two rows and stride 2, 16 values between them:
/// the halves of blocks of 32. x need not be aligned.
struct KernelJob {
  const float* x = nullptr;
  std::size_t row_values = 0;
  std::size_t rows = 1;
  std::size_t pieces = 0;
  std::size_t stride = 1;
  std::uint64_t position = 0;
  std::uint64_t row_pieces = 0;
  std::uint8_t* codes = nullptr;
  std::size_t row_code_bytes = 0;
  std::uint8_t* scales = nullptr;
  /// Scales of the jobs that come next, where their values and codes follow this job's in memory without a
  /// gap: they are fetched ahead.
  std::size_t following = 0;
  KernelSums* sums = nullptr;  ///< added to where not null
};

void kernel_encode(const KernelParams& params, const KernelJob& job);

}  // namespace if4
