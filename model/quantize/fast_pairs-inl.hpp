// Codes a tile as IF4 with the least squared error, both types in one go, on processors with AVX-512 and its permutations
// of bytes. Compiled once for each instruction set, and empty for those that have less.
//
// A value is rounded to INT4 first. Between two ties of INT4 the FP4 code is one line of the value, rounded once, so the
// rounded integer selects that line. The lines are moved by even numbers, which keeps ties to even and makes one number of
// both codes, the slot. From there on all is a table: the codes, and the difference between the two squared errors, which
// is a line of the value too. That difference is not in the order of operations of the specification; where it is too near
// to zero to decide, the block is decided in that order.
#if defined(IF4_MODEL_FAST_PAIRS_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef IF4_MODEL_FAST_PAIRS_INL_HPP_
#undef IF4_MODEL_FAST_PAIRS_INL_HPP_
#else
#define IF4_MODEL_FAST_PAIRS_INL_HPP_
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "model/quantize/fast_group-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET <= HWY_AVX3_DL  // and what has more than that

/// What slots mean, and how values get them. A value of s steps that INT4 rounds to i has the slot that is the nearest
/// integer to slope[i] * s + offset[i]. `error` is in steps of 1/14, so that both types have integers.
struct PairTables {
  alignas(64) float slope[16];   ///< [i & 15]
  alignas(64) float offset[16];  ///< [i & 15], with kPairBig
  alignas(64) float pull[32];    ///< [slot]: the difference of the squared errors is pull * s + more * less
  alignas(64) std::int8_t less[64];    ///< [slot]: FP4 minus INT4, in 1/14, of the magnitudes
  alignas(64) std::uint8_t more[64];   ///< [slot]: FP4 plus INT4, in 1/14, of the magnitudes
  alignas(64) std::uint8_t codes[64];  ///< [slot], and for INT4 [slot + 32]
  float floats[32];                    ///< [slot]: the value of the FP4 code
  float integers[32];                  ///< [slot]: that of the INT4 code
};

constexpr float kPairBig = 0x1.8p23F;

constexpr PairTables make_pair_tables() {
  constexpr int kHalves[8] = {0, 1, 2, 3, 4, 6, 8, 12};
  // By the magnitude of the integer: the FP4 codes that it meets, and the line that tells them apart.
  constexpr int kFirst[8] = {0, 1, 3, 4, 5, 6, 6, 7};
  constexpr int kLast[8] = {1, 3, 4, 5, 6, 6, 7, 7};
  constexpr float kSlope[8] = {2, 2, 2, 1, 1, 0.5F, 0.5F, 0.5F};
  constexpr float kOffset[8] = {0, 0, 0, 2, 2, 4, 4, 4};
  // What is added to the signed FP4 codes of the integers -7 to 7: even, and no two slots coincide.
  constexpr int kMove[15] = {34, 32, 10, 34, 26, 20, 12, 2, 4, 10, 14, 18, -6, 24, 8};
  PairTables t{};
  for (int i = -7; i <= 7; ++i) {
    const int m = i < 0 ? -i : i;
    const int sign = i < 0 ? -1 : 1;
    t.slope[i & 15] = kSlope[m];
    t.offset[i & 15] = kPairBig + static_cast<float>(sign) * kOffset[m] + static_cast<float>(kMove[i + 7]);
    for (int code = i == 0 ? -1 : kFirst[m]; code <= kLast[m]; ++code) {
      const int signed_code = sign * code;
      const int magnitude = code < 0 ? -code : code;
      const int slot = signed_code + kMove[i + 7];
      const bool negative = signed_code < 0;
      const int less = 7 * kHalves[magnitude] - 12 * m;
      t.pull[slot] = static_cast<float>((negative ? 28 : -28) * less);
      t.less[slot] = static_cast<std::int8_t>(less);
      t.more[slot] = static_cast<std::uint8_t>(7 * kHalves[magnitude] + 12 * m);
      t.codes[slot] = static_cast<std::uint8_t>(magnitude | (negative ? 8 : 0));
      t.codes[slot + 32] = static_cast<std::uint8_t>(i & 15);
      t.floats[slot] = static_cast<float>(negative ? -kHalves[magnitude] : kHalves[magnitude]) * 0.5F;
      t.integers[slot] = static_cast<float>(i);
    }
  }
  return t;
}
constexpr PairTables kPairs = make_pair_tables();

/// The two types are told apart by the difference of their errors where it is larger than this, in 1/196 of the squared
/// step. The specification's sums and this one are each within a quarter of it from the exact ones.
constexpr float kPairDoubt = 0.0625F;

/// Whether INT4 has the smaller error by the specification, in a lane of a tile. `slots` are those of its values in
/// the order of EncodePairs().
inline bool IntegersAreBetter(const KernelParams& p, const float* x,
                              const std::uint32_t (&slots)[4][kMaxLanes], std::size_t lane, float step) {
  float floats = 0.0F;
  float integers = 0.0F;
  for (std::size_t i = 0; i < kValues; ++i) {
    const float value = (x[i * kMaxLanes + lane] + 0.0F) * p.normalize;
    const std::size_t group = i / 8 * 2 + i / 2 % 2;
    const std::size_t place = (i / 4 % 2) * 2 + i % 2;
    const std::size_t slot = slots[group][lane] >> (8 * (3 - place)) & 31U;
    const float float_error = kPairs.floats[slot] * step - value;
    const float int_error = kPairs.integers[slot] * p.int_step * step - value;
    floats += float_error * float_error;
    integers += int_error * int_error;
  }
  return integers < floats;
}

