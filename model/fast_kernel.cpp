#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/fast_kernel.cpp"
// clang-format off: the order matters
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "model/simd_targets.hpp"
// clang-format on

#include <algorithm>
#include <cmath>
#include <cstring>

#include "model/fast_kernel.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes; the scratch arrays hold that many.
constexpr std::size_t kMaxLanes = 16;
constexpr std::size_t kValues = kBlockSize;
using D = HWY_CAPPED(float, kMaxLanes);
using DI = hn::RebindToSigned<D>;
using DU = hn::RebindToUnsigned<D>;
using V = hn::Vec<D>;
using VI = hn::Vec<DI>;
using VU = hn::Vec<DU>;

#if HWY_TARGET <= HWY_AVX2  // and what has more than AVX2
/// Transposes every 4 x 4 values of four vectors.
HWY_INLINE void StoreColumns(V v0, V v1, V v2, V v3, float* HWY_RESTRICT tile, std::size_t n) {
  const D d;
  const hn::RepartitionToWide<D> d64;
  const auto a = hn::BitCast(d64, hn::InterleaveLower(d, v0, v1));  // v0[0] v1[0] v0[1] v1[1]
  const auto b = hn::BitCast(d64, hn::InterleaveLower(d, v2, v3));
  const auto c = hn::BitCast(d64, hn::InterleaveUpper(d, v0, v1));
  const auto e = hn::BitCast(d64, hn::InterleaveUpper(d, v2, v3));
  hn::Store(hn::BitCast(d, hn::InterleaveLower(d64, a, b)), d, tile);
  hn::Store(hn::BitCast(d, hn::InterleaveUpper(d64, a, b)), d, tile + n);
  hn::Store(hn::BitCast(d, hn::InterleaveLower(d64, c, e)), d, tile + 2 * n);
  hn::Store(hn::BitCast(d, hn::InterleaveUpper(d64, c, e)), d, tile + 3 * n);
}
#endif

/// x[16 p + i] of N pieces, normalized, to tile[N i + p].
HWY_INLINE void Transpose(const float* HWY_RESTRICT x, V first_factor, V second_factor,
                          float* HWY_RESTRICT tile) {
  const D d;
  [[maybe_unused]] const std::size_t n = hn::Lanes(d);
  [[maybe_unused]] const auto load = [&](std::size_t piece, std::size_t i) HWY_ATTR {
    const V plus = hn::Add(hn::LoadU(d, x + piece * kValues + i), hn::Zero(d));  // -0 to +0
    return hn::Mul(hn::Mul(plus, first_factor), second_factor);
  };
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t i = 0; i < kValues; ++i) hn::Store(load(0, i), d, tile + i);
#elif HWY_TARGET <= HWY_AVX3  // and its extensions, whose numbers are lower
  // Quarters of four pieces change places, so that vector (quarter, r) has that quarter of the pieces 4 l +
  // r.
  V quarters[4][4];
  for (std::size_t r = 0; r < 4; ++r) {
    const V p0 = load(r, 0);
    const V p1 = load(r + 4, 0);
    const V p2 = load(r + 8, 0);
    const V p3 = load(r + 12, 0);
    const V a = hn::ConcatLowerLower(d, p2, p0);
    const V b = hn::ConcatLowerLower(d, p3, p1);
    const V c = hn::ConcatUpperUpper(d, p2, p0);
    const V e = hn::ConcatUpperUpper(d, p3, p1);
    quarters[0][r] = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(b), a);
    quarters[1][r] = hn::OddEvenBlocks(b, hn::SwapAdjacentBlocks(a));
    quarters[2][r] = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(e), c);
    quarters[3][r] = hn::OddEvenBlocks(e, hn::SwapAdjacentBlocks(c));
  }
  for (std::size_t q = 0; q < 4; ++q) {
    StoreColumns(quarters[q][0], quarters[q][1], quarters[q][2], quarters[q][3], tile + 4 * q * n, n);
  }
#elif HWY_TARGET == HWY_AVX2
  for (std::size_t half = 0; half < 2; ++half) {
    V low[4], high[4];
    for (std::size_t r = 0; r < 4; ++r) {
      const V p0 = load(r, 8 * half);
      const V p1 = load(r + 4, 8 * half);
      low[r] = hn::ConcatLowerLower(d, p1, p0);
      high[r] = hn::ConcatUpperUpper(d, p1, p0);
    }
    StoreColumns(low[0], low[1], low[2], low[3], tile + 8 * half * n, n);
    StoreColumns(high[0], high[1], high[2], high[3], tile + (8 * half + 4) * n, n);
  }
