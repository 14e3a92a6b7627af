// The codes of a tile with one type and scale, and how far they are off: the inner loops of fast_kernel.cpp,
// compiled once for each instruction set.
#if defined(IF4_MODEL_FAST_ENCODE_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef IF4_MODEL_FAST_ENCODE_INL_HPP_
#undef IF4_MODEL_FAST_ENCODE_INL_HPP_
#else
#define IF4_MODEL_FAST_ENCODE_INL_HPP_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "model/quantize/fast_kernel.hpp"
#include "model/quantize/simd_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

/// A row of pieces in lanes: the values, normalized, and codes of two attempts.
struct Slot {
  HWY_ALIGN float x[kValues * kMaxLanes];           ///< [N i + lane]; magnitudes for EncodeNibbles()
  HWY_ALIGN std::uint32_t signs[2 * kMaxLanes];     ///< [N word + lane], for it: bit 3 of each four
  HWY_ALIGN std::uint32_t words[2][4 * kMaxLanes];  ///< [attempt][N word + lane]
};

/// The rows that share their scales, and the numbers of their noise as in KernelJob.
struct Place {
  std::size_t rows;
  std::uint64_t position;
  std::uint64_t row_pieces;
  std::size_t stride;
};

/// Adding `big` = 1.5 * 2^23 steps rounds to a whole number of steps, ties to even, and leaves that number in
/// the low bits of the sum. The steps of a float type with `mantissa` bits are 2^-mantissa of the binade, and
/// below the smallest normal number those of its binade. Both for m >= 0.
struct Rounder {
  VU binade;  ///< FP32 bits of the power of two at or below m, or of the smallest normal number
  V big;
};
template <int kMantissa>
HWY_INLINE Rounder MakeRounder(V m, VU smallest) {
  const D d;
  const DU du;
  const VU binade = hn::And(hn::Max(hn::BitCast(du, m), smallest), hn::Set(du, 0x7F800000U));
  const VU big = hn::Add(binade, hn::Set(du, (static_cast<unsigned>(23 - kMantissa) << 23) | 0x400000U));
  return {binade, hn::BitCast(d, big)};
}
/// The code without a sign of a number of steps: codes count on from binade to binade.
template <int kMantissa>
HWY_INLINE VU MagnitudeCode(const Rounder& r, V sum, VU smallest) {
  const DU du;
  const VU steps = hn::Sub(hn::BitCast(du, sum), hn::BitCast(du, r.big));
  return hn::Add(steps, hn::ShiftRight<23 - kMantissa>(hn::Sub(r.binade, smallest)));
}

/// mix32() of noise.hpp.
HWY_INLINE VU Mix32(VU x) {
  const DU du;
  x = hn::Xor(x, hn::ShiftRight<16>(x));
  x = hn::Mul(x, hn::Set(du, 0x7FEB352DU));
  x = hn::Xor(x, hn::ShiftRight<15>(x));
  x = hn::Mul(x, hn::Set(du, 0x846CA68BU));
  return hn::Xor(x, hn::ShiftRight<16>(x));
}

/// noise() of element i of pieces position, position + stride, ...
HWY_INLINE V Noise(NoiseKey key, std::uint64_t position, std::size_t stride, std::size_t i) {
  const D d;
  const DU du;
  // A multiple of 2^32 may lie between two lanes but not inside a piece, because 16 divides it.
  const std::uint64_t first = position * kValues;
  const auto low = static_cast<std::uint32_t>(first);
  const auto high = static_cast<std::uint32_t>(first >> 32);
  const VU offset = hn::Mul(hn::Iota(du, 0), hn::Set(du, static_cast<std::uint32_t>(stride * kValues)));
  const VU index = hn::Add(hn::Set(du, low), offset);
  const VU inner = hn::IfThenElse(hn::Lt(index, offset), hn::Set(du, mix32(high + 1 + key.high)),
                                  hn::Set(du, mix32(high + key.high)));
  const VU element = hn::Add(index, hn::Set(du, static_cast<std::uint32_t>(i)));
  const VU bits = Mix32(hn::Add(Mix32(hn::Xor(element, hn::Set(du, key.low))), inner));
  const V whole = hn::ConvertTo(d, hn::BitCast(DI(), hn::ShiftRight<8>(bits)));
  return hn::Sub(hn::Mul(whole, hn::Set(d, 0x1p-24F)), hn::Set(d, 0.5F));
}

