// The quantizer in every format and with every option: properties that follow from the text of the formats,
// checked in double, and the transformations before it.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "model/quantize/measure.hpp"
#include "model/quantize/quantizer.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/rational.hpp"

namespace {

using namespace if4;

std::vector<Format> all_formats() {
  std::vector<Format> formats;
  for (int number = 0; number < kFormatCount; ++number) formats.push_back(static_cast<Format>(number));
  return formats;
}

/// Normal values, in every third row their fifth powers: long tails, which floats suit better. Each row has a
/// magnitude of its own.
Tensor normal_tensor(std::size_t rows, std::size_t columns, unsigned seed) {
  std::mt19937_64 rng(test_seed() + seed);
  std::normal_distribution<float> normal;
  Tensor tensor{{rows, columns}, {}};
  for (std::size_t i = 0; i < rows * columns; ++i) {
    const float x = normal(rng);
    tensor.values.push_back((i / columns % 3 == 0 ? x * x * x * x * x / 16 : x) *
                            std::exp2(-static_cast<float>(i / columns % 12)));
  }
  return tensor;
}

std::vector<double> scaled_by(std::vector<mpq_class> values, double factor) {
  std::vector<double> result;
  for (const mpq_class& value : values) result.push_back(value.get_d() * factor);
  return result;
}

/// What the codes of a format stand for, from the text of the formats: those without a MAC are parts of
/// formats that have one.
std::vector<double> element_values(Format format, bool bit7) {
  switch (format) {
    case Format::kNVINT3:
      return scaled_by(rational::element_values("if3", true), 3.0 / 4.0);
    case Format::kNVINT6:
      return scaled_by(rational::element_values("if6_e2m3", true), 31.0 / 7.5);
    case Format::kNVFP3:
      return scaled_by(rational::element_values("if3", false), 1.0);
    case Format::kNVFP4_46:
    case Format::kNVFP4_4:
    case Format::kMXFP4:
    case Format::kMXFP4_4:
      return scaled_by(rational::element_values("nvfp4", false), 1.0);
    default:
      return scaled_by(rational::element_values(format_name(format), bit7), 1.0);
  }
}

double step_of(const QuantizedTensor& tensor, std::uint8_t scale) {
  const std::set<Format> by_256{Format::kNVFP4_46};
  switch (tensor.format) {
    case Format::kMXFP4:
    case Format::kMXFP4_4:
      return std::ldexp(1.0, scale - 127);
    default:
      break;
  }
  double span = 6.0;
  if (tensor.format == Format::kNVFP4_4 || tensor.format == Format::kIF3 || tensor.format == Format::kNVFP3) {
    span = 4.0;
  }
  if (tensor.format == Format::kNVINT3) span = 3.0;
  if (tensor.format == Format::kNVINT4) span = 7.0;
  if (tensor.format == Format::kNVINT6) span = 31.0;
  if (tensor.format == Format::kIF6E2M3 || tensor.format == Format::kNVFP6E2M3) span = 7.5;
  if (tensor.format == Format::kIF6E3M2 || tensor.format == Format::kNVFP6E3M2) span = 28.0;
  const double largest_scale = by_256.count(tensor.format) != 0 ? 256.0 : 448.0;
  return rational::scale_value(scale).get_d() * static_cast<double>(tensor.amax) / (span * largest_scale);
}

double relative_mse(const Tensor& tensor, const QuantizeOptions& options) {
  return measure(tensor, quantize(tensor, options)).relative_mse;
}

}  // namespace

