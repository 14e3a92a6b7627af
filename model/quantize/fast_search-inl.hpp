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
constexpr SearchStep kSearched[kAttempts] = {{0, 0}, {1, 0}, {1, -1}, {0, -1},
                                             {0, 5}, {0, 4}, {1, 1},  {0, 1}};
/// Scales from which on the attempt has the same type and scale as one before it, as both stop at the largest scale.
constexpr int kRepeats[kAttempts] = {999, 999, 999, 999, 126, 122, 126, 125};

/// Whether the search is that of this file.
inline bool HasSearch(const KernelParams& p) {
  return p.step_count == kAttempts - 2 && std::equal(p.steps, p.steps + p.step_count, kSearched + 2,
                                                     [](const SearchStep& a, const SearchStep& b) {
                                                       return a.candidate == b.candidate &&
                                                              a.codes == b.codes;
                                                     });
}

/// Quarters of a step from 0 to 7.75, and the nearest value of FP4, in quarters too.
alignas(64) constexpr float kNearestFloat[32] = {0,  2,  2,  4,  4,  6,  6,  8,  8,  8,  12,
                                                 12, 12, 12, 16, 16, 16, 16, 16, 16, 24, 24,
                                                 24, 24, 24, 24, 24, 24, 24, 24, 24, 24};
/// The integers that a value is rounded to, and those that have codes.
alignas(64) constexpr float kNearestInt[16] = {0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7};

/// Attempts whose errors are nearer to each other than this, in squared steps of the first scale, are compared in the order
/// of the specification. A value is below 6.4 of these steps and its error below 1.7; here and there, the error is within
/// 2^-19 of the exact one. So the sums of 16 squares are within 2^-11 of each other, the roundings of these sums included.
constexpr float kSearchDoubt = 0x1p-10F;

/// A tile whose scales are searched, and what is known of it.
struct SearchedTile {
  RawTile raw;
  bool small;  ///< whether there are scales so small that this search is not for them
  __m512i base;
  __mmask16 used;             ///< the blocks that are not all zeros
  __m512 factors[kAttempts];  ///< what a value is multiplied by to count steps (floats: quarters of them)
  __m512 weights[kAttempts];  ///< what turns the errors of an attempt into one unit
  __m512i scale;              ///< what is chosen
  __mmask16 ints;
};

/// Finds the first scales of a tile, and what the attempts take from them.
HWY_INLINE void FindAttempts(const PairParams& pairs, V largest, SearchedTile& tile) {
  const KernelParams& p = pairs.kernel;
  const __m512i base = PairScale(p, largest).raw;
  const __m512i last = _mm512_set1_epi32(kScaleNaN - 1);
  tile.base = base;
  tile.used = _mm512_cmp_ps_mask(largest.raw, _mm512_setzero_ps(), _CMP_NEQ_OQ);
  // The lowest of the neighbours is one code down, and has to be a normal number.
  tile.small = _mm512_mask_cmplt_epi32_mask(tile.used, base, _mm512_set1_epi32(9)) != 0;
  for (std::size_t k = 0; k < kAttempts; ++k) {
    const bool is_int = kSearched[k].candidate == 1;
    const VI scale{_mm512_min_epi32(_mm512_add_epi32(base, _mm512_set1_epi32(kSearched[k].codes)), last)};
    // ScaledInverse(), but that scales of 0 do not matter here.
    const __m512i bits = _mm512_castps_si512(_mm512_permutexvar_ps(scale.raw, pairs.inverses.raw));
    const VI exponent = hn::ShiftLeft<20>(hn::And(scale, hn::Set(DI(), 0x78)));
    tile.factors[k] = _mm512_mul_ps(_mm512_castsi512_ps(_mm512_sub_epi32(bits, exponent.raw)),
                                    _mm512_set1_ps(is_int ? p.int_steps_per_unit : 4.0F));
    const __m512 step = _mm512_mul_ps(_mm512_castsi512_ps(_mm512_slli_epi32(scale.raw, 20)),
                                      _mm512_set1_ps(is_int ? 0x1p120F * p.int_step : 0x1p118F));
    tile.weights[k] = _mm512_mul_ps(step, step);
  }
}