/// Codes of a word before they are put together, and their number.
template <int kBits>
struct Words {
  static constexpr int kCodes = kBits == 6 ? 4 : 8;
  static constexpr int kWidth = kBits * kCodes;
  static constexpr std::size_t kCount = kValues / kCodes;
};

struct Errors {
  V rule;     ///< by the rule
  V squares;  ///< sum of squares; not used with the rule mse
};

/// Codes the tile with one type. kInt: integers; kMantissa: mantissa bits of the floats. With noise the rule
/// is looked up, not kRule: fewer variants to compile.
template <int kBits, bool kInt, int kMantissa, Rule kRule, bool kStochastic>
HWY_NOINLINE Errors EncodeWith(const KernelParams& p, const Place& place, Slot* HWY_RESTRICT slots, V step,
                               V steps_per_unit, std::size_t which) {
  using W = Words<kBits>;
  const D d;
  const DI di;
  const DU du;
  const std::size_t n = hn::Lanes(d);
  const V zero = hn::Zero(d);
  const V int_factor = hn::Set(d, p.int_steps_per_unit);
  const V int_step = hn::Set(d, p.int_step);
  const V int_limit = hn::Set(d, p.int_limit);
  const V big = hn::Set(d, 0x1.8p23F);
  const V largest = hn::Set(d, p.largest);
  const VU smallest = hn::Set(du, p.smallest_bits);
  const Rule rule = kStochastic ? p.rule : kRule;
  Errors total{zero, zero};
  for (std::size_t row = 0; row < place.rows; ++row) {
    V sum = zero;
    V squares = zero;
    const float* HWY_RESTRICT x = slots[row].x;
    std::uint32_t* HWY_RESTRICT words = slots[row].words[which];
    for (std::size_t w = 0; w < W::kCount; ++w) {
      VU word = hn::Zero(du);
      for (std::size_t j = 0; j < static_cast<std::size_t>(W::kCodes); ++j) {
        const std::size_t i = w * W::kCodes + j;
        const V xi = hn::Load(d, x + i * n);
        const V scaled = hn::Mul(xi, steps_per_unit);
        VU code;
        V value;
        if (kInt) {
          V t = hn::Mul(scaled, int_factor);
          if (kStochastic)
            t = hn::Add(t, Noise(p.key, place.position + row * place.row_pieces, place.stride, i));
          t = hn::Min(hn::Max(t, hn::Neg(int_limit)), int_limit);
          const V rounded = hn::Add(t, big);
          const VI q = hn::Sub(hn::BitCast(di, rounded), hn::BitCast(di, big));
          if (kBits == 4 && !p.sign_magnitude) {
            code = hn::BitCast(du, q);  // the bits above the code are shifted out
          } else {
            code = hn::Or(hn::BitCast(du, hn::Abs(q)),
                          hn::ShiftLeft<kBits - 1>(hn::ShiftRight<31>(hn::BitCast(du, q))));
          }
          value = hn::Mul(hn::Sub(rounded, big), int_step);
        } else {
          const VU sign = hn::And(hn::BitCast(du, scaled), hn::Set(du, 0x80000000U));
          V m = hn::Min(hn::Abs(scaled), largest);
          const Rounder rounder = MakeRounder<kMantissa>(m, smallest);
          const V unit = hn::BitCast(
              d, hn::Sub(rounder.binade, hn::Set(du, static_cast<std::uint32_t>(kMantissa) << 23)));
          if (kStochastic) {
            m = hn::Add(
                m, hn::Mul(Noise(p.key, place.position + row * place.row_pieces, place.stride, i), unit));
            m = hn::Min(m, largest);
          }
          V rounded = hn::Add(m, rounder.big);
          if (kMantissa == 0) {
            // A tie that went up goes back down.
            const V up = hn::Sub(hn::Sub(rounded, rounder.big), m);
            const auto tie = hn::And(hn::Eq(up, hn::Mul(unit, hn::Set(d, 0.5F))),
                                     hn::Gt(hn::Sub(rounded, rounder.big), zero));
            rounded = hn::IfThenElse(tie, hn::Sub(rounded, unit), rounded);
          }
          value = hn::BitCast(d, hn::Or(hn::BitCast(du, hn::Sub(rounded, rounder.big)), sign));
          code =
              hn::Or(MagnitudeCode<kMantissa>(rounder, rounded, smallest), hn::ShiftRight<32 - kBits>(sign));
        }
        word = hn::Or(hn::ShiftRight<kBits>(word), hn::ShiftLeft<W::kWidth - kBits>(code));
        const V difference = hn::Sub(hn::Mul(value, step), xi);
        if (rule == Rule::kMse) {
          sum = hn::Add(sum, hn::Mul(difference, difference));
        } else {
          const V error = hn::Abs(difference);
          sum = rule == Rule::kMae ? hn::Add(sum, error) : hn::Max(sum, error);
          squares = hn::Add(squares, hn::Mul(error, error));
        }
      }
      hn::Store(word, du, words + w * n);
    }
    total.rule = rule == Rule::kAbsMax ? hn::Max(total.rule, sum) : hn::Add(total.rule, sum);
    total.squares = hn::Add(total.squares, squares);
  }
  return total;
}