TEST_CASE("every code is the nearest one of its type, in every format", "[quantizer]") {
  const Tensor tensor = normal_tensor(24, 64, 40);
  for (const Format format : all_formats()) {
    CAPTURE(format_name(format));
    const QuantizedTensor result = quantize(tensor, {format, Rule::kMse});
    const Tensor restored = dequantize(result);
    const auto size = block_size(format);
    std::size_t worse = 0;
    std::size_t misread = 0;
    std::set<bool> types;
    for (std::size_t i = 0; i < tensor.values.size(); ++i) {
      const Block block = result.block(i / 64, i % 64 / size);
      const bool is_int = mixes_types(format) && (block.scale & 0x80) != 0;
      types.insert(is_int);
      const std::vector<double> values = element_values(format, is_int);
      const double step = step_of(result, block.scale);
      const double x = tensor.values[i];
      const double chosen = values[block.code(static_cast<int>(i % size), traits(format).code_bits)] * step;
      if (std::fabs(chosen - static_cast<double>(restored.values[i])) > 1e-6 * std::fabs(chosen)) ++misread;
      for (const double value : values) {
        if (value == -8.0 || value == -48.0 / 7.0) continue;  // INT4 -8, which the quantizer does not use
        if (std::fabs(value * step - x) < std::fabs(chosen - x) - 5e-7 * std::fabs(x)) ++worse;
      }
    }
    CHECK(worse == 0);
    CHECK(misread == 0);
    CHECK(types.size() == (mixes_types(format) ? 2U : 1U));
  }
}

TEST_CASE("the largest value of a block becomes the largest of its format", "[quantizer]") {
  const Tensor tensor{{1, 32}, std::vector<float>(32, -3.0F)};
  for (const Format format : all_formats()) {
    CAPTURE(format_name(format));
    const Tensor restored = dequantize(quantize(tensor, {format, Rule::kMse}));
    CHECK(std::all_of(restored.values.begin(), restored.values.end(), [](float x) { return x == -3.0F; }));
  }
}

TEST_CASE("MXFP4 scales are the power of two at or above a sixth or a quarter of the maximum",
          "[quantizer]") {
  for (const int exponent : {-126, -100, -1, 0, 7, 120}) {
    for (const float fraction : {1.0F, std::nextafter(1.0F, 2.0F), 1.5F, 1.99F}) {
      CAPTURE(exponent, fraction);
      std::vector<float> x(32);
      x[31] = std::ldexp(6.0F * fraction, exponent);
      const auto scale = static_cast<std::uint8_t>(exponent + 127 + (fraction > 1.0F ? 1 : 0));
      CHECK(quantize({{32}, x}, {Format::kMXFP4, Rule::kMse}).scales[0] == scale);
      x[31] = std::ldexp(-4.0F * fraction, exponent);
      const QuantizedTensor four = quantize({{32}, x}, {Format::kMXFP4_4, Rule::kMse});
      CHECK(four.scales[0] == scale);
      CHECK(four.amax == 1.0F);
    }
  }
  // Below 2^-126 the scale stays there; a block of zeros has scale 0.
  CHECK(quantize({{2}, {1e-44F, 0.0F}}, {Format::kMXFP4, Rule::kMse}).scales[0] == 1);
  CHECK(quantize({{2}, {1e-45F, 0.0F}}, {Format::kMXFP4, Rule::kMse}).scales[0] == 1);
  CHECK(quantize({{1, 64},
                  [] {
                    std::vector<float> x(64);
                    x[40] = 1.0F;
                    return x;
                  }()},
                 {Format::kMXFP4, Rule::kMse})
            .scales[0] == 0);
}

TEST_CASE("E2M0 ties go toward zero", "[quantizer]") {
  CHECK(encode_float(Format::kIF3, 0.5F) == 0);
  CHECK(encode_float(Format::kIF3, 0.50001F) == 1);
  CHECK(encode_float(Format::kIF3, 1.5F) == 1);
  CHECK(encode_float(Format::kIF3, 3.0F) == 2);
  CHECK(encode_float(Format::kIF3, -3.0001F) == 7);
  CHECK(encode_float(Format::kIF3, 9.0F) == 3);
  CHECK(encode_float(Format::kIF3, 0.0F, -0.5F) == 0);
  CHECK(encode_int(Format::kIF3, -0.1F) == 0);
  CHECK(encode_int(Format::kIF6E2M3, -7.5F) == 63);
}

