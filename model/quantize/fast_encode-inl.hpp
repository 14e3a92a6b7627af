// The inner loops of fast_kernel.cpp: they find the codes of a tile for one type and scale, and the error
// that the rule compares. Compiled once for each instruction set.
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
#include "model/simd/simd_round-inl.hpp"
#include "model/simd/simd_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

/// A row of pieces, one in each of the N lanes: their normalized values, and their codes of two attempts.
struct Slot {
  HWY_ALIGN float x[kValues * kMaxLanes];           ///< [N i + lane]; EncodeNibbles() wants magnitudes here
  HWY_ALIGN std::uint32_t signs[2 * kMaxLanes];     ///< [N word + lane]; their signs: bit 3 of each four bits
  HWY_ALIGN std::uint32_t words[2][4 * kMaxLanes];  ///< [attempt][N word + lane]
};

/// The rows that share their scales, and what gives the numbers of their noise: see KernelJob.
struct Place {
  std::size_t rows;
  std::uint64_t position;
  std::uint64_t row_pieces;
  std::size_t stride;
};

/// How the 16 codes of a piece are laid out in words of 32 bits until StoreCodes() packs them.
template <int kBits>
struct Words {
  static constexpr int kCodes = kBits == 6 ? 4 : 8;        ///< codes in a word
  static constexpr int kWidth = kBits * kCodes;            ///< bits that they take
  static constexpr std::size_t kCount = kValues / kCodes;  ///< words of a piece
};

/// Adds the difference between a dequantized value and the value itself to the error of a rule.
template <Rule kRule>
HWY_INLINE V AddError(V sum, V difference) {
  if (kRule == Rule::kMse) return hn::Add(sum, hn::Mul(difference, difference));
  return kRule == Rule::kMae ? hn::Add(sum, hn::Abs(difference)) : hn::Max(sum, hn::Abs(difference));
}

/// The error of several rows from that of some rows and of one more.
HWY_INLINE V AddRow(Rule rule, V total, V row) {
  return rule == Rule::kAbsMax ? hn::Max(total, row) : hn::Add(total, row);
}

/// Codes the tile with one type, for any format, and returns the errors by the rule. kInt: integers;
/// kMantissa: mantissa bits of the floats. kGeneral: with noise, bounds, and errors in units of the step where
/// `p` asks for them; the rule is then p.rule and not kRule, so that there is less to compile.
template <int kBits, bool kInt, int kMantissa, Rule kRule, bool kGeneral>
HWY_NOINLINE V EncodeWith(const KernelParams& p, const Place& place, Slot* HWY_RESTRICT slots, V step,
                          V steps_per_unit, VI bound, std::size_t which) {
  using W = Words<kBits>;
  const D d;
  const DI di;
  const DU du;
  const std::size_t n = hn::Lanes(d);
  const V int_factor = hn::Set(d, p.int_steps_per_unit);
  const V int_step = hn::Set(d, p.int_step);
  const bool bounded = kGeneral && p.bounded;
  const V int_limit = bounded ? hn::ConvertTo(d, bound) : hn::Set(d, p.int_limit);
  const VU code_limit = hn::BitCast(du, bound);
  const V value_limit = FloatOf<kMantissa>(code_limit, p.smallest_bits);
  const V big = hn::Set(d, 0x1.8p23F);
  const V largest = hn::Set(d, p.largest);
  const VU smallest = hn::Set(du, p.smallest_bits);
  const Rule rule = kGeneral ? p.rule : kRule;
  const bool own_units = kGeneral && p.power_scale;
  V total = hn::Zero(d);
  for (std::size_t row = 0; row < place.rows; ++row) {
    V sum = hn::Zero(d);
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
          if (kGeneral && p.stochastic)
            t = hn::Add(t, Noise(p.key, place.position + row * place.row_pieces, place.stride, i));
          t = hn::Min(hn::Max(t, hn::Neg(int_limit)), int_limit);
          const V rounded = hn::Add(t, big);
          const VI q = hn::Sub(hn::BitCast(di, rounded), hn::BitCast(di, big));
          if (kBits == 4 && !p.sign_magnitude) {
            code = hn::BitCast(du, q);  // the bits above the code are shifted out of the word
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
          if (kGeneral && p.stochastic) {
            m = hn::Add(
                m, hn::Mul(Noise(p.key, place.position + row * place.row_pieces, place.stride, i), unit));
            m = hn::Min(m, largest);
          }
          const V rounded = RoundUnits<kMantissa>(rounder, m, unit);
          V magnitude = hn::Sub(rounded, rounder.big);
          code = MagnitudeCode<kMantissa>(rounder, rounded, smallest);
          if (bounded) {
            magnitude = hn::Min(magnitude, value_limit);
            code = hn::Min(code, code_limit);
          }
          value = hn::BitCast(d, hn::Or(hn::BitCast(du, magnitude), sign));
          code = hn::Or(code, hn::ShiftRight<32 - kBits>(sign));
        }
        word = hn::Or(hn::ShiftRight<kBits>(word), hn::ShiftLeft<W::kWidth - kBits>(code));
        const V difference = own_units ? hn::Sub(value, scaled) : hn::Sub(hn::Mul(value, step), xi);
        sum = rule == Rule::kMse   ? AddError<Rule::kMse>(sum, difference)
              : rule == Rule::kMae ? AddError<Rule::kMae>(sum, difference)
                                   : AddError<Rule::kAbsMax>(sum, difference);
      }
      hn::Store(word, du, words + w * n);
    }
    total = AddRow(rule, total, sum);
  }
  return total;
}