/// INT4 and FP4 codes without noise, from magnitudes, in fewer operations than above. A sum with `big` has a
/// whole number in its low bits, rounded to nearest even.
struct Nibbles {
  explicit HWY_INLINE Nibbles(const KernelParams& p) {
    const D d;
    int_factor = hn::Set(d, p.int_steps_per_unit);
    int_step = hn::Set(d, p.int_step);
  }

  /// The code in the low bits of the result.
  template <bool kInt>
  HWY_INLINE V Round(V scaled) const {
    const D d;
    const V big = hn::Set(d, kBig);
    const V limit = hn::Set(d, kBig + 7);
    if (kInt) return hn::Min(hn::Add(hn::Mul(scaled, int_factor), big), limit);
    // The code as a function of m is concave, of slope 2, 1 and 1/2; each sum is rounded once, and rounding
    // keeps the order. Nearest even code: that is the tie rule.
    const V low = hn::MulAdd(scaled, hn::Set(d, 2.0F), big);
    const V middle = hn::Add(scaled, hn::Set(d, kBig + 2));
    const V high = hn::MulAdd(scaled, hn::Set(d, 0.5F), hn::Set(d, kBig + 4));
    return hn::Min(hn::Min(low, middle), hn::Min(high, limit));
  }

  /// The magnitude of the code in what Round() returned.
  template <bool kInt>
  HWY_INLINE V Value(V rounded) const {
    const D d;
    if (kInt) return hn::Mul(hn::Sub(rounded, hn::Set(d, kBig)), int_step);
#if HWY_TARGET <= HWY_AVX2
    const DI di;
    HWY_ALIGN static constexpr float kFp4[16] = {0, 0.5F, 1, 1.5F, 2, 3, 4, 6, 0, 0.5F, 1, 1.5F, 2, 3, 4, 6};
    const auto code = hn::And(hn::BitCast(di, rounded), hn::Set(di, 7));
    return hn::TableLookupLanes(hn::Load(d, kFp4), hn::IndicesFromVec(d, code));
#else
    // Convex: slopes 1/2, 1 and 2.
    const V code = hn::Sub(rounded, hn::Set(d, kBig));
    const V low = hn::Mul(code, hn::Set(d, 0.5F));
    const V middle = hn::Sub(code, hn::Set(d, 2.0F));
    return hn::Max(hn::Max(low, middle), hn::Add(middle, hn::Sub(middle, hn::Set(d, 4.0F))));
#endif
  }