TEST_CASE("16 x 16 blocks have one scale and the least error of both types", "[quantizer]") {
  const Format format = GENERATE(Format::kIF4, Format::kNVFP4, Format::kNVFP4_46, Format::kMixFP4,
                                 Format::kIF3, Format::kIF6E3M2);
  const Rule rule = GENERATE(Rule::kMse, Rule::kMae, Rule::kAbsMax);
  QuantizeOptions options{format, rule};
  options.square = true;
  const Tensor tensor = normal_tensor(40, 50, 41);  // 40 rows: the last blocks have 8
  const QuantizedTensor result = quantize(tensor, options);
  for (std::size_t row = 0; row < 40; ++row) {
    for (std::size_t b = 0; b < 4; ++b) {
      CHECK(result.block(row, b).scale == result.block(row / 16 * 16, b).scale);
    }
  }
  // Each 2D block on its own is a tensor of one 2D block where the amax is in it.
  const std::size_t at = static_cast<std::size_t>(
      std::max_element(tensor.values.begin(), tensor.values.end(),
                       [](float a, float b) { return std::fabs(a) < std::fabs(b); }) -
      tensor.values.begin());
  const std::size_t top = at / 50 / 16 * 16;
  const std::size_t left = at % 50 / 16 * 16;
  Tensor one{{std::min<std::size_t>(16, 40 - top), 16}, {}};
  for (std::size_t r = 0; r < one.rows(); ++r) {
    for (std::size_t c = 0; c < 16; ++c) {
      one.values.push_back(left + c < 50 ? tensor.values[(top + r) * 50 + left + c] : 0.0F);
    }
  }
  const QuantizedTensor alone = quantize(one, options);
  for (std::size_t r = 0; r < one.rows(); ++r) {
    CHECK(alone.block(r, 0).codes == result.block(top + r, left / 16).codes);
    CHECK(alone.block(r, 0).scale == result.block(top + r, left / 16).scale);
  }
}

TEST_CASE("the transposed tensor", "[quantizer]") {
  const Tensor tensor = normal_tensor(20, 36, 42);
  const Tensor other = transposed(tensor);
  REQUIRE(other.shape == Shape{36, 20});
  CHECK(other.values[5 * 20 + 7] == tensor.values[7 * 36 + 5]);
  CHECK(transposed(other).values == tensor.values);
  QuantizeOptions options;
  options.transpose = true;
  const QuantizedTensor result = quantize(tensor, options);
  const QuantizedTensor expected = quantize(other, {});
  CHECK(result.shape == expected.shape);
  CHECK(result.codes == expected.codes);
  CHECK(result.scales == expected.scales);
}

TEST_CASE("the rotation keeps lengths and is undone by its inverse", "[quantizer]") {
  std::mt19937_64 rng(test_seed() + 43);
  std::normal_distribution<float> normal;
  for (int repeat = 0; repeat < 200; ++repeat) {
    BlockValues x{};
    for (float& value : x) value = round_to_bfloat16(normal(rng));
    const BlockValues y = rotate(x);
    const BlockValues back = rotate_back(y);
    double before = 0.0;
    double after = 0.0;
    for (std::size_t i = 0; i < 16; ++i) {
      before += static_cast<double>(x[i]) * static_cast<double>(x[i]);
      after += static_cast<double>(y[i]) * static_cast<double>(y[i]);
      CHECK(std::fabs(back[i] - x[i]) < 0.03F);  // 16 roundings to 8 bits
    }
    CHECK(std::fabs(after / before - 1.0) < 0.01);
  }
  CHECK(round_to_bfloat16(1.00390625F) == 1.0F);  // a tie, to even
  CHECK(round_to_bfloat16(1.01171875F) == 1.015625F);

  QuantizeOptions options;
  options.rotate = true;
  const Tensor tensor = normal_tensor(4, 32, 44);
  Tensor turned = tensor;
  for (std::size_t first = 0; first < 128; first += 16) {
    BlockValues x{};
    std::copy_n(tensor.values.begin() + static_cast<std::ptrdiff_t>(first), 16, x.begin());
    const BlockValues y = rotate(x);
    std::copy_n(y.begin(), 16, turned.values.begin() + static_cast<std::ptrdiff_t>(first));
  }
  const QuantizedTensor result = quantize(tensor, options);
  const QuantizedTensor expected = quantize(turned, {});
  CHECK(result.codes == expected.codes);
  CHECK(result.scales == expected.scales);
  CHECK(result.amax == expected.amax);
}

