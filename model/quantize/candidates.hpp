// How a tensor is scaled, and the ways to code a block that are tried: what the scalar and the fast quantizer
// have in common.
#pragma once

#include <vector>

#include "model/core/format.hpp"

namespace if4 {

/// The exponent k for which amax * 2^k is in [1, 2), or next to it where FP32 has no normal 2^k. amax must be
/// finite and > 0. When a tensor has been multiplied by 2^k, none of its scale factors leaves the range of
/// FP32: all are from 2^-22 to 4.
int normalizing_exponent(float amax);

/// x * 2^k. -0 becomes +0, so that the sign of the result says whether x < 0, even where it
/// underflows to zero.
float normalized(float x, int k);

/// The two FP32 factors that all blocks of a tensor share.
struct TensorScale {
  float encode;  ///< span * scale_max / amax
  float decode;  ///< 1 / encode
};
/// amax is that of the normalized tensor. For MXFP4 both factors are 1.
TensorScale tensor_scale(Format format, float amax);

/// One way to code a block. Those of a format are tried in order, and the first of the least error is kept.
struct Candidate {
  ElementType type;
  float target;  ///< the element value that the largest magnitude of the block maps to
  float factor;  ///< an extra factor on the scale of the block, before it is rounded
};
std::vector<Candidate> candidates(Format format);

/// A neighbour that the scale search tries: the scale of candidate number `candidate`, moved by
/// `codes` scale codes.
struct SearchStep {
  int candidate;
  int codes;
};
/// The neighbours of a format. They are tried in this order, after the candidates themselves. A scale code
/// that would leave the range from the smallest above 0 to the largest finite one stops at its end.
const std::vector<SearchStep>& search_steps(Format format);

/// The factor of the integers of a format, 6/7 for IF4; 0 where it has none.
double int_factor(Format format);

}  // namespace if4