  /// Puts the signs, bit 3 of each four, to the magnitudes of a word.
  template <bool kInt>
  static HWY_INLINE VU Sign(VU word, VU sign, bool sign_magnitude) {
    const DU du;
    if (!kInt) return hn::Or(word, sign);
    sign = hn::And(sign, hn::Add(word, hn::Set(du, 0x77777777U)));  // there is no negative zero
    if (sign_magnitude) return hn::Or(word, sign);
    const VU one = hn::ShiftRight<3>(sign);
    return hn::Add(hn::Xor(word, hn::Sub(hn::Add(sign, sign), one)), one);
  }

  static constexpr float kBig = 0x1.8p23F;
  V int_factor;
  V int_step;
};

/// Codes of one type as they come: the word that they make up, and how far they are off.
template <bool kInt, Rule kRule>
struct NibbleSums {
  HWY_INLINE NibbleSums() : word(hn::Zero(DU())), errors{hn::Zero(D()), hn::Zero(D())} {}

  /// The next value of a word: `x`, and in units of `step`.
  HWY_INLINE void Take(const Nibbles& nibbles, V x, V scaled, V step) {
    const DU du;
    const V rounded = nibbles.Round<kInt>(scaled);
    word = hn::OrAnd(hn::RotateRight<4>(word), hn::BitCast(du, rounded), hn::Set(du, 7U));
    const V difference = hn::Sub(hn::Mul(nibbles.Value<kInt>(rounded), step), x);
    if (kRule == Rule::kMse) {
      errors.rule = hn::Add(errors.rule, hn::Mul(difference, difference));
      return;
    }
    const V error = hn::Abs(difference);
    errors.rule = kRule == Rule::kMae ? hn::Add(errors.rule, error) : hn::Max(errors.rule, error);
    errors.squares = hn::Add(errors.squares, hn::Mul(error, error));
  }

  HWY_INLINE VU Word() {
    const VU whole = hn::RotateRight<4>(word);
    word = hn::Zero(DU());
    return whole;
  }

  VU word;  ///< after eight values still to be turned by four bits
  Errors errors;
};

template <bool kInt, Rule kRule>
HWY_NOINLINE Errors EncodeNibbles(const KernelParams& p, const Place& place, Slot* HWY_RESTRICT slots, V step,
                                  V steps_per_unit, std::size_t which) {
  const D d;
  const DU du;
  const std::size_t n = hn::Lanes(d);
  const Nibbles nibbles(p);
  Errors total{hn::Zero(d), hn::Zero(d)};
  for (std::size_t row = 0; row < place.rows; ++row) {
    NibbleSums<kInt, kRule> sums;
    Slot& slot = slots[row];
    for (std::size_t w = 0; w < 2; ++w) {
      for (std::size_t i = 8 * w; i < 8 * w + 8; ++i) {
        const V x = hn::Load(d, slot.x + i * n);
        sums.Take(nibbles, x, hn::Mul(x, steps_per_unit), step);
      }
      const VU sign = hn::Load(du, slot.signs + w * n);
      hn::Store(Nibbles::Sign<kInt>(sums.Word(), sign, p.sign_magnitude), du, slot.words[which] + w * n);
    }
    total.rule = kRule == Rule::kAbsMax ? hn::Max(total.rule, sums.errors.rule)
                                        : hn::Add(total.rule, sums.errors.rule);
    total.squares = hn::Add(total.squares, sums.errors.squares);
  }
  return total;
}

