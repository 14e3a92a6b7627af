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
#include <type_traits>

#include "hwy/highway.h"
#include "model/fast_kernel.hpp"
#include "model/simd_tile-inl.hpp"

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

template <int kNumber>
using Number = std::integral_constant<int, kNumber>;

/// The FP4 magnitude of a code in the low bits of `rounded`. `table` has them twice.
HWY_INLINE V Fp4Value(V rounded, [[maybe_unused]] const float* table) {
  const D d;
#if HWY_TARGET <= HWY_AVX2
  const DI di;
  const auto code = hn::And(hn::BitCast(di, rounded), hn::Set(di, 7));
  return hn::TableLookupLanes(hn::Load(d, table), hn::IndicesFromVec(d, code));
#else
  // Convex: slopes 1/2, 1 and 2.
  const V code = hn::Sub(rounded, hn::Set(d, 0x1.8p23F));
  const V low = hn::Mul(code, hn::Set(d, 0.5F));
  const V middle = hn::Sub(code, hn::Set(d, 2.0F));
  return hn::Max(hn::Max(low, middle), hn::Add(middle, hn::Sub(middle, hn::Set(d, 4.0F))));
#endif
}

/// The same for INT4 and FP4 without noise, in fewer operations. Slots hold magnitudes: the signs are put to
/// the codes of a word at a time.
template <bool kInt, Rule kRule>
HWY_NOINLINE Errors EncodeNibbles(const KernelParams& p, const Place& place, Slot* HWY_RESTRICT slots, V step,
                                  V steps_per_unit, std::size_t which) {
  const D d;
  const DU du;
  const std::size_t n = hn::Lanes(d);
  const V zero = hn::Zero(d);
  const V int_factor = hn::Set(d, p.int_steps_per_unit);
  const V int_step = hn::Set(d, p.int_step);
  // A sum with it has a whole number in its low bits, rounded to nearest even.
  constexpr float kBig = 0x1.8p23F;
  const V big = hn::Set(d, kBig);
  const V big_2 = hn::Set(d, kBig + 2);
  const V big_4 = hn::Set(d, kBig + 4);
  const V big_7 = hn::Set(d, kBig + 7);
  const V half = hn::Set(d, 0.5F);
  // Each sum of a word is moved up by its place and brings the bits of `big` along.
  constexpr std::uint32_t kBigBits = 0x4B400000U;
  constexpr std::uint32_t kBigOfAll = kBigBits * 0x11111111U;
  HWY_ALIGN static constexpr float kFp4[16] = {0, 0.5F, 1, 1.5F, 2, 3, 4, 6, 0, 0.5F, 1, 1.5F, 2, 3, 4, 6};
  Errors total{zero, zero};
  for (std::size_t row = 0; row < place.rows; ++row) {
    V sum = zero;
    V squares = zero;
    const float* HWY_RESTRICT x = slots[row].x;
    for (std::size_t w = 0; w < 2; ++w) {
      VU word = hn::Zero(du);
      const auto element = [&](auto place_in_word) HWY_ATTR {
        constexpr int j = decltype(place_in_word)::value;
        const V xi = hn::Load(d, x + (8 * w + j) * n);
        const V scaled = hn::Mul(xi, steps_per_unit);
        V rounded;
        V value;
        if (kInt) {
          rounded = hn::Min(hn::Add(hn::Mul(scaled, int_factor), big), big_7);
          value = hn::Mul(hn::Sub(rounded, big), int_step);
        } else {
          // The code as a function of m is concave, of slope 2, 1 and 1/2; each sum is rounded once, and
          // rounding keeps the order. Nearest even code: that is the tie rule.
          const V low = hn::Add(hn::Add(scaled, scaled), big);
          const V middle = hn::Add(scaled, big_2);
          const V high = hn::Add(hn::Mul(scaled, half), big_4);
          rounded = hn::Min(hn::Min(low, middle), hn::Min(high, big_7));
          value = Fp4Value(rounded, kFp4);
        }
        word = hn::Add(word, hn::ShiftLeft<4 * j>(hn::BitCast(du, rounded)));
        const V difference = hn::Sub(hn::Mul(value, step), xi);
        if (kRule == Rule::kMse) {
          sum = hn::Add(sum, hn::Mul(difference, difference));
        } else {
          const V error = hn::Abs(difference);
          sum = kRule == Rule::kMae ? hn::Add(sum, error) : hn::Max(sum, error);
          squares = hn::Add(squares, hn::Mul(error, error));
        }
      };
      element(Number<0>());
      element(Number<1>());
      element(Number<2>());
      element(Number<3>());
      element(Number<4>());
      element(Number<5>());
      element(Number<6>());
      element(Number<7>());
      word = hn::Sub(word, hn::Set(du, kBigOfAll));
      VU sign = hn::Load(du, slots[row].signs + w * n);
      if (kInt) sign = hn::And(sign, hn::Add(word, hn::Set(du, 0x77777777U)));  // there is no negative zero
      if (kInt && !p.sign_magnitude) {
        const VU one = hn::ShiftRight<3>(sign);
        word = hn::Add(hn::Xor(word, hn::Sub(hn::Add(sign, sign), one)), one);
      } else {
        word = hn::Or(word, sign);
      }
      hn::Store(word, du, slots[row].words[which] + w * n);
    }
    total.rule = kRule == Rule::kAbsMax ? hn::Max(total.rule, sum) : hn::Add(total.rule, sum);
    total.squares = hn::Add(total.squares, squares);
  }
  return total;
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

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