/// Finds INT4 and FP4 codes without noise from magnitudes, in fewer operations than EncodeWith(). The sum of
/// a number and kBig has the number in its low bits, rounded to the nearest integer, ties to even.
struct Nibbles {
  explicit HWY_INLINE Nibbles(const KernelParams& p) {
    const D d;
    int_factor = hn::Set(d, p.int_steps_per_unit);
    int_step = hn::Set(d, p.int_step);
  }

  /// Returns a sum with kBig that has the code of the magnitude in its low bits.
  template <bool kInt>
  HWY_INLINE V Round(V scaled) const {
    const D d;
    const V big = hn::Set(d, kBig);
    const V limit = hn::Set(d, kBig + 7);
    if (kInt) return hn::Min(hn::Add(hn::Mul(scaled, int_factor), big), limit);
    // As a function of the magnitude, the code is the least of three lines with the slopes 2, 1 and 1/2, and
    // of 7. Each line is rounded once. Rounding keeps the order of the lines, so it may come before the
    // minimum. Ties go to the even code, which is the rule of E2M1.
    const V low = hn::MulAdd(scaled, hn::Set(d, 2.0F), big);
    const V middle = hn::Add(scaled, hn::Set(d, kBig + 2));
    const V high = hn::MulAdd(scaled, hn::Set(d, 0.5F), hn::Set(d, kBig + 4));
    return hn::Min(hn::Min(low, middle), hn::Min(high, limit));
  }

  /// The magnitude that the code in a result of Round() stands for.
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
    // As a function of the code, the magnitude is the largest of three lines with the slopes 1/2, 1 and 2.
    const V code = hn::Sub(rounded, hn::Set(d, kBig));
    const V low = hn::Mul(code, hn::Set(d, 0.5F));
    const V middle = hn::Sub(code, hn::Set(d, 2.0F));
    return hn::Max(hn::Max(low, middle), hn::Add(middle, hn::Sub(middle, hn::Set(d, 4.0F))));
#endif
  }

  /// Turns the magnitudes of a word and their signs, bit 3 of each four bits, into codes.
  template <bool kInt>
  static HWY_INLINE VU Sign(VU word, VU sign, bool sign_magnitude) {
    const DU du;
    if (!kInt) return hn::Or(word, sign);
    // A zero has no sign: of each four bits, the sum has bit 3 set where the magnitude is not 0.
    sign = hn::And(sign, hn::Add(word, hn::Set(du, 0x77777777U)));
    if (sign_magnitude) return hn::Or(word, sign);
    const VU one = hn::ShiftRight<3>(sign);
    return hn::Add(hn::Xor(word, hn::Sub(hn::Add(sign, sign), one)), one);
  }

  static constexpr float kBig = 0x1.8p23F;
  V int_factor;
  V int_step;
};

/// Codes values one by one with one type: puts the codes together in a word, and adds up the error.
template <bool kInt, Rule kRule>
struct NibbleSums {
  HWY_INLINE NibbleSums() : word(hn::Zero(DU())), error(hn::Zero(D())) {}

  /// Takes the next value of a word: `x`, which is `scaled` in units of `step`. kOwnUnits: the error is in these
  /// units.
  template <bool kOwnUnits = false>
  HWY_INLINE void Take(const Nibbles& nibbles, V x, V scaled, V step) {
    const DU du;
    const V rounded = nibbles.Round<kInt>(scaled);
    word = hn::OrAnd(hn::RotateRight<4>(word), hn::BitCast(du, rounded), hn::Set(du, 7U));
    const V value = nibbles.Value<kInt>(rounded);
    error = AddError<kRule>(error, kOwnUnits ? hn::Sub(value, scaled) : hn::Sub(hn::Mul(value, step), x));
  }

  /// The word of the last eight values; the next value begins a new one.
  HWY_INLINE VU Word() {
    const VU whole = hn::RotateRight<4>(word);
    word = hn::Zero(DU());
    return whole;
  }

  VU word;  ///< the newest code is in the lowest bits, the one before it in the highest
  V error;
};

