// What fast_kernel.cpp does with a group of tiles around the search for codes: it loads values, finds scales, and writes
// codes and scales. Compiled once for each instruction set.
#if defined(IF4_MODEL_FAST_GROUP_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef IF4_MODEL_FAST_GROUP_INL_HPP_
#undef IF4_MODEL_FAST_GROUP_INL_HPP_
#else
#define IF4_MODEL_FAST_GROUP_INL_HPP_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "model/quantize/fast_encode-inl.hpp"
#include "model/quantize/fast_kernel.hpp"
#include "model/simd/simd_round-inl.hpp"
#include "model/simd/simd_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

/// The columns of a job are coded in groups of tiles, one column in each lane of a tile. Each step of a tile
/// waits for the step before it, but not for the other tiles, so all tiles of a group do a step before the
/// next one begins. A group and the memory that is fetched meanwhile fit in the first cache.
constexpr std::size_t kTiles = 8;
struct Group {
  Slot slots[16];  ///< the rows of tile t are the slots from t * rows on
  HWY_ALIGN float largest[kTiles][kMaxLanes];
  HWY_ALIGN std::int32_t scales[kTiles][2][kMaxLanes];  ///< [tile][way]
  HWY_ALIGN float steps[kTiles][2][kMaxLanes];
  HWY_ALIGN float inverses[kTiles][2][kMaxLanes];
};

/// block_scale() of quantizer.hpp, a block in each lane.
HWY_INLINE VI BlockScale(const KernelParams& p, const KernelParams::Way& way, V largest) {
  const D d;
  const DI di;
  const DU du;
  const V s = hn::Div(largest, hn::Set(d, way.target));
  if (p.power_scale) {
    const VU bits = hn::BitCast(du, s);
    const VU fraction = hn::And(bits, hn::Set(du, 0x7FFFFFU));
    const VU up = hn::IfThenElseZero(hn::Ne(fraction, hn::Zero(du)), hn::Set(du, 1U));
    const VU code = hn::Max(hn::Add(hn::ShiftRight<23>(bits), up), hn::Set(du, 1U));
    return hn::BitCast(di, hn::IfThenElseZero(hn::RebindMask(du, hn::Ne(largest, hn::Zero(d))), code));
  }
  const V product = hn::Mul(hn::Mul(s, hn::Set(d, p.tensor.encode)), hn::Set(d, way.factor));
  const V m = hn::Min(product, hn::Set(d, kScaleMax));
  const VU smallest = hn::Set(du, 0x3C800000U);  // 2^-6
  const Rounder rounder = MakeRounder<3>(m, smallest);
  return hn::BitCast(di, MagnitudeCode<3>(rounder, hn::Add(m, rounder.big), smallest));
}

/// The value of a scale code.
HWY_INLINE V ScaleValue(const KernelParams& p, VI code) {
  const D d;
  if (p.power_scale) return hn::BitCast(d, hn::ShiftLeft<23>(code));
  // The bits of an E4M3 number are those of an FP32 number whose exponent has a bias of 7 instead of 127. The
  // product makes up for the difference.
  return hn::Mul(hn::BitCast(d, hn::ShiftLeft<20>(code)), hn::Set(d, 0x1p120F));
}

/// decode * s: the value that the code value 1 stands for.
HWY_INLINE V StepOf(const KernelParams& p, VI scale) {
  return hn::Mul(hn::Set(D(), p.tensor.decode), ScaleValue(p, scale));
}
/// 1 / step, and 0 where the scale is 0.
HWY_INLINE V InverseOf(VI scale, V step) {
  const D d;
  const auto none = hn::RebindMask(d, hn::Eq(scale, hn::Zero(DI())));
  return hn::IfThenZeroElse(none, hn::Div(hn::Set(d, 1.0F), step));
}

/// The bounds of scales without their type bit: see KernelParams.
HWY_INLINE VI BoundOf(const KernelParams& p, bool is_int, VI scale) {
  const DI di;
  if (!p.bounded) return hn::Zero(di);
  HWY_ALIGN std::int32_t lanes[kMaxLanes];
  hn::Store(scale, di, lanes);
  const std::int32_t type = is_int && p.mixes_types ? kScaleIntBit : 0;
  for (std::size_t i = 0; i < hn::Lanes(di); ++i) lanes[i] = p.bounds[(lanes[i] | type) & 0xFF];
  return hn::Load(di, lanes);
}

/// Finds the scales of the candidates from the largest magnitudes of a tile.
HWY_INLINE void FindScales(const KernelParams& p, Group& group, std::size_t tile) {
  const D d;
  const DI di;
  const V largest = hn::Load(d, group.largest[tile]);
  VI scale = hn::Zero(di);
  V step = hn::Zero(d);
  V inverse = step;
  for (int i = 0; i < p.way_count; ++i) {
    // The types of most formats start with the same scale, and divisions are slow.
    if (i == 0 || !p.shares_scale) {
      scale = BlockScale(p, p.ways[i], largest);
      step = StepOf(p, scale);
      inverse = InverseOf(scale, step);
    }
    hn::Store(scale, di, group.scales[tile][i]);
    hn::Store(step, d, group.steps[tile][i]);
    hn::Store(inverse, d, group.inverses[tile][i]);
  }
}

