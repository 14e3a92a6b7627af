// The random Hadamard transform: it rotates 16 values at a time, which spreads an outlier over all of them.
#pragma once

#include <array>
#include <cstdint>

#include "model/core/format.hpp"
#include "model/core/tensor.hpp"

namespace if4 {

/// 16 values that follow each other in a row: those of a block, or of half a block of 32.
using BlockValues = std::array<float, kBlockSize>;

/// Where bit i is 1, value i is negated before the multiplication. The vector is that of
/// the reference quantizer.
inline constexpr std::uint32_t kRotationSigns = 0xD7E8;

/// Where one of 16 values is as large as this, all of them are multiplied by 2^-8 before they are added and by
/// 2^8 afterwards, so that sums stay in FP32.
inline constexpr float kRotationLimit = 0x1p120F;

/// x rounded to the nearest BF16 number, ties to even. Values beyond the largest BF16 number become infinite.
float round_to_bfloat16(float x);

/// y = bf16( H (signs * bf16(x)) / 4 ), where H is the 16 x 16 Hadamard matrix in natural (Sylvester) order.
/// The sums are FP32, by butterflies over the distances 1, 2, 4, 8 in this order. A result beyond the range of
/// BF16 is infinite or NaN.
BlockValues rotate(const BlockValues& x);
/// The inverse, in FP32 and without any rounding to BF16: signs * (H y) / 4. Of finite values it is finite: it
/// saturates at the largest FP32 number.
BlockValues rotate_back(const BlockValues& y);
/// Every 16 values of a tensor turned by rotate_back(). Throws InputError unless their number is a multiple of
/// 16; whether that holds for rows is for read_quantized() to say.
Tensor rotated_back(const Tensor& tensor);

}  // namespace if4