/// Codes a tile whose scales are all normal numbers or 0. `x` are its values as they are in the tensor, [16 i + lane].
/// Writes the codes, and returns the scales with their type bits.
HWY_INLINE VI EncodePairs(const KernelParams& p, const float* HWY_RESTRICT x, VI scale, V step, V inverse,
                          std::uint32_t* HWY_RESTRICT words) {
  const __m512 steps_per_value = hn::Mul(inverse, hn::Set(D(), p.normalize)).raw;
  const __m512 ints_per_unit = _mm512_set1_ps(p.int_steps_per_unit);
  const __m512 big = _mm512_set1_ps(kPairBig);
  const __m512 slope = _mm512_load_ps(kPairs.slope);
  const __m512 offset = _mm512_load_ps(kPairs.offset);
  const __m512 pull0 = _mm512_load_ps(kPairs.pull);
  const __m512 pull1 = _mm512_load_ps(kPairs.pull + 16);
  const __m512i less = _mm512_load_si512(kPairs.less);
  const __m512i more = _mm512_load_si512(kPairs.more);
  __m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  __m512i products = _mm512_setzero_si512();  // 16 bits for two values; eight of them are at most 8 * 2048
  __m512i signs[2];
  __m512i slots[4];
  for (std::size_t w = 0; w < 2; ++w) {
    __m512i sign = _mm512_setzero_si512();
    __m512i slot0 = sign;
    __m512i slot1 = sign;
    const auto take = [&](std::size_t i, __m512i& slot) HWY_ATTR {
      // The sum with 0 makes +0 of -0, as in normalized().
      const __m512 s =
          _mm512_fmadd_ps(_mm512_load_ps(x + i * kMaxLanes), steps_per_value, _mm512_setzero_ps());
      sign = _mm512_shldi_epi32(sign, _mm512_castps_si512(s), 4);
      const __m512i integer = _mm512_castps_si512(_mm512_add_ps(_mm512_mul_ps(s, ints_per_unit), big));
      const __m512 place =
          _mm512_fmadd_ps(s, _mm512_permutexvar_ps(integer, slope), _mm512_permutexvar_ps(integer, offset));
      const __m512i bits = _mm512_castps_si512(place);
      slot = _mm512_shrdi_epi32(slot, bits, 8);
      sums[i % 2] = _mm512_fmadd_ps(_mm512_permutex2var_ps(pull0, bits, pull1), s, sums[i % 2]);
    };
    for (const std::size_t half : {std::size_t{4}, std::size_t{0}}) {
      take(8 * w + half + 3, slot1);
      take(8 * w + half + 2, slot1);
      take(8 * w + half + 1, slot0);
      take(8 * w + half, slot0);
    }
    signs[w] = sign;
    slots[2 * w] = slot0;
    slots[2 * w + 1] = slot1;
    for (const __m512i slot : {slot0, slot1}) {
      products = _mm512_add_epi16(products, _mm512_maddubs_epi16(_mm512_permutexvar_epi8(slot, more),
                                                                 _mm512_permutexvar_epi8(slot, less)));
    }
  }
  const __m512i product = _mm512_madd_epi16(products, _mm512_set1_epi16(1));
  const __m512 difference = _mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_cvtepi32_ps(product));
  const __mmask16 used = _mm512_test_epi32_mask(scale.raw, scale.raw);
  const __m512 doubt = _mm512_set1_ps(kPairDoubt);
  __mmask16 ints = _mm512_mask_cmp_ps_mask(used, difference, doubt, _CMP_GT_OQ);
  unsigned open = _mm512_mask_cmp_ps_mask(used, _mm512_abs_ps(difference), doubt, _CMP_LE_OQ);
  if (HWY_UNLIKELY(open != 0)) {
    alignas(64) std::uint32_t stored[4][kMaxLanes];
    alignas(64) float steps[kMaxLanes];
    for (std::size_t g = 0; g < 4; ++g) _mm512_store_si512(stored[g], slots[g]);
    _mm512_store_ps(steps, step.raw);
    for (; open != 0; open &= open - 1) {
      const auto lane = static_cast<std::size_t>(__builtin_ctz(open));
      if (IntegersAreBetter(p, x, stored, lane, steps[lane])) {
        ints = static_cast<__mmask16>(ints | (1U << lane));
      }
    }
  }
  const __m512i table = _mm512_load_si512(kPairs.codes);
  const __m512i weights = _mm512_set1_epi16(0x0110);  // the second value of two is in the lower byte
  const __m512i float_signs =
      _mm512_maskz_set1_epi32(static_cast<__mmask16>(~ints), static_cast<int>(0x88888888U));
  for (std::size_t w = 0; w < 2; ++w) {
    __m512i pairs[2];
    for (std::size_t g = 0; g < 2; ++g) {
      const __m512i slot = slots[2 * w + g];
      const __m512i index = _mm512_mask_or_epi32(slot, ints, slot, _mm512_set1_epi32(0x20202020));
      pairs[g] = _mm512_maddubs_epi16(_mm512_permutexvar_epi8(index, table), weights);
    }
    // Halves have changed places: values 4 to 7 came first.
    const __m512i codes = _mm512_or_si512(pairs[0], _mm512_slli_epi32(pairs[1], 8));
    const __m512i whole = _mm512_rol_epi32(codes, 16);
    const __m512i word = _mm512_ternarylogic_epi32(whole, signs[w], float_signs, 0xF8);  // a | (b & c)
    _mm512_store_si512(words + w * kMaxLanes, _mm512_maskz_mov_epi32(used, word));
  }
  return VI{_mm512_mask_or_epi32(scale.raw, ints, scale.raw, _mm512_set1_epi32(kScaleIntBit))};
}

#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
