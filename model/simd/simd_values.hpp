// SIMD loops over the values of a tensor as they are in memory. They are compiled for every instruction set
// that the machine family of the compiler has, and Highway chooses one at run time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace if4 {

/// Highway's name of the instruction set in use: "AVX3", ...
const char* simd_target();

/// The bits of the largest |x|; more than 0x7F7FFFFF where a value is not finite. `x` may be at any address.
std::uint32_t simd_largest(const float* x, std::size_t count);
/// The same for the bits of F16 or BF16 values.
std::uint16_t simd_largest(const std::uint16_t* x, std::size_t count);
/// Converts BF16 values to FP32, exactly.
void simd_from_bfloat16(const std::uint16_t* from, std::size_t count, float* to);
/// Converts F16 values to FP32, exactly. They must be finite.
void simd_from_half(const std::uint16_t* from, std::size_t count, float* to);
/// Transposes `count` rows of 16 values that follow each other in memory: value r of row c goes to to[r * stride + c].
void simd_transpose(const float* from, std::size_t count, float* to, std::size_t stride);

/// From where to where rotated values are gentle: see RotationExtremes.
inline constexpr float kSmallestGentle = 0x1p-115F;
inline constexpr float kGentleLimit = 0x1p106F;

/// What rotating values needs to know of them.
struct RotationExtremes {
  /// The bits of the largest |y| of the rotated values y before they are divided by 4 and rounded. With values that are
  /// not gentle it is anything, but then gentle() says so.
  std::uint32_t largest = 0;
  /// Not above the smallest |x| that is not 0.
  float smallest = 0x1p127F;

  /// Whether no step of rotate() meets a number that FP32 or BF16 has in fewer bits, or not at all, and no value is NaN or
  /// infinite. Numbers that are 0 or from 2^-115 on are multiples of 2^-122 in BF16, and so are their sums.
  bool gentle() const;
  /// The bits of the largest rotated value of gentle values.
  std::uint32_t rotated() const;
};
/// Adds those of `pieces` pieces of 16 values at any address.
void simd_rotation_extremes(const float* x, std::size_t pieces, RotationExtremes& extremes);
/// Does rotate() in place on `pieces` pieces of 16 values, none of which reaches kRotationLimit in size. `gentle`: they
/// are part of a tensor whose RotationExtremes are gentle.
void simd_rotate(float* x, std::size_t pieces, bool gentle);

}  // namespace if4
