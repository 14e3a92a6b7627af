// How a block becomes codes, in functions that run on a GPU and on a CPU alike: a thread holds 16 normalized values and
// tries one type and scale after the other. The operations are those of model/quantize/quantizer.hpp in their order, and
// so are the bits; what is faster here is how a code is rounded, and that is exact. Formats are template parameters, so
// that all that the tables of core/format.hpp say is known when a kernel is compiled.
//
// The compiler must not fuse operations (nvcc -fmad=false, g++ -ffp-contract=off). Where a fused one is meant, it says so.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "model/core/format.hpp"
#include "model/cuda/device_bits.hpp"
#include "model/quantize/options.hpp"
#include "model/simd/noise.hpp"

namespace if4::cuda {

inline constexpr int kLanes = kBlockSize;

/// 2^exponent, for -126 to 127.
constexpr float power_of_two(int exponent) {
  float value = 1.0F;
  for (; exponent > 0; --exponent) value *= 2.0F;
  for (; exponent < 0; ++exponent) value *= 0.5F;
  return value;
}

/// The numbers of a format that the arithmetic below takes, from its row of the one table.
template <Format kFormat>
struct Numbers {
  static constexpr int kBits = traits(kFormat).code_bits;
  static constexpr int kMantissa = traits(kFormat).mantissa_bits;
  static constexpr std::uint32_t kTop = (1U << (kBits - 1)) - 1;  ///< the largest code without its sign
  static constexpr bool kHasFloats = traits(kFormat).exponent_bits != 0;
  static constexpr bool kHasInts = traits(kFormat).int_code != IntCode::kNone;
  static constexpr bool kMixes = kHasFloats && kHasInts;
  static constexpr bool kTwosComplement = traits(kFormat).int_code == IntCode::kTwosComplement;
  static constexpr bool kPowerScale = traits(kFormat).scale_code == ScaleCode::kE8M0;
  static constexpr int kPieces = traits(kFormat).block_size / kLanes;
  static constexpr std::size_t kCodeBytes = code_bytes(kFormat);
  static constexpr int kFraction = traits(kFormat).fraction_bits;
  static constexpr float kSpan = traits(kFormat).span;
  static constexpr int kWords = (kBits * kLanes + 31) / 32;  ///< that hold the codes of 16 values
  /// The exponent of the smallest normal number of the float type.
  static constexpr int kSmallest = kMantissa - traits(kFormat).fraction_bits;
  static constexpr float kLargest = kHasFloats
                                        ? static_cast<float>(operand(kFormat, ElementType::kFloat, kTop)) *
                                              power_of_two(-traits(kFormat).fraction_bits)
                                        : 0.0F;
  /// A float times this has its code in the bits from 23 - kMantissa on: the smallest normal number becomes that of FP32,
  /// and the subnormal ones those of FP32.
  static constexpr float kToCode = power_of_two(-126 - kSmallest);
  static constexpr float kFromCode = power_of_two(126 + kSmallest);
  static constexpr double kIntFactor = static_cast<double>(traits(kFormat).int_weight) /
                                       (traits(kFormat).divisor << traits(kFormat).fraction_bits);
  static constexpr float kIntStep = static_cast<float>(kIntFactor);
  static constexpr float kIntsPerUnit = kHasInts ? static_cast<float>(1.0 / kIntFactor) : 0.0F;
  static constexpr std::uint8_t kNaNScale = kPowerScale ? 0xFF : kScaleNaN;
};

/// What all blocks of a tensor share.
struct TensorNumbers {
  float normalize;  ///< the power of two that all values are multiplied by
  float encode;     ///< tensor_scale()
  float decode;
  float amax;    ///< as it was given
  bool bounded;  ///< whether codes may stand for values beyond FP32
};

/// `amax` must be finite and > 0; it is the largest magnitude of the tensor.
template <Format kFormat>
IF4_HD TensorNumbers tensor_numbers(float amax) {
  TensorNumbers numbers{1.0F, 1.0F, 1.0F, amax, amax >= 0x1p127F};
  if (Numbers<kFormat>::kPowerScale) return numbers;
  const int field = 254 - static_cast<int>(bits_of(amax) >> 23);
  numbers.normalize = float_of(static_cast<std::uint32_t>(field < 1 ? 1 : field) << 23);
  constexpr float kDivisor = amax_divisor(kFormat);
  numbers.encode = kDivisor / (amax * numbers.normalize);
  numbers.decode = 1.0F / numbers.encode;
  return numbers;
}

/// x / kDivisor / 4, rounded to nearest even, where neither underflows: two fused operations make the quotient by the rounded
/// reciprocal the right one (Markstein). kDivisor is four times the target of a candidate, a whole number.
template <int kDivisor>
IF4_HD float divided(float x) {
  constexpr float kTarget = static_cast<float>(kDivisor) / 4;
  constexpr float kReciprocal = 1.0F / kTarget;
  const float quotient = x * kReciprocal;
  return fmaf(fmaf(-kTarget, quotient, x), kReciprocal, quotient);
}

/// A scale: its code without the type bit, and what follows from it.
struct Scaling {
  std::uint32_t code;
  float step;     ///< decode * s: the value that the code value 1 stands for
  float inverse;  ///< 1 / step; 0 where the code is 0
};

IF4_HD Scaling scaling_of(std::uint32_t code, float s, float decode) {
  const float step = decode * s;
  return {code, step, code == 0 ? 0.0F : 1.0F / step};
}

/// The scale with that code.
template <Format kFormat>
IF4_HD Scaling scaling_of_code(std::uint32_t code, float decode) {
  // The bits of an E4M3 number are those of an FP32 number with another bias.
  const float s = Numbers<kFormat>::kPowerScale ? float_of(code << 23) : float_of(code << 20) * 0x1p120F;
  return scaling_of(code, s, decode);
}

/// block_scale() for the target kQuarters / 4 and the factor kFactorHalves / 2.
template <Format kFormat, int kQuarters, int kFactorHalves>
IF4_HD Scaling block_scaling(float largest, const TensorNumbers& tensor) {
  if (Numbers<kFormat>::kPowerScale) {
    // Here magnitudes may be those of subnormal numbers, so the division is a real one.
    const std::uint32_t bits = bits_of(largest / (static_cast<float>(kQuarters) / 4));
    std::uint32_t code = (bits >> 23) + ((bits & 0x7FFFFFU) != 0 ? 1U : 0U);
    if (code < 1) code = 1;
    return scaling_of_code<kFormat>(largest == 0.0F ? 0U : code, tensor.decode);
  }
  float m = divided<kQuarters>(largest) * tensor.encode;
  if (kFactorHalves != 2) m = m * (static_cast<float>(kFactorHalves) / 2);
  m = fminf(m, kScaleMax);
  const std::uint32_t exponent = bits_of(fmaxf(m, 0x1p-6F)) & 0x7F800000U;
  const float big = float_of(exponent) * 0x1.8p20F;  // its last bit is that of E4M3
  const float s = (m + big) - big;
  return scaling_of(bits_of(s * 0x1p-120F) >> 20, s, tensor.decode);
}

/// The value of a float code without its sign.
template <Format kFormat>
IF4_HD float float_value(std::uint32_t code) {
  return float_of(code << (23 - Numbers<kFormat>::kMantissa)) * Numbers<kFormat>::kFromCode;
}

/// The element that a code stands for, as CodeValues has it: exact over the denominator of the format. Codes and types come
/// from memory here, where a table of constants cannot be looked up, so this says what operand() says.
template <Format kFormat>
IF4_HD double element_of(ElementType type, std::uint32_t code) {
  using N = Numbers<kFormat>;
  constexpr double kDenominator = traits(kFormat).divisor * (1 << traits(kFormat).fraction_bits);
  constexpr double kFloatWeight = traits(kFormat).float_weight;
  constexpr double kIntWeight = traits(kFormat).int_weight;
  const bool negative = (code & (N::kTop + 1)) != 0;
  const std::uint32_t low = code & N::kTop;
  if (type == ElementType::kInt) {
    const double m =
        negative && N::kTwosComplement ? static_cast<double>(N::kTop + 1 - low) : static_cast<double>(low);
    return (negative ? -m : m) * kIntWeight / kDenominator;
  }
  const double m = static_cast<double>(float_value<kFormat>(low)) * (1 << N::kFraction);
  return (negative && m != 0 ? -m : m) * kFloatWeight / kDenominator;
}

/// The largest code without its sign that stands for a finite value, in blocks with that scale byte.
template <Format kFormat, ElementType kType>
IF4_RARE std::uint32_t largest_finite(std::uint32_t scale, float amax) {
  const bool power = Numbers<kFormat>::kPowerScale;
  constexpr double kDivisor = static_cast<double>(amax_divisor(kFormat));
  const double s = static_cast<double>(power ? float_of(scale << 23) : float_of(scale << 20) * 0x1p120F);
  const double step = s * (static_cast<double>(power ? 1.0F : amax) / kDivisor);
  std::uint32_t code = Numbers<kFormat>::kTop;
  for (; code != 0; --code) {
    if (static_cast<float>(element_of<kFormat>(kType, code) * step) <= 0x1.FFFFFEp127F) break;
  }
  return code;
}

/// The largest E8M0 scale with which the largest code, at most 7, stands for a finite value.
inline constexpr std::uint32_t kLargestFiniteScale = 252;

/// The magnitude of the type that magnitudes above it saturate at.
template <Format kFormat, ElementType kType>
IF4_HD float limit_of(std::uint32_t scale, const TensorNumbers& tensor) {
  using N = Numbers<kFormat>;
  constexpr bool kInt = kType == ElementType::kInt;
  // A power of two stands for the same in every tensor, whatever amax is.
  const bool bounded = N::kPowerScale ? scale > kLargestFiniteScale : tensor.bounded;
  if (!bounded) return kInt ? static_cast<float>(N::kTop) : N::kLargest;
  const std::uint32_t code = largest_finite<kFormat, kType>(scale, tensor.amax);
  return kInt ? static_cast<float>(code) : float_value<kFormat>(code);
}

/// A magnitude rounded to the nearest value of the float type, ties to the even code (E2M0: toward zero). It must not be
/// larger than the largest value.
///
/// B = 2^(23 - kMantissa) * c has the last bit of the wanted precision where c is in the binade of m, or is 1.5 times the
/// smallest normal number, whose binade has the steps of the subnormal ones. B - m is rounded to that bit, or to the next
/// lower one where it is smaller than the power of two below B, which m is then next to. B is even in both. What is left
/// of B is m, rounded.
template <Format kFormat>
IF4_HD float rounded_float(float m) {
  using N = Numbers<kFormat>;
  if (N::kMantissa == 0) {
    return m > 3.0F ? 4.0F : m > 1.5F ? 2.0F : m > 0.5F ? 1.0F : 0.0F;
  }
  constexpr float kShift = power_of_two(23 - N::kMantissa);
  const float c = fmaxf(m, 1.5F * power_of_two(N::kSmallest));
  return fmaf(c, kShift, -fmaf(c, kShift, -m));
}

/// The code of a magnitude with noise: encode_float() of quantizer.hpp without the sign.
template <Format kFormat>
IF4_HD std::uint32_t noisy_float_code(float m, float noise) {
  using N = Numbers<kFormat>;
  const std::uint32_t field = bits_of(fmaxf(m, power_of_two(N::kSmallest))) >> 23;
  const std::uint32_t binade = field - static_cast<std::uint32_t>(127 + N::kSmallest);
  const float steps_per_unit = float_of((254U + N::kMantissa - field) << 23);
  const float steps = m * steps_per_unit + noise;
  float rounded = (steps + 0x1.8p23F) - 0x1.8p23F;
  if (N::kMantissa == 0 && rounded > 0.0F && rounded - steps == 0.5F) rounded = rounded - 1.0F;
  const std::uint32_t code = (binade << N::kMantissa) + static_cast<std::uint32_t>(static_cast<int>(rounded));
  return code < N::kTop ? code : N::kTop;
}

/// Adds |value - x| to the error of a rule.
template <Rule kRule>
IF4_HD float with_error(float sum, float difference) {
  if (kRule == Rule::kMse) return sum + difference * difference;
  return kRule == Rule::kMae ? sum + fabsf(difference) : fmaxf(sum, fabsf(difference));
}

/// 16 codes from the lowest bits up.
template <Format kFormat>
struct Word {
  std::uint32_t w[Numbers<kFormat>::kWords] = {};
};

/// The signs of eight values: bit 3 of each four bits.
IF4_HD std::uint32_t nibble_signs(const float* x) {
  const std::uint32_t even = bytes_of(bytes_of(bits_of(x[0]), bits_of(x[2]), 0x0073),
                                      bytes_of(bits_of(x[4]), bits_of(x[6]), 0x0073), 0x5410);
  const std::uint32_t odd = bytes_of(bytes_of(bits_of(x[1]), bits_of(x[3]), 0x0073),
                                     bytes_of(bits_of(x[5]), bits_of(x[7]), 0x0073), 0x5410);
  return (even & 0x80808080U) >> 4 | (odd & 0x80808080U);
}

/// The codes of eight FP4 magnitudes, each of which is at most the largest.
template <Format kFormat>
IF4_HD std::uint32_t float_nibbles(const float* m) {
  using N = Numbers<kFormat>;
  std::uint32_t pairs[4];
  for (int i = 0; i < 4; ++i) {
    // The upper halves of both, with the code in the bits from 6 on.
    pairs[i] = bytes_of(bits_of(m[i] * N::kToCode), bits_of(m[i + 4] * N::kToCode), 0x7632);
  }
  return (pairs[0] >> 6 | pairs[1] >> 2) | (pairs[2] << 2 | pairs[3] << 6);
}

/// Eight whole numbers from 0 to 15 in four bits each.
IF4_HD std::uint32_t int_nibbles(const float* q) {
  // Sums below 2^24 are exact, and 2^23 brings them to the low bits of an FP32 number.
  const auto four = [](const float* from) {
    return bits_of(fmaf(from[3], 4096.0F, fmaf(from[2], 256.0F, fmaf(from[1], 16.0F, from[0] + 0x1p23F))));
  };
  return bytes_of(four(q), four(q + 4), 0x5410);
}

/// Magnitudes of integers in four bits each, and signs at bit 3 of each: their codes.
template <bool kTwosComplement>
IF4_HD std::uint32_t signed_nibbles(std::uint32_t word, std::uint32_t sign) {
  // A zero has no sign: of each four bits, the sum has bit 3 set where the magnitude is not 0.
  sign &= word + 0x77777777U;
  if (!kTwosComplement) return word | sign;
  const std::uint32_t one = sign >> 3;
  return (word ^ (sign + sign - one)) + one;
}

/// Puts code `code`, number i, in its place.
template <Format kFormat>
IF4_HD void place_code(std::uint32_t code, int i, Word<kFormat>& to) {
  const int bit = Numbers<kFormat>::kBits * i;
  to.w[bit / 32] |= code << (bit % 32);
  if (bit % 32 + Numbers<kFormat>::kBits > 32) to.w[bit / 32 + 1] |= code >> (32 - bit % 32);
}

/// The sign of x in the top bit of a code.
template <Format kFormat>
IF4_HD std::uint32_t code_sign(float x) {
  return bits_of(x) >> 31 << (Numbers<kFormat>::kBits - 1);
}

/// Codes 16 values with one type and scale, and returns their error by the rule; that of MXFP4 is in units of the step.
template <Format kFormat, ElementType kType, Rule kRule>
IF4_HD float code_piece(const float* x, const Scaling& scale, float limit, Word<kFormat>& words) {
  using N = Numbers<kFormat>;
  constexpr bool kInt = kType == ElementType::kInt;
  float rounded[kLanes];
  float error = 0.0F;
  IF4_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    const float scaled = fabsf(x[i]) * scale.inverse;
    float value;
    if (kInt) {
      const float m = fminf(scaled * N::kIntsPerUnit, limit);
      rounded[i] = (m + 0x1.8p23F) - 0x1.8p23F;
      value = rounded[i] * N::kIntStep;
    } else {
      value = rounded[i] = rounded_float<kFormat>(fminf(scaled, limit));
    }
    error = with_error<kRule>(error, N::kPowerScale ? value - scaled : value * scale.step - fabsf(x[i]));
  }
  if constexpr (N::kBits == 4) {
    for (int w = 0; w < 2; ++w) {
      const std::uint32_t sign = nibble_signs(x + 8 * w);
      words.w[w] = kInt ? signed_nibbles<N::kTwosComplement>(int_nibbles(rounded + 8 * w), sign)
                        : float_nibbles<kFormat>(rounded + 8 * w) | sign;
    }
  } else {
    words = Word<kFormat>{};
    IF4_UNROLL
    for (int i = 0; i < kLanes; ++i) {
      const std::uint32_t code = kInt ? bits_of(rounded[i] + 0x1p23F) & N::kTop
                                      : bits_of(rounded[i] * N::kToCode) >> (23 - N::kMantissa);
      place_code<kFormat>(kInt && code == 0 ? 0U : code | code_sign<kFormat>(x[i]), i, words);
    }
  }
  return error;
}

