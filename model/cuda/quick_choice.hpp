// The same choice in fewer operations, where it is certain. Which candidate is kept depends on every rounding of its error
// only where two errors are nearly equal. So errors are first computed in units of the scale, with fused operations and in
// any order, together with a bound of what that may differ from the specification's. Where they are further apart than the
// bounds, the choice is the specification's; where not, which is one block in thousands, code_block() makes it.
//
// The bound. u = 2^-24; M is the largest magnitude of the block in units of its step, which is 1 or more. The specification's
// error of an element, divided by the step, and the one here are both the exact error but for at most six roundings of
// numbers of at most 1.5 M, so each is wrong by at most 11 u M, and both together by 22 u M. That is a bound for the sum of
// rows of 16 errors 16 times for each row, and for the sum S of their squares twice times the sum of the errors, which is at
// most 2 (rows + S). The products and additions themselves, up to 36 in a row, add at most as many u S. Margin has these
// numbers, rounded up. The rule abs_max is left out: two candidates often have the same largest error.
// Where a number is not finite, where codes may stand for infinite values, and where a magnitude is beyond the largest code
// and this was not expected, nothing is certain.
#pragma once

#include "model/cuda/block_choice.hpp"

namespace if4::cuda {

/// The power of two that magnitudes are multiplied by, so that 4-bit codes can be read off FP16 numbers, whose subnormal ones
/// then are those of the format.
template <Format kFormat>
constexpr float kQuickUnit = Numbers<kFormat>::kBits == 4 ? 0x1p-14F : 1.0F;

/// What magnitudes of a type must be below, in units of the step, so that none is rounded beyond the largest code.
template <Format kFormat, ElementType kType>
constexpr float quick_tie() {
  using N = Numbers<kFormat>;
  if (kType == ElementType::kInt) return (static_cast<float>(N::kTop) + 0.5F) * N::kIntStep;
  if (N::kMantissa == 0) return 0x1p100F;  // rounded_float() has a limit of its own
  float next = 1.0F;
  while (next <= N::kLargest) next *= 2.0F;
  return (N::kLargest + next) / 2;
}

/// Whether magnitudes reach that although a normal scale is rounded by a sixteenth at most; they are then limited.
template <Format kFormat, ElementType kType>
constexpr bool kQuickLimit = traits(kFormat).span * 1.0626F >= quick_tie<kFormat, kType>() * 0.999F;

/// Rounds magnitudes to a type and adds up what is lost. kLimit: they may be beyond the largest code.
template <Format kFormat, ElementType kType, Rule kRule, bool kLimit>
struct Quick {
  using N = Numbers<kFormat>;
  static constexpr bool kInt = kType == ElementType::kInt;
  static constexpr float kUnit = kQuickUnit<kFormat>;
  /// What `sum` is in units of the step.
  static constexpr float kWeight = kInt ? (kRule == Rule::kMse ? N::kIntStep * N::kIntStep : N::kIntStep)
                                        : (kRule == Rule::kMse ? 1.0F / (kUnit * kUnit) : 1.0F / kUnit);

  /// Takes a magnitude in units of the step times kUnit. Returns it rounded: a float times kUnit, or an integer plus
  /// 1.5 * 2^23.
  IF4_HD float take(float m) {
    float rounded;
    float lost;
    if constexpr (kInt) {
      const float t = m * (N::kIntsPerUnit / kUnit);
      rounded = (kLimit ? fminf(t, static_cast<float>(N::kTop)) : t) + 0x1.8p23F;
      lost = (rounded - 0x1.8p23F) - t;
    } else if constexpr (N::kMantissa == 0) {
      rounded = rounded_float<kFormat>(m);
      lost = rounded - m;
    } else {
      constexpr float kShift = power_of_two(23 - N::kMantissa);
      const float limited = kLimit ? fminf(m, N::kLargest * kUnit) : m;
      const float c = fmaxf(limited, 1.5F * power_of_two(N::kSmallest) * kUnit);
      rounded = fmaf(c, kShift, -fmaf(c, kShift, -limited));
      lost = rounded - m;
    }
    sum = kRule == Rule::kMse ? fmaf(lost, lost, sum) : sum + fabsf(lost);
    return rounded;
  }

