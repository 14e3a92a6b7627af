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

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "model/quantize/fast_group-inl.hpp"
#include "model/quantize/fast_lines.hpp"
#include "model/simd/simd_rotate-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET <= HWY_AVX3_DL  // and what has more than that

/// What slots mean, and how values get them. A value of s steps that INT4 rounds to i has its slot in the low bits of the
/// sum s + round[i]. Errors are in steps of 1/14, so that both types have integers.
struct PairTables {
  alignas(64) float round[16];  ///< [i & 15]: a large number whose last place is the step of the line
  alignas(64) float pull[32];   ///< [slot]: the difference of the squared errors is pull * s + more * less
  alignas(64) std::int8_t less[64];    ///< [slot]: FP4 minus INT4, in 1/14, of the magnitudes
  alignas(64) std::uint8_t more[64];   ///< [slot]: FP4 plus INT4, in 1/14, of the magnitudes
  alignas(64) std::uint8_t codes[64];  ///< [slot], and for INT4 [slot + 32]
  float floats[32];                    ///< [slot]: the value of the FP4 code
  float integers[32];                  ///< [slot]: that of the INT4 code
};

constexpr float kPairBig = 0x1.8p23F;

constexpr PairTables make_pair_tables() {
  // What is added to the signed FP4 codes of the integers -7 to 7: even, and no two slots coincide.
  constexpr int kMove[15] = {34, 32, 10, 34, 26, 20, 12, 2, 4, 10, 14, 18, -6, 24, 8};
  PairTables t{};
  for (int i = -7; i <= 7; ++i) {
    const int m = i < 0 ? -i : i;
    const int sign = i < 0 ? -1 : 1;
    const FloatLine& line = kFloatLines[m];
    t.round[i & 15] = (kPairBig + static_cast<float>(sign * line.offset + kMove[i + 7])) * line.step;
    for (int code = i == 0 ? -1 : line.first; code <= line.last; ++code) {
      const int signed_code = sign * code;
      const int magnitude = code < 0 ? -code : code;
      const int slot = signed_code + kMove[i + 7];
      const bool negative = signed_code < 0;
      const int less = 7 * kFloatHalves[magnitude] - 12 * m;
      t.pull[slot] = static_cast<float>((negative ? 28 : -28) * less);
      t.less[slot] = static_cast<std::int8_t>(less);
      t.more[slot] = static_cast<std::uint8_t>(7 * kFloatHalves[magnitude] + 12 * m);
      t.codes[slot] = static_cast<std::uint8_t>(magnitude | (negative ? 8 : 0));
      t.codes[slot + 32] = static_cast<std::uint8_t>(i & 15);
      t.floats[slot] =
          static_cast<float>(negative ? -kFloatHalves[magnitude] : kFloatHalves[magnitude]) * 0.5F;
      t.integers[slot] = static_cast<float>(i);
    }
  }
  return t;
}
constexpr PairTables kPairs = make_pair_tables();

/// The two types are told apart by the difference of their errors where it is larger than this, in 1/196 of the squared
/// step. The specification's sums and this one are each within a quarter of it from the exact ones.
constexpr float kPairDoubt = 0.0625F;

/// What the tiles of a job have in common.
struct PairParams {
  explicit HWY_INLINE PairParams(const KernelParams& p);

  const KernelParams& kernel;
  V inverses;  ///< [significand of a scale]: see ScaledInverse()
};

/// A tile of values as they are in the tensor, [16 i + lane], and its scales.
struct RawTile {
  alignas(64) float x[kValues * kMaxLanes];
  alignas(64) std::int32_t scale[kMaxLanes];
  alignas(64) float inverse
      [kMaxLanes];  ///< what a value is multiplied by to count steps; for scales from 8 on, and 0
};

// 1 / step for the scales 8 to 15, times 2^(56 / 8): all other normal scales have these, times a power of two.
PairParams::PairParams(const KernelParams& p) : kernel(p) {
  const D d;
  const DI di;
  const VI scale = hn::Or(hn::And(hn::Iota(di, 0), hn::Set(di, 7)), hn::Set(di, 56));
  const V inverse = hn::Mul(InverseOf(scale, StepOf(p, scale)), hn::Set(d, p.normalize));
  inverses = hn::BitCast(d, hn::Add(hn::BitCast(di, inverse), hn::Set(di, 7 << 23)));
}