/// code_piece() with noise; `first` is the number that noise() has for the first value.
template <Format kFormat, ElementType kType, Rule kRule>
IF4_HD float code_noisy_piece(const float* x, const Scaling& scale, float limit, NoiseKey key,
                              std::uint64_t first, Word<kFormat>& words) {
  using N = Numbers<kFormat>;
  constexpr bool kInt = kType == ElementType::kInt;
  words = Word<kFormat>{};
  float error = 0.0F;
  IF4_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    const float dither = noise(key, first + static_cast<std::uint64_t>(i));
    const float scaled = x[i] * scale.inverse;
    float value;
    std::uint32_t code;
    if (kInt) {
      const float steps = fmaxf(fminf(scaled * N::kIntsPerUnit + dither, limit), -limit);
      const float q = (steps + 0x1.8p23F) - 0x1.8p23F;
      value = q * N::kIntStep;
      const std::uint32_t m = bits_of(fabsf(q) + 0x1p23F) & N::kTop;
      const bool negative = q < 0.0F;
      code = !negative ? m : N::kTwosComplement ? 2 * (N::kTop + 1) - m : (N::kTop + 1) | m;
    } else {
      code = noisy_float_code<kFormat>(fminf(fabsf(scaled), N::kLargest), dither);
      const float m = fminf(float_value<kFormat>(code), limit);
      value = copysignf(m, scaled);
      code = bits_of(m * N::kToCode) >> (23 - N::kMantissa) | code_sign<kFormat>(scaled);
    }
    place_code<kFormat>(code, i, words);
    error = with_error<kRule>(error, N::kPowerScale ? value - scaled : value * scale.step - x[i]);
  }
  return error;
}

}  // namespace if4::cuda
