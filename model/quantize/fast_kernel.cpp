#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/quantize/fast_kernel.cpp"
// clang-format off: Highway needs this order
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "model/quantize/simd_targets.hpp"
// clang-format on

#include <algorithm>
#include <cmath>
#include <cstring>

#include "hwy/cache_control.h"
#include "model/core/float_bits.hpp"
#include "model/quantize/fast_encode-inl.hpp"
#include "model/quantize/fast_kernel.hpp"
#include "model/quantize/simd_tile-inl.hpp"

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

/// Loads a row of pieces into its slot: as magnitudes and signs where EncodeNibbles() is to code them, else
/// as values. Returns the largest magnitudes.
template <bool kMagnitudes>
HWY_INLINE V LoadSlot(const float* HWY_RESTRICT x, V factor, Slot& slot) {
  const D d;
  const DU du;
  const std::size_t n = hn::Lanes(d);
  Transpose(x, factor, slot.x);
  V largest[2] = {hn::Zero(d), hn::Zero(d)};  // two, as each operation waits for the one before it
  VU sign = hn::Zero(du);
  for (std::size_t i = 0; i < kValues; ++i) {
    const V value = hn::Load(d, slot.x + i * n);
    const V magnitude = hn::Abs(value);
    largest[i % 2] = hn::Max(largest[i % 2], magnitude);
    if (!kMagnitudes) continue;
    hn::Store(magnitude, d, slot.x + i * n);
    sign = hn::OrAnd(hn::ShiftRight<4>(sign), hn::BitCast(du, value), hn::Set(du, 0x80000000U));
    if (i % 8 != 7) continue;
    hn::Store(sign, du, slot.signs + i / 8 * n);
  }
  return hn::Max(largest[0], largest[1]);
}

