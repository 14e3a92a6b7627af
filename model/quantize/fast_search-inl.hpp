// Searches the scales of a tile for IF4 with the least squared error, by the means of fast_pairs-inl.hpp. Compiled once for
// each instruction set, and empty for those that have less.
//
// The error of a value is the same for both codes where it is half way between them, so that it does not matter how a
// value is rounded there, and a table tells the nearest code's value from the value's integer part in quarters of a step.
// The errors of all eight attempts are found in one pass. They are not in the order of operations of the
// specification: where attempts are too near to each other for their rounding errors, these are compared in that order.
// Codes are found last, of the attempt that is kept.
#if defined(IF4_MODEL_FAST_SEARCH_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef IF4_MODEL_FAST_SEARCH_INL_HPP_
#undef IF4_MODEL_FAST_SEARCH_INL_HPP_
#else
#define IF4_MODEL_FAST_SEARCH_INL_HPP_
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "model/quantize/fast_pairs-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET <= HWY_AVX3_DL  // and what has more than that

/// The attempts in their order: candidate 0 are the floats, 1 the integers. The first two are the candidates themselves,
/// the others the neighbours of candidates.cpp.
constexpr std::size_t kAttempts = 8;
constexpr std::size_t kSplit = 4;
constexpr SearchStep kSearched[kAttempts] = {{0, 0}, {1, 0}, {1, -1}, {0, -1}, {0, 5}, {0, 4}, {1, 1}, {0, 1}};
/// Scales from which on the attempt has the same type and scale as one before it, as both stop at the largest scale.
constexpr int kRepeats[kAttempts] = {999, 999, 999, 999, 126, 122, 126, 125};

/// Whether the search is that of this file.
inline bool HasSearch(const KernelParams& p) {
  return p.step_count == kAttempts - 2 &&
         std::equal(p.steps, p.steps + p.step_count, kSearched + 2,
                    [](const SearchStep& a, const SearchStep& b) {
                      return a.candidate == b.candidate && a.codes == b.codes;
                    });
}

/// Quarters of a step from 0 to 7.75, and the nearest value of FP4, in quarters too.
alignas(64) constexpr float kNearestFloat[32] = {0,  2,  2,  4,  4,  6,  6,  8,  8,  8,  12, 12, 12, 12, 16, 16,
                                                 16, 16, 16, 16, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24};
/// The integers that a value is rounded to, and those that have codes.
alignas(64) constexpr float kNearestInt[16] = {0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7};

/// Errors of attempts that are nearer to each other than this, in squared steps of the first scale, are compared in the
/// order of the specification. The largest value is below 6.4 steps, an error below 1.7, and each is within 2^-18
/// steps of the specification's, so that a sum of 16 is within 2^-12 of it, its own roundings included.
constexpr float kSearchDoubt = 0x1p-10F;

/// What was chosen for the blocks of a tile.
struct Found {
  __m512i scale;
  __m512 inverse;
  __mmask16 ints;
  bool small;  ///< whether scales are so small that nothing has been chosen
};

/// The sums of squared errors of the attempts, in squared steps of their own (floats: in quarters of them).
HWY_INLINE void SearchErrors(const RawTile& tile, const __m512 (&factors)[kAttempts], __m512 (&sums)[kAttempts]) {
  const __m512 big = _mm512_set1_ps(kPairBig);
  const __m512 floats0 = _mm512_load_ps(kNearestFloat);
  const __m512 floats1 = _mm512_load_ps(kNearestFloat + 16);
  const __m512 ints = _mm512_load_ps(kNearestInt);
  for (std::size_t k = 0; k < kAttempts; ++k) sums[k] = _mm512_setzero_ps();
#pragma GCC unroll 2
  for (std::size_t i = 0; i < kValues; ++i) {
    const __m512 x = _mm512_abs_ps(_mm512_load_ps(tile.x + i * kMaxLanes));
    __m512 error[kAttempts];
#pragma GCC unroll 8
    for (std::size_t k = 0; k < kAttempts; ++k) {
      if (kSearched[k].candidate == 1) {
        const __m512i place = _mm512_castps_si512(_mm512_fmadd_ps(x, factors[k], big));
        error[k] = _mm512_fmsub_ps(x, factors[k], _mm512_permutexvar_ps(place, ints));
      } else if (k >= kSplit) {
        const __m512 s = _mm512_mul_ps(x, factors[k]);
        const __m512i place =
            _mm512_castps_si512(_mm512_add_round_ps(s, big, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC));
        error[k] = _mm512_sub_ps(s, _mm512_permutex2var_ps(floats0, place, floats1));
      } else {
        const __m512i place = _mm512_castps_si512(
            _mm512_fmadd_round_ps(x, factors[k], big, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC));
        error[k] = _mm512_fmsub_ps(x, factors[k], _mm512_permutex2var_ps(floats0, place, floats1));
      }
      sums[k] = _mm512_fmadd_ps(error[k], error[k], sums[k]);
    }
  }
}