/// InverseOf() times the power of two of the normalization, exactly, for scales from 8 on; 0 for the scale 0.
HWY_INLINE V ScaledInverse(const PairParams& pairs, VI scale) {
  const DI di;
  const __m512i bits = _mm512_castps_si512(_mm512_permutexvar_ps(scale.raw, pairs.inverses.raw));
  const VI exponent = hn::ShiftLeft<20>(hn::And(scale, hn::Set(di, 0x78)));
  const __mmask16 used = _mm512_test_epi32_mask(scale.raw, scale.raw);
  return hn::BitCast(D(), VI{_mm512_maskz_sub_epi32(used, bits, exponent.raw)});
}

/// block_scale() for IF4 in each lane.
HWY_INLINE VI PairScale(const KernelParams& p, V largest) {
  const D d;
  const DU du;
  // The quotient of a division by 6, correctly rounded: the remainder of a first one corrects it.
  const V sixth = hn::Set(d, 1.0F / 6);
  const V first = hn::Mul(largest, sixth);
  const V quotient = hn::MulAdd(hn::NegMulAdd(first, hn::Set(d, 6.0F), largest), sixth, first);
  const V m = hn::Min(hn::Mul(quotient, hn::Set(d, p.tensor.encode)), hn::Set(d, kScaleMax));
  const VU smallest = hn::Set(du, 0x3C800000U);  // 2^-6
  const Rounder rounder = MakeRounder<3>(m, smallest);
  return hn::BitCast(DI(), MagnitudeCode<3>(rounder, hn::Add(m, rounder.big), smallest));
}