/// Codes a tile in every way that the options ask for and keeps the best. Leaves the codes in words[0] of its
/// slots and returns the scales.
template <int kBits>
HWY_INLINE VI EncodeTile(const KernelParams& p, Group& group, std::size_t tile, const Place& place) {
  const D d;
  const DI di;
  const DU du;
  const std::size_t n = hn::Lanes(d);
  Slot* const slots = group.slots + tile * place.rows;
  VI best_scale = hn::Zero(di);
  V best_error = hn::Zero(d);
  const auto attempt = [&](bool is_int, VI scale, V step, V inverse, bool first) HWY_ATTR {
    const VI bound = BoundOf(p, is_int, scale);
    V error = Encode<kBits>(p, place, slots, is_int, step, inverse, bound, first ? 0 : 1);
    if (p.power_scale && !first) {
      // The error is in units of the step. It is compared in units of the first one.
      const V ratio = hn::Mul(step, hn::Load(d, group.inverses[tile][0]));
      error = hn::Mul(error, p.rule == Rule::kMse ? hn::Mul(ratio, ratio) : ratio);
    }
    if (is_int && p.mixes_types) {
      const auto none = hn::Eq(scale, hn::Zero(di));
      scale = hn::Or(scale, hn::IfThenZeroElse(none, hn::Set(di, kScaleIntBit)));
    }
    if (first) {
      best_scale = scale;
      best_error = error;
      return;
    }
    const auto better = hn::Lt(error, best_error);
    best_error = hn::IfThenElse(better, error, best_error);
    best_scale = hn::IfThenElse(hn::RebindMask(di, better), scale, best_scale);
    const auto better_u = hn::RebindMask(du, better);
    for (std::size_t row = 0; row < place.rows; ++row) {
      for (std::size_t w = 0; w < Words<kBits>::kCount; ++w) {
        std::uint32_t* best = slots[row].words[0] + w * n;
        const VU other = hn::Load(du, slots[row].words[1] + w * n);
        hn::Store(hn::IfThenElse(better_u, other, hn::Load(du, best)), du, best);
      }
    }
  };
  int first_attempt = 0;
  if (kBits == 4 && !p.stochastic && !p.bounded && p.shares_scale && place.rows == 1) {
    const VI scale = hn::Load(di, group.scales[tile][0]);
    hn::Mask<D> ints;
    best_error = EncodeTypes(p, slots[0], hn::Load(d, group.steps[tile][0]),
                             hn::Load(d, group.inverses[tile][0]), ints);
    const VI int_bit = hn::IfThenZeroElse(hn::Eq(scale, hn::Zero(di)), hn::Set(di, kScaleIntBit));
    best_scale = hn::Or(scale, hn::IfThenElseZero(hn::RebindMask(di, ints), int_bit));
    first_attempt = p.way_count;
  }
  for (int i = first_attempt; i < p.way_count; ++i) {
    attempt(p.ways[i].is_int, hn::Load(di, group.scales[tile][i]), hn::Load(d, group.steps[tile][i]),
            hn::Load(d, group.inverses[tile][i]), i == 0);
  }
  const VI last = hn::Set(di, p.power_scale ? 0xFE : kScaleNaN - 1);
  for (std::size_t s = 0; s < p.step_count; ++s) {
    const SearchStep& move = p.steps[s];
    VI moved = hn::Add(hn::Load(di, group.scales[tile][move.candidate]), hn::Set(di, move.codes));
    moved = hn::Min(hn::Max(moved, hn::Set(di, 1)), last);
    const V step = StepOf(p, moved);
    attempt(p.ways[move.candidate].is_int, moved, step, InverseOf(moved, step), false);
  }

  // A block with the scale 0 has the code 0 for every value. Without this a negative value would be
  // an FP4 -0.
  const auto none = hn::RebindMask(du, hn::Eq(best_scale, hn::Zero(di)));
  if (!hn::AllFalse(du, none)) {
    for (std::size_t row = 0; row < place.rows; ++row) {
      for (std::size_t w = 0; w < Words<kBits>::kCount; ++w) {
        std::uint32_t* best = slots[row].words[0] + w * n;
        hn::Store(hn::IfThenZeroElse(none, hn::Load(du, best)), du, best);
      }
    }
  }
  return best_scale;
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

/// Codes a job. kMagnitudes: see LoadSlot().
template <int kBits, bool kMagnitudes>
void EncodeJob(const KernelParams& p, const KernelJob& job) {
  const D d;
  const std::size_t n = hn::Lanes(d);
  const V factor = hn::Set(d, p.normalize);
  Group group;
  HWY_ALIGN float padded[kValues * kMaxLanes];
  const std::size_t piece_values = kValues * job.stride;
  const std::size_t piece_bytes = 2 * kBits * job.stride;
  const std::size_t group_pieces = std::min(kTiles, sizeof group.slots / sizeof(Slot) / job.rows) * n;
  for (std::size_t first = 0; first < job.pieces; first += group_pieces) {
    const std::size_t last = std::min(first + group_pieces, job.pieces);
    for (std::size_t piece = first, tile = 0; piece < last; piece += n, ++tile) {
      const std::size_t used = std::min(n, last - piece);
      V largest = hn::Zero(d);
      for (std::size_t row = 0; row < job.rows; ++row) {
        const float* x = job.x + row * job.row_values + piece * piece_values;
        if (used < n || job.stride != 1) {
          std::memset(padded, 0, sizeof padded);
          for (std::size_t i = 0; i < used; ++i) {
            std::memcpy(padded + i * kValues, x + i * piece_values, kValues * sizeof(float));
          }
          x = padded;
        }
        Slot& slot = group.slots[tile * job.rows + row];
        largest = hn::Max(largest, LoadSlot<kMagnitudes>(x, factor, slot));
      }
      hn::Store(largest, d, group.largest[tile]);
    }
    for (std::size_t piece = first, tile = 0; piece < last; piece += n, ++tile) FindScales(p, group, tile);
    for (std::size_t piece = first, tile = 0; piece < last; piece += n, ++tile) {
      const std::size_t used = std::min(n, last - piece);
      const Place place{job.rows, job.position + piece * job.stride, job.row_pieces, job.stride};
      if (job.following != 0 && piece + group_pieces + n <= job.pieces + job.following) {
        const std::size_t ahead = piece + group_pieces;
        FetchAhead(job.x + ahead * piece_values, n * piece_values * sizeof(float));
        FetchAhead(job.codes + ahead * piece_bytes, n * piece_bytes);
      }
      StoreScales(EncodeTile<kBits>(p, group, tile, place), used, job.scales + piece);
      for (std::size_t row = 0; row < job.rows; ++row) {
        StoreCodes<kBits>(group.slots[tile * job.rows + row].words[0], used, piece_bytes,
                          job.codes + row * job.row_code_bytes + piece * piece_bytes);
      }
    }
  }
}

void EncodeAny(const KernelParams& p, const KernelJob& job) {
  if (p.code_bits == 3) return EncodeJob<3, false>(p, job);
  if (p.code_bits == 6) return EncodeJob<6, false>(p, job);
  if (p.stochastic || p.bounded) return EncodeJob<4, false>(p, job);
  return EncodeJob<4, true>(p, job);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace if4 {

HWY_EXPORT(EncodeAny);

/// Sets the bounds of a tensor of a format. `amax` is its amax as it is stored, `largest` its largest magnitude.
static void set_bounds(Format format, float amax, float largest, KernelParams& p) {
  // A block is scaled so that its largest magnitude is at most the largest code. Rounding up, noise and the scale
  // search may take a code to less than twice that magnitude.
  p.bounded = largest >= 0x1p127F;
  if (!p.bounded) return;
  const CodeValues values(format, amax);
  for (unsigned scale = 0; scale < 256; ++scale) {
    const float* const of_scale = values.of(static_cast<std::uint8_t>(scale));
    unsigned code = (1U << (p.code_bits - 1)) - 1;
    while (std::isinf(of_scale[code])) --code;
    p.bounds[scale] = static_cast<std::uint8_t>(code);
  }
}

KernelParams kernel_params(const QuantizeOptions& options, float amax) {
  const FormatTraits& t = traits(options.format);
  KernelParams p;
  for (const Candidate& candidate : candidates(options.format)) {
    p.ways[p.way_count++] = {candidate.type == ElementType::kInt, candidate.target, candidate.factor};
  }
  p.shares_scale =
      p.way_count == 2 && p.ways[1].target == p.ways[0].target && p.ways[1].factor == p.ways[0].factor;
  if (options.search) {
    p.steps = search_steps(options.format).data();
    p.step_count = search_steps(options.format).size();
  }
  p.rule = options.rule;
  p.code_bits = t.code_bits;
  p.mantissa_bits = t.mantissa_bits;
  p.smallest_bits = float_bits(std::ldexp(1.0F, t.mantissa_bits - t.fraction_bits));
  const unsigned top = (1U << (t.code_bits - 1)) - 1;
  if (t.exponent_bits != 0) {
    p.largest =
        std::ldexp(static_cast<float>(operand(options.format, ElementType::kFloat, top)), -t.fraction_bits);
  }
  const double factor = int_factor(options.format);
  p.int_limit = static_cast<float>(top);
  p.int_step = static_cast<float>(factor);
  p.int_steps_per_unit = factor == 0.0 ? 0.0F : static_cast<float>(1.0 / factor);
  p.sign_magnitude = t.int_code == IntCode::kSignMagnitude;
  p.mixes_types = mixes_types(options.format);
  p.power_scale = t.scale_code == ScaleCode::kE8M0;
  if (!p.power_scale) {
    const int k = normalizing_exponent(amax);
    p.normalize = std::ldexp(1.0F, k);
    p.tensor = tensor_scale(options.format, normalized(amax, k));
  }
  set_bounds(options.format, p.power_scale ? 1.0F : amax, amax, p);
  p.stochastic = options.seed.has_value();
  if (options.seed) p.key = noise_key(*options.seed);
  return p;
}

void kernel_encode(const KernelParams& params, const KernelJob& job) {
  HWY_DYNAMIC_DISPATCH(EncodeAny)(params, job);
}

}  // namespace if4
#endif