/// The error of an attempt by the specification, in a lane of a tile.
inline float AttemptError(const KernelParams& p, const RawTile& tile, std::size_t lane, bool is_int, int scale) {
  const VI scales = hn::Set(DI(), scale);
  const V step = StepOf(p, scales);
  const __m512i places = _mm512_slli_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), 4);
  const V values{_mm512_i32gather_ps(places, tile.x + lane, 4)};
  const V x = hn::Abs(hn::Mul(values, hn::Set(D(), p.normalize)));
  const Nibbles nibbles(p);
  const V scaled = hn::Mul(x, InverseOf(scales, step));
  const V value = is_int ? nibbles.Value<true>(nibbles.Round<true>(scaled))
                         : nibbles.Value<false>(nibbles.Round<false>(scaled));
  const V difference = hn::Sub(hn::Mul(value, step), x);
  alignas(64) float squares[kValues];
  hn::Store(hn::Mul(difference, difference), D(), squares);
  float sum = 0.0F;
  for (const float square : squares) sum += square;
  return sum;
}

/// Finds the scales and the types of a tile.
HWY_INLINE Found SearchTile(const PairParams& pairs, V largest, const RawTile& tile) {
  const KernelParams& p = pairs.kernel;
  Found found;
  const __m512i base = PairScale(p, largest).raw;
  const __mmask16 used = _mm512_cmp_ps_mask(largest.raw, _mm512_setzero_ps(), _CMP_NEQ_OQ);
  found.small = _mm512_mask_cmplt_epi32_mask(used, base, _mm512_set1_epi32(9)) != 0;
  found.scale = base;
  if (HWY_UNLIKELY(found.small)) return found;
  __m512 factors[kAttempts];
  __m512 weights[kAttempts];  // squared scales
  const __m512i last = _mm512_set1_epi32(kScaleNaN - 1);
  for (std::size_t k = 0; k < kAttempts; ++k) {
    const bool is_int = kSearched[k].candidate == 1;
    const VI scale{_mm512_min_epi32(_mm512_add_epi32(base, _mm512_set1_epi32(kSearched[k].codes)), last)};
    factors[k] = _mm512_mul_ps(ScaledInverse(pairs, scale).raw, _mm512_set1_ps(is_int ? p.int_steps_per_unit : 4.0F));
    const __m512 step = _mm512_mul_ps(_mm512_castsi512_ps(_mm512_slli_epi32(scale.raw, 20)),
                                      _mm512_set1_ps(is_int ? 0x1p120F * p.int_step : 0x1p118F));
    weights[k] = _mm512_mul_ps(step, step);
  }
  __m512 sums[kAttempts];
  SearchErrors(tile, factors, sums);
  __m512 least = _mm512_set1_ps(INFINITY);
  for (std::size_t k = 0; k < kAttempts; ++k) {
    sums[k] = _mm512_mul_ps(sums[k], weights[k]);
    if (kRepeats[k] < 127) {
      const __mmask16 repeats = _mm512_cmpge_epi32_mask(base, _mm512_set1_epi32(kRepeats[k]));
      sums[k] = _mm512_mask_mov_ps(sums[k], repeats, _mm512_set1_ps(INFINITY));
    }
    least = _mm512_min_ps(least, sums[k]);
  }
  // The weight of the first attempt is that of quarters.
  const __m512 near = _mm512_fmadd_ps(weights[0], _mm512_set1_ps(16 * kSearchDoubt), least);
  __mmask16 candidates[kAttempts];
  unsigned seen = 0;
  unsigned open = 0;
  __m512i moves = _mm512_setzero_si512();
  unsigned ints = 0;
  for (std::size_t k = 0; k < kAttempts; ++k) {
    const unsigned is_near = candidates[k] = _mm512_cmp_ps_mask(sums[k], near, _CMP_LE_OQ);
    open |= seen & is_near;
    seen |= is_near;
    moves = _mm512_mask_mov_epi32(moves, candidates[k], _mm512_set1_epi32(kSearched[k].codes));
    if (kSearched[k].candidate == 1) {
      ints |= is_near;
    }
  }
  for (open &= used; HWY_UNLIKELY(open != 0); open &= open - 1) {
    const auto lane = static_cast<std::size_t>(__builtin_ctz(open));
    alignas(64) std::int32_t bases[kMaxLanes];
    _mm512_store_si512(bases, base);
    float best = INFINITY;
    for (std::size_t k = 0; k < kAttempts; ++k) {
      if ((candidates[k] >> lane & 1) == 0) continue;
      const bool is_int = kSearched[k].candidate == 1;
      const float error = AttemptError(p, tile, lane, is_int, std::min(bases[lane] + kSearched[k].codes, kScaleNaN - 1));
      if (!(error < best)) continue;
      best = error;
      const unsigned bit = 1U << lane;
      moves = _mm512_mask_set1_epi32(moves, static_cast<__mmask16>(bit), kSearched[k].codes);
      ints = is_int ? ints | bit : ints & ~bit;
    }
  }
  const __m512i moved = _mm512_min_epi32(_mm512_add_epi32(base, moves), last);
  found.scale = _mm512_maskz_mov_epi32(used, moved);
  found.inverse = ScaledInverse(pairs, VI{found.scale}).raw;
  found.ints = static_cast<__mmask16>(ints & used);
  return found;
}

/// The codes of a tile with the scales and types that were found.
HWY_INLINE CodedTile CodeFound(const KernelParams& p, RawTile& tile, const Found& found) {
  _mm512_store_ps(tile.inverse, found.inverse);
  PairedTile paired;
  PairCodes<true>(p, tile, paired);
  return PairWords(found.scale, paired, found.ints);
}

#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