/// How the values of a tile are in their slots.
enum class Load {
  kValues,      ///< normalized
  kMagnitudes,  ///< normalized, as magnitudes and signs: EncodeNibbles() wants them
};

/// Splits the values of a slot into magnitudes and signs where kLoad asks for that. Returns the largest magnitudes.
template <Load kLoad>
HWY_INLINE V SplitSlot(Slot& slot) {
  const D d;
  const DU du;
  const std::size_t n = hn::Lanes(d);
  V largest[2] = {hn::Zero(d), hn::Zero(d)};  // two, as each operation waits for the one before it
  VU sign = hn::Zero(du);
  for (std::size_t i = 0; i < kValues; ++i) {
    const V value = hn::Load(d, slot.x + i * n);
    const V magnitude = hn::Abs(value);
    largest[i % 2] = hn::Max(largest[i % 2], magnitude);
    if (kLoad != Load::kMagnitudes) continue;
    hn::Store(magnitude, d, slot.x + i * n);
    sign = hn::OrAnd(hn::ShiftRight<4>(sign), hn::BitCast(du, value), hn::Set(du, 0x80000000U));
    if (i % 8 != 7) continue;
    hn::Store(sign, du, slot.signs + i / 8 * n);
  }
  return hn::Max(largest[0], largest[1]);
}

/// Loads a row of pieces into its slot. Returns the largest magnitudes, normalized.
template <Load kLoad>
HWY_INLINE V LoadSlot(const float* HWY_RESTRICT x, V factor, Slot& slot) {
  Transpose(x, factor, slot.x);
  return SplitSlot<kLoad>(slot);
}

/// Writes the words of a row of pieces as bytes. A piece has 2 * kBits of them, and those of the next one
/// begin `piece_bytes` later.
template <int kBits>
HWY_INLINE void StoreCodes(const std::uint32_t* HWY_RESTRICT words, std::size_t used, std::size_t piece_bytes,
                           std::uint8_t* HWY_RESTRICT codes) {
  const DU du;
  const std::size_t n = hn::Lanes(du);
  HWY_ALIGN std::uint32_t out[3 * kMaxLanes];
  if (kBits == 3) {
    for (std::size_t lane = 0; lane < used; ++lane) {
      const std::uint64_t both = words[lane] | static_cast<std::uint64_t>(words[n + lane]) << 24;
      std::memcpy(codes + piece_bytes * lane, &both, 6);
    }
    return;
  }
  const VU w0 = hn::Load(du, words);
  const VU w1 = hn::Load(du, words + n);
  if (kBits == 4 && used == n && piece_bytes == 8) {
    hn::StoreInterleaved2(w0, w1, du, reinterpret_cast<std::uint32_t*>(codes));
    return;
  }
  if (kBits == 4) {
    hn::StoreInterleaved2(w0, w1, du, out);
  } else {
    const VU w2 = hn::Load(du, words + 2 * n);
    const VU w3 = hn::Load(du, words + 3 * n);
    hn::StoreInterleaved3(hn::Or(w0, hn::ShiftLeft<24>(w1)),
                          hn::Or(hn::ShiftRight<8>(w1), hn::ShiftLeft<16>(w2)),
                          hn::Or(hn::ShiftRight<16>(w2), hn::ShiftLeft<8>(w3)), du, out);
  }
  if (piece_bytes == 2 * kBits) {
    std::memcpy(codes, out, used * 2 * kBits);
    return;
  }
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(out);
  for (std::size_t lane = 0; lane < used; ++lane) {
    std::memcpy(codes + piece_bytes * lane, bytes + 2 * kBits * lane, 2 * kBits);
  }
}

HWY_INLINE void StoreScales(VI scale, std::size_t used, std::uint8_t* scales) {
  const hn::Rebind<std::uint8_t, D> d8;
  if (used == hn::Lanes(d8)) {
    hn::StoreU(hn::DemoteTo(d8, scale), d8, scales);
    return;
  }
  HWY_ALIGN std::uint8_t bytes[kMaxLanes];
  hn::StoreU(hn::DemoteTo(d8, scale), d8, bytes);
  std::memcpy(scales, bytes, used);
}

/// Asks for memory, so that it is in the first cache when it is used. A processor also fetches memory ahead
/// by itself, but stops to do so while a group is coded.
HWY_INLINE void FetchAhead(const void* memory, std::size_t bytes) {
  constexpr std::size_t kLine = 64;
  const auto* const at = static_cast<const std::uint8_t*>(memory);
  for (std::size_t i = 0; i < bytes; i += kLine) hwy::Prefetch(at + i);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
