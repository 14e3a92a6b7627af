#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/quantize/fast_kernel.cpp"
// clang-format off
#include "model/quantize/simd_targets.hpp"  // before Highway, which asks what it says
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

#include "model/quantize/fast_kernel.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "model/avx2/blocks-inl.hpp"
#include "model/core/float_bits.hpp"
#include "model/quantize/fast_encode-inl.hpp"
#include "model/quantize/fast_group-inl.hpp"
#include "model/quantize/fast_pairs-inl.hpp"
#include "model/quantize/simd_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

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

#if HWY_TARGET <= HWY_AVX2
/// Whether both types of the blocks may be found at once, with these parameters.
HWY_INLINE bool HasPairs(const KernelParams& p, const KernelJob& job) {
  // The scales of the blocks times the power of two have to be normal numbers.
  const bool plain = !p.stochastic && !p.bounded && p.step_count == 0;
  return plain && job.rows == 1 && job.stride == 1 && p.code_bits == 4 && p.shares_scale &&
         !p.sign_magnitude && p.rule == Rule::kMse && p.normalize >= 0x1p-90F && p.normalize <= 0x1p90F;
}
#endif

#if HWY_TARGET <= HWY_AVX3_DL
/// Loads a tile, and returns its largest magnitudes, normalized.
HWY_INLINE V LoadRawTile(const KernelParams& p, const float* HWY_RESTRICT x, RawTile& tile) {
  const D d;
  __m512 largest[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  const auto put = [&](V v, std::size_t i) HWY_ATTR {
    hn::Store(v, d, tile.x + i * kMaxLanes);
    largest[i % 2] = _mm512_range_ps(largest[i % 2], v.raw, 0x0B);  // the larger magnitude
  };
  for (std::size_t half = 0; half < kValues; half += 8) {
    V quarters[2][4];
    for (std::size_t r = 0; r < 4; ++r) {
      const auto two = [&](std::size_t piece) HWY_ATTR {
        const float* const at = x + piece * kValues + half;
        return _mm512_castpd_ps(
            _mm512_insertf64x4(_mm512_castps_pd(_mm512_castps256_ps512(_mm256_loadu_ps(at))),
                               _mm256_castps_pd(_mm256_loadu_ps(at + 4 * kValues)), 1));
      };
      const __m512 a = two(r);
      const __m512 b = two(r + 8);
      quarters[0][r] = V{_mm512_shuffle_f32x4(a, b, 0x88)};
      quarters[1][r] = V{_mm512_shuffle_f32x4(a, b, 0xDD)};
    }
    PutColumns(quarters[0][0], quarters[0][1], quarters[0][2], quarters[0][3], half, put);
    PutColumns(quarters[1][0], quarters[1][1], quarters[1][2], quarters[1][3], half + 4, put);
  }
  return hn::Mul(V{_mm512_range_ps(largest[0], largest[1], 0x0B)}, hn::Set(d, p.normalize));
}

HWY_INLINE void FindRawScales(const PairParams& pairs, V largest, RawTile& tile) {
  const VI scale = PairScale(pairs.kernel, largest);
  hn::Store(scale, DI(), tile.scale);
  hn::Store(ScaledInverse(pairs, scale), D(), tile.inverse);
}

/// What ChooseTypes() does, for any scales.
HWY_NOINLINE CodedTile EncodeSmallScales(const KernelParams& p, const RawTile& tile) {
  const D d;
  Group group;
  Slot& slot = group.slots[0];
  for (std::size_t i = 0; i < kValues; ++i) {
    const V value = Normalized(hn::Load(d, tile.x + i * kMaxLanes), hn::Set(d, p.normalize));
    hn::Store(value, d, slot.x + i * kMaxLanes);
  }
  hn::Store(SplitSlot<Load::kMagnitudes>(slot), d, group.largest[0]);
  FindScales(p, group, 0);
  const VI scale = EncodeTile<4>(p, group, 0, Place{1, 0, 0, 1});
  return {{hn::Load(DU(), slot.words[0]).raw, hn::Load(DU(), slot.words[0] + kMaxLanes).raw}, scale.raw};
}

/// Codes the whole tiles of a job. Three of them are in work at a time: one is loaded, the slots of the one before it are
/// found, and the types of the one before that are chosen. What a step needs was made a step earlier, so that no step
/// waits for its operands.
void EncodePairTiles(const KernelParams& p, const KernelJob& job) {
  constexpr std::size_t kAhead =
      5 * kMaxLanes;  // far enough for the memory, and near enough for the first cache
  const DI di;
  RawTile tiles[3];
  PairedTile paired;
  const PairParams pairs(p);
  const std::size_t count = job.pieces / kMaxLanes;
  const auto finish = [&](std::size_t number) HWY_ATTR {
    const RawTile& tile = tiles[number % 3];
    const VI scale = hn::Load(di, tile.scale);
    // Codes below 8 are subnormal scales, whose blocks may have values far beyond the largest code.
    const auto small = hn::And(hn::Gt(scale, hn::Zero(di)), hn::Lt(scale, hn::Set(di, 8)));
    const CodedTile coded =
        HWY_LIKELY(hn::AllFalse(di, small)) ? ChooseTypes(p, tile, paired) : EncodeSmallScales(p, tile);
    StoreTile(coded, job.codes + number * kMaxLanes * 8, job.scales + number * kMaxLanes);
  };
  if (count == 0) return;
  FindRawScales(pairs, LoadRawTile(p, job.x, tiles[0]), tiles[0]);
  for (std::size_t number = 0; number < count; ++number) {
    const std::size_t piece = number * kMaxLanes;
    if (job.following != 0 && piece + kAhead + kMaxLanes <= job.pieces + job.following) {
      FetchAhead(job.x + (piece + kAhead) * kValues, kMaxLanes * kValues * sizeof(float));
    }
    RawTile& next = tiles[(number + 1) % 3];
    // After the last tile, it is loaded once more, and not used.
    const std::size_t loaded = number + 1 < count ? number + 1 : number;
    const V largest = LoadRawTile(p, job.x + loaded * kMaxLanes * kValues, next);
    if (number != 0) finish(number - 1);
    PairCodes(p, tiles[number % 3], paired);
    FindRawScales(pairs, largest, next);
  }
  finish(count - 1);
}
#endif

/// Codes a job.
template <int kBits, Load kLoad>
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
        largest = hn::Max(largest, LoadSlot<kLoad>(x, factor, slot));
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
      const VI scale = EncodeTile<kBits>(p, group, tile, place);
      StoreScales(scale, used, job.scales + piece);
      for (std::size_t row = 0; row < job.rows; ++row) {
        StoreCodes<kBits>(group.slots[tile * job.rows + row].words[0], used, piece_bytes,
                          job.codes + row * job.row_code_bytes + piece * piece_bytes);
      }
    }
  }
}

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
/// The columns of a job of one row from `first` on.
KernelJob ColumnsFrom(const KernelJob& job, std::size_t first) {
  KernelJob rest = job;
  rest.x += first * kValues;
  rest.pieces -= first;
  rest.codes += first * 8;
  rest.scales += first;
  return rest;
}

