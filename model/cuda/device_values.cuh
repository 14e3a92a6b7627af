// How threads fetch values: 16 bytes at a time where a block is aligned, one by one where not.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <type_traits>

#include "model/cuda/job.hpp"
#include "model/simd/rotation.hpp"

namespace if4::cuda {

/// a / b. Most numbers fit in 32 bits, in which a division is five times faster.
__device__ __forceinline__ std::uint64_t quotient(std::uint64_t a, std::uint64_t b) {
  if (((a | b) >> 32) == 0) return static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b);
  return a / b;
}

__device__ __forceinline__ float half_value(std::uint32_t bits) {
  return __half2float(__ushort_as_half(static_cast<unsigned short>(bits)));
}

/// Values of a block as they are in memory.
template <DType kType, int kPieces>
struct Raw {
  static constexpr int kBytes = kType == DType::kF32 ? 4 : 2;
  static constexpr int kVectors = kPieces * kLanes * kBytes / 16;
  uint4 v[kVectors];

  __device__ __forceinline__ void fetch(const void* x, std::uint64_t block) {
    const auto* const from = static_cast<const uint4*>(x) + block * kVectors;
#pragma unroll
    for (int i = 0; i < kVectors; ++i) v[i] = __ldg(from + i);
  }

  __device__ __forceinline__ static std::uint32_t& word(uint4& v, int i) {
    return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
  }

  /// Multiplies the values by a power of two, and makes +0 of -0; values of FP16 become FP32 only in expand(), and are
  /// multiplied there. BF16 numbers are multiplied two at a time: a product that underflows, for which BF16 has fewer bits
  /// than FP32, is 2^-126 of amax at most, and all candidates have the same error there, too small to change a sum. MXFP4,
  /// whose blocks do not know amax, multiplies by 1.
  __device__ __forceinline__ void normalize(float by) {
    factor = by;
    if (kType != DType::kBF16) return;
    const std::uint32_t pair = bits_of(by) | bits_of(by) >> 16;
#pragma unroll
    for (int i = 0; i < kVectors * 4; ++i) {
      std::uint32_t& w = word(v[i / 4], i % 4);
      asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(w) : "r"(w), "r"(pair), "r"(0));
    }
  }

  /// The values in FP32.
  __device__ __forceinline__ void expand(float (*x)[kLanes]) {
#pragma unroll
    for (int i = 0; i < kVectors * 4; ++i) {
      const std::uint32_t w = word(v[i / 4], i % 4);
      if (kType == DType::kF32) {
        x[i / kLanes][i % kLanes] = fmaf(float_of(w), factor, 0.0F);
        continue;
      }
      const int at = 2 * i;
      float* const to = x[at / kLanes] + at % kLanes;
      to[0] = kType == DType::kBF16 ? float_of(w << 16) : fmaf(half_value(w), factor, 0.0F);
      to[1] = kType == DType::kBF16 ? float_of(w & 0xFFFF0000U) : fmaf(half_value(w >> 16), factor, 0.0F);
    }
  }

  /// largest_magnitude() of the first 16 values, which `x` has too.
  __device__ __forceinline__ float largest(const float* x) {
    if (kType != DType::kBF16) return largest_magnitude(x);
    std::uint32_t both[2] = {v[0].x & 0x7FFF7FFFU, v[0].y & 0x7FFF7FFFU};
#pragma unroll
    for (int i = 2; i < 8; ++i) {
      const std::uint32_t w = word(v[i / 4], i % 4) & 0x7FFF7FFFU;
      asm("max.NaN.bf16x2 %0, %1, %2;" : "=r"(both[i % 2]) : "r"(both[i % 2]), "r"(w));
    }
    asm("max.NaN.bf16x2 %0, %1, %2;" : "=r"(both[0]) : "r"(both[0]), "r"(both[1]));
    return larger(float_of(both[0] << 16), float_of(both[0] & 0xFFFF0000U));
  }

  /// nibble_signs() of eight values, which `x` has too.
  __device__ __forceinline__ std::uint32_t nibble_signs(const float* x, int half) {
    if (kType != DType::kBF16) return cuda::nibble_signs(x + 8 * half);
    const uint4& w = v[half];
    const std::uint32_t even = bytes_of(bytes_of(w.x, w.y, 0x0051), bytes_of(w.z, w.w, 0x0051), 0x5410);
    const std::uint32_t odd = bytes_of(bytes_of(w.x, w.y, 0x0073), bytes_of(w.z, w.w, 0x0073), 0x5410);
    return (even & 0x80808080U) >> 4 | (odd & 0x80808080U);
  }

  float factor = 1.0F;
};

/// Where a value of the result is in memory.
__device__ __forceinline__ std::uint64_t index_of(const Job& job, std::uint64_t row, std::uint64_t column) {
  if (job.order == Order::kRows) return row * job.columns + column;
  if (job.order == Order::kTransposed) {
    const std::uint64_t matrix = quotient(row, job.matrix_rows) * job.matrix_rows;
    return matrix * job.columns + column * job.matrix_rows + (row - matrix);
  }
  const std::uint64_t at = row * job.columns + column;
  const std::uint64_t in_matrix = at % (job.width * job.height);
  const std::uint64_t in_row = quotient(in_matrix, job.width);
  return at - in_matrix + (in_matrix - in_row * job.width) * job.height + in_row;
}

