#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/simd/simd_values.cpp"
// clang-format off
#include "model/simd/simd_targets.hpp"  // before Highway, which asks what it says
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

#include "model/simd/simd_values.hpp"

#include <algorithm>
#include <cstring>

#include "model/core/float_bits.hpp"
#include "model/simd/rotation.hpp"
#include "model/simd/simd_rotate-inl.hpp"
#include "model/simd/simd_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

const char* Target() { return hwy::TargetName(HWY_TARGET); }

std::uint32_t Largest32(const float* x, std::size_t count) {
  const DU du;
  const std::size_t n = hn::Lanes(du);
  const VU mask = hn::Set(du, 0x7FFFFFFFU);
  VU m0 = hn::Zero(du), m1 = m0, m2 = m0, m3 = m0;
  const D d;
  const auto load = [&](std::size_t i)
                        HWY_ATTR { return hn::And(hn::BitCast(du, hn::LoadU(d, x + i)), mask); };
  std::size_t i = 0;
  for (; i + 4 * n <= count; i += 4 * n) {
    m0 = hn::Max(m0, load(i));
    m1 = hn::Max(m1, load(i + n));
    m2 = hn::Max(m2, load(i + 2 * n));
    m3 = hn::Max(m3, load(i + 3 * n));
  }
  HWY_ALIGN std::uint32_t lanes[kMaxLanes];
  hn::Store(hn::Max(hn::Max(m0, m1), hn::Max(m2, m3)), du, lanes);
  std::uint32_t largest = *std::max_element(lanes, lanes + n);
  for (; i < count; ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, x + i, sizeof bits);
    largest = std::max(largest, bits & 0x7FFFFFFFU);
  }
  return largest;
}

std::uint16_t Largest16(const std::uint16_t* x, std::size_t count) {
  const HWY_CAPPED(std::uint16_t, 32) d16;
  const std::size_t n = hn::Lanes(d16);
  const auto mask = hn::Set(d16, 0x7FFF);
  auto largest = hn::Zero(d16);
  std::size_t i = 0;
  for (; i + n <= count; i += n) largest = hn::Max(largest, hn::And(hn::LoadU(d16, x + i), mask));
  HWY_ALIGN std::uint16_t lanes[32];
  hn::Store(largest, d16, lanes);
  std::uint16_t result = *std::max_element(lanes, lanes + n);
  for (; i < count; ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, x + i, sizeof bits);  // a mapped file need not be aligned
    result = std::max(result, static_cast<std::uint16_t>(bits & 0x7FFFU));
  }
  return result;
}

void FromBfloat16(const std::uint16_t* from, std::size_t count, float* to) {
  const D d;
  const DU du;
  const hn::Rebind<std::uint16_t, D> d16;
  const std::size_t n = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + n <= count; i += n) {
    const VU wide = hn::PromoteTo(du, hn::LoadU(d16, from + i));
    hn::StoreU(hn::BitCast(d, hn::ShiftLeft<16>(wide)), d, to + i);
  }
  for (; i < count; ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, from + i, sizeof half);
    const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
    std::memcpy(to + i, &bits, sizeof bits);
  }
}

void FromHalf(const std::uint16_t* from, std::size_t count, float* to) {
  const D d;
  const DI di;
  const DU du;
  const hn::Rebind<std::uint16_t, D> d16;
  const std::size_t n = hn::Lanes(d);
  HWY_ALIGN std::uint16_t last[kMaxLanes] = {};
  HWY_ALIGN float out[kMaxLanes];
  for (std::size_t i = 0; i < count; i += n) {
    const std::size_t used = std::min(n, count - i);
    if (used < n) std::memcpy(last, from + i, used * sizeof *from);
    const VU bits = hn::PromoteTo(du, hn::LoadU(d16, used < n ? last : from + i));
    const VU sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(du, 0x8000U)));
    const VU magnitude = hn::And(bits, hn::Set(du, 0x7FFFU));
    // Subnormals are multiples of 2^-24. The exponents of the others have a bias of 15 instead of 127.
    const VU normal = hn::Add(hn::ShiftLeft<13>(magnitude), hn::Set(du, 112U << 23));
    const V tiny = hn::Mul(hn::ConvertTo(d, hn::BitCast(di, magnitude)), hn::Set(d, 0x1p-24F));
    const VU value = hn::IfThenElse(hn::Lt(magnitude, hn::Set(du, 0x400U)), hn::BitCast(du, tiny), normal);
    const V result = hn::BitCast(d, hn::Or(value, sign));
    if (used < n) {
      hn::Store(result, d, out);
      std::memcpy(to + i, out, used * sizeof(float));
    } else {
      hn::StoreU(result, d, to + i);
    }
  }
}

void TransposeRows(const float* from, std::size_t count, float* to, std::size_t stride) {
  const D d;
  const std::size_t n = hn::Lanes(d);
  std::size_t c = 0;
  for (; c + n <= count; c += n) {
    TransposeTo(from + c * kValues,
                [&](V v, std::size_t r) HWY_ATTR { hn::StoreU(v, d, to + r * stride + c); });
  }
  for (; c < count; ++c) {
    for (std::size_t r = 0; r < kValues; ++r) to[r * stride + c] = from[c * kValues + r];
  }
}

