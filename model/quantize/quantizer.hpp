// The quantizer as a specification: from an FP32 tensor to a block-scaled tensor, one plain loop for each
// step. It is slow, and only tests call it: they hold model/quantize/fast_quantizer.hpp, which everything
// else uses, to its bits. model/quantize/README.md says the same in words.
//
// All arithmetic is FP32. Every operation is rounded once, to nearest even, and done in the order written, as
// the codes depend on both. The build therefore compiles the model with -ffp-contract=off and never with
// -ffast-math. For IF4:
//
//     encode = (6 * 448) / amax             decode = 1 / encode
//     s      = E4M3( max|x| / 6 * encode )  scaled = x * (1 / (decode * s))
//     FP4 candidate:  E2M1( scaled ), saturated at +-6
//     INT4 candidate: nearest integer to clamp(scaled * 7/6, -7, 7)
//     error of an element: (code value * factor) * (decode * s) - x, with the factor 6/7 for INT4
//     the candidate with the smaller error is kept; FP4 when they are equal
//
// Scales and codes are computed in the order of the reference quantizer, which is published with arXiv
// 2603.28765. This quantizer departs from it in four places:
// - The reference dequantizes as code value * factor * s * amax / (6 * 448), from left to right: it
//   multiplies by amax before it divides by 2688. Both orders round a few times, so where the errors of the
//   candidates differ by less than about one part in 100,000, the two quantizers may keep different ones.
// - Magnitudes of 7 and more, which occur where s is so small that its rounding is coarse (codes 0x01 and
//   0x02), saturate at 6. In the reference they wrap to code 0x8.
// - Every amax works. The tensor is first multiplied by the power of two that brings amax into [1, 2). In the
//   reference, encode overflows for an amax below about 1e-35, and squared errors overflow for an amax above
//   about 1e19. The multiplication is exact, so it leaves every other result as it was. It also makes codes
//   and scales independent of a power of two that all values of a tensor have in common. The amax that is
//   stored is the original one. MXFP4 has no amax, and its tensors are not multiplied; the errors of a block are
//   counted in units of its scale instead, so that they are independent of magnitude too.
// - No code stands for an infinite value. Noise, a searched scale or the rounding of the largest values may call
//   for a code whose value is beyond FP32: the largest code of that sign with a finite value takes its place.
#pragma once

#include <array>
#include <cstdint>

#include "model/core/format.hpp"
#include "model/core/tensor.hpp"
#include "model/quantize/candidates.hpp"
#include "model/quantize/options.hpp"
#include "model/simd/noise.hpp"
#include "model/simd/rotation.hpp"

namespace if4 {

/// The tensor (transposed if that is an option), cut into rows (see flattens()) and these into blocks of 16
/// (MXFP4: 32).
/// Where a row ends inside a block, the block is filled up with zeros. With `square`, the scale byte that 16
/// rows share is stored in each of them; where the number of rows is not a multiple of 16, the last ones
/// share theirs, and no block reaches from one matrix of a tensor of more dimensions into the next. A tensor of zeros has zeros for all codes, scales and, except for MXFP4, amax. Throws
/// InputError where a value is not finite (the message has its index), where the number of values is not the
/// product of the shape, where the options do not fit the format or the shape, and where a rotated value
/// leaves the range of BF16.
QuantizedTensor quantize(const Tensor& tensor, const QuantizeOptions& options);

// The steps of quantize(), from the outside in.

/// The scale of a block without its type bit. `largest` is the largest normalized magnitude of the block. It
/// is E4M3( largest / target * encode * factor ), which is 0 where that underflows. For MXFP4 it is the power
/// of two at or above largest / target, at least 2^-126, and the code 0 for a block of zeros.
std::uint8_t block_scale(Format format, const Candidate& candidate, float largest, const TensorScale& tensor);

/// That scale, moved by a number of codes and kept between the smallest above 0 and the largest finite one.
std::uint8_t moved_scale(Format format, std::uint8_t scale, int codes);

/// The code of the float type that is nearest to `scaled` + noise steps: ties go to the even code (E2M0:
/// toward zero), and too large values to the largest. Its sign is that of `scaled`, even for zeros. A step is
/// the distance between the codes around `scaled`; `noise` is 0 or in [-1/2, 1/2).
unsigned encode_float(Format format, float scaled, float noise = 0.0F);
/// The code of the integer that is nearest to clamp(scaled / factor of the integers + noise), ties to even.
/// It is never -8 and never a negative zero.
unsigned encode_int(Format format, float scaled, float noise = 0.0F);

/// 16 values coded with one type and scale.
struct Encoded {
  Codes codes = 0;
  float error = 0.0F;  ///< how far they are from the values, by the rule; elements are added in order
};
/// `scale` is block_scale() or one near it, without its type bit; with 0 all codes are 0. `first` is the number
/// that noise() has for element 0. `values` are those of CodeValues for that scale: where they are given, codes
/// with infinite values are not used. The error is in normalized units; that of MXFP4 in units of the scale.
Encoded encode_values(const BlockValues& x, ElementType type, std::uint8_t scale, const TensorScale& tensor,
                      const QuantizeOptions& options, std::uint64_t first, const float* values = nullptr);

}  // namespace if4