TEST_CASE("noise depends on seed and number alone, and is even", "[quantizer]") {
  const NoiseKey key = noise_key(test_seed());
  double sum = 0.0;
  double squares = 0.0;
  float least = 1.0F;
  float most = -1.0F;
  constexpr int kCount = 1 << 18;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const float value = noise(key, i + (std::uint64_t{1} << 32) - kCount / 2);
    least = std::min(least, value);
    most = std::max(most, value);
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  CHECK(least >= -0.5F);
  CHECK(most < 0.5F);
  CHECK(std::fabs(sum / kCount) < 0.004);  // 7 standard deviations
  CHECK(std::fabs(squares / kCount - 1.0 / 12.0) < 0.002);
  CHECK(noise(key, 5) != noise(noise_key(test_seed() + 1), 5));
  CHECK(noise(key, 5) != noise(key, 5 + (std::uint64_t{1} << 32)));
}

TEST_CASE("stochastic rounding gives one of the two neighbours, and the value on average", "[quantizer]") {
  const NoiseKey key = noise_key(test_seed() + 45);
  for (const Format format : {Format::kIF4, Format::kIF3, Format::kIF6E3M2, Format::kIF6E2M3}) {
    for (const bool is_int : {false, true}) {
      std::vector<double> values = element_values(format, is_int);
      for (const float x : {0.05F, 0.7F, 1.9F, 2.1F, 2.75F, 3.999F, -0.3F, -1.2F, -3.4F}) {
        CAPTURE(format_name(format), is_int, x);
        double sum = 0.0;
        double low = -1e9;
        double high = 1e9;
        for (const double value : values) {
          if (value <= static_cast<double>(x)) low = std::max(low, value);
          if (value >= static_cast<double>(x)) high = std::min(high, value);
        }
        constexpr int kCount = 4096;
        bool beside = true;
        for (std::uint64_t i = 0; i < kCount; ++i) {
          const unsigned code =
              is_int ? encode_int(format, x, noise(key, i)) : encode_float(format, x, noise(key, i));
          sum += values[code];
          beside = beside && values[code] >= low - 1e-6 && values[code] <= high + 1e-6;
        }
        CHECK(beside);
        // Six standard deviations of the mean of a coin between the neighbours.
        CHECK(std::fabs(sum / kCount - static_cast<double>(x)) < 6 * 0.5 * (high - low) / 64 + 1e-6);
      }
    }
  }
  QuantizeOptions options;
  options.seed = 7;
  const Tensor tensor = normal_tensor(8, 64, 46);
  const QuantizedTensor once = quantize(tensor, options);
  CHECK(quantize(tensor, options).codes == once.codes);
  options.seed = 8;
  CHECK(quantize(tensor, options).codes != once.codes);
  CHECK(quantize(tensor, {}).codes != once.codes);
}

TEST_CASE("a searched scale is never worse", "[quantizer]") {
  const Tensor tensor = normal_tensor(24, 64, 47);
  for (const Format format : all_formats()) {
    CAPTURE(format_name(format));
    QuantizeOptions options{format, Rule::kMse};
    const double plain = relative_mse(tensor, options);
    options.search = true;
    CHECK(relative_mse(tensor, options) < plain);
    CHECK(uses_rule(options));
  }
  CHECK(moved_scale(Format::kIF4, 3, -5) == 1);
  CHECK(moved_scale(Format::kIF4, 0x7D, 3) == 0x7E);
  CHECK(moved_scale(Format::kMXFP4, 0xFE, 1) == 0xFE);
}

TEST_CASE("options that do not fit are refused", "[quantizer]") {
  const auto message = [](const Shape& shape, const QuantizeOptions& options) -> std::string {
    try {
      check_options(shape, options);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  QuantizeOptions options{Format::kMXFP4, Rule::kMse};
  options.square = true;
  CHECK(message({32, 32}, options) == "there are no 2D blocks of mxfp4");
  options = {};
  options.rotate = true;
  CHECK(message({32, 40}, options) == "rotation needs rows of a multiple of 16 values, not of 40");
  options.transpose = true;
  CHECK(message({32, 40}, options) == "");
  CHECK(message({40, 32}, options) == "rotation needs rows of a multiple of 16 values, not of 40");
  CHECK_THROWS_AS(quantize({{16, 1}, std::vector<float>(16, 3.4e38F)}, options), InputError);
}
