// The quantizer, written to be read: FP32 tensor -> 4-bit block-scaled tensor, one plain loop a step.
//
// All arithmetic is FP32, every operation rounded once to nearest even, in the order written: codes depend on
// it. The build therefore compiles the model with -ffp-contract=off (and never with -ffast-math). The order
// is that of the reference quantizer published with arXiv 2603.28765 (IF4, NVFP4 static 6):
//
//     encode = (6 * 448) / amax             decode = 1 / encode
//     s      = E4M3( max|x| / 6 * encode )  scaled = x * (1 / (decode * s))
//     FP4 candidate:  E2M1( scaled ), saturated at +-6
//     INT4 candidate: nearest integer to clamp(scaled * 7/6, -7, 7)
//     the candidate with the smaller error is kept; FP4 when they are equal
//
// It departs from the reference in two places, where the reference's output is unusable:
// - Magnitudes of 7 and more, which occur where s is so small that its rounding is coarse (0x01, 0x02),
// saturate
//   at 6; there they wrap to code 0x8.
// - Every amax works. The tensor is first multiplied by the power of two that brings amax into [1, 2); there
//   encode overflows for an amax below about 1e-35, and squared errors overflow for one above about 1e19. The
//   multiplication is exact, so it leaves every other result as it was, and it makes codes and scales
//   independent of a power of two common to the whole tensor. The amax stored is the original one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/format.hpp"
#include "model/tensor.hpp"

namespace if4 {

/// What "the smaller error" of a block means; the error of an element is its dequantized value minus x.
enum class Rule : std::uint8_t {
  kMse,     ///< sum of the squared errors
  kMae,     ///< sum of the absolute errors
  kAbsMax,  ///< largest absolute error
};

/// "mse", "mae" or "abs_max": the name used on the command line and in files.
std::string_view rule_name(Rule rule);
/// The rule of that name (lower case), or nothing.
std::optional<Rule> rule_from_name(std::string_view name);

/// Whether quantize() makes tensors of that format: IF4 and NVFP4.
bool can_quantize(Format format);

struct QuantizeOptions {
  Format format = Format::kIF4;
  Rule rule = Rule::kMse;  ///< NVFP4 has one candidate and no use for it
};

/// `tensor` cut along its last dimension into blocks of 16, the last one of a row padded with zeros.
/// A tensor of zeros gives all-zero codes, scales and amax. Throws InputError, naming the index, where a
/// value is not finite, where the number of values is not the product of the shape, and for a format that
/// can_quantize() denies.
QuantizedTensor quantize(const Tensor& tensor, const QuantizeOptions& options);

// The steps of quantize(), from the outside in.

/// The power of two k for which amax * 2^k is in [1, 2). amax must be finite and > 0.
int normalizing_exponent(float amax);

/// x * 2^k. A nonzero x too small for FP32 after it (less than 2^-149 of amax: its code is a zero whatever
/// happens) becomes the smallest subnormal of its sign, because the sign of such an x still shows in FP4.
float normalized(float x, int k);

/// The two FP32 factors that all blocks of a tensor share.
struct TensorScale {
  float encode;  ///< 2688 / amax
  float decode;  ///< 1 / encode
};
/// amax is the normalized one, in [1, 2).
TensorScale tensor_scale(float amax);

/// One block before quantization: normalized values, padded with zeros.
using BlockValues = std::array<float, kBlockSize>;

/// s of a block, bits 6:0 of its scale byte. 0x00 where it underflows: such a block is stored as zero codes.
std::uint8_t block_scale(const BlockValues& x, const TensorScale& tensor);

/// E2M1 code nearest to `scaled`, ties to the even code, saturated at +-6. A negative value that rounds to
/// zero is 0x8; +0 and -0 are 0x0.
unsigned encode_fp4(float scaled);
/// INT4 code (two's complement, -7..7) nearest to scaled * 7/6, ties to even, saturated.
unsigned encode_int4(float scaled);

/// A block with all its elements of one type, and how far it is from x by the rule.
struct Candidate {
  Block block;
  float error;
};
/// `magnitude` is block_scale() and not 0.
Candidate encode_block(const BlockValues& x, ElementType type, std::uint8_t magnitude,
                       const TensorScale& tensor, Rule rule);

/// The block that is stored for x.
Block quantize_block(const BlockValues& x, const TensorScale& tensor, const QuantizeOptions& options);

}  // namespace if4