  float sum = 0.0F;
};

/// Whether the choice by a rule can be made so.
constexpr bool quick_rule(Rule rule) { return rule != Rule::kAbsMax; }

/// The bound is M (kRows rows + kSum S).
template <Rule kRule>
struct Margin {
  static_assert(quick_rule(kRule));
  static constexpr float kRows = 0x1p-24F * (kRule == Rule::kMse ? 96.0F : 384.0F);
  static constexpr float kSum = 0x1p-24F * (kRule == Rule::kMse ? 128.0F : 40.0F);
};

/// An error, and what the specification's may differ from it, both in normalized units.
struct Estimate {
  float error;
  float margin;
  bool certain;  ///< whether the margin holds
};

/// `error` is in units of the step, and of so many rows of 16 values.
template <Format kFormat, ElementType kType, Rule kRule, bool kLimit>
IF4_HD Estimate estimate(float error, float largest, const Scaling& scale, float rows) {
  const float m = largest * scale.inverse;
  const float unit = kRule == Rule::kMse ? scale.step * scale.step : scale.step;
  const float margin = m * (rows * Margin<kRule>::kRows + error * Margin<kRule>::kSum);
  const float most = kLimit ? 0x1p60F : quick_tie<kFormat, kType>() * 0.999F;
  return {error * unit, margin * unit, m < most && scale.code != 0};
}

/// Two halves of a word: the numbers, which FP16 has, in FP16.
IF4_HD std::uint32_t half_pair(float low, float high) {
#ifdef __CUDA_ARCH__
  std::uint32_t pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
#else
  // Numbers of at most 2^-11 in FP32, which has them as subnormal numbers at 2^-112 of their size.
  return bits_of(low * 0x1p-112F) >> 13 | bits_of(high * 0x1p-112F) >> 13 << 16;
#endif
}

/// The magnitudes of eight FP4 codes from what Quick::take() returned.
IF4_HD std::uint32_t quick_float_nibbles(const float* rounded) {
  const std::uint32_t a = half_pair(rounded[0], rounded[4]);
  const std::uint32_t b = half_pair(rounded[1], rounded[5]);
  const std::uint32_t c = half_pair(rounded[2], rounded[6]);
  const std::uint32_t d = half_pair(rounded[3], rounded[7]);
  return (a >> 9 | b >> 5) | (c >> 1 | d << 3);
}

/// The same of integers.
IF4_HD std::uint32_t quick_int_nibbles(const float* rounded) {
  // The low bits of the first one hold it; the others are added above it.
  const auto four = [](const float* r) {
    const float three = fmaf(r[3] - 0x1.8p23F, 16.0F, r[2] - 0x1.8p23F);
    return bits_of(fmaf(three, 256.0F, fmaf(r[1] - 0x1.8p23F, 16.0F, r[0])));
  };
  return bytes_of(four(rounded), four(rounded + 4), 0x5410);
}

/// The codes of 16 values from what Quick::take() returned. `signs`: nibble_signs() of both halves, for 4-bit codes.
template <Format kFormat, ElementType kType>
IF4_HD void quick_words(const float* x, const float* rounded, const std::uint32_t* signs,
                        Word<kFormat>& words) {
  using N = Numbers<kFormat>;
  constexpr bool kInt = kType == ElementType::kInt;
  if constexpr (N::kBits == 4) {
    for (int w = 0; w < 2; ++w) {
      words.w[w] = kInt ? signed_nibbles<N::kTwosComplement>(quick_int_nibbles(rounded + 8 * w), signs[w])
                        : quick_float_nibbles(rounded + 8 * w) | signs[w];
    }
  } else {
    words = Word<kFormat>{};
    IF4_UNROLL
    for (int i = 0; i < kLanes; ++i) {
      const std::uint32_t code =
          kInt ? bits_of(rounded[i]) & N::kTop : bits_of(rounded[i] * N::kToCode) >> (23 - N::kMantissa);
      place_code<kFormat>(kInt && code == 0 ? 0U : code | code_sign<kFormat>(x[i]), i, words);
    }
  }
}

/// Codes a block in both ways of a format, and keeps the one of the smaller error. Returns false, and leaves nothing of
/// use, where the choice is not certain. `largest` is the largest magnitude of x.
template <Format kFormat, Rule kRule>
IF4_HD bool code_quickly(const float* x, const std::uint32_t* signs, float largest,
                         const TensorNumbers& tensor, Coded<kFormat>& coded) {
  using N = Numbers<kFormat>;
  using W = Ways<kFormat>;
  Scaling scales[2];
  scales[0] = block_scaling<kFormat, W::kFirst.quarters, W::kFirst.halves>(largest, tensor);
  scales[1] = scales[0];
  if (!W::kShareScale)
    scales[1] = block_scaling<kFormat, W::kSecond.quarters, W::kSecond.halves>(largest, tensor);

  constexpr bool kLimit = kQuickLimit<kFormat, W::kFirst.type> || kQuickLimit<kFormat, W::kSecond.type>;
  Quick<kFormat, W::kFirst.type, kRule, kLimit> first;
  Quick<kFormat, W::kSecond.type, kRule, kLimit> second;
  float firsts[kLanes];
  float seconds[kLanes];
  const float units[2] = {scales[0].inverse * kQuickUnit<kFormat>, scales[1].inverse * kQuickUnit<kFormat>};
  IF4_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    const float m = fabsf(x[i]) * units[0];
    firsts[i] = first.take(m);
    seconds[i] = second.take(W::kShareScale ? m : fabsf(x[i]) * units[1]);
  }
  const Estimate a =
      estimate<kFormat, W::kFirst.type, kRule, kLimit>(first.sum * first.kWeight, largest, scales[0], 1.0F);
  const Estimate b = estimate<kFormat, W::kSecond.type, kRule, kLimit>(second.sum * second.kWeight, largest,
                                                                       scales[1], 1.0F);
  const bool better = b.error < a.error;
  Word<kFormat> words;
  quick_words<kFormat, W::kFirst.type>(x, firsts, signs, coded.pieces[0]);
  quick_words<kFormat, W::kSecond.type>(x, seconds, signs, words);
  for (int w = 0; w < N::kWords; ++w) coded.pieces[0].w[w] = better ? words.w[w] : coded.pieces[0].w[w];
  const bool ints = (better ? W::kSecond.type : W::kFirst.type) == ElementType::kInt;
  coded.scale = (better ? scales[1].code : scales[0].code) | (N::kMixes && ints ? kScaleIntBit : 0U);
  return fabsf(b.error - a.error) > a.margin + b.margin && a.certain && b.certain && !tensor.bounded;
}

