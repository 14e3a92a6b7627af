// The random Hadamard transform: a rotation of 16 values at a time that spreads outliers over the block.
#pragma once

#include <array>
#include <cstdint>

#include "model/core/format.hpp"

namespace if4 {

/// 16 values that are quantized together: a block, or half a block of 32.
using BlockValues = std::array<float, kBlockSize>;

/// Bit i: value i is negated before the Hadamard matrix. The fixed vector of the reference quantizer.
inline constexpr std::uint32_t kRotationSigns = 0xD7E8;

/// x rounded to nearest even BF16. Large values become infinite.
float round_to_bfloat16(float x);

/// y = bf16( H (signs * bf16(x)) / 4 ), H the 16 x 16 Hadamard matrix in natural (Sylvester) order. The sums
/// are FP32, by butterflies over distances 1, 2, 4, 8.
BlockValues rotate(const BlockValues& x);
/// The inverse, in FP32 without any rounding to BF16: signs * (H y) / 4.
BlockValues rotate_back(const BlockValues& y);

}  // namespace if4