/// FP4 and INT4 with the same step at once, for one row of pieces: words[0] has the better codes, FP4's where
/// both are as good. Returns the errors; `ints` becomes the lanes of INT4.
template <Rule kRule>
HWY_NOINLINE Errors EncodeBoth(const KernelParams& p, Slot& slot, V step, V steps_per_unit,
                               hn::Mask<D>& ints) {
  const D d;
  const DU du;
  const std::size_t n = hn::Lanes(d);
  const Nibbles nibbles(p);
  NibbleSums<false, kRule> floats;
  NibbleSums<true, kRule> integers;
  VU float_words[2];
  VU int_words[2];
  for (std::size_t w = 0; w < 2; ++w) {
    for (std::size_t i = 8 * w; i < 8 * w + 8; ++i) {
      const V x = hn::Load(d, slot.x + i * n);
      const V scaled = hn::Mul(x, steps_per_unit);
      floats.Take(nibbles, x, scaled, step);
      integers.Take(nibbles, x, scaled, step);
    }
    const VU sign = hn::Load(du, slot.signs + w * n);
    float_words[w] = Nibbles::Sign<false>(floats.Word(), sign, p.sign_magnitude);
    int_words[w] = Nibbles::Sign<true>(integers.Word(), sign, p.sign_magnitude);
  }
  ints = hn::Lt(integers.errors.rule, floats.errors.rule);
  const auto chosen = hn::RebindMask(du, ints);
  for (std::size_t w = 0; w < 2; ++w) {
    hn::Store(hn::IfThenElse(chosen, int_words[w], float_words[w]), du, slot.words[0] + w * n);
  }
  return {hn::IfThenElse(ints, integers.errors.rule, floats.errors.rule),
          hn::IfThenElse(ints, integers.errors.squares, floats.errors.squares)};
}

template <int kBits, Rule kRule, bool kStochastic>
HWY_INLINE Errors EncodeType(const KernelParams& p, const Place& place, Slot* slots, bool is_int, V step,
                             V steps_per_unit, std::size_t which) {
  if constexpr (kBits == 4 && !kStochastic) {
    return is_int ? EncodeNibbles<true, kRule>(p, place, slots, step, steps_per_unit, which)
                  : EncodeNibbles<false, kRule>(p, place, slots, step, steps_per_unit, which);
  } else {
    // The float types of 3, 4 and 6 bits; only E3M2 and E2M3 share a width.
    constexpr int kMantissa = kBits == 3 ? 0 : kBits == 4 ? 1 : 3;
    if (is_int) {
      return EncodeWith<kBits, true, 0, kRule, kStochastic>(p, place, slots, step, steps_per_unit, which);
    }
    if (kBits == 6 && p.mantissa_bits == 2) {
      constexpr int kOther = kBits == 6 ? 2 : kMantissa;
      return EncodeWith<kBits, false, kOther, kRule, kStochastic>(p, place, slots, step, steps_per_unit,
                                                                  which);
    }
    return EncodeWith<kBits, false, kMantissa, kRule, kStochastic>(p, place, slots, step, steps_per_unit,
                                                                   which);
  }
}

/// Codes the rows of a tile with one type and step into words[which] of their slots.
template <int kBits>
HWY_INLINE Errors Encode(const KernelParams& p, const Place& place, Slot* slots, bool is_int, V step,
                         V steps_per_unit, std::size_t which) {
  if (p.stochastic) {
    return EncodeType<kBits, Rule::kMse, true>(p, place, slots, is_int, step, steps_per_unit, which);
  }
  if (p.rule == Rule::kMse) {
    return EncodeType<kBits, Rule::kMse, false>(p, place, slots, is_int, step, steps_per_unit, which);
  }
  if (p.rule == Rule::kMae) {
    return EncodeType<kBits, Rule::kMae, false>(p, place, slots, is_int, step, steps_per_unit, which);
  }
  return EncodeType<kBits, Rule::kAbsMax, false>(p, place, slots, is_int, step, steps_per_unit, which);
}

/// EncodeBoth() with the rule of `p`.
HWY_INLINE Errors EncodeTypes(const KernelParams& p, Slot& slot, V step, V steps_per_unit,
                              hn::Mask<D>& ints) {
  if (p.rule == Rule::kMse) return EncodeBoth<Rule::kMse>(p, slot, step, steps_per_unit, ints);
  if (p.rule == Rule::kMae) return EncodeBoth<Rule::kMae>(p, slot, step, steps_per_unit, ints);
  return EncodeBoth<Rule::kAbsMax>(p, slot, step, steps_per_unit, ints);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