/// The sum that a type and a scale give, in units of the step.
template <Format kFormat, ElementType kType, Rule kRule>
IF4_HD float quick_error(const float* x, const Scaling& scale) {
  Quick<kFormat, kType, kRule, true> quick;
  const float unit = scale.inverse * kQuickUnit<kFormat>;
  IF4_UNROLL
  for (int i = 0; i < kLanes; ++i) quick.take(fabsf(x[i]) * unit);
  return quick.sum * quick.kWeight;
}

/// The best attempt so far, and the least that the error of any other one may be.
struct Leader {
  std::uint32_t code;
  ElementType type;
  float error;
  float margin;
  float others;
  bool certain;

  IF4_HD void consider(const Estimate& next, std::uint32_t with_code, ElementType with) {
    certain = certain && next.certain;
    const bool better = next.error < error;
    const float other = better ? error - margin : next.error - next.margin;
    others = fminf(others, other);
    if (!better) return;
    code = with_code;
    type = with;
    error = next.error;
    margin = next.margin;
  }
};

template <Format kFormat, Rule kRule, ElementType kType, class Threads>
IF4_HD Estimate quick_attempt(const float* x, float largest, const Scaling& scale, const Threads& threads) {
  const float error = threads.quick_error(quick_error<kFormat, kType, kRule>(x, scale));
  return estimate<kFormat, kType, kRule, true>(error, largest, scale, threads.rows());
}