void EncodeBlocks(const KernelParams& p, const KernelJob& job) {
  const BlockFactors factors = {p.normalize, p.tensor.encode, p.tensor.decode, p.int_step,
                                p.int_steps_per_unit};
  const std::size_t count = job.pieces / kBlocks;
  const auto code_small = [&](std::size_t i) HWY_ATTR {
    KernelJob small = ColumnsFrom(job, i * kBlocks);
    small.pieces = kBlocks;
    small.following = 0;
    EncodeJob<4, Load::kMagnitudes>(p, small);
  };
  const std::size_t following = job.following * kValues;
  CodeBlocks(factors, job.x, count, following, job.codes, job.scales, code_small);
  if (count * kBlocks != job.pieces) EncodeJob<4, Load::kMagnitudes>(p, ColumnsFrom(job, count * kBlocks));
}
#endif

void EncodeAny(const KernelParams& p, const KernelJob& job) {
  if (p.code_bits == 3) return EncodeJob<3, Load::kValues>(p, job);
  if (p.code_bits == 6) return EncodeJob<6, Load::kValues>(p, job);
  if (p.stochastic || p.bounded) return EncodeJob<4, Load::kValues>(p, job);
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  if (HasPairs(p, job)) return EncodeBlocks(p, job);
#elif HWY_TARGET <= HWY_AVX3_DL
  if (HasPairs(p, job)) {
    EncodePairTiles(p, job);
    const std::size_t done = job.pieces / kMaxLanes * kMaxLanes;
    if (done == job.pieces) return;
    KernelJob rest = job;
    rest.x += done * kValues;
    rest.pieces -= done;
    rest.codes += done * 8;
    rest.scales += done;
    return EncodeJob<4, Load::kMagnitudes>(p, rest);
  }
#endif
  return EncodeJob<4, Load::kMagnitudes>(p, job);
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
