#include "model/quantizer.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include "model/error.hpp"

namespace if4 {

namespace {

/// One INT4 step, and its inverse, in units of the scaled value.
constexpr float kIntStep = 6.0F / 7.0F;
constexpr float kIntStepsPerUnit = 7.0F / 6.0F;

/// An element's value before decode * s, in FP32 as the error is computed; exact but for the factor 6/7.
float code_value(ElementType type, unsigned code) {
  if (type == ElementType::kInt) return static_cast<float>(int4_value(code)) * kIntStep;
  return static_cast<float>(fp4_halves(code)) * 0.5F;
}

float largest_magnitude(const float* x, std::size_t count) {
  float largest = 0.0F;
  for (std::size_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(x[i]));
  return largest;
}

void check_values(const Tensor& tensor) {
  const std::size_t expected = tensor.rows() * tensor.columns();
  if (tensor.values.size() != expected) {
    throw InputError("tensor of shape " + to_string(tensor.shape) + " has " +
                     std::to_string(tensor.values.size()) + " values, not " + std::to_string(expected));
  }
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    if (!std::isfinite(tensor.values[i])) {
      throw InputError("value " + std::to_string(i) + " of the tensor is not finite");
    }
  }
}

}  // namespace

std::string_view rule_name(Rule rule) {
  switch (rule) {
    case Rule::kMse:
      return "mse";
    case Rule::kMae:
      return "mae";
    case Rule::kAbsMax:
      return "abs_max";
  }
  return "";
}

std::optional<Rule> rule_from_name(std::string_view name) {
  for (const Rule rule : {Rule::kMse, Rule::kMae, Rule::kAbsMax}) {
    if (rule_name(rule) == name) return rule;
  }
  return std::nullopt;
}

bool can_quantize(Format format) { return format == Format::kIF4 || format == Format::kNVFP4; }

QuantizedTensor quantize(const Tensor& tensor, const QuantizeOptions& options) {
  if (!can_quantize(options.format)) {
    throw InputError("there is no quantizer for " + std::string(format_name(options.format)) +
                     ", only for if4 and nvfp4");
  }
  check_values(tensor);
  QuantizedTensor result = make_quantized(options.format, tensor.shape);
  result.amax = largest_magnitude(tensor.values.data(), tensor.values.size());
  if (result.amax == 0.0F) return result;

  const int k = normalizing_exponent(result.amax);
  const TensorScale scale = tensor_scale(normalized(result.amax, k));
  const std::size_t columns = tensor.columns();
  for (std::size_t row = 0; row < tensor.rows(); ++row) {
    for (std::size_t b = 0; b < result.blocks_per_row(); ++b) {
      BlockValues x{};
      const std::size_t first = b * x.size();
      const std::size_t count = std::min(columns - first, x.size());
      for (std::size_t i = 0; i < count; ++i) x[i] = normalized(tensor.values[row * columns + first + i], k);
      result.set_block(row, b, quantize_block(x, scale, options));
    }
  }
  return result;
}

int normalizing_exponent(float amax) {
  int exponent = 0;
  std::frexp(amax, &exponent);  // amax in [2^(exponent-1), 2^exponent)
  return 1 - exponent;
}

float normalized(float x, int k) {
  const float result = std::ldexp(x, k);
  if (result == 0.0F && x != 0.0F) return std::copysign(std::numeric_limits<float>::denorm_min(), x);
  return result;
}

TensorScale tensor_scale(float amax) {
  const float encode = (kSpan * kScaleMax) / amax;
  return TensorScale{encode, 1.0F / encode};
}

std::uint8_t block_scale(const BlockValues& x, const TensorScale& tensor) {
  const float s = largest_magnitude(x.data(), x.size()) / kSpan * tensor.encode;
  return encode_scale_magnitude(s);
}

unsigned encode_fp4(float scaled) {
  // The midpoints between neighbouring magnitudes 0, .5, 1, 1.5, 2, 3, 4, 6. Codes alternate between even and
  // odd, so a tie goes down where the lower code is even (<=) and up where it is odd (<).
  const float m = std::fabs(scaled);
  const unsigned magnitude = m <= 0.25F   ? 0
                             : m < 0.75F  ? 1
                             : m <= 1.25F ? 2
                             : m < 1.75F  ? 3
                             : m <= 2.5F  ? 4
                             : m < 3.5F   ? 5
                             : m <= 5.0F  ? 6
                                          : 7;
  return scaled < 0.0F ? magnitude | 8U : magnitude;
}

unsigned encode_int4(float scaled) {
  const float steps = std::clamp(scaled * kIntStepsPerUnit, -7.0F, 7.0F);
  return static_cast<unsigned>(static_cast<int>(std::nearbyint(steps))) & 15U;
}

Candidate encode_block(const BlockValues& x, ElementType type, std::uint8_t magnitude,
                       const TensorScale& tensor, Rule rule) {
  const float step = tensor.decode * scale_magnitude(magnitude);
  const float steps_per_unit = 1.0F / step;
  Candidate candidate{};
  candidate.block.scale =
      static_cast<std::uint8_t>(type == ElementType::kInt ? magnitude | kScaleIntBit : magnitude);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float scaled = x[i] * steps_per_unit;
    const unsigned code = type == ElementType::kInt ? encode_int4(scaled) : encode_fp4(scaled);
    candidate.block.codes |= static_cast<std::uint64_t>(code) << (4 * i);
    const float error = std::fabs(code_value(type, code) * step - x[i]);
    switch (rule) {
      case Rule::kMse:
        candidate.error += error * error;
        break;
      case Rule::kMae:
        candidate.error += error;
        break;
      case Rule::kAbsMax:
        candidate.error = std::max(candidate.error, error);
        break;
    }
  }
  return candidate;
}

Block quantize_block(const BlockValues& x, const TensorScale& tensor, const QuantizeOptions& options) {
  const std::uint8_t magnitude = block_scale(x, tensor);
  if (magnitude == 0) return Block{};
  const Candidate fp4 = encode_block(x, ElementType::kFloat, magnitude, tensor, options.rule);
  if (options.format == Format::kNVFP4) return fp4.block;
  const Candidate int4 = encode_block(x, ElementType::kInt, magnitude, tensor, options.rule);
  return int4.error < fp4.error ? int4.block : fp4.block;
}

}  // namespace if4
