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
/// Does rotate() in place on `pieces` pieces of 16 values.
void simd_rotate(float* x, std::size_t pieces);

}  // namespace if4
