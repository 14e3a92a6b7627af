// Codes a tile in every way that the options of any format ask for. Compiled once for each instruction set.
#if defined(IF4_MODEL_FAST_TILE_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef IF4_MODEL_FAST_TILE_INL_HPP_
#undef IF4_MODEL_FAST_TILE_INL_HPP_
#else
#define IF4_MODEL_FAST_TILE_INL_HPP_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "model/quantize/fast_encode-inl.hpp"
#include "model/quantize/fast_group-inl.hpp"
#include "model/quantize/fast_kernel.hpp"
#include "model/quantize/fast_noise-inl.hpp"

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
  if (kBits == 4 && !p.bounded && p.shares_scale && !p.sign_magnitude && place.rows == 1) {
    const VI scale = hn::Load(di, group.scales[tile][0]);
    hn::Mask<D> ints;
    const V step = hn::Load(d, group.steps[tile][0]);
    const V inverse = hn::Load(d, group.inverses[tile][0]);
    best_error = p.stochastic ? EncodeTypesWithNoise(p, place, slots[0], step, inverse, ints)
                              : EncodeTypes(p, slots[0], step, inverse, ints);
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

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