#else
  // Any number of lanes: every fourth value, twice.
  HWY_ALIGN float half[kValues * kMaxLanes];
  V v0, v1, v2, v3;
  for (std::size_t q = 0; q < 4; ++q) {
    hn::LoadInterleaved4(d, x + 4 * n * q, v0, v1, v2, v3);
    hn::Store(v0, d, half + (0 + q) * n);
    hn::Store(v1, d, half + (4 + q) * n);
    hn::Store(v2, d, half + (8 + q) * n);
    hn::Store(v3, d, half + (12 + q) * n);
  }
  const auto put = [&](V v, std::size_t i) HWY_ATTR {
    hn::Store(hn::Mul(hn::Mul(hn::Add(v, hn::Zero(d)), first_factor), second_factor), d, tile + i * n);
  };
  for (std::size_t j = 0; j < 4; ++j) {
    hn::LoadInterleaved4(d, half + 4 * n * j, v0, v1, v2, v3);
    put(v0, 0 + j);
    put(v1, 4 + j);
    put(v2, 8 + j);
    put(v3, 12 + j);
  }
#endif
}

/// tile[N i + p] to x[16 p + i].
HWY_INLINE void TransposeBack(const float* HWY_RESTRICT tile, float* HWY_RESTRICT x) {
  const D d;
  const std::size_t n = hn::Lanes(d);
  HWY_ALIGN float half[kValues * kMaxLanes];
  for (std::size_t j = 0; j < 4; ++j) {
    hn::StoreInterleaved4(hn::Load(d, tile + (0 + j) * n), hn::Load(d, tile + (4 + j) * n),
                          hn::Load(d, tile + (8 + j) * n), hn::Load(d, tile + (12 + j) * n), d,
                          half + 4 * n * j);
  }
  for (std::size_t q = 0; q < 4; ++q) {
    hn::StoreInterleaved4(hn::Load(d, half + (0 + q) * n), hn::Load(d, half + (4 + q) * n),
                          hn::Load(d, half + (8 + q) * n), hn::Load(d, half + (12 + q) * n), d,
                          x + 4 * n * q);
  }
}

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

/// A group of rows in lanes: normalized values, and the best codes so far.
struct Tile {
  HWY_ALIGN float x[kValues][kValues * kMaxLanes];       ///< [row][N i + lane]
  HWY_ALIGN std::uint32_t best[kValues][4 * kMaxLanes];  ///< [row][N word + lane]
  HWY_ALIGN std::uint32_t attempt[kValues][4 * kMaxLanes];
  HWY_ALIGN float noise[kMaxLanes];  ///< sums of the tiles so far
  HWY_ALIGN float signal[kMaxLanes];
  std::size_t rows;
  std::uint64_t position;
  std::uint64_t row_pieces;
  std::size_t stride;
};

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
HWY_NOINLINE Errors EncodeWith(const KernelParams& p, Tile& tile, V step, V steps_per_unit,
                               std::uint32_t (*HWY_RESTRICT words)[4 * kMaxLanes]) {
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
  for (std::size_t row = 0; row < tile.rows; ++row) {
    V sum = zero;
    V squares = zero;
    const float* HWY_RESTRICT x = tile.x[row];
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
            t = hn::Add(t, Noise(p.key, tile.position + row * tile.row_pieces, tile.stride, i));
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
            m = hn::Add(m,
                        hn::Mul(Noise(p.key, tile.position + row * tile.row_pieces, tile.stride, i), unit));
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
      hn::Store(word, du, words[row] + w * n);
    }
    total.rule = rule == Rule::kAbsMax ? hn::Max(total.rule, sum) : hn::Add(total.rule, sum);
    total.squares = hn::Add(total.squares, squares);
  }
  return total;
}

