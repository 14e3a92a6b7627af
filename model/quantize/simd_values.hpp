// SIMD loops over the values of a tensor as they are in memory, compiled for every instruction set that the
// compiler's machine family has and chosen at run time by Highway.
#pragma once

#include <cstddef>
#include <cstdint>

namespace if4 {

/// The instruction set in use: "AVX3", ...
const char* simd_target();

/// Largest bit pattern of |x|; more than 0x7F7FFFFF where a value is not finite.
std::uint32_t simd_largest(const float* x, std::size_t count);
/// The same of 16-bit floating values, by their bits without the sign.
std::uint16_t simd_largest(const std::uint16_t* x, std::size_t count);
/// BF16 or F16 to FP32, exact.
void simd_from_bfloat16(const std::uint16_t* from, std::size_t count, float* to);
void simd_from_half(const std::uint16_t* from, std::size_t count, float* to);
/// rotate() of `pieces` x 16 values in place.
void simd_rotate(float* x, std::size_t pieces);

}  // namespace if4