__device__ __forceinline__ float bfloat16_rounded(float x) {
  const std::uint32_t bits = bits_of(x);
  return float_of((bits + 0x7FFFU + (bits >> 16 & 1U)) & 0xFFFF0000U);
}

/// rotate() of 16 values, in place.
__device__ __forceinline__ void rotate_piece(float* x) {
  float largest = 0.0F;
#pragma unroll
  for (int i = 0; i < kLanes; ++i) {
    const float rounded = bfloat16_rounded(x[i]);
    x[i] = (kRotationSigns >> i & 1U) != 0 ? -rounded : rounded;
    largest = fmaxf(largest, fabsf(x[i]));
  }
  const float down = largest < kRotationLimit ? 1.0F : 0x1p-8F;
#pragma unroll
  for (int i = 0; i < kLanes; ++i) x[i] *= down;
#pragma unroll
  for (int distance = 1; distance < kLanes; distance *= 2) {
#pragma unroll
    for (int i = 0; i < kLanes; ++i) {
      if ((i & distance) != 0) continue;
      const float a = x[i];
      const float b = x[i + distance];
      x[i] = a + b;
      x[i + distance] = a - b;
    }
  }
#pragma unroll
  for (int i = 0; i < kLanes; ++i) x[i] = bfloat16_rounded(x[i] * (0.25F / down));
}

template <DType kType>
__device__ __forceinline__ float value_of(std::uint32_t bits) {
  if (kType == DType::kF32) return float_of(bits);
  return kType == DType::kBF16 ? float_of(bits << 16) : half_value(bits);
}

/// Fetches the values of a block one by one. All are on their way before the first is looked at.
template <DType kType, int kPieces>
__device__ __forceinline__ void fetch_typed(const Job& job, std::uint64_t row, std::uint64_t block,
                                            float (*x)[kLanes]) {
  using Bits = std::conditional_t<kType == DType::kF32, std::uint32_t, unsigned short>;
  const auto* const from = static_cast<const Bits*>(job.x);
  const std::uint64_t first = block * (kPieces * kLanes);
  const std::uint64_t left = job.columns - first;
  const int count = left < kPieces * kLanes ? static_cast<int>(left) : kPieces * kLanes;
  const std::uint64_t step = job.order == Order::kTransposed ? job.matrix_rows : 1;
  const Bits* const start = from + index_of(job, row, first);
  Bits raw[kPieces * kLanes];
  if (job.order == Order::kGathered) {
#pragma unroll
    for (int i = 0; i < kPieces * kLanes; ++i) {
      raw[i] = i < count ? __ldg(from + index_of(job, row, first + static_cast<unsigned>(i))) : Bits{0};
    }
  } else {
#pragma unroll
    for (int i = 0; i < kPieces * kLanes; ++i) {
      raw[i] = i < count ? __ldg(start + static_cast<unsigned>(i) * step) : Bits{0};
    }
  }
#pragma unroll
  for (int i = 0; i < kPieces * kLanes; ++i) x[i / kLanes][i % kLanes] = value_of<kType>(raw[i]);
}

template <int kPieces>
__device__ __forceinline__ void fetch_singly(const Job& job, std::uint64_t row, std::uint64_t block,
                                             float (*x)[kLanes]) {
  if (job.dtype == DType::kF32) return fetch_typed<DType::kF32, kPieces>(job, row, block, x);
  if (job.dtype == DType::kBF16) return fetch_typed<DType::kBF16, kPieces>(job, row, block, x);
  fetch_typed<DType::kF16, kPieces>(job, row, block, x);
}

/// The values of a block of the result as they are quantized, before they are normalized: filled up with zeros, and
/// rotated if that is an option.
template <int kPieces>
__device__ __forceinline__ void fetch_block(const Job& job, std::uint64_t row, std::uint64_t block,
                                            float (*x)[kLanes]) {
  if (job.vectors) {
    const std::uint64_t number = row * job.blocks_per_row + block;
    if (job.dtype == DType::kF32) {
      Raw<DType::kF32, kPieces> raw;
      raw.fetch(job.x, number);
      raw.expand(x);
    } else {
      Raw<DType::kBF16, kPieces> raw;
      raw.fetch(job.x, number);
      if (job.dtype == DType::kBF16) {
        raw.expand(x);
      } else {
        Raw<DType::kF16, kPieces> half;
#pragma unroll
        for (int i = 0; i < half.kVectors; ++i) half.v[i] = raw.v[i];
        half.expand(x);
      }
    }
  } else {
    fetch_singly<kPieces>(job, row, block, x);
  }
  if (!job.rotate) return;
#pragma unroll
  for (int p = 0; p < kPieces; ++p) rotate_piece(x[p]);
}

}  // namespace if4::cuda
