// Tiles, for the sources that Highway compiles once for each instruction set. A piece is 16 values that
// follow each other in a tensor. A tile has as many pieces as vectors have lanes, one in each lane: its
// vector i has value i of every piece. (The guard lets the file be read once for each instruction set.)
#if defined(IF4_MODEL_SIMD_TILE_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef IF4_MODEL_SIMD_TILE_INL_HPP_
#undef IF4_MODEL_SIMD_TILE_INL_HPP_
#else
#define IF4_MODEL_SIMD_TILE_INL_HPP_
#endif

#include <cstddef>

#include "hwy/highway.h"
#include "model/core/format.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// The number of lanes that scratch arrays are made for. No vector has more.
constexpr std::size_t kMaxLanes = 16;
constexpr std::size_t kValues = kBlockSize;
using D = HWY_CAPPED(float, kMaxLanes);
using DI = hn::RebindToSigned<D>;
using DU = hn::RebindToUnsigned<D>;
using V = hn::Vec<D>;
using VI = hn::Vec<DI>;
using VU = hn::Vec<DU>;

#if HWY_TARGET <= HWY_AVX2  // and what has more than AVX2
/// Transposes every 4 x 4 values of four vectors, and calls put(vector, i) for each of the four that this gives, the
/// first of which is number `first`.
template <class Put>
HWY_INLINE void PutColumns(V v0, V v1, V v2, V v3, std::size_t first, const Put& put) {
  const D d;
  const hn::RepartitionToWide<D> d64;
  const auto a = hn::BitCast(d64, hn::InterleaveLower(d, v0, v1));  // v0[0] v1[0] v0[1] v1[1]
  const auto b = hn::BitCast(d64, hn::InterleaveLower(d, v2, v3));
  const auto c = hn::BitCast(d64, hn::InterleaveUpper(d, v0, v1));
  const auto e = hn::BitCast(d64, hn::InterleaveUpper(d, v2, v3));
  put(hn::BitCast(d, hn::InterleaveLower(d64, a, b)), first);
  put(hn::BitCast(d, hn::InterleaveUpper(d64, a, b)), first + 1);
  put(hn::BitCast(d, hn::InterleaveLower(d64, c, e)), first + 2);
  put(hn::BitCast(d, hn::InterleaveUpper(d64, c, e)), first + 3);
}
#endif

/// normalized() of candidates.hpp in each lane: x times a power of two, where -0 becomes +0, but what
/// underflows keeps its sign.
HWY_INLINE V Normalized(V x, V factor) {
  const V zero = hn::Zero(D());
#if HWY_NATIVE_FMA
  return hn::MulAdd(x, factor, zero);
#else
  return hn::Mul(hn::Add(x, zero), factor);
#endif
}

/// Calls put(v, i) for each i, where lane p of v has value i of piece p, which is read from x[16 p + i].
template <class Put>
HWY_INLINE void TransposeTo(const float* HWY_RESTRICT x, const Put& put) {
  const D d;
  [[maybe_unused]] const std::size_t n = hn::Lanes(d);
  [[maybe_unused]] const auto load = [&](std::size_t piece, std::size_t i)
                                         HWY_ATTR { return hn::LoadU(d, x + piece * kValues + i); };
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t i = 0; i < kValues; ++i) put(load(0, i), i);
#elif HWY_TARGET <= HWY_AVX3  // and its extensions, whose numbers are lower
  // Halves of four pieces each are loaded so that a shuffle of two vectors, which has a quarter of each of four pieces,
  // is what PutColumns() takes. A half is put into a vector as it is loaded, which takes less than a shuffle.
  for (std::size_t half = 0; half < kValues; half += 8) {
    V quarters[2][4];
    for (std::size_t r = 0; r < 4; ++r) {
      const auto two = [&](std::size_t piece) HWY_ATTR {
        const float* const at = x + piece * kValues + half;
        return _mm512_castpd_ps(
            _mm512_insertf64x4(_mm512_castps_pd(_mm512_castps256_ps512(_mm256_loadu_ps(at))),
                               _mm256_castps_pd(_mm256_loadu_ps(at + 4 * kValues)), 1));
      };
      const __m512 a = two(r);
      const __m512 b = two(r + 8);
      quarters[0][r] = V{_mm512_shuffle_f32x4(a, b, 0x88)};
      quarters[1][r] = V{_mm512_shuffle_f32x4(a, b, 0xDD)};
    }
    PutColumns(quarters[0][0], quarters[0][1], quarters[0][2], quarters[0][3], half, put);
    PutColumns(quarters[1][0], quarters[1][1], quarters[1][2], quarters[1][3], half + 4, put);
  }
