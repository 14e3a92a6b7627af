#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/quantize/fast_kernel.cpp"
// clang-format off
#include "model/simd/simd_targets.hpp"  // before Highway, which asks what it says
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

#include "model/quantize/fast_kernel.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "model/core/float_bits.hpp"
#include "model/quantize/fast_blocks-inl.hpp"
#include "model/quantize/fast_encode-inl.hpp"
#include "model/quantize/fast_group-inl.hpp"
#include "model/quantize/fast_pairs-inl.hpp"
#include "model/quantize/fast_search-inl.hpp"
#include "model/quantize/fast_squares-inl.hpp"
#include "model/quantize/fast_tile-inl.hpp"
#include "model/simd/simd_rotate-inl.hpp"
#include "model/simd/simd_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET <= HWY_AVX2
/// Whether both types of the blocks may be found at once, with these parameters.
HWY_INLINE bool HasPairs(const KernelParams& p) {
  // The scales of the blocks times the power of two have to be normal numbers.
  const bool plain = !p.stochastic && !p.bounded;
  return plain && p.code_bits == 4 && p.shares_scale && !p.sign_magnitude && p.rule == Rule::kMse &&
         p.normalize >= 0x1p-90F && p.normalize <= 0x1p90F;
}
#endif

#if HWY_TARGET <= HWY_AVX3_DL
/// What ChooseCodes() does, for any scales.
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

/// Codes `count` tiles. Three of them are in work at a time: one is loaded, the slots of the one before it are found, and
/// the types of the one before that are chosen. What a step needs was made a step earlier, so that no step waits for its
/// operands. load(number, tile) loads a tile and returns its largest magnitudes; put(number, tile) takes the codes.
template <class LoadTile, class PutTile>
HWY_INLINE void CodePairTiles(const KernelParams& p, std::size_t count, const LoadTile& load,
                              const PutTile& put) {
  RawTile tiles[3];
  PairedTile paired;
  const PairParams pairs(p);
  const auto finish = [&](std::size_t number) HWY_ATTR {
    const RawTile& tile = tiles[number % 3];
    put(number,
        HWY_LIKELY(!HasSmallScales(tile)) ? ChooseCodes(p, tile, paired) : EncodeSmallScales(p, tile));
  };
  if (count == 0) return;
  FindRawScales(pairs, load(0, tiles[0]), tiles[0]);
  for (std::size_t number = 0; number < count; ++number) {
    RawTile& next = tiles[(number + 1) % 3];
    // After the last tile, it is loaded once more, and not used.
    const V largest = load(number + 1 < count ? number + 1 : number, next);
    if (number != 0) finish(number - 1);
    PairCodes<false>(p, tiles[number % 3], paired);
    FindRawScales(pairs, largest, next);
  }
  finish(count - 1);
}

/// Codes the whole tiles of a job.
template <bool kRotated>
void EncodePairTiles(const KernelParams& p, const KernelJob& job) {
  // Far enough ahead for the memory, and near enough for the first cache.
  constexpr std::size_t kAhead = 4 * kMaxLanes;
  CodePairTiles(
      p, job.pieces / kMaxLanes,
      [&](std::size_t number, RawTile& tile) HWY_ATTR {
        const std::size_t piece = number * kMaxLanes;
        if (job.following != 0 && piece + kAhead + kMaxLanes <= job.pieces + job.following) {
          FetchAhead(job.x + (piece + kAhead) * kValues, kMaxLanes * kValues * sizeof(float));
        }
        return LoadRawTile<kRotated>(p, job.x + piece * kValues, tile);
      },
      [&](std::size_t number, const CodedTile& tile)
          HWY_ATTR { StoreTile(tile, job.codes + number * kMaxLanes * 8, job.scales + number * kMaxLanes); });
}