template <int kBits, Rule kRule, bool kStochastic>
HWY_INLINE Errors EncodeType(const KernelParams& p, Tile& tile, bool is_int, V step, V steps_per_unit,
                             std::uint32_t (*words)[4 * kMaxLanes]) {
  // The float types of 3, 4 and 6 bits; only E3M2 and E2M3 share a width.
  constexpr int kMantissa = kBits == 3 ? 0 : kBits == 4 ? 1 : 3;
  if (is_int) return EncodeWith<kBits, true, 0, kRule, kStochastic>(p, tile, step, steps_per_unit, words);
  if (kBits == 6 && p.mantissa_bits == 2) {
    return EncodeWith < kBits, false, kBits == 6 ? 2 : kMantissa, kRule,
           kStochastic > (p, tile, step, steps_per_unit, words);
  }
  return EncodeWith<kBits, false, kMantissa, kRule, kStochastic>(p, tile, step, steps_per_unit, words);
}

template <int kBits>
HWY_NOINLINE Errors Encode(const KernelParams& p, Tile& tile, bool is_int, V step, V steps_per_unit,
                           std::uint32_t (*words)[4 * kMaxLanes]) {
  if (p.stochastic) {
    return EncodeType<kBits, Rule::kMse, true>(p, tile, is_int, step, steps_per_unit, words);
  }
  if (p.rule == Rule::kMse) {
    return EncodeType<kBits, Rule::kMse, false>(p, tile, is_int, step, steps_per_unit, words);
  }
  if (p.rule == Rule::kMae) {
    return EncodeType<kBits, Rule::kMae, false>(p, tile, is_int, step, steps_per_unit, words);
  }
  return EncodeType<kBits, Rule::kAbsMax, false>(p, tile, is_int, step, steps_per_unit, words);
}

/// block_scale() of quantizer.hpp.
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
  // An E4M3 number is an FP32 number with a bias of 7 instead of 127; the product makes up for it.
  return hn::Mul(hn::BitCast(d, hn::ShiftLeft<20>(code)), hn::Set(d, 0x1p120F));
}

