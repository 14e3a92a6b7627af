// Functions that a GPU and a CPU run, and the bits of numbers on both.
#pragma once

#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define IF4_HD __host__ __device__ __forceinline__
#define IF4_RARE __host__ __device__ __noinline__
#else
#define IF4_HD inline
#define IF4_RARE inline
#endif

#ifdef __CUDA_ARCH__
#define IF4_UNROLL _Pragma("unroll")
#define IF4_ROLLED _Pragma("unroll 1")
#else
#define IF4_UNROLL
#define IF4_ROLLED
#endif

namespace if4::cuda {

IF4_HD std::uint32_t bits_of(float value) {
#ifdef __CUDA_ARCH__
  return __float_as_uint(value);
#else
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
#endif
}

IF4_HD float float_of(std::uint32_t bits) {
#ifdef __CUDA_ARCH__
  return __uint_as_float(bits);
#else
  float value = 0.0F;
  std::memcpy(&value, &bits, sizeof value);
  return value;
#endif
}

/// 1 / x for a normal x, wrong by one unit of the last place at most.
IF4_HD float about_reciprocal(float x) {
#ifdef __CUDA_ARCH__
  float result;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#else
  return 1.0F / x;
#endif
}

/// The four bytes of `low` and `high`, numbered 0 to 7 from the lowest on, that the digits of `choice` name.
IF4_HD std::uint32_t bytes_of(std::uint32_t low, std::uint32_t high, std::uint32_t choice) {
#ifdef __CUDA_ARCH__
  return __byte_perm(low, high, choice);
#else
  const std::uint64_t both = low | static_cast<std::uint64_t>(high) << 32;
  std::uint32_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned byte = choice >> (4 * i) & 7U;
    result |= static_cast<std::uint32_t>(both >> (8 * byte) & 0xFFU) << (8 * i);
  }
  return result;
#endif
}

}  // namespace if4::cuda