void Rotate(float* x, std::size_t pieces, bool gentle) {
  if (gentle) return RotateAll<true>(x, pieces);
  RotateAll<false>(x, pieces);
}

/// The smallest |x| that is not 0.
HWY_NOINLINE float SmallestAboveZero(const float* x, std::size_t count) {
  const DU du;
  const std::size_t n = hn::Lanes(du);
  // Less 1, as unsigned numbers, zeros are the largest.
  VU smallest = hn::Set(du, 0x7F000000U);
  const auto take = [&](VU bits) HWY_ATTR {
    const VU magnitude = hn::And(bits, hn::Set(du, 0x7FFFFFFFU));
    smallest = hn::Min(smallest, hn::Sub(magnitude, hn::Set(du, 1U)));
  };
  std::size_t i = 0;
  for (; i + n <= count; i += n) take(hn::BitCast(du, hn::LoadU(D(), x + i)));
  HWY_ALIGN float last[kMaxLanes] = {};
  std::memcpy(last, x + i, (count - i) * sizeof(float));
  take(hn::BitCast(du, hn::Load(D(), last)));
  HWY_ALIGN float lanes[kMaxLanes];
  hn::Store(hn::BitCast(D(), hn::Add(smallest, hn::Set(du, 1U))), D(), lanes);
  return *std::min_element(lanes, lanes + n);
}

void RotationExtremesOf(const float* x, std::size_t pieces, RotationExtremes& extremes) {
  const D d;
  const DU du;
  const std::size_t n = hn::Lanes(d);
  V smallest[2] = {hn::Set(d, 0x1p127F), hn::Set(d, 0x1p127F)};
  VU largest[2] = {hn::Zero(du), hn::Zero(du)};
  VisitTiles(x, pieces, [&](V* v, std::size_t /*piece*/, std::size_t /*used*/) HWY_ATTR {
    for (std::size_t i = 0; i < kValues; ++i) smallest[i % 2] = hn::Min(smallest[i % 2], hn::Abs(v[i]));
    HalfRotateTile<true>(v);
    // The larger magnitude of a + b and a - b is that of |a| + |b|.
    for (std::size_t i = 0; i < kValues / 2; ++i) {
      const V sum = hn::Add(hn::Abs(v[i]), hn::Abs(v[i + kValues / 2]));
      largest[i % 2] = hn::Max(largest[i % 2], hn::BitCast(du, sum));
    }
  });
  HWY_ALIGN float small[kMaxLanes];
  HWY_ALIGN std::uint32_t large[kMaxLanes];
  hn::Store(hn::Min(smallest[0], smallest[1]), d, small);
  hn::Store(hn::Max(largest[0], largest[1]), du, large);
  extremes.largest = std::max(extremes.largest, *std::max_element(large, large + n));
  float least = *std::min_element(small, small + n);
  // It is 0 where a value is, or where the last tile is not whole; the others need a look of their own.
  if (least < kSmallestGentle) least = SmallestAboveZero(x, pieces * kValues);
  extremes.smallest = std::min(extremes.smallest, least);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace if4 {

HWY_EXPORT(Target);
HWY_EXPORT(Largest32);
HWY_EXPORT(Largest16);
HWY_EXPORT(FromBfloat16);
HWY_EXPORT(FromHalf);
HWY_EXPORT(TransposeRows);
HWY_EXPORT(Rotate);
HWY_EXPORT(RotationExtremesOf);

const char* simd_target() { return HWY_DYNAMIC_DISPATCH(Target)(); }
std::uint32_t simd_largest(const float* x, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(Largest32)(x, count);
}
std::uint16_t simd_largest(const std::uint16_t* x, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(Largest16)(x, count);
}
void simd_from_bfloat16(const std::uint16_t* from, std::size_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(FromBfloat16)(from, count, to);
}
void simd_from_half(const std::uint16_t* from, std::size_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(FromHalf)(from, count, to);
}
void simd_transpose(const float* from, std::size_t count, float* to, std::size_t stride) {
  HWY_DYNAMIC_DISPATCH(TransposeRows)(from, count, to, stride);
}
void simd_rotate(float* x, std::size_t pieces, bool gentle) {
  HWY_DYNAMIC_DISPATCH(Rotate)(x, pieces, gentle);
}
void simd_rotation_extremes(const float* x, std::size_t pieces, RotationExtremes& extremes) {
  HWY_DYNAMIC_DISPATCH(RotationExtremesOf)(x, pieces, extremes);
}
bool RotationExtremes::gentle() const {
  // No value is larger than the largest sum, and NaN as bits is above all numbers.
  return largest < float_bits(kGentleLimit) && smallest >= kSmallestGentle;
}
std::uint32_t RotationExtremes::rotated() const {
  return float_bits(round_to_bfloat16(float_from_bits(largest) * 0.25F));
}

}  // namespace if4
#endif