/// The sums of squared errors of the attempts, in squared steps of their own (floats: in quarters of them).
HWY_INLINE void SearchErrors(const SearchedTile& tile, __m512 (&sums)[kAttempts]) {
  __m512 factors[kAttempts];
  for (std::size_t k = 0; k < kAttempts; ++k) factors[k] = tile.factors[k];
  const __m512 big = _mm512_set1_ps(kPairBig);
  const __m512 floats0 = _mm512_load_ps(kNearestFloat);
  const __m512 floats1 = _mm512_load_ps(kNearestFloat + 16);
  const __m512 ints = _mm512_load_ps(kNearestInt);
  for (std::size_t k = 0; k < kAttempts; ++k) sums[k] = _mm512_setzero_ps();
#pragma GCC unroll 2
  for (std::size_t i = 0; i < kValues; ++i) {
    const __m512 x = _mm512_abs_ps(_mm512_load_ps(tile.raw.x + i * kMaxLanes));
    __m512 error[kAttempts];
#pragma GCC unroll 8
    for (std::size_t k = 0; k < kAttempts; ++k) {
      const __m512 s = _mm512_mul_ps(x, factors[k]);
      if (kSearched[k].candidate == 0) {
        const __m512 sum = _mm512_add_round_ps(s, big, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
        error[k] = _mm512_sub_ps(s, _mm512_permutex2var_ps(floats0, _mm512_castps_si512(sum), floats1));
      } else if (kSearched[k].codes < 0) {
        const __m512 sum = _mm512_add_ps(s, big);
        error[k] = _mm512_sub_ps(s, _mm512_permutexvar_ps(_mm512_castps_si512(sum), ints));
      } else {
        // Without a smaller scale than the first one, there is no value that rounds to more than 7.
        error[k] = _mm512_reduce_ps(s, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
      }
      sums[k] = _mm512_fmadd_ps(error[k], error[k], sums[k]);
    }
  }
}

/// The error of an attempt by the specification, in a lane of a tile.
inline float AttemptError(const KernelParams& p, const RawTile& tile, std::size_t lane, bool is_int,
                          int scale) {
  const VI scales = hn::Set(DI(), scale);
  const V step = StepOf(p, scales);
  const __m512i places =
      _mm512_slli_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), 4);
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

/// Chooses the scales and the types of a tile.
HWY_INLINE void ChooseAttempts(const PairParams& pairs, SearchedTile& tile) {
  if (HWY_UNLIKELY(tile.small)) return;
  const KernelParams& p = pairs.kernel;
  const __m512i base = tile.base;
  __m512 sums[kAttempts];
  SearchErrors(tile, sums);
  __m512 least = _mm512_set1_ps(INFINITY);
  for (std::size_t k = 0; k < kAttempts; ++k) {
    sums[k] = _mm512_mul_ps(sums[k], tile.weights[k]);
    if (kRepeats[k] < 127) {
      const __mmask16 repeats = _mm512_cmpge_epi32_mask(base, _mm512_set1_epi32(kRepeats[k]));
      sums[k] = _mm512_mask_mov_ps(sums[k], repeats, _mm512_set1_ps(INFINITY));
    }
    least = _mm512_min_ps(least, sums[k]);
  }
  // The weight of the first attempt is that of quarters.
  const __m512 near = _mm512_fmadd_ps(tile.weights[0], _mm512_set1_ps(16 * kSearchDoubt), least);
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
  for (open &= tile.used; HWY_UNLIKELY(open != 0); open &= open - 1) {
    const auto lane = static_cast<std::size_t>(__builtin_ctz(open));
    alignas(64) std::int32_t bases[kMaxLanes];
    _mm512_store_si512(bases, base);
    float best = INFINITY;
    for (std::size_t k = 0; k < kAttempts; ++k) {
      if ((candidates[k] >> lane & 1) == 0) continue;
      const bool is_int = kSearched[k].candidate == 1;
      const float error =
          AttemptError(p, tile.raw, lane, is_int, std::min(bases[lane] + kSearched[k].codes, kScaleNaN - 1));
      if (!(error < best)) continue;
      best = error;
      const unsigned bit = 1U << lane;
      moves = _mm512_mask_set1_epi32(moves, static_cast<__mmask16>(bit), kSearched[k].codes);
      ints = is_int ? ints | bit : ints & ~bit;
    }
  }
  const __m512i last = _mm512_set1_epi32(kScaleNaN - 1);
  const __m512i scale = _mm512_min_epi32(_mm512_add_epi32(base, moves), last);
  tile.scale = _mm512_maskz_mov_epi32(tile.used, scale);
  _mm512_store_ps(tile.raw.inverse, ScaledInverse(pairs, VI{tile.scale}).raw);
  tile.ints = static_cast<__mmask16>(ints & tile.used);
}

/// The codes of a tile with the scales and types that were chosen.
HWY_INLINE CodedTile CodeChosen(const KernelParams& p, const SearchedTile& tile) {
  PairedTile paired;
  PairCodes<true>(p, tile.raw, paired);
  return PairWords(tile.scale, paired, tile.ints);
}

#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
