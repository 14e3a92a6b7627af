// Stochastic rounding to IF4, both types in one go: they share the noise, which is most of the work. Compiled once for each
// instruction set.
#if defined(IF4_MODEL_FAST_NOISE_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef IF4_MODEL_FAST_NOISE_INL_HPP_
#undef IF4_MODEL_FAST_NOISE_INL_HPP_
#else
#define IF4_MODEL_FAST_NOISE_INL_HPP_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "model/quantize/fast_encode-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

/// EncodeBoth() with noise, for a slot of values with their signs and two's complement integers.
template <Rule kRule>
HWY_NOINLINE V EncodeBothWithNoise(const KernelParams& p, const Place& place, Slot& slot, V step,
                                   V steps_per_unit, hn::Mask<D>& ints) {
  const D d;
  const DU du;
  const std::size_t n = hn::Lanes(d);
  const NoiseLanes noise(p.key, place.position, place.stride);
  const V int_factor = hn::Set(d, p.int_steps_per_unit);
  const V int_step = hn::Set(d, p.int_step);
  const V big = hn::Set(d, 0x1.8p23F);
  const V int_limit = hn::Set(d, 7.0F);
  const V largest = hn::Set(d, 6.0F);
  const VU smallest = hn::Set(du, 0x3F800000U);  // 1, the smallest normal number of E2M1
  const VU sign_bit = hn::Set(du, 0x80000000U);
  const VU nibble = hn::Set(du, 0xFU);
  V float_error = hn::Zero(d);
  V int_error = float_error;
  VU float_words[2];
  VU int_words[2];
  for (std::size_t w = 0; w < 2; ++w) {
    VU float_word = hn::Zero(du);
    VU int_word = float_word;
    for (std::size_t i = 8 * w; i < 8 * w + 8; ++i) {
      const V x = hn::Load(d, slot.x + i * n);
      const V scaled = hn::Mul(x, steps_per_unit);
      const V dither = noise.Of(i);

      const V t = hn::Add(hn::Mul(scaled, int_factor), dither);
      const V whole = hn::Add(hn::Min(hn::Max(t, hn::Neg(int_limit)), int_limit), big);
      int_word = hn::OrAnd(hn::RotateRight<4>(int_word), hn::BitCast(du, whole), nibble);
      const V int_value = hn::Mul(hn::Sub(whole, big), int_step);
      int_error = AddError<kRule>(int_error, hn::Sub(hn::Mul(int_value, step), x));

      const VU sign = hn::And(hn::BitCast(du, scaled), sign_bit);
      const V m = hn::Min(hn::Abs(scaled), largest);
      const Rounder rounder = MakeRounder<1>(m, smallest);
      const V unit = hn::BitCast(d, hn::Sub(rounder.binade, hn::Set(du, 1U << 23)));
      // The product, with a power of two, is exact.
      const V rounded = hn::Add(hn::Min(hn::MulAdd(dither, unit, m), largest), rounder.big);
      const VU code = MagnitudeCode<1>(rounder, rounded, smallest);
      float_word = hn::Or(hn::RotateRight<4>(float_word), hn::Or(code, hn::ShiftRight<28>(sign)));
      const VU value = hn::Or(hn::BitCast(du, hn::Sub(rounded, rounder.big)), sign);
      float_error = AddError<kRule>(float_error, hn::Sub(hn::Mul(hn::BitCast(d, value), step), x));
    }
    float_words[w] = hn::RotateRight<4>(float_word);
    int_words[w] = hn::RotateRight<4>(int_word);
  }
  ints = hn::Lt(int_error, float_error);
  const auto chosen = hn::RebindMask(du, ints);
  for (std::size_t w = 0; w < 2; ++w) {
    hn::Store(hn::IfThenElse(chosen, int_words[w], float_words[w]), du, slot.words[0] + w * n);
  }
  return hn::IfThenElse(ints, int_error, float_error);
}

/// EncodeTypes() with noise.
HWY_INLINE V EncodeTypesWithNoise(const KernelParams& p, const Place& place, Slot& slot, V step,
                                  V steps_per_unit, hn::Mask<D>& ints) {
  switch (p.rule) {
    case Rule::kMse:
      return EncodeBothWithNoise<Rule::kMse>(p, place, slot, step, steps_per_unit, ints);
    case Rule::kMae:
      return EncodeBothWithNoise<Rule::kMae>(p, place, slot, step, steps_per_unit, ints);
    case Rule::kAbsMax:
      break;
  }
  return EncodeBothWithNoise<Rule::kAbsMax>(p, place, slot, step, steps_per_unit, ints);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