template <int kBits>
HWY_INLINE void EncodeTile(const KernelParams& p, Tile& tile, std::uint8_t* HWY_RESTRICT scales,
                           std::size_t used) {
  const D d;
  const DI di;
  const DU du;
  const std::size_t n = hn::Lanes(d);
  V largest = hn::Zero(d);
  V signal = hn::Zero(d);
  for (std::size_t row = 0; row < tile.rows; ++row) {
    for (std::size_t i = 0; i < kValues; ++i) {
      const V x = hn::Load(d, tile.x[row] + i * n);
      largest = hn::Max(largest, hn::Abs(x));
      signal = hn::Add(signal, hn::Mul(x, x));
    }
  }

  VI way_scales[2];
  V way_steps[2];
  V way_inverses[2];
  VI best_scale = hn::Zero(di);
  V best_error = hn::Zero(d);
  V best_squares = hn::Zero(d);
  const auto step_of = [&](VI scale)
                           HWY_ATTR { return hn::Mul(hn::Set(d, p.tensor.decode), ScaleValue(p, scale)); };
  const auto inverse_of = [&](VI scale, V step) HWY_ATTR {
    const auto none = hn::RebindMask(d, hn::Eq(scale, hn::Zero(di)));
    return hn::IfThenZeroElse(none, hn::Div(hn::Set(d, 1.0F), step));
  };
  const auto attempt = [&](bool is_int, VI scale, V step, V inverse, bool first) HWY_ATTR {
    Errors errors = Encode<kBits>(p, tile, is_int, step, inverse, first ? tile.best : tile.attempt);
    if (p.rule == Rule::kMse) errors.squares = errors.rule;
    if (is_int && p.mixes_types) {
      const auto none = hn::Eq(scale, hn::Zero(di));
      scale = hn::Or(scale, hn::IfThenZeroElse(none, hn::Set(di, kScaleIntBit)));
    }
    if (first) {
      best_scale = scale;
      best_error = errors.rule;
      best_squares = errors.squares;
      return;
    }
    const auto better = hn::Lt(errors.rule, best_error);
    best_error = hn::IfThenElse(better, errors.rule, best_error);
    best_squares = hn::IfThenElse(better, errors.squares, best_squares);
    best_scale = hn::IfThenElse(hn::RebindMask(di, better), scale, best_scale);
    const auto better_u = hn::RebindMask(du, better);
    for (std::size_t row = 0; row < tile.rows; ++row) {
      for (std::size_t w = 0; w < Words<kBits>::kCount; ++w) {
        std::uint32_t* best = tile.best[row] + w * n;
        hn::Store(hn::IfThenElse(better_u, hn::Load(du, tile.attempt[row] + w * n), hn::Load(du, best)), du,
                  best);
      }
    }
  };
  for (int i = 0; i < p.way_count; ++i) {
    // Divisions are slow, and the types of most formats share their scale.
    if (i == 1 && p.ways[1].target == p.ways[0].target && p.ways[1].factor == p.ways[0].factor) {
      way_scales[1] = way_scales[0];
      way_steps[1] = way_steps[0];
      way_inverses[1] = way_inverses[0];
    } else {
      way_scales[i] = BlockScale(p, p.ways[i], largest);
      way_steps[i] = step_of(way_scales[i]);
      way_inverses[i] = inverse_of(way_scales[i], way_steps[i]);
    }
    attempt(p.ways[i].is_int, way_scales[i], way_steps[i], way_inverses[i], i == 0);
  }
  const VI last = hn::Set(di, p.power_scale ? 0xFE : kScaleNaN - 1);
  for (std::size_t s = 0; s < p.step_count; ++s) {
    const SearchStep& move = p.steps[s];
    VI moved = hn::Add(way_scales[move.candidate], hn::Set(di, move.codes));
    moved = hn::Min(hn::Max(moved, hn::Set(di, 1)), last);
    const V step = step_of(moved);
    attempt(p.ways[move.candidate].is_int, moved, step, inverse_of(moved, step), false);
  }

  // A block without a scale has no codes either: a negative value would be an FP4 -0.
  const auto none = hn::RebindMask(du, hn::Eq(best_scale, hn::Zero(di)));
  if (!hn::AllFalse(du, none)) {
    for (std::size_t row = 0; row < tile.rows; ++row) {
      for (std::size_t w = 0; w < Words<kBits>::kCount; ++w) {
        std::uint32_t* best = tile.best[row] + w * n;
        hn::Store(hn::IfThenZeroElse(none, hn::Load(du, best)), du, best);
      }
    }
  }
  const hn::Rebind<std::uint8_t, D> d8;
  if (used == n) {
    hn::StoreU(hn::DemoteTo(d8, best_scale), d8, scales);
  } else {
    HWY_ALIGN std::uint8_t bytes[kMaxLanes];
    hn::StoreU(hn::DemoteTo(d8, best_scale), d8, bytes);
    std::memcpy(scales, bytes, used);
  }
  hn::Store(hn::Add(hn::Load(d, tile.noise), best_squares), d, tile.noise);
  hn::Store(hn::Add(hn::Load(d, tile.signal), signal), d, tile.signal);
}

/// The words of a row as bytes: 2 * kBits of a piece, the next piece's `piece_bytes` later.
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

template <int kBits>
void EncodeJob(const KernelParams& p, const KernelJob& job) {
  const D d;
  const std::size_t n = hn::Lanes(d);
  const V first_factor = hn::Set(d, p.normalize[0]);
  const V second_factor = hn::Set(d, p.normalize[1]);
  HWY_ALIGN float padded[kValues * kMaxLanes];
  Tile tile;
  std::memset(tile.noise, 0, sizeof tile.noise);
  std::memset(tile.signal, 0, sizeof tile.signal);
  tile.rows = job.rows;
  tile.row_pieces = job.row_pieces;
  tile.stride = job.stride;
  const std::size_t piece_values = kValues * job.stride;
  const std::size_t piece_bytes = 2 * kBits * job.stride;
  for (std::size_t piece = 0; piece < job.pieces; piece += n) {
    const std::size_t used = std::min(n, job.pieces - piece);
    tile.position = job.position + piece * job.stride;
    for (std::size_t row = 0; row < job.rows; ++row) {
      const float* x = job.x + row * job.row_values + piece * piece_values;
      if (used < n || job.stride != 1) {
        std::memset(padded, 0, sizeof padded);
        for (std::size_t i = 0; i < used; ++i) {
          std::memcpy(padded + i * kValues, x + i * piece_values, kValues * sizeof(float));
        }
        x = padded;
      }
      Transpose(x, first_factor, second_factor, tile.x[row]);
    }
    EncodeTile<kBits>(p, tile, job.scales + piece, used);
    for (std::size_t row = 0; row < job.rows; ++row) {
      StoreCodes<kBits>(tile.best[row], used, piece_bytes,
                        job.codes + row * job.row_code_bytes + piece * piece_bytes);
    }
  }
  if (job.sums == nullptr) return;
  // Lanes beyond the last block hold zeros.
  for (std::size_t lane = 0; lane < n; ++lane) {
    job.sums->noise += static_cast<double>(tile.noise[lane]);
    job.sums->signal += static_cast<double>(tile.signal[lane]);
  }
}

