// The quantizer: properties that follow from the text of the format, checked in double.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "model/quantize/measure.hpp"
#include "model/quantize/quantizer.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/rational.hpp"

namespace {

using if4::Block;
using if4::BlockValues;
using if4::ElementType;
using if4::Format;
using if4::QuantizedTensor;
using if4::QuantizeOptions;
using if4::Rule;
using if4::Tensor;

constexpr QuantizeOptions kAllOptions[] = {{Format::kIF4, Rule::kMse},
                                           {Format::kIF4, Rule::kMae},
                                           {Format::kIF4, Rule::kAbsMax},
                                           {Format::kNVFP4, Rule::kMse}};
constexpr float kTiniest = std::numeric_limits<float>::denorm_min();
constexpr float kLargest = std::numeric_limits<float>::max();

unsigned encode_fp4(float scaled) { return if4::encode_float(Format::kIF4, scaled); }
unsigned encode_int4(float scaled) { return if4::encode_int(Format::kIF4, scaled); }

bool is_int(const Block& block) { return (block.scale & 0x80) != 0; }

/// Normal values, each row with a magnitude of its own.
Tensor random_tensor(std::size_t rows, std::size_t columns, unsigned seed) {
  std::mt19937_64 rng(test_seed() + seed);
  std::normal_distribution<float> normal;
  Tensor tensor{{rows, columns}, {}};
  for (std::size_t row = 0; row < rows; ++row) {
    const float magnitude = std::exp2(-static_cast<float>(row % 12));
    for (std::size_t i = 0; i < columns; ++i) tensor.values.push_back(normal(rng) * magnitude);
  }
  return tensor;
}

/// How far x is from what a code stands for; from the text of the format, not from the model.
double distance(bool is_int, unsigned code, double step, double x) {
  return std::fabs(if4::rational::element_value(is_int, code).get_d() * step - x);
}

double step_of(const Block& block, float amax) {
  return if4::rational::scale_value(block.scale).get_d() * static_cast<double>(amax) / 2688.0;
}

/// A row of two blocks: the first holds only 2688, so that one step of the second is its s.
Tensor with_unit_steps(const std::vector<float>& second_block) {
  Tensor tensor{{1, 32}, std::vector<float>(32)};
  tensor.values[0] = 2688.0F;
  for (std::size_t i = 0; i < second_block.size(); ++i) tensor.values[16 + i] = second_block[i];
  return tensor;
}

std::string error_of(const Tensor& tensor) {
  try {
    if4::quantize(tensor, {});
  } catch (const if4::InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("quantization does not depend on a common power of two", "[quantizer]") {
  const QuantizeOptions options = GENERATE(from_range(std::begin(kAllOptions), std::end(kAllOptions)));
  // Multiples of 2^-10 below 16: exact in FP32 over the whole range of exponents used here.
  std::mt19937_64 rng(test_seed() + 1);
  std::uniform_int_distribution<int> value(-(1 << 14) + 1, (1 << 14) - 1);
  Tensor tensor{{8, 40}, {}};
  for (std::size_t i = 0; i < 320; ++i) {
    tensor.values.push_back(std::ldexp(static_cast<float>(value(rng) >> (i / 40)), -10));
  }
  const QuantizedTensor expected = if4::quantize(tensor, options);
  for (const int k : {-139, -130, -126, -100, -64, -1, 1, 63, 64, 100, 124}) {
    CAPTURE(k);
    Tensor scaled = tensor;
    for (float& x : scaled.values) x = std::ldexp(x, k);
    const QuantizedTensor actual = if4::quantize(scaled, options);
    CHECK(actual.codes == expected.codes);
    CHECK(actual.scales == expected.scales);
    CHECK(actual.amax == std::ldexp(expected.amax, k));
  }
}

TEST_CASE("the extremes of FP32 in one tensor", "[quantizer]") {
  const QuantizeOptions options = GENERATE(from_range(std::begin(kAllOptions), std::end(kAllOptions)));
  Tensor tensor{{2, 16}, std::vector<float>(32)};
  tensor.values[0] = kLargest;
  tensor.values[1] = -kTiniest;
  tensor.values[2] = kTiniest;
  tensor.values[3] = -0.0F;
  tensor.values[16] = -kTiniest;
  const QuantizedTensor result = if4::quantize(tensor, options);
  CHECK(result.amax == kLargest);
  CHECK(result.block(0, 0).scale == 0x7E);
  CHECK(result.block(0, 0).codes == 0x0087);
  CHECK(result.block(1, 0).scale == 0);
  CHECK(result.block(1, 0).codes == 0);
}

TEST_CASE("a tensor of one value only quantizes exactly", "[quantizer]") {
  const float value = GENERATE(1.0F, -3.25F, kTiniest, -3 * kTiniest, 1e-38F, kLargest, -1e19F);
  CAPTURE(value);
  const QuantizedTensor result = if4::quantize({{2, 16}, std::vector<float>(32, value)}, {});
  CHECK(result.amax == std::fabs(value));
  for (const std::uint8_t scale : result.scales) CHECK(scale == 0x7E);
  for (const std::uint8_t codes : result.codes) CHECK(codes == (value < 0 ? 0xFF : 0x77));
}

TEST_CASE("every code is the nearest one of its type", "[quantizer]") {
  const QuantizeOptions options = GENERATE(from_range(std::begin(kAllOptions), std::end(kAllOptions)));
  const Tensor tensor = random_tensor(48, 64, 2);
  const QuantizedTensor result = if4::quantize(tensor, options);
  std::size_t worse = 0;
  std::size_t int_blocks = 0;
  for (std::size_t row = 0; row < 48; ++row) {
    for (std::size_t b = 0; b < 4; ++b) {
      const Block block = result.block(row, b);
      const double step = step_of(block, result.amax);
      int_blocks += is_int(block) ? 1 : 0;
      for (int i = 0; i < 16; ++i) {
        const double x = tensor.values[row * 64 + b * 16 + static_cast<std::size_t>(i)];
        const double chosen = distance(is_int(block), block.code(i), step, x);
        for (unsigned code = 0; code < 16; ++code) {
          if (is_int(block) && code == 8) continue;
          // FP32 rounds x / step by up to 4 parts in 10^7 before the comparison.
          if (distance(is_int(block), code, step, x) < chosen - 4e-7 * std::fabs(x)) ++worse;
        }
      }
    }
  }
  CHECK(worse == 0);
  CHECK((int_blocks > 0) == (options.format == Format::kIF4));
}

TEST_CASE("FP4 rounds to the nearest magnitude, ties to the even code", "[quantizer]") {
  constexpr double kMagnitudes[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  for (int i = -640; i <= 640; ++i) {
    const float scaled = static_cast<float>(i) / 64.0F;
    CAPTURE(scaled);
    unsigned nearest = 0;
    for (unsigned m = 1; m < 8; ++m) {
      const double closer =
          std::fabs(kMagnitudes[nearest] - std::fabs(scaled)) - std::fabs(kMagnitudes[m] - std::fabs(scaled));
      if (closer > 0 || (closer == 0 && m % 2 == 0)) nearest = m;
    }
    CHECK(encode_fp4(scaled) == (scaled < 0 ? nearest + 8 : nearest));
  }
  CHECK(encode_fp4(-0.0F) == 0x8);  // a negative value that underflowed; -0 itself becomes +0 before
  CHECK(encode_fp4(-kTiniest) == 0x8);
  CHECK(encode_fp4(kLargest) == 0x7);
  CHECK(encode_fp4(-kLargest) == 0xF);
}

TEST_CASE("INT4 rounds to the nearest multiple of 6/7, ties to even, without -8", "[quantizer]") {
  for (int i = -640; i <= 640; ++i) {
    const float scaled = static_cast<float>(i) / 64.0F;
    CAPTURE(scaled);
    const unsigned code = encode_int4(scaled);
    CHECK(code != 8);
    for (unsigned other = 0; other < 16; ++other) {
      if (other == 8) continue;
      CHECK(distance(true, code, 1.0, scaled) <= distance(true, other, 1.0, scaled) + 1e-6);
    }
  }
  // 3 * 7/6 = 3.5 and 9 * 7/6 = 10.5 hit a tie and the limit.
  CHECK(encode_int4(3.0F) == 4);
  CHECK(encode_int4(-3.0F) == 0xC);
  CHECK(encode_int4(9.0F) == 7);
  CHECK(encode_int4(-9.0F) == 9);
  CHECK(encode_int4(-0.25F) == 0);
}

TEST_CASE("values above the span saturate where s is 0x01 or 0x02", "[quantizer]") {
  struct Case {
    float scaled_max;
    std::uint8_t scale;
  };
  const Case c = GENERATE(Case{8.75F, 0x01}, Case{7.25F, 0x01}, Case{7.375F, 0x02}, Case{7.0F, 0x02});
  CAPTURE(c.scaled_max, c.scale);
  const float step = if4::scale_magnitude(c.scale);
  const Tensor tensor =
      with_unit_steps({c.scaled_max * step, -c.scaled_max * step, 6.75F * step, -6.75F * step, 2 * step});
  const Block nvfp4 = if4::quantize(tensor, {Format::kNVFP4, Rule::kMse}).block(0, 1);
  CHECK(nvfp4.scale == c.scale);
  CHECK(nvfp4.codes == 0x4F7F7);
  for (const Rule rule : {Rule::kMse, Rule::kMae, Rule::kAbsMax}) {
    const Block if4_block = if4::quantize(tensor, {Format::kIF4, rule}).block(0, 1);
    CHECK((if4_block.scale & 0x7F) == c.scale);
    CHECK((if4_block.codes & 0xFFFF) == (is_int(if4_block) ? 0x9797 : 0xF7F7));
  }
}

TEST_CASE("zeros, and negative values that round to zero", "[quantizer]") {
  const QuantizeOptions options = GENERATE(from_range(std::begin(kAllOptions), std::end(kAllOptions)));
  SECTION("a tensor of zeros") {
    Tensor tensor{{2, 20}, std::vector<float>(40, 0.0F)};
    tensor.values[3] = -0.0F;
    const QuantizedTensor result = if4::quantize(tensor, options);
    CHECK(result.amax == 0.0F);
    CHECK_FALSE(std::signbit(result.amax));
    CHECK(result.codes == std::vector<std::uint8_t>(32));
    CHECK(result.scales == std::vector<std::uint8_t>(4));
  }
  SECTION("a block of zeros beside another") {
    const Block block = if4::quantize(with_unit_steps({0.0F, -0.0F}), options).block(0, 1);
    CHECK(block.scale == 0);
    CHECK(block.codes == 0);
  }
  SECTION("a negative value keeps its sign in FP4, -0 has none to keep") {
    // FP4 hits 6, 1.5 and 0.5 exactly.
    const Block block =
        if4::quantize(with_unit_steps({6.0F, 1.5F, 0.5F, -1e-3F, -0.0F, 0.0F, 1e-3F}), options).block(0, 1);
    CHECK(block.scale == 0x38);
    CHECK(block.codes == 0x0008137);
  }
}

TEST_CASE("a scale that underflows stores a block of zero codes", "[quantizer]") {
  const QuantizeOptions options = GENERATE(from_range(std::begin(kAllOptions), std::end(kAllOptions)));
  // Half of the smallest s ties to the even 0.
  const float limit = std::ldexp(6.0F, -10);
  const Block below = if4::quantize(with_unit_steps({-limit, limit / 2}), options).block(0, 1);
  CHECK(below.scale == 0);
  CHECK(below.codes == 0);
  const Block above = if4::quantize(with_unit_steps({-limit * 1.0001F}), options).block(0, 1);
  CHECK((above.scale & 0x7F) == 1);
  CHECK(above.codes != 0);
}

TEST_CASE("the last block of a row is padded with zeros", "[quantizer]") {
  const QuantizeOptions options = GENERATE(from_range(std::begin(kAllOptions), std::end(kAllOptions)));
  const Tensor tensor = random_tensor(3, 21, 4);
  Tensor padded{{3, 32}, std::vector<float>(96)};
  for (std::size_t i = 0; i < 63; ++i) padded.values[i / 21 * 32 + i % 21] = tensor.values[i];
  const QuantizedTensor result = if4::quantize(tensor, options);
  const QuantizedTensor expected = if4::quantize(padded, options);
  CHECK(result.shape == if4::Shape{3, 21});
  CHECK(result.codes == expected.codes);
  CHECK(result.scales == expected.scales);
  for (std::size_t row = 0; row < 3; ++row) CHECK(result.block(row, 1).codes >> 20 == 0);
}

TEST_CASE("shapes of any rank", "[quantizer]") {
  const Tensor matrix = random_tensor(6, 32, 5);
  const QuantizedTensor expected = if4::quantize(matrix, {});
  const QuantizedTensor cube = if4::quantize({{2, 3, 32}, matrix.values}, {});
  CHECK(cube.codes == expected.codes);
  CHECK(cube.scales == expected.scales);
  const QuantizedTensor scalar = if4::quantize({{}, {-2.0F}}, {});
  CHECK(scalar.block(0, 0).codes == 0xF);
  CHECK(if4::quantize({{0, 16}, {}}, {}).codes.empty());
}

TEST_CASE("the rule keeps the candidate with the smaller error", "[quantizer]") {
  const Tensor tensor = random_tensor(64, 64, 6);
  std::vector<std::vector<std::uint8_t>> scales;
  for (const Rule rule : {Rule::kMse, Rule::kMae, Rule::kAbsMax}) {
    CAPTURE(if4::rule_name(rule));
    const QuantizedTensor result = if4::quantize(tensor, {Format::kIF4, rule});
    const int k = if4::normalizing_exponent(result.amax);
    const if4::TensorScale scale = if4::tensor_scale(Format::kIF4, if4::normalized(result.amax, k));
    std::size_t wrong = 0;
    for (std::size_t position = 0; position < 256; ++position) {
      BlockValues x{};
      for (std::size_t i = 0; i < 16; ++i) x[i] = if4::normalized(tensor.values[position * 16 + i], k);
      const Block kept = result.block(position / 4, position % 4);
      const std::uint8_t magnitude = kept.scale & 0x7F;
      double errors[2] = {};
      for (const bool as_int : {false, true}) {
        const ElementType type = as_int ? ElementType::kInt : ElementType::kFloat;
        Block candidate;
        candidate.codes = if4::encode_values(x, type, magnitude, scale, {Format::kIF4, rule}, 0).codes;
        candidate.scale = magnitude;
        if (as_int == is_int(kept)) CHECK(candidate.codes == kept.codes);
        for (int i = 0; i < 16; ++i) {
          const double error = distance(as_int, candidate.code(i), step_of(candidate, result.amax),
                                        tensor.values[position * 16 + static_cast<std::size_t>(i)]);
          double& total = errors[as_int ? 1 : 0];
          total = rule == Rule::kMse   ? total + error * error
                  : rule == Rule::kMae ? total + error
                                       : std::fmax(total, error);
        }
      }
      const double kept_error = errors[is_int(kept) ? 1 : 0];
      const double other_error = errors[is_int(kept) ? 0 : 1];
      if (kept_error > other_error * (1 + 1e-5)) ++wrong;
    }
    CHECK(wrong == 0);
    scales.push_back(result.scales);
  }
  CHECK(scales[0] != scales[1]);
  CHECK(scales[0] != scales[2]);
  CHECK(scales[1] != scales[2]);
}

TEST_CASE("FP4 is kept where both candidates are as good", "[quantizer]") {
  const Rule rule = GENERATE(Rule::kMse, Rule::kMae, Rule::kAbsMax);
  // +-6 and 0 are elements of both types.
  const Block block = if4::quantize(with_unit_steps({6.0F, -6.0F, 0.0F}), {Format::kIF4, rule}).block(0, 1);
  CHECK(block.scale == 0x38);
  CHECK(block.codes == 0x0F7);
}

TEST_CASE("NVFP4 is the FP4 candidate of IF4", "[quantizer]") {
  const Tensor tensor = random_tensor(32, 64, 7);
  const QuantizedTensor nvfp4 = if4::quantize(tensor, {Format::kNVFP4, Rule::kMse});
  const QuantizedTensor mixed = if4::quantize(tensor, {Format::kIF4, Rule::kMse});
  CHECK(nvfp4.format == Format::kNVFP4);
  for (std::size_t position = 0; position < 128; ++position) {
    const Block one = nvfp4.block(position / 4, position % 4);
    const Block other = mixed.block(position / 4, position % 4);
    CHECK_FALSE(is_int(one));
    CHECK(one.scale == (other.scale & 0x7F));
    if (!is_int(other)) CHECK(one.codes == other.codes);
  }
}

TEST_CASE("values that are not finite, or too few, are rejected", "[quantizer]") {
  Tensor tensor{{2, 16}, std::vector<float>(32, 1.0F)};
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    tensor.values[19] = bad;
    CHECK(error_of(tensor) == (std::isnan(bad) ? "value 19 is NaN" : "value 19 is infinite"));
  }
  tensor.values.resize(31, 1.0F);
  CHECK(error_of(tensor) == "tensor of shape [2, 16] has 31 values, not 32");
}

TEST_CASE("rules have names", "[quantizer]") {
  for (const Rule rule : {Rule::kMse, Rule::kMae, Rule::kAbsMax}) {
    CHECK(if4::rule_from_name(if4::rule_name(rule)) == rule);
  }
  CHECK(if4::rule_name(Rule::kAbsMax) == "abs_max");
  CHECK_FALSE(if4::rule_from_name("MSE").has_value());
}

TEST_CASE("the measured error", "[quantizer]") {
  QuantizedTensor quantized = if4::make_quantized(Format::kIF4, {2, 16});
  quantized.amax = 2688.0F;
  quantized.scales = {0x38, 0xB8};
  quantized.set_block(0, 0, {0x2222222222222222, 0x38});
  quantized.set_block(1, 0, {0x7777777777777777, 0xB8});
  Tensor original{{2, 16}, std::vector<float>(32, 6.0F)};
  for (std::size_t i = 0; i < 16; ++i) original.values[i] = 2.0F;

  const if4::QuantizationError error = if4::measure(original, quantized);
  CHECK(error.relative_mse == 0.025);  // 16 * 1 / (16 * 4 + 16 * 36)
  CHECK(std::fabs(error.sqnr_db - 16.0206) < 1e-4);
  CHECK(error.int_share == 0.5);

  for (std::size_t i = 0; i < 16; ++i) original.values[i] = 1.0F;
  CHECK(if4::measure(original, quantized).relative_mse == 0.0);
  CHECK(if4::measure(original, quantized).sqnr_db == std::numeric_limits<double>::infinity());

  const Tensor zeros{{16}, std::vector<float>(16)};
  CHECK(if4::measure(zeros, if4::quantize(zeros, {})).relative_mse == 0.0);
  CHECK_THROWS_AS(if4::measure(zeros, quantized), if4::InputError);
}

TEST_CASE("IF4 loses less than NVFP4", "[quantizer]") {
  const Tensor tensor = random_tensor(64, 64, 8);
  const double nvfp4 = if4::measure(tensor, if4::quantize(tensor, {Format::kNVFP4, Rule::kMse})).relative_mse;
  const double mixed = if4::measure(tensor, if4::quantize(tensor, {Format::kIF4, Rule::kMse})).relative_mse;
  CHECK(mixed < nvfp4);
}
