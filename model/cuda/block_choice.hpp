// Which of the ways to code a block is kept: the candidates of a format, their neighbours where scales are searched, and the
// first one of the least error, as best_attempt() of model/quantize/quantizer.cpp has it. Runs on a GPU and on a CPU.
#pragma once

#include "model/cuda/block_code.hpp"

namespace if4::cuda {

/// One of the candidates() of a format: its target in quarters, its factor in halves.
struct Way {
  ElementType type;
  int quarters;
  int halves;
};

/// candidates(), as constants.
template <Format kFormat>
struct Ways {
  static constexpr int kSpan = static_cast<int>(traits(kFormat).span * 4);
  static constexpr bool kIntsFirst = kFormat == Format::kMixFP4;
  static constexpr bool kFourOrSix = kFormat == Format::kNVFP4_46;
  static constexpr int kCount = Numbers<kFormat>::kMixes || kFourOrSix ? 2 : 1;
  static constexpr Way kFirst = {kIntsFirst ? ElementType::kInt : element_type(kFormat, 0),
                                 kIntsFirst ? 28 : kSpan, 2};
  static constexpr Way kSecond = {
      Numbers<kFormat>::kMixes && !kIntsFirst ? ElementType::kInt : ElementType::kFloat, kSpan,
      kFourOrSix ? 3 : 2};
  static constexpr bool kShareScale =
      kCount == 2 && kFirst.quarters == kSecond.quarters && kFirst.halves == kSecond.halves;
};

/// A neighbour of the scale search: see SearchStep.
struct Neighbour {
  std::int8_t way;
  std::int8_t codes;
};
inline constexpr int kMaxNeighbours = 8;

/// What a kernel is told of the options of a tensor, beside format and rule.
struct Choices {
  Neighbour neighbours[kMaxNeighbours];
  int neighbour_count;
  bool stochastic;
  NoiseKey key;
};

/// The larger one; NaN if any of both is.
IF4_HD float larger(float a, float b) {
#ifdef __CUDA_ARCH__
  float result;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(result) : "f"(a), "f"(b));
  return result;
#else
  return a != a || a > b ? a : b;
#endif
}

/// The largest magnitude of 16 values; NaN if any is NaN.
IF4_HD float largest_magnitude(const float* x) {
  float largest[2] = {fabsf(x[0]), fabsf(x[1])};  // two, as each operation waits for the one before it
  IF4_UNROLL
  for (int i = 2; i < kLanes; ++i) largest[i % 2] = larger(largest[i % 2], fabsf(x[i]));
  return larger(largest[0], largest[1]);
}

/// How the threads that share a scale bring their numbers together: here each has a block of its own.
struct Alone {
  IF4_HD float largest(float of_thread) const { return of_thread; }
  template <Rule kRule>
  IF4_HD float error(float of_thread) const {
    return of_thread;
  }
  /// The sum of errors in any order.
  IF4_HD float quick_error(float of_thread) const { return of_thread; }
  IF4_HD float rows() const { return 1.0F; }
};

/// A thread's block, or its row of a block that several threads share.
template <Format kFormat>
struct Coded {
  Word<kFormat> pieces[Numbers<kFormat>::kPieces];
  std::uint32_t scale;  ///< with its type bit
  float error;
};

/// Codes with one type and scale. `first` is the number of the noise of the first value.
template <Format kFormat, Rule kRule, ElementType kType, bool kNoise, class Threads>
IF4_HD void attempt(const float (*x)[kLanes], const Scaling& scale, const TensorNumbers& tensor,
                    const Choices& choices, const Threads& threads, std::uint64_t first,
                    Coded<kFormat>& coded) {
  using N = Numbers<kFormat>;
  coded.scale = scale.code;
  if (N::kMixes && kType == ElementType::kInt && scale.code != 0) coded.scale |= kScaleIntBit;
  const float limit = limit_of<kFormat, kType>(scale.code, tensor);
  float error = 0.0F;
  IF4_UNROLL
  for (int p = 0; p < N::kPieces; ++p) {
    float of_piece;
    if constexpr (kNoise) {
      of_piece = code_noisy_piece<kFormat, kType, kRule>(
          x[p], scale, limit, choices.key, first + static_cast<std::uint64_t>(p * kLanes), coded.pieces[p]);
    } else {
      of_piece = code_piece<kFormat, kType, kRule>(x[p], scale, limit, coded.pieces[p]);
    }
    error = kRule == Rule::kAbsMax ? fmaxf(error, of_piece) : error + of_piece;
  }
  coded.error = threads.template error<kRule>(error);
}