/// Codes a job of columns: ColumnStage::kBlocks blocks of each column after the other, so that whole lines of the cache are
/// written.
void EncodeColumnPairs(const KernelParams& p, const ColumnsJob& job) {
  ColumnStage stage;
  std::size_t deep = 0;
  for (std::size_t first = 0; first < job.blocks; first += deep) {
    // Up to the end of a line, where the codes of all columns are at the same place in one.
    const std::size_t in_line =
        reinterpret_cast<std::uintptr_t>(job.codes + 8 * first) / 8 % ColumnStage::kBlocks;
    deep = std::min(ColumnStage::kBlocks - in_line, job.blocks - first);
    const std::size_t tiles = job.columns / kMaxLanes;
    CodePairTiles(
        p, deep * tiles,
        [&](std::size_t number, RawTile& tile)
            HWY_ATTR { return LoadColumnTile(p, job, first + number / tiles, number % tiles, tile); },
        [&](std::size_t number, const CodedTile& tile)
            HWY_ATTR { stage.Put(number % tiles, number / tiles, tile); });
    for (std::size_t tile = 0; tile < tiles; ++tile) stage.Write(job, tile, first, deep);
  }
  _mm_sfence();  // what went past the caches is seen by the other threads
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

void EncodeAny(const KernelParams& p, const KernelJob& job);

/// The columns of a job from `first` on. Its columns must follow each other in memory.
KernelJob ColumnsFrom(const KernelParams& p, const KernelJob& job, std::size_t first) {
  KernelJob rest = job;
  rest.x += first * kValues * job.stride;
  rest.pieces -= first;
  rest.position += first * job.stride;
  rest.codes += first * 2 * static_cast<std::size_t>(p.code_bits) * job.stride;
  rest.scales += first;
  return rest;
}

#if HWY_TARGET <= HWY_AVX3_DL
/// Codes the whole tiles of a job whose scales are searched. As in CodePairTiles(), three of them are in work at a time.
void EncodeSearchTiles(const KernelParams& p, const KernelJob& job) {
  constexpr std::size_t kAhead = 3 * kMaxLanes;
  const PairParams pairs(p);
  SearchedTile tiles[3];
  const std::size_t count = job.pieces / kMaxLanes;
  const auto load = [&](std::size_t number) HWY_ATTR {
    const std::size_t piece = std::min(number, count - 1) * kMaxLanes;
    if (job.following != 0 && piece + kAhead + kMaxLanes <= job.pieces + job.following) {
      FetchAhead(job.x + (piece + kAhead) * kValues, kMaxLanes * kValues * sizeof(float));
    }
    return LoadRawTile<false>(p, job.x + piece * kValues, tiles[number % 3].raw);
  };
  const auto finish = [&](std::size_t number) HWY_ATTR {
    const SearchedTile& tile = tiles[number % 3];
    StoreTile(HWY_LIKELY(!tile.small) ? CodeChosen(p, tile) : EncodeSmallScales(p, tile.raw),
              job.codes + number * kMaxLanes * 8, job.scales + number * kMaxLanes);
  };
  if (count == 0) return;
  FindAttempts(pairs, load(0), tiles[0]);
  for (std::size_t number = 0; number < count; ++number) {
    const V largest = load(number + 1);
    if (number != 0) finish(number - 1);
    FindAttempts(pairs, largest, tiles[(number + 1) % 3]);
    ChooseAttempts(pairs, tiles[number % 3]);
  }
  finish(count - 1);
}
#endif

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
/// Codes a job by fast_blocks-inl.hpp; blocks with small scales, and those that are left over at its end, by EncodeJob().
void EncodeBlocks(const KernelParams& p, const KernelJob& job) {
  const BlockFactors factors = {p.normalize, p.tensor.encode, p.tensor.decode, p.int_step,
                                p.int_steps_per_unit};
  const std::size_t count = job.pieces / kBlocks;
  const auto code_small = [&](std::size_t i) HWY_ATTR {
    KernelJob small = ColumnsFrom(p, job, i * kBlocks);
    small.pieces = kBlocks;
    small.following = 0;
    EncodeJob<4, Load::kMagnitudes>(p, small);
  };
  const std::size_t following = job.following * kValues;
  CodeBlocks(factors, job.x, count, following, job.codes, job.scales, code_small);
  if (count * kBlocks != job.pieces) EncodeJob<4, Load::kMagnitudes>(p, ColumnsFrom(p, job, count * kBlocks));
}
#endif

/// Rotates values a part at a time and codes them.
HWY_NOINLINE void EncodeRotated(const KernelParams& p, const KernelJob& job) {
  constexpr std::size_t kPieces = 128;
  HWY_ALIGN float rotated[kPieces * kValues];
  for (std::size_t first = 0; first < job.pieces; first += kPieces / job.stride) {
    KernelJob part = ColumnsFrom(p, job, first);
    part.pieces = std::min(kPieces / job.stride, part.pieces);
    std::memcpy(rotated, part.x, part.pieces * job.stride * kValues * sizeof(float));
    RotateAll<true>(rotated, part.pieces * job.stride);
    part.x = rotated;
    part.rotated = false;
    part.following = 0;
    EncodeAny(p, part);
  }
}

void EncodeAny(const KernelParams& p, const KernelJob& job) {
#if HWY_TARGET <= HWY_AVX3_DL
  if (p.step_count == 0 && HasPairs(p) && (job.rows == 1 || job.rows == kValues) && job.stride == 1) {
    const std::size_t done = job.pieces / kMaxLanes * kMaxLanes;
    if (job.rows != 1) {
      EncodeSquares(p, job, [&](std::size_t first) HWY_ATTR {
        KernelJob small = ColumnsFrom(p, job, first);
        small.pieces = kMaxLanes;
        EncodeJob<4, Load::kMagnitudes>(p, small);
      });
    } else {
      job.rotated ? EncodePairTiles<true>(p, job) : EncodePairTiles<false>(p, job);
    }
    if (done == job.pieces) return;
    const KernelJob rest = ColumnsFrom(p, job, done);
    return job.rotated ? EncodeRotated(p, rest) : EncodeJob<4, Load::kMagnitudes>(p, rest);
  }
#endif
  if (job.rotated) return EncodeRotated(p, job);
#if HWY_TARGET <= HWY_AVX3_DL
  if (HasSearch(p) && HasPairs(p) && job.rows == 1 && job.stride == 1) {
    EncodeSearchTiles(p, job);
    const std::size_t done = job.pieces / kMaxLanes * kMaxLanes;
    if (done != job.pieces) EncodeJob<4, Load::kMagnitudes>(p, ColumnsFrom(p, job, done));
    return;
  }
#endif
  if (p.code_bits == 3) return EncodeJob<3, Load::kValues>(p, job);
  if (p.code_bits == 6) return EncodeJob<6, Load::kValues>(p, job);
  if (p.stochastic || p.bounded) return EncodeJob<4, Load::kValues>(p, job);
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  if (p.step_count == 0 && HasPairs(p) && job.rows == 1 && job.stride == 1) return EncodeBlocks(p, job);
#endif
  return EncodeJob<4, Load::kMagnitudes>(p, job);
}

bool EncodeColumns([[maybe_unused]] const KernelParams& p, [[maybe_unused]] const ColumnsJob& job) {
#if HWY_TARGET <= HWY_AVX3_DL
  if (p.step_count == 0 && HasPairs(p)) {
    EncodeColumnPairs(p, job);
    return true;
  }
#endif
  return false;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace if4 {

HWY_EXPORT(EncodeAny);
HWY_EXPORT(EncodeColumns);

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

bool kernel_encode_columns(const KernelParams& params, const ColumnsJob& job) {
  return HWY_DYNAMIC_DISPATCH(EncodeColumns)(params, job);
}

}  // namespace if4
#endif
