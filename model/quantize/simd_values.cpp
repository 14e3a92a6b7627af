#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/quantize/simd_values.cpp"
// clang-format off
#include "model/quantize/simd_targets.hpp"  // before Highway, which asks what it says
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

#include "model/quantize/simd_values.hpp"

#include <algorithm>
#include <cstring>

#include "model/quantize/rotation.hpp"
#include "model/quantize/simd_tile-inl.hpp"

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

/// round_to_bfloat16() of rotation.hpp in each lane.
HWY_INLINE V ToBfloat16(V x) {
  const D d;
  const DU du;
  VU bits = hn::BitCast(du, x);
  const VU odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1U));
  bits = hn::Add(hn::Add(bits, hn::Set(du, 0x7FFFU)), odd);
  return hn::BitCast(d, hn::And(bits, hn::Set(du, 0xFFFF0000U)));
}

void Rotate(float* x, std::size_t pieces) {
  const D d;
  const std::size_t n = hn::Lanes(d);
  HWY_ALIGN float padded[kValues * kMaxLanes];
  HWY_ALIGN float tile[kValues * kMaxLanes];
  for (std::size_t piece = 0; piece < pieces; piece += n) {
    const std::size_t used = std::min(n, pieces - piece);
    float* at = x + piece * kValues;
    if (used < n) {
      std::memset(padded, 0, sizeof padded);
      std::memcpy(padded, at, used * kValues * sizeof(float));
    }
    Transpose(used < n ? padded : at, hn::Set(d, 1.0F), tile);
    for (std::size_t i = 0; i < kValues; ++i) {
      const V v = ToBfloat16(hn::Load(d, tile + i * n));
      hn::Store((kRotationSigns >> i & 1U) != 0 ? hn::Neg(v) : v, d, tile + i * n);
    }
    for (std::size_t distance = 1; distance < kValues; distance *= 2) {
      for (std::size_t i = 0; i < kValues; ++i) {
        if ((i & distance) != 0) continue;
        const V a = hn::Load(d, tile + i * n);
        const V b = hn::Load(d, tile + (i + distance) * n);
        hn::Store(hn::Add(a, b), d, tile + i * n);
        hn::Store(hn::Sub(a, b), d, tile + (i + distance) * n);
      }
    }
    for (std::size_t i = 0; i < kValues; ++i) {
      hn::Store(ToBfloat16(hn::Mul(hn::Load(d, tile + i * n), hn::Set(d, 0.25F))), d, tile + i * n);
    }
    TransposeBack(tile, used < n ? padded : at);
    if (used < n) std::memcpy(at, padded, used * kValues * sizeof(float));
  }
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
HWY_EXPORT(Rotate);

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
void simd_rotate(float* x, std::size_t pieces) { HWY_DYNAMIC_DISPATCH(Rotate)(x, pieces); }

}  // namespace if4
#endif