/// The codes of 16 values in one of the two types of a format of 4-bit codes, the same instructions for both: threads of a
/// warp have different ones. An integer is rounded as a float is whose binade is always that of 2.
template <Format kFormat>
IF4_HD void either_words(const float* x, const std::uint32_t* signs, const Scaling& scale, bool ints,
                         Word<kFormat>& words) {
  using N = Numbers<kFormat>;
  const float per_unit = ints ? N::kIntsPerUnit : 1.0F;
  const float most = ints ? static_cast<float>(N::kTop) : N::kLargest;
  const float low = ints ? 3.0F : 1.5F;
  const float high = ints ? 3.0F : N::kLargest;
  // In FP16, a float then has its code in the bits from 9 on, and an integer in those from 0 on.
  const float unit = ints ? 0x1p-24F : 0x1p-14F;
  const unsigned shift = ints ? 0U : 9U;
  constexpr float kShift = 0x1p22F;
  float rounded[kLanes];
  IF4_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    const float m = fminf(fabsf(x[i]) * scale.inverse * per_unit, most);
    const float c = fminf(fmaxf(m, low), high);
    rounded[i] = fmaf(c, kShift, -fmaf(c, kShift, -m)) * unit;
  }
  IF4_UNROLL
  for (int w = 0; w < 2; ++w) {
    std::uint32_t pairs[4];
    IF4_UNROLL
    for (int i = 0; i < 4; ++i) pairs[i] = half_pair(rounded[8 * w + i], rounded[8 * w + i + 4]) >> shift;
    const std::uint32_t magnitudes = (pairs[0] | pairs[1] << 4) | (pairs[2] << 8 | pairs[3] << 12);
    words.w[w] = ints ? signed_nibbles<N::kTwosComplement>(magnitudes, signs[w]) : magnitudes | signs[w];
  }
}

/// code_block() without noise, where that is certain, for formats with blocks of 16 values: returns false where it is not.
/// `largest` is the largest magnitude of x and of what the other threads have.
template <Format kFormat, Rule kRule, class Threads>
IF4_HD bool search_quickly(const float* x, const std::uint32_t* signs, float largest,
                           const TensorNumbers& tensor, const Choices& choices, const Threads& threads,
                           Coded<kFormat>& coded) {
  using N = Numbers<kFormat>;
  using W = Ways<kFormat>;
  constexpr bool kOneType = W::kCount == 1 || W::kFirst.type == W::kSecond.type;
  Scaling scales[2];
  scales[0] = block_scaling<kFormat, W::kFirst.quarters, W::kFirst.halves>(largest, tensor);
  scales[1] = scales[0];
  const Estimate first = quick_attempt<kFormat, kRule, W::kFirst.type>(x, largest, scales[0], threads);
  Leader leader{scales[0].code, W::kFirst.type, first.error,
                first.margin,   0x1p126F,       first.certain && !tensor.bounded};
  if constexpr (W::kCount == 2) {
    if (!W::kShareScale)
      scales[1] = block_scaling<kFormat, W::kSecond.quarters, W::kSecond.halves>(largest, tensor);
    leader.consider(quick_attempt<kFormat, kRule, W::kSecond.type>(x, largest, scales[1], threads),
                    scales[1].code, W::kSecond.type);
  }
  IF4_ROLLED
  for (int s = 0; s < choices.neighbour_count; ++s) {
    const Neighbour neighbour = choices.neighbours[s];
    const int moved =
        static_cast<int>(neighbour.way == 0 ? scales[0].code : scales[1].code) + neighbour.codes;
    const int code = moved < 1 ? 1 : moved > kScaleNaN - 1 ? kScaleNaN - 1 : moved;
    Scaling scale;
    scale.code = static_cast<std::uint32_t>(code);
    scale.step = tensor.decode * (float_of(scale.code << 20) * 0x1p120F);
    scale.inverse = about_reciprocal(scale.step);
    if (kOneType || neighbour.way == 0) {
      leader.consider(quick_attempt<kFormat, kRule, W::kFirst.type>(x, largest, scale, threads), scale.code,
                      W::kFirst.type);
    } else {
      leader.consider(quick_attempt<kFormat, kRule, W::kSecond.type>(x, largest, scale, threads), scale.code,
                      W::kSecond.type);
    }
  }
  const Scaling scale = scaling_of_code<kFormat>(leader.code, tensor.decode);
  const bool ints = leader.type == ElementType::kInt;
  coded.scale = leader.code | (N::kMixes && ints ? kScaleIntBit : 0U);
  if constexpr (!kOneType && N::kBits == 4) {
    either_words<kFormat>(x, signs, scale, ints, coded.pieces[0]);
  } else if (kOneType || leader.type == W::kFirst.type) {
    code_piece<kFormat, W::kFirst.type, kRule>(x, scale, limit_of<kFormat, W::kFirst.type>(0, {}),
                                               coded.pieces[0]);
  } else {
    code_piece<kFormat, W::kSecond.type, kRule>(x, scale, limit_of<kFormat, W::kSecond.type>(0, {}),
                                                coded.pieces[0]);
  }
  return leader.error + leader.margin < leader.others && leader.certain;
}

}  // namespace if4::cuda