#elif HWY_TARGET == HWY_AVX2
  for (std::size_t half = 0; half < 2; ++half) {
    V low[4], high[4];
    for (std::size_t r = 0; r < 4; ++r) {
      const V p0 = load(r, 8 * half);
      const V p1 = load(r + 4, 8 * half);
      low[r] = hn::ConcatLowerLower(d, p1, p0);
      high[r] = hn::ConcatUpperUpper(d, p1, p0);
    }
    PutColumns(low[0], low[1], low[2], low[3], 8 * half, put);
    PutColumns(high[0], high[1], high[2], high[3], 8 * half + 4, put);
  }
#else
  // For any number of lanes: taking every fourth value, twice, is a transposition of 16 values.
  HWY_ALIGN float half[kValues * kMaxLanes];
  V v0, v1, v2, v3;
  for (std::size_t q = 0; q < 4; ++q) {
    hn::LoadInterleaved4(d, x + 4 * n * q, v0, v1, v2, v3);
    hn::Store(v0, d, half + (0 + q) * n);
    hn::Store(v1, d, half + (4 + q) * n);
    hn::Store(v2, d, half + (8 + q) * n);
    hn::Store(v3, d, half + (12 + q) * n);
  }
  for (std::size_t j = 0; j < 4; ++j) {
    hn::LoadInterleaved4(d, half + 4 * n * j, v0, v1, v2, v3);
    put(v0, 0 + j);
    put(v1, 4 + j);
    put(v2, 8 + j);
    put(v3, 12 + j);
  }
#endif
}

/// Writes value i of piece p, normalized, to tile[N i + p]; it is read from x[16 p + i]. N is the
/// number of lanes.
HWY_INLINE void Transpose(const float* HWY_RESTRICT x, V factor, float* HWY_RESTRICT tile) {
  const D d;
  TransposeTo(
      x, [&](V v, std::size_t i) HWY_ATTR { hn::Store(Normalized(v, factor), d, tile + i * hn::Lanes(d)); });
}

/// The inverse: writes tile[N i + p] to x[16 p + i].
HWY_INLINE void TransposeBack(const float* HWY_RESTRICT tile, float* HWY_RESTRICT x) {
  const D d;
#if HWY_TARGET <= HWY_AVX3
  // As many lanes as values: it is a transposition too.
  TransposeTo(tile, [&](V v, std::size_t i) HWY_ATTR { hn::StoreU(v, d, x + i * kValues); });
#else
  const std::size_t n = hn::Lanes(d);
  HWY_ALIGN float half[kValues * kMaxLanes];
  for (std::size_t j = 0; j < 4; ++j) {
    hn::StoreInterleaved4(hn::Load(d, tile + (0 + j) * n), hn::Load(d, tile + (4 + j) * n),
                          hn::Load(d, tile + (8 + j) * n), hn::Load(d, tile + (12 + j) * n), d,
                          half + 4 * n * j);
  }
  for (std::size_t q = 0; q < 4; ++q) {
    hn::StoreInterleaved4(hn::Load(d, half + (0 + q) * n), hn::Load(d, half + (4 + q) * n),
                          hn::Load(d, half + (8 + q) * n), hn::Load(d, half + (12 + q) * n), d,
                          x + 4 * n * q);
  }
#endif
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
