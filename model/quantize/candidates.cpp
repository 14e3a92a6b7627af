#include "model/quantize/candidates.hpp"

#include <algorithm>
#include <cmath>

namespace if4 {

int normalizing_exponent(float amax) {
  int exponent = 0;
  std::frexp(amax, &exponent);  // amax in [2^(exponent-1), 2^exponent)
  return std::clamp(1 - exponent, -126, 127);
}

float normalized(float x, int k) { return (x + 0.0F) * std::ldexp(1.0F, k); }

TensorScale tensor_scale(Format format, float amax) {
  if (traits(format).scale_code == ScaleCode::kE8M0) return TensorScale{1.0F, 1.0F};
  const float encode = amax_divisor(format) / amax;
  return TensorScale{encode, 1.0F / encode};
}

std::vector<Candidate> candidates(Format format) {
  const float span = traits(format).span;
  switch (format) {
    case Format::kMixFP4:  // the integers come first, as they are kept where both errors are equal
      return {{ElementType::kInt, 7.0F, 1.0F}, {ElementType::kFloat, 6.0F, 1.0F}};
    case Format::kNVFP4_46:
      return {{ElementType::kFloat, 6.0F, 1.0F}, {ElementType::kFloat, 6.0F, 1.5F}};
    default:
      if (mixes_types(format)) return {{ElementType::kFloat, span, 1.0F}, {ElementType::kInt, span, 1.0F}};
      return {{element_type(format, 0), span, 1.0F}};
  }
}

const std::vector<SearchStep>& search_steps(Format format) {
  // Each step is the one that lowers the squared error most on normal data and on transformer weights when
  // those before it are tried as well. The next one would gain less than half a percent. 4 or 5 codes up are
  // a factor of about 1.5, with which the largest value of the block becomes the FP4 value 4 and not 6.
  static const std::vector<SearchStep> kFp4Int4 = {{1, -1}, {0, -1}, {0, 5}, {0, 4}, {1, 1}, {0, 1}};
  static const std::vector<SearchStep> kInt4Fp4 = {{0, -1}, {1, -1}, {1, 5}, {0, 1}, {1, 4}, {1, 1}};
  static const std::vector<SearchStep> kFp4 = {{0, 5}, {0, -1}, {0, 4}, {0, 1}};
  static const std::vector<SearchStep> kFp4To4 = {{0, -5}, {0, -4}, {0, 1}, {0, -1}};
  static const std::vector<SearchStep> kBoth = {{0, -1}, {0, 1}, {1, -1}, {1, 1}};
  static const std::vector<SearchStep> kThreeBits = {{0, -2}, {1, -1}, {0, -1}, {1, -2}};
  static const std::vector<SearchStep> kSixBits = {{1, 1}, {0, 1}, {0, 2}, {1, 2}};
  static const std::vector<SearchStep> kInts = {{0, -1}, {0, 1}, {0, 2}};
  static const std::vector<SearchStep> kFloat3 = {{0, -2}, {0, -1}, {0, -3}};
  static const std::vector<SearchStep> kFloat6 = {{0, 1}, {0, 2}, {0, 3}};
  static const std::vector<SearchStep> kPowers = {{0, -1}};
  switch (format) {
    case Format::kIF4:
      return kFp4Int4;
    case Format::kMixFP4:
      return kInt4Fp4;
    case Format::kNVFP4:
      return kFp4;
    case Format::kNVFP4_4:
      return kFp4To4;
    case Format::kNVFP4_46:
      return kBoth;
    case Format::kIF3:
      return kThreeBits;
    case Format::kIF6E2M3:
    case Format::kIF6E3M2:
      return kSixBits;
    case Format::kNVINT3:
    case Format::kNVINT4:
    case Format::kNVINT6:
      return kInts;
    case Format::kNVFP3:
      return kFloat3;
    case Format::kNVFP6E2M3:
    case Format::kNVFP6E3M2:
      return kFloat6;
    case Format::kMXFP4:
    case Format::kMXFP4_4:
      return kPowers;
  }
  return kPowers;
}

double int_factor(Format format) {
  const FormatTraits& t = traits(format);
  return static_cast<double>(t.int_weight) / (t.divisor << t.fraction_bits);
}

}  // namespace if4
