// The random Hadamard transform of tiles, in registers: a lane holds 16 values, so that butterflies are sums of vectors.
// Compiled once for each instruction set.
#if defined(IF4_MODEL_SIMD_ROTATE_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef IF4_MODEL_SIMD_ROTATE_INL_HPP_
#undef IF4_MODEL_SIMD_ROTATE_INL_HPP_
#else
#define IF4_MODEL_SIMD_ROTATE_INL_HPP_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "model/simd/rotation.hpp"
#include "model/simd/simd_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

/// round_to_bfloat16() of rotation.hpp in each lane.
HWY_INLINE V ToBfloat16(V x) {
  const D d;
  const DU du;
  VU bits = hn::BitCast(du, x);
  const VU odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1U));
  bits = hn::Add(hn::Add(bits, hn::Set(du, 0x7FFFU)), odd);
  return hn::BitCast(d, hn::And(bits, hn::Set(du, 0xFFFF0000U)));
}

/// scale * round_to_bfloat16(x), where `scale` is 1 or 1/4, or the negative of that, for numbers that are 0 or from 2^-124
/// to 2^111; -0 becomes +0 or, in the negative, -0, and NaN and what is larger become NaN. For 2^e <= x < 2^(e+1),
/// x * (2^16 - 1) is below 2^(e+17), so that it is rounded to multiples of 2^(e-7), the step of BF16; 2^16 * x is such a
/// multiple too, and less that product it is x rounded. Of two multiples at the same distance the product is the even
/// one, and as 2^16 * x is even there, so is the difference. Next to 2^e, where the product is below 2^(e+16) and is
/// rounded to halves of the step, the difference is 2^e.
HWY_INLINE V ToBfloat16Gently(V x, float scale, bool negative) {
  const D d;
  const V product = hn::Mul(x, hn::Set(d, 65535.0F * scale));
  const V power = hn::Set(d, 65536.0F * scale);
  return negative ? hn::NegMulAdd(x, power, product) : hn::MulSub(x, power, product);
}

HWY_INLINE bool Negated(std::size_t i) { return (kRotationSigns >> i & 1U) != 0; }

/// The butterflies over one distance.
template <std::size_t kDistance>
HWY_INLINE void Butterflies(V* HWY_RESTRICT v) {
  for (std::size_t pair = 0; pair < kValues / 2; ++pair) {
    const std::size_t i = pair / kDistance * 2 * kDistance + pair % kDistance;
    const V a = v[i];
    const V b = v[i + kDistance];
    v[i] = hn::Add(a, b);
    v[i + kDistance] = hn::Sub(a, b);
  }
}

/// rotate() on a tile up to the butterflies over the distance 8: rounds it, gives it its signs, and does those over 1, 2
/// and 4. kGentle: the values are those of gentle RotationExtremes.
template <bool kGentle>
HWY_INLINE void HalfRotateTile(V* HWY_RESTRICT v) {
  for (std::size_t i = 0; i < kValues; ++i) {
    if (kGentle) {
      v[i] = ToBfloat16Gently(v[i], 1.0F, Negated(i));
    } else {
      v[i] = Negated(i) ? hn::Neg(ToBfloat16(v[i])) : ToBfloat16(v[i]);
    }
  }
  Butterflies<1>(v);
  Butterflies<2>(v);
  Butterflies<4>(v);
}

/// rotate() on a tile, where no sum leaves FP32.
template <bool kGentle>
HWY_INLINE void RotateTile(V* HWY_RESTRICT v) {
  HalfRotateTile<kGentle>(v);
  Butterflies<8>(v);
  for (std::size_t i = 0; i < kValues; ++i) {
    v[i] = kGentle ? ToBfloat16Gently(v[i], 0.25F, false) : ToBfloat16(hn::Mul(v[i], hn::Set(D(), 0.25F)));
  }
}

/// Calls visit(values of a tile, its first piece, how many it has) for all pieces; missing pieces of the last tile are zeros.
template <class Visit>
HWY_INLINE void VisitTiles(const float* x, std::size_t pieces, const Visit& visit) {
  const std::size_t n = hn::Lanes(D());
  HWY_ALIGN float padded[kValues * kMaxLanes] = {};
  for (std::size_t piece = 0; piece < pieces; piece += n) {
    const std::size_t used = std::min(n, pieces - piece);
    const float* at = x + piece * kValues;
    if (used < n) {
      std::memcpy(padded, at, used * kValues * sizeof(float));
      at = padded;
    }
    V v[kValues];
    TransposeTo(at, [&](V value, std::size_t i) HWY_ATTR { v[i] = value; });
    visit(v, piece, used);
  }
}

/// rotate() in place on a number of pieces.
template <bool kGentle>
HWY_INLINE void RotateAll(float* x, std::size_t pieces) {
  const D d;
  const std::size_t n = hn::Lanes(d);
  HWY_ALIGN float tile[kValues * kMaxLanes];
  HWY_ALIGN float padded[kValues * kMaxLanes];
  VisitTiles(x, pieces, [&](V* v, std::size_t piece, std::size_t used) HWY_ATTR {
    RotateTile<kGentle>(v);
    for (std::size_t i = 0; i < kValues; ++i) hn::Store(v[i], d, tile + i * n);
    float* const at = x + piece * kValues;
    TransposeBack(tile, used < n ? padded : at);
    if (used < n) std::memcpy(at, padded, used * kValues * sizeof(float));
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