void EncodeAny(const KernelParams& p, const KernelJob& job) {
  if (p.code_bits == 3) return EncodeJob<3>(p, job);
  if (p.code_bits == 4) return EncodeJob<4>(p, job);
  return EncodeJob<6>(p, job);
}

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
    // Finite values only: subnormals are multiples of 2^-24, the others have a bias of 15 instead of 127.
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

/// round_to_bfloat16() of rotation.hpp.
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
    Transpose(used < n ? padded : at, hn::Set(d, 1.0F), hn::Set(d, 1.0F), tile);
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

HWY_EXPORT(EncodeAny);
HWY_EXPORT(Target);
HWY_EXPORT(Largest32);
HWY_EXPORT(Largest16);
HWY_EXPORT(FromBfloat16);
HWY_EXPORT(FromHalf);
HWY_EXPORT(Rotate);

KernelParams kernel_params(const QuantizeOptions& options, float amax) {
  const FormatTraits& t = traits(options.format);
  KernelParams p;
  for (const Candidate& candidate : candidates(options.format)) {
    p.ways[p.way_count++] = {candidate.type == ElementType::kInt, candidate.target, candidate.factor};
  }
  if (options.search) {
    p.steps = search_steps(options.format).data();
    p.step_count = search_steps(options.format).size();
  }
  p.rule = options.rule;
  p.code_bits = t.code_bits;
  p.mantissa_bits = t.mantissa_bits;
  const float smallest = std::ldexp(1.0F, t.mantissa_bits - t.fraction_bits);
  std::memcpy(&p.smallest_bits, &smallest, sizeof smallest);
  const unsigned top = (1U << (t.code_bits - 1)) - 1;
  if (t.exponent_bits != 0) {
    p.largest =
        std::ldexp(static_cast<float>(operand(options.format, ElementType::kFloat, top)), -t.fraction_bits);
  }
  const double factor = static_cast<double>(t.int_weight) / (t.divisor << t.fraction_bits);
  p.int_limit = static_cast<float>(top);
  p.int_step = static_cast<float>(factor);
  p.int_steps_per_unit = factor == 0.0 ? 0.0F : static_cast<float>(1.0 / factor);
  p.sign_magnitude = t.int_code == IntCode::kSignMagnitude;
  p.mixes_types = mixes_types(options.format);
  p.power_scale = t.scale_code == ScaleCode::kE8M0;
  if (!p.power_scale) {
    const int k = normalizing_exponent(amax);
    p.normalize[0] = std::ldexp(1.0F, k / 2);
    p.normalize[1] = std::ldexp(1.0F, k - k / 2);
    p.tensor = tensor_scale(options.format, normalized(amax, k));
  }
  p.stochastic = options.seed.has_value();
  if (options.seed) p.key = noise_key(*options.seed);
  return p;
}

const char* kernel_target() { return HWY_DYNAMIC_DISPATCH(Target)(); }

void kernel_encode(const KernelParams& params, const KernelJob& job) {
  HWY_DYNAMIC_DISPATCH(EncodeAny)(params, job);
}
std::uint32_t kernel_largest(const float* x, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(Largest32)(x, count);
}
std::uint16_t kernel_largest(const std::uint16_t* x, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(Largest16)(x, count);
}
void kernel_from_bfloat16(const std::uint16_t* from, std::size_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(FromBfloat16)(from, count, to);
}
void kernel_from_half(const std::uint16_t* from, std::size_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(FromHalf)(from, count, to);
}
void kernel_rotate(float* x, std::size_t pieces) { HWY_DYNAMIC_DISPATCH(Rotate)(x, pieces); }

}  // namespace if4
#endif
