#include "model/mac/gemm_kernel.hpp"

#ifdef __x86_64__
#ifndef __clang__
// GCC 12 warns that variables inside its own intrinsics are not initialized (its bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#endif

namespace if4 {
namespace {

constexpr std::size_t kPairs = 8;
constexpr std::size_t kBlock = 16;

void portable(const GemmTile& tile, std::int64_t* sums) {
  for (std::size_t r = 0; r < kGemmRows; ++r) {
    std::int64_t sum[kGemmColumns] = {};
    for (std::size_t b = 0; b < tile.blocks; ++b) {
      std::int32_t dot[kGemmColumns] = {};
      for (std::size_t p = 0; p < kPairs; ++p) {
        const std::int16_t* const a = tile.a[r] + b * kBlock + 2 * p;
        const std::int16_t* const w = tile.w + (b * kPairs + p) * 2 * kGemmColumns;
        for (std::size_t c = 0; c < kGemmColumns; ++c) dot[c] += a[0] * w[2 * c] + a[1] * w[2 * c + 1];
      }
      for (std::size_t c = 0; c < kGemmColumns; ++c) {
        const int shift = tile.a_exponent[r][b] + tile.w_exponent[b * kGemmColumns + c];
        sum[c] += dot[c] * (std::int64_t{1} << shift);
      }
    }
    for (std::size_t c = 0; c < kGemmColumns; ++c) sums[r * kGemmColumns + c] = sum[c];
  }
}

#ifdef __x86_64__

// GCC keeps small arrays in registers only where the loops over them are unrolled. Clang unrolls
// them by itself.
#ifdef __clang__
#define IF4_UNROLL
#else
#define IF4_UNROLL _Pragma("GCC unroll 8")
#endif

std::int32_t pair_at(const std::int16_t* elements) {
  std::int32_t pair = 0;
  __builtin_memcpy(&pair, elements, sizeof pair);
  return pair;
}

__attribute__((target("avx2"))) void avx2(const GemmTile& tile, std::int64_t* sums) {
  constexpr std::size_t kHalf = kGemmColumns / 2;
  for (std::size_t from = 0; from < kGemmColumns; from += kHalf) {
    __m256i low[kGemmRows], high[kGemmRows];
    IF4_UNROLL for (std::size_t r = 0; r < kGemmRows; ++r) low[r] = high[r] = _mm256_setzero_si256();
    for (std::size_t b = 0; b < tile.blocks; ++b) {
      __m256i dot[kGemmRows];
      IF4_UNROLL for (std::size_t r = 0; r < kGemmRows; ++r) dot[r] = _mm256_setzero_si256();
      const std::int16_t* const w = tile.w + b * kPairs * 2 * kGemmColumns + 2 * from;
      IF4_UNROLL for (std::size_t p = 0; p < kPairs; ++p) {
        const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + p * 2 * kGemmColumns));
        IF4_UNROLL for (std::size_t r = 0; r < kGemmRows; ++r) {
          const __m256i a = _mm256_set1_epi32(pair_at(tile.a[r] + b * kBlock + 2 * p));
          dot[r] = _mm256_add_epi32(dot[r], _mm256_madd_epi16(pairs, a));
        }
      }
      const __m128i exponents =
          _mm_loadl_epi64(reinterpret_cast<const __m128i*>(tile.w_exponent + b * kGemmColumns + from));
      const __m256i low_w = _mm256_cvtepu8_epi64(exponents);
      const __m256i high_w = _mm256_cvtepu8_epi64(_mm_srli_si128(exponents, 4));
      IF4_UNROLL for (std::size_t r = 0; r < kGemmRows; ++r) {
        const __m256i shift = _mm256_set1_epi64x(tile.a_exponent[r][b]);
        const __m256i low_dot = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(dot[r]));
        const __m256i high_dot = _mm256_cvtepi32_epi64(_mm256_extracti128_si256(dot[r], 1));
        low[r] = _mm256_add_epi64(low[r], _mm256_sllv_epi64(low_dot, _mm256_add_epi64(low_w, shift)));
        high[r] = _mm256_add_epi64(high[r], _mm256_sllv_epi64(high_dot, _mm256_add_epi64(high_w, shift)));
      }
    }
    IF4_UNROLL for (std::size_t r = 0; r < kGemmRows; ++r) {
      std::int64_t* const to = sums + r * kGemmColumns + from;
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), low[r]);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 4), high[r]);
    }
  }
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) void avx512(const GemmTile& tile,
                                                                            std::int64_t* sums) {
  __m512i low[kGemmRows], high[kGemmRows];
  IF4_UNROLL for (std::size_t r = 0; r < kGemmRows; ++r) low[r] = high[r] = _mm512_setzero_si512();
  for (std::size_t b = 0; b < tile.blocks; ++b) {
    __m512i dot[kGemmRows];
    IF4_UNROLL for (std::size_t r = 0; r < kGemmRows; ++r) dot[r] = _mm512_setzero_si512();
    const std::int16_t* const w = tile.w + b * kPairs * 2 * kGemmColumns;
    IF4_UNROLL for (std::size_t p = 0; p < kPairs; ++p) {
      const __m512i pairs = _mm512_loadu_si512(w + p * 2 * kGemmColumns);
      IF4_UNROLL for (std::size_t r = 0; r < kGemmRows; ++r) {
        dot[r] =
            _mm512_dpwssd_epi32(dot[r], pairs, _mm512_set1_epi32(pair_at(tile.a[r] + b * kBlock + 2 * p)));
      }
    }
    const __m128i exponents =
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(tile.w_exponent + b * kGemmColumns));
    const __m512i low_w = _mm512_cvtepu8_epi64(exponents);
    const __m512i high_w = _mm512_cvtepu8_epi64(_mm_srli_si128(exponents, 8));
    IF4_UNROLL for (std::size_t r = 0; r < kGemmRows; ++r) {
      const __m512i shift = _mm512_set1_epi64(tile.a_exponent[r][b]);
      const __m512i low_dot = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(dot[r]));
      const __m512i high_dot = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(dot[r], 1));
      low[r] = _mm512_add_epi64(low[r], _mm512_sllv_epi64(low_dot, _mm512_add_epi64(low_w, shift)));
      high[r] = _mm512_add_epi64(high[r], _mm512_sllv_epi64(high_dot, _mm512_add_epi64(high_w, shift)));
    }
  }
  IF4_UNROLL for (std::size_t r = 0; r < kGemmRows; ++r) {
    _mm512_storeu_si512(sums + r * kGemmColumns, low[r]);
    _mm512_storeu_si512(sums + r * kGemmColumns + 8, high[r]);
  }
}

#endif

}  // namespace

std::vector<NamedGemmKernel> gemm_kernels() {
  std::vector<NamedGemmKernel> kernels;
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512vnni") != 0) {
    kernels.push_back({"avx512", avx512});
  }
  if (__builtin_cpu_supports("avx2") != 0) kernels.push_back({"avx2", avx2});
#endif
  kernels.push_back({"portable", portable});
  return kernels;
}

}  // namespace if4