/// Loads a tile, and returns its largest magnitudes, normalized. kRotated: rotates it first.
template <bool kRotated>
HWY_INLINE V LoadRawTile(const KernelParams& p, const float* HWY_RESTRICT x, RawTile& tile) {
  const D d;
  __m512 largest[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  const auto put = [&](V v, std::size_t i) HWY_ATTR {
    hn::Store(v, d, tile.x + i * kMaxLanes);
    largest[i % 2] = _mm512_range_ps(largest[i % 2], v.raw, 0x0B);  // the larger magnitude
  };
  if (kRotated) {
    V v[kValues];
    TransposeTo(x, [&](V value, std::size_t i) HWY_ATTR { v[i] = value; });
    RotateTile<true>(v);
    for (std::size_t i = 0; i < kValues; ++i) put(v[i], i);
  } else {
    TransposeTo(x, put);
  }
  return hn::Mul(V{_mm512_range_ps(largest[0], largest[1], 0x0B)}, hn::Set(d, p.normalize));
}

HWY_INLINE void FindRawScales(const PairParams& pairs, V largest, RawTile& tile) {
  const VI scale = PairScale(pairs.kernel, largest);
  hn::Store(scale, DI(), tile.scale);
  hn::Store(ScaledInverse(pairs, scale), D(), tile.inverse);
}

/// Whether a block has a subnormal scale, a code from 1 to 7: such blocks may have values far beyond the largest code.
HWY_INLINE bool HasSmallScales(const RawTile& tile) {
  const DI di;
  const VI scale = hn::Load(di, tile.scale);
  return !hn::AllFalse(di, hn::And(hn::Gt(scale, hn::Zero(di)), hn::Lt(scale, hn::Set(di, 8))));
}

/// The slots of a tile and what decides between the types.
struct PairedTile {
  __m512i slots
      [4];  ///< bytes: values 5, 4, 1 and 0 of eight from the lowest byte on, then 7, 6, 3 and 2 of the same
  __m512i signs[2];   ///< in the top bit of each four bits
  __m512 difference;  ///< of the squared errors, FP4 minus INT4, in 1/196 of the squared step
};

/// The errors of both types by the specification, in a lane of a tile.
struct PairErrors {
  float floats = 0.0F;
  float integers = 0.0F;
};
inline PairErrors PairErrorsOf(const KernelParams& p, const RawTile& tile, const PairedTile& paired,
                               std::size_t lane) {
  const float step = hn::GetLane(StepOf(p, hn::Set(DI(), tile.scale[lane])));
  PairErrors errors;
  for (std::size_t i = 0; i < kValues; ++i) {
    const float value = (tile.x[i * kMaxLanes + lane] + 0.0F) * p.normalize;
    std::uint8_t slots[64];
    std::memcpy(slots, &paired.slots[i / 8 * 2 + i / 2 % 2], sizeof slots);
    const std::size_t slot = slots[4 * lane + 3 - (i / 4 % 2 * 2 + i % 2)];
    const float float_error = kPairs.floats[slot] * step - value;
    const float int_error = kPairs.integers[slot] * p.int_step * step - value;
    errors.floats += float_error * float_error;
    errors.integers += int_error * int_error;
  }
  return errors;
}

/// Finds the slots of a tile. kChosen: its types and scales are chosen already, so that nothing has to decide between the
/// types, and values may be beyond the largest code.
template <bool kChosen>
HWY_INLINE void PairCodes(const KernelParams& p, const RawTile& tile, PairedTile& paired) {
  const __m512 steps_per_value = _mm512_load_ps(tile.inverse);
  const __m512 ints_per_unit = _mm512_set1_ps(p.int_steps_per_unit);
  const __m512 big = _mm512_set1_ps(kPairBig);
  const __m512i low = _mm512_set1_epi32(0xFF);
  const __m512 round = _mm512_load_ps(kPairs.round);
  const __m512 pull0 = _mm512_load_ps(kPairs.pull);
  const __m512 pull1 = _mm512_load_ps(kPairs.pull + 16);
  const __m512i less = _mm512_load_si512(kPairs.less);
  const __m512i more = _mm512_load_si512(kPairs.more);
  __m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  // 16 bits for two values of each word; eight of them are at most 8 * 2048.
  __m512i products = _mm512_setzero_si512();
  for (std::size_t w = 0; w < 2; ++w) {
    __m512i sign = _mm512_setzero_si512();
    __m512i slots[2] = {sign, sign};
    // Four values at a time, step by step: each step waits for the one before it.
    for (std::size_t half = 0; half < 8; half += 4) {
      __m512 s[4];
      __m512i place[4];
      for (std::size_t i = 0; i < 4; ++i) {
        // The sum with 0 makes +0 of -0, as in normalized().
        s[i] = _mm512_fmadd_ps(_mm512_load_ps(tile.x + (8 * w + half + i) * kMaxLanes), steps_per_value,
                               _mm512_setzero_ps());
        // The smaller magnitude with the sign of the value. From 6.25 steps on, the codes are the largest ones.
        if (kChosen) s[i] = _mm512_range_ps(s[i], _mm512_set1_ps(6.25F), 0x02);
      }
      for (std::size_t i = 0; i < 4; ++i) {
        place[i] = _mm512_castps_si512(_mm512_add_ps(_mm512_mul_ps(s[i], ints_per_unit), big));
      }
      for (std::size_t i = 4; i-- > 0;) sign = _mm512_shldi_epi32(sign, _mm512_castps_si512(s[i]), 4);
      for (std::size_t i = 0; i < 4; ++i) {
        place[i] = _mm512_castps_si512(_mm512_add_ps(s[i], _mm512_permutexvar_ps(place[i], round)));
      }
      for (std::size_t i = 0; i < 4; ++i) {
        const __m512i shifted = _mm512_slli_epi32(slots[i / 2], 8);
        slots[i / 2] = _mm512_ternarylogic_epi32(shifted, place[i], low, 0xF8);  // a | (b & c)
      }
      for (std::size_t i = 0; !kChosen && i < 4; ++i) {
        sums[i % 2] = _mm512_fmadd_ps(_mm512_permutex2var_ps(pull0, place[i], pull1), s[i], sums[i % 2]);
      }
    }
    paired.signs[w] = _mm512_rol_epi32(sign, 16);
    for (std::size_t g = 0; g < 2; ++g) {
      paired.slots[2 * w + g] = slots[g];
      if (kChosen) continue;
      products = _mm512_add_epi16(products, _mm512_maddubs_epi16(_mm512_permutexvar_epi8(slots[g], more),
                                                                 _mm512_permutexvar_epi8(slots[g], less)));
    }
  }
  if (kChosen) return;
  const __m512i product = _mm512_madd_epi16(products, _mm512_set1_epi16(1));
  paired.difference = _mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_cvtepi32_ps(product));
}

