// The quantizer, written to be read: FP32 tensor -> block-scaled tensor, one plain loop a step. It is the
// specification; model/quantize/fast_quantizer.hpp gives the same bits faster. model/README.md says it in
// words.
//
// All arithmetic is FP32, every operation rounded once to nearest even, in the order written: codes depend on
// it. The build therefore compiles the model with -ffp-contract=off (and never with -ffast-math). The order
// is that of the reference quantizer published with arXiv 2603.28765; for IF4:
//
//     encode = (6 * 448) / amax             decode = 1 / encode
//     s      = E4M3( max|x| / 6 * encode )  scaled = x * (1 / (decode * s))
//     FP4 candidate:  E2M1( scaled ), saturated at +-6
//     INT4 candidate: nearest integer to clamp(scaled * 7/6, -7, 7)
//     the candidate with the smaller error is kept; FP4 when they are equal
//
// It departs from the reference in two places, where the reference's output is unusable:
// - Magnitudes of 7 and more, which occur where s is so small that its rounding is coarse (0x01, 0x02),
//   saturate at 6; there they wrap to code 0x8.
// - Every amax works. The tensor is first multiplied by the power of two that brings amax into [1, 2); there
//   encode overflows for an amax below about 1e-35, and squared errors overflow for one above about 1e19. The
//   multiplication is exact, so it leaves every other result as it was, and it makes codes and scales
//   independent of a power of two common to the whole tensor. The amax stored is the original one. MXFP4 has
//   no amax and is not multiplied.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "model/core/format.hpp"
#include "model/core/tensor.hpp"
#include "model/quantize/noise.hpp"
#include "model/quantize/rotation.hpp"

namespace if4 {

/// What "the smaller error" of a block means; the error of an element is its dequantized value minus x.
enum class Rule : std::uint8_t {
  kMse,     ///< sum of the squared errors
  kMae,     ///< sum of the absolute errors
  kAbsMax,  ///< largest absolute error
};
/// All of them.
inline constexpr std::array kRules = {Rule::kMse, Rule::kMae, Rule::kAbsMax};

/// "mse", "mae" or "abs_max": the name used on the command line and in files.
std::string_view rule_name(Rule rule);
/// The rule of that name (lower case), or nothing.
std::optional<Rule> rule_from_name(std::string_view name);

struct QuantizeOptions {
  Format format = Format::kIF4;
  Rule rule = Rule::kMse;  ///< of no effect where a block has one candidate: see uses_rule()
  bool search = false;     ///< also try neighbouring scales: see search_steps()
  bool square = false;     ///< 16 x 16 values share one scale and type; not for MXFP4
  bool rotate = false;     ///< rotate() every 16 values first; columns must be a multiple of 16
  bool transpose = false;  ///< the tensor as a matrix [rows, columns] is transposed before all else
  std::optional<std::uint64_t> seed =
      std::nullopt;  ///< stochastic rounding with that seed; without it, to nearest even
};

/// Whether the rule decides anything: blocks have two candidates, or scales are searched.
bool uses_rule(const QuantizeOptions& options);

/// The tensor cut along its last dimension (after the transposition) into blocks of 16 (MXFP4: 32), the last
/// one of a row padded with zeros. `square` repeats the scale byte of 16 rows in each of them; where the
/// rows are no multiple of 16 the last ones share theirs. A tensor of zeros gives all-zero codes, scales and
/// (but for MXFP4) amax. Throws InputError, naming the index, where a value is not finite, where the number
/// of values is not the product of the shape, where options do not fit the format or the shape, and where a
/// rotated value leaves the range of BF16.
QuantizedTensor quantize(const Tensor& tensor, const QuantizeOptions& options);

/// Throws the InputError of quantize() where a tensor of that shape (before transposition) cannot be
/// quantized with these options.
void check_options(const Shape& shape, const QuantizeOptions& options);

/// The matrix [rows(), columns()] transposed: shape [columns, rows].
Tensor transposed(const Tensor& tensor);

// The steps of quantize(), from the outside in.

/// The exponent k for which amax * 2^k is in [1, 2), or next to it where FP32 has no normal 2^k. amax must be
/// finite and > 0. After it no scale factor leaves the range of FP32: from 2^-22 to 4.
int normalizing_exponent(float amax);

/// x * 2^k, and -0 as +0, so that the sign of the result says whether x < 0 even where it underflows to zero.
float normalized(float x, int k);

/// The two FP32 factors that all blocks of a tensor share.
struct TensorScale {
  float encode;  ///< span * scale_max / amax
  float decode;  ///< 1 / encode
};
/// amax is the normalized one. MXFP4: both factors are 1.
TensorScale tensor_scale(Format format, float amax);

/// One way to code a block. Those of a format are tried in order; the first of the least error is kept.
struct Candidate {
  ElementType type;
  float target;  ///< element value that the largest magnitude of the block is to become
  float factor;  ///< and what its scale is multiplied by after that
};
std::vector<Candidate> candidates(Format format);

/// A neighbour that the scale search tries: the scale of candidate `candidate` moved by that many codes.
struct SearchStep {
  int candidate;
  int codes;
};
/// Tried in this order after the candidates themselves. Scale codes stop at the smallest above 0 and at the
/// largest finite one.
const std::vector<SearchStep>& search_steps(Format format);

/// The scale of a block without its type bit, for its largest normalized magnitude: E4M3( largest / target *
/// encode * factor ), 0 where that underflows; MXFP4: the power of two at or above largest / target, at least
/// 2^-126, and code 0 for a block of zeros.
std::uint8_t block_scale(Format format, const Candidate& candidate, float largest, const TensorScale& tensor);

/// That scale moved by a number of codes and kept between the smallest above 0 and the largest finite one.
std::uint8_t moved_scale(Format format, std::uint8_t scale, int codes);

/// Code of the float type nearest to `scaled` + noise steps, ties to the even code (E2M0: toward zero),
/// saturated. Its sign is that of `scaled`, even for zeros. A step is the distance of the codes around
/// `scaled`; `noise` is 0 or in [-1/2, 1/2).
unsigned encode_float(Format format, float scaled, float noise = 0.0F);
/// Code of the integer nearest to clamp(scaled / factor of the integers + noise), ties to even, without -8
/// and without a negative zero.
unsigned encode_int(Format format, float scaled, float noise = 0.0F);

/// 16 values coded with one type and scale, and how far the result is from x by the rule: the error of the
/// elements, added in order.
struct Encoded {
  Codes codes = 0;
  float error = 0.0F;
};
/// `scale` is block_scale() or near it; with 0 all codes are 0. `first` is the number of noise() of element
/// 0.
Encoded encode_values(const BlockValues& x, ElementType type, std::uint8_t scale, const TensorScale& tensor,
                      const QuantizeOptions& options, std::uint64_t first);

}  // namespace if4