/// EncodeWith() for INT4 and FP4 without noise and bounds. kOwnUnits: the error is in units of the step.
template <bool kInt, Rule kRule, bool kOwnUnits>
HWY_NOINLINE V EncodeNibbles(const KernelParams& p, const Place& place, Slot* HWY_RESTRICT slots, V step,
                             V steps_per_unit, std::size_t which) {
  const D d;
  const DU du;
  const std::size_t n = hn::Lanes(d);
  const Nibbles nibbles(p);
  V total = hn::Zero(d);
  for (std::size_t row = 0; row < place.rows; ++row) {
    NibbleSums<kInt, kRule> sums;
    Slot& slot = slots[row];
    for (std::size_t w = 0; w < 2; ++w) {
      for (std::size_t i = 8 * w; i < 8 * w + 8; ++i) {
        const V x = hn::Load(d, slot.x + i * n);
        sums.template Take<kOwnUnits>(nibbles, x, hn::Mul(x, steps_per_unit), step);
      }
      const VU sign = hn::Load(du, slot.signs + w * n);
      hn::Store(Nibbles::Sign<kInt>(sums.Word(), sign, p.sign_magnitude), du, slot.words[which] + w * n);
    }
    total = AddRow(kRule, total, sums.error);
  }
  return total;
}

/// Codes one row of pieces as FP4 and as INT4 with the same step, and keeps in words[0] the codes with
/// the smaller error, those of FP4 where both are equal. Returns the errors; `ints` becomes the lanes
/// that are INT4.
template <Rule kRule>
HWY_NOINLINE V EncodeBoth(const KernelParams& p, Slot& slot, V step, V steps_per_unit, hn::Mask<D>& ints) {
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
  ints = hn::Lt(integers.error, floats.error);
  const auto chosen = hn::RebindMask(du, ints);
  for (std::size_t w = 0; w < 2; ++w) {
    hn::Store(hn::IfThenElse(chosen, int_words[w], float_words[w]), du, slot.words[0] + w * n);
  }
  return hn::IfThenElse(ints, integers.error, floats.error);
}

/// Calls the function that is compiled for a type.
template <int kBits, Rule kRule, bool kGeneral>
HWY_INLINE V EncodeType(const KernelParams& p, const Place& place, Slot* slots, bool is_int, V step,
                        V steps_per_unit, [[maybe_unused]] VI bound, std::size_t which) {
  if constexpr (kBits == 4 && !kGeneral) {
    if (p.power_scale) {
      return EncodeNibbles<false, kRule, true>(p, place, slots, step, steps_per_unit, which);
    }
    return is_int ? EncodeNibbles<true, kRule, false>(p, place, slots, step, steps_per_unit, which)
                  : EncodeNibbles<false, kRule, false>(p, place, slots, step, steps_per_unit, which);
  } else {
    // The width of a code tells the float type, except for E2M3 and E3M2.
    constexpr int kMantissa = kBits == 3 ? 0 : kBits == 4 ? 1 : 3;
    if (is_int) {
      return EncodeWith<kBits, true, 0, kRule, kGeneral>(p, place, slots, step, steps_per_unit, bound, which);
    }
    if (kBits == 6 && p.mantissa_bits == 2) {
      constexpr int kOther = kBits == 6 ? 2 : kMantissa;
      return EncodeWith<kBits, false, kOther, kRule, kGeneral>(p, place, slots, step, steps_per_unit, bound,
                                                               which);
    }
    return EncodeWith<kBits, false, kMantissa, kRule, kGeneral>(p, place, slots, step, steps_per_unit, bound,
                                                                which);
  }
}

/// Codes the rows of a tile with one type and step into words[which] of their slots, and returns the errors.
/// They are in units of the step where the scale is a power of two. `bound`: see KernelParams.
template <int kBits>
HWY_INLINE V Encode(const KernelParams& p, const Place& place, Slot* slots, bool is_int, V step,
                    V steps_per_unit, VI bound, std::size_t which) {
  if (p.stochastic || p.bounded) {
    return EncodeType<kBits, Rule::kMse, true>(p, place, slots, is_int, step, steps_per_unit, bound, which);
  }
  if (p.rule == Rule::kMse) {
    return EncodeType<kBits, Rule::kMse, false>(p, place, slots, is_int, step, steps_per_unit, bound, which);
  }
  if (p.rule == Rule::kMae) {
    return EncodeType<kBits, Rule::kMae, false>(p, place, slots, is_int, step, steps_per_unit, bound, which);
  }
  return EncodeType<kBits, Rule::kAbsMax, false>(p, place, slots, is_int, step, steps_per_unit, bound, which);
}

/// EncodeBoth() with the rule of `p`.
HWY_INLINE V EncodeTypes(const KernelParams& p, Slot& slot, V step, V steps_per_unit, hn::Mask<D>& ints) {
  if (p.rule == Rule::kMse) return EncodeBoth<Rule::kMse>(p, slot, step, steps_per_unit, ints);
  if (p.rule == Rule::kMae) return EncodeBoth<Rule::kMae>(p, slot, step, steps_per_unit, ints);
  return EncodeBoth<Rule::kAbsMax>(p, slot, step, steps_per_unit, ints);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