/// The codes of a tile as EncodeTile() leaves them, and its scales.
struct CodedTile {
  __m512i words[2];
  __m512i scales;
};

/// Chooses the types of blocks whose scales are all normal numbers or 0, and returns the lanes that are INT4.
/// is_better(lane): whether INT4 has the smaller error by the specification, where the difference is not above `doubt`.
template <class IsBetter>
HWY_INLINE __mmask16 ChooseTypes(__m512i scale, __m512 difference, float doubt, const IsBetter& is_better) {
  const __mmask16 used = _mm512_test_epi32_mask(scale, scale);
  const __m512 least = _mm512_set1_ps(doubt);
  __mmask16 ints = _mm512_mask_cmp_ps_mask(used, difference, least, _CMP_GT_OQ);
  unsigned open = _mm512_mask_cmp_ps_mask(used, _mm512_abs_ps(difference), least, _CMP_LE_OQ);
  for (; HWY_UNLIKELY(open != 0); open &= open - 1) {
    const auto lane = static_cast<std::size_t>(__builtin_ctz(open));
    if (is_better(lane)) ints = static_cast<__mmask16>(ints | (1U << lane));
  }
  return ints;
}

/// The codes of a tile whose lanes `ints` are INT4.
HWY_INLINE CodedTile PairWords(__m512i scale, const PairedTile& paired, __mmask16 ints) {
  const __mmask16 used = _mm512_test_epi32_mask(scale, scale);
  const __m512i table = _mm512_load_si512(kPairs.codes);
  const __m512i int_index = _mm512_set1_epi32(0x20202020);
  const __m512i weights = _mm512_set1_epi16(0x0110);  // the second value of two is in the lower byte
  const __m512i float_signs =
      _mm512_maskz_set1_epi32(static_cast<__mmask16>(~ints), static_cast<int>(0x88888888U));
  CodedTile coded;
  for (std::size_t w = 0; w < 2; ++w) {
    __m512i pairs[2];
    for (std::size_t g = 0; g < 2; ++g) {
      const __m512i slot = paired.slots[2 * w + g];
      const __m512i index = _mm512_mask_or_epi32(slot, ints, slot, int_index);
      pairs[g] = _mm512_maddubs_epi16(_mm512_permutexvar_epi8(index, table), weights);
    }
    // Halves have changed places: values 4 to 7 came last.
    const __m512i codes = _mm512_rol_epi32(_mm512_or_si512(pairs[0], _mm512_slli_epi32(pairs[1], 8)), 16);
    coded.words[w] =
        _mm512_maskz_ternarylogic_epi32(used, codes, paired.signs[w], float_signs, 0xF8);  // a | (b & c)
  }
  coded.scales = _mm512_mask_or_epi32(scale, ints, scale, _mm512_set1_epi32(kScaleIntBit));
  return coded;
}

/// Chooses the types of a tile whose scales are all normal numbers or 0.
HWY_INLINE CodedTile ChooseCodes(const KernelParams& p, const RawTile& tile, const PairedTile& paired) {
  const __m512i scale = _mm512_load_si512(tile.scale);
  const __mmask16 ints = ChooseTypes(scale, paired.difference, kPairDoubt, [&](std::size_t lane) {
    const PairErrors errors = PairErrorsOf(p, tile, paired, lane);
    return errors.integers < errors.floats;
  });
  return PairWords(scale, paired, ints);
}

/// Writes the codes of a tile.
HWY_INLINE void StoreTileCodes(const CodedTile& tile, std::uint8_t* codes) {
  const __m512i first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
  _mm512_storeu_si512(codes, _mm512_permutex2var_epi32(tile.words[0], first, tile.words[1]));
  _mm512_storeu_si512(codes + 64, _mm512_permutex2var_epi32(tile.words[0], second, tile.words[1]));
}

/// Writes a tile to where its codes and its scales go.
HWY_INLINE void StoreTile(const CodedTile& tile, std::uint8_t* codes, std::uint8_t* scales) {
  StoreTileCodes(tile, codes);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(scales), _mm512_cvtepi32_epi8(tile.scales));
}

#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
