// Rounding to a float type, and the noise of stochastic rounding, a number in each lane: what the kernels that find codes
// and scales have in common. Compiled once for each instruction set.
#if defined(IF4_MODEL_SIMD_ROUND_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef IF4_MODEL_SIMD_ROUND_INL_HPP_
#undef IF4_MODEL_SIMD_ROUND_INL_HPP_
#else
#define IF4_MODEL_SIMD_ROUND_INL_HPP_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "model/simd/noise.hpp"
#include "model/simd/simd_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

/// Adding `big` = 1.5 * 2^23 steps to a number m >= 0 rounds it to a whole number of steps, ties to even, and
/// leaves that number in the low bits of the sum. A step of a float type is 2^-kMantissa times the power of
/// two at or below m. Below the smallest normal number it is as large as above it.
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
/// The code, without its sign, of a number that is rounded to steps. Codes count on from one power of two to
/// the next.
template <int kMantissa>
HWY_INLINE VU MagnitudeCode(const Rounder& r, V sum, VU smallest) {
  const DU du;
  const VU steps = hn::Sub(hn::BitCast(du, sum), hn::BitCast(du, r.big));
  return hn::Add(steps, hn::ShiftRight<23 - kMantissa>(hn::Sub(r.binade, smallest)));
}

/// The sum of m and `big`, where `unit` is the step. E2M0 rounds ties toward zero.
template <int kMantissa>
HWY_INLINE V RoundUnits(const Rounder& rounder, V m, V unit) {
  const D d;
  const V rounded = hn::Add(m, rounder.big);
  if (kMantissa != 0) return rounded;
  // A tie that was rounded up goes back down.
  const V whole = hn::Sub(rounded, rounder.big);
  const auto half = hn::Eq(hn::Sub(whole, m), hn::Mul(unit, hn::Set(d, 0.5F)));
  return hn::IfThenElse(hn::And(half, hn::Gt(whole, hn::Zero(d))), hn::Sub(rounded, unit), rounded);
}

/// The magnitude that a code of a float type without its sign stands for. `smallest` is that of KernelParams.
template <int kMantissa>
HWY_INLINE V FloatOf(VU code, std::uint32_t smallest) {
  const D d;
  const DU du;
  const VU hidden = hn::Set(du, 1U << kMantissa);
  const V normal =
      hn::BitCast(d, hn::Add(hn::Set(du, smallest), hn::ShiftLeft<23 - kMantissa>(hn::Sub(code, hidden))));
  const VU unit = hn::Set(du, smallest - (static_cast<unsigned>(kMantissa) << 23));
  const V subnormal = hn::Mul(hn::ConvertTo(d, hn::BitCast(DI(), code)), hn::BitCast(d, unit));
  return hn::IfThenElse(hn::RebindMask(d, hn::Lt(code, hidden)), subnormal, normal);
}

/// mix32() of noise.hpp in each lane, after its first step.
HWY_INLINE VU MixRest(VU x) {
  const DU du;
  x = hn::Mul(x, hn::Set(du, 0x7FEB352DU));
  x = hn::Xor(x, hn::ShiftRight<15>(x));
  x = hn::Mul(x, hn::Set(du, 0x846CA68BU));
  return hn::Xor(x, hn::ShiftRight<16>(x));
}
/// mix32() of noise.hpp in each lane.
HWY_INLINE VU Mix32(VU x) { return MixRest(hn::Xor(x, hn::ShiftRight<16>(x))); }

/// noise() of the elements of the pieces number position, position + stride, ..., one in each lane.
class NoiseLanes {
 public:
  HWY_INLINE NoiseLanes(NoiseKey key, std::uint64_t position, std::size_t stride) {
    const DU du;
    // The upper half of an index may differ between two lanes, but not inside a piece: 16 divides 2^32.
    const std::uint64_t first = position * kValues;
    const auto low = static_cast<std::uint32_t>(first);
    const auto high = static_cast<std::uint32_t>(first >> 32);
    const VU offset = hn::Mul(hn::Iota(du, 0), hn::Set(du, static_cast<std::uint32_t>(stride * kValues)));
    const VU index = hn::Add(hn::Set(du, low), offset);
    inner_ = hn::IfThenElse(hn::Lt(index, offset), hn::Set(du, mix32(high + 1 + key.high)),
                            hn::Set(du, mix32(high + key.high)));
    start_ = hn::Xor(index, hn::Set(du, key.low));
    start_ = hn::Xor(start_, hn::ShiftRight<16>(start_));
  }

  /// That of element i. It changes the lowest four bits of the index alone, so that the first step of mix32() is made.
  HWY_INLINE V Of(std::size_t i) const {
    const D d;
    const DU du;
    const VU element = hn::Xor(start_, hn::Set(du, static_cast<std::uint32_t>(i)));
    const VU bits = Mix32(hn::Add(MixRest(element), inner_));
    const V whole = hn::ConvertTo(d, hn::BitCast(DI(), hn::ShiftRight<8>(bits)));
    return hn::MulSub(whole, hn::Set(d, 0x1p-24F), hn::Set(d, 0.5F));  // exact
  }

 private:
  VU start_;
  VU inner_;
};

/// NoiseLanes for one element.
HWY_INLINE V Noise(NoiseKey key, std::uint64_t position, std::size_t stride, std::size_t i) {
  return NoiseLanes(key, position, stride).Of(i);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