/// Keeps the other one if its error is less.
template <Format kFormat>
IF4_HD void keep_better(const Coded<kFormat>& other, Coded<kFormat>& best) {
  const bool better = other.error < best.error;
  for (int p = 0; p < Numbers<kFormat>::kPieces; ++p) {
    for (int w = 0; w < Numbers<kFormat>::kWords; ++w) {
      best.pieces[p].w[w] = better ? other.pieces[p].w[w] : best.pieces[p].w[w];
    }
  }
  best.scale = better ? other.scale : best.scale;
  best.error = better ? other.error : best.error;
}

/// Tries the neighbours of the candidates' scales.
template <Format kFormat, Rule kRule, bool kNoise, class Threads>
IF4_HD void search(const float (*x)[kLanes], const Scaling* scales, const TensorNumbers& tensor,
                   const Choices& choices, const Threads& threads, std::uint64_t first,
                   Coded<kFormat>& best) {
  using N = Numbers<kFormat>;
  using W = Ways<kFormat>;
  constexpr int kLast = N::kPowerScale ? 0xFE : kScaleNaN - 1;
  Coded<kFormat> other;
  IF4_ROLLED
  for (int s = 0; s < choices.neighbour_count; ++s) {
    const Neighbour neighbour = choices.neighbours[s];
    const int moved =
        static_cast<int>(neighbour.way == 0 ? scales[0].code : scales[1].code) + neighbour.codes;
    const int code = moved < 1 ? 1 : moved > kLast ? kLast : moved;
    const Scaling scale = scaling_of_code<kFormat>(static_cast<std::uint32_t>(code), tensor.decode);
    if (W::kFirst.type == W::kSecond.type || W::kCount == 1 || neighbour.way == 0) {
      attempt<kFormat, kRule, W::kFirst.type, kNoise>(x, scale, tensor, choices, threads, first, other);
    } else {
      attempt<kFormat, kRule, W::kSecond.type, kNoise>(x, scale, tensor, choices, threads, first, other);
    }
    if (N::kPowerScale) {
      // The error is in units of the step. It is compared in units of the first one.
      const float ratio = scale.step * scales[0].inverse;
      other.error = other.error * (kRule == Rule::kMse ? ratio * ratio : ratio);
    }
    keep_better(other, best);
  }
}

/// Codes a block, or the thread's row of one, in every way that the options ask for, and keeps the best. `x` has the
/// normalized values, kLanes for each piece. Where one is not finite, all codes are 0 and the scale is the NaN.
template <Format kFormat, Rule kRule, bool kNoise, bool kSearch, class Threads>
IF4_HD void code_block(const float (*x)[kLanes], const TensorNumbers& tensor, const Choices& choices,
                       const Threads& threads, std::uint64_t first, Coded<kFormat>& best) {
  using N = Numbers<kFormat>;
  using W = Ways<kFormat>;
  float largest = largest_magnitude(x[0]);
  for (int p = 1; p < N::kPieces; ++p) largest = larger(largest, largest_magnitude(x[p]));
  largest = threads.largest(largest);

  Scaling scales[2];
  scales[0] = block_scaling<kFormat, W::kFirst.quarters, W::kFirst.halves>(largest, tensor);
  scales[1] = scales[0];
  attempt<kFormat, kRule, W::kFirst.type, kNoise>(x, scales[0], tensor, choices, threads, first, best);
  if constexpr (W::kCount == 2) {
    if (!W::kShareScale)
      scales[1] = block_scaling<kFormat, W::kSecond.quarters, W::kSecond.halves>(largest, tensor);
    Coded<kFormat> other;
    attempt<kFormat, kRule, W::kSecond.type, kNoise>(x, scales[1], tensor, choices, threads, first, other);
    keep_better(other, best);
  }
  if constexpr (kSearch) search<kFormat, kRule, kNoise>(x, scales, tensor, choices, threads, first, best);

  // A block with the scale 0 has the code 0 for every value: without this a negative one would be a float -0.
  const bool finite = largest <= 0x1.FFFFFEp127F;
  if (!finite) best.scale = N::kNaNScale;
  if (finite && best.scale != 0) return;
  for (int p = 0; p < N::kPieces; ++p) best.pieces[p] = Word<kFormat>{};
}

}  // namespace if4::cuda
