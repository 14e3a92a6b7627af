// The quantizer and the measure of its error at every magnitude that FP32 has: choices do not depend on it, errors
// neither underflow nor overflow, and a finite tensor never becomes infinite.

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "model/quantize/fast_quantizer.hpp"
#include "model/quantize/measure.hpp"
#include "model/quantize/quantizer.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/simd_targets.hpp"
#include "testbench/support/tensor_testing.hpp"

namespace {

using namespace if4;
using if4::testing::EachTarget;
using if4::testing::text_of;

constexpr float kLargest = std::numeric_limits<float>::max();

/// Normal values and evenly spread ones, multiples of 2^-16 so that they stay exact at any magnitude that is tried.
Tensor whole_steps(std::size_t rows, std::size_t columns, std::mt19937_64& rng) {
  std::normal_distribution<float> normal;
  Tensor tensor{{rows, columns}, {}};
  for (std::size_t i = 0; i < rows * columns; ++i) {
    const float x = i / 16 % 2 == 0 ? normal(rng) : static_cast<float>(rng() % 1001) / 500 - 1;
    tensor.values.push_back(std::ldexp(std::nearbyint(std::ldexp(x, 16)), -16));
  }
  return tensor;
}

Tensor times_power(const Tensor& tensor, int power) {
  Tensor result = tensor;
  for (float& x : result.values) x = std::ldexp(x, power);
  return result;
}

/// Calls `check` with every format and rule, with and without search, 2D blocks, rotation and noise.
template <class Check>
void for_all_options(const Check& check) {
  for (int number = 0; number < kFormatCount; ++number) {
    for (unsigned bits = 0; bits < 48; ++bits) {
      QuantizeOptions options{static_cast<Format>(number), kRules[bits / 16]};
      options.search = (bits & 1) != 0;
      options.square = (bits & 2) != 0;
      options.rotate = (bits & 4) != 0;
      if ((bits & 8) != 0) options.seed = 7;
      if (options.square && block_size(options.format) != kBlockSize) continue;
      INFO(text_of(options));
      check(options);
    }
  }
}

/// sum((x - x')^2) / sum(x^2) in long double, whose exponents reach beyond any square of FP32 numbers.
long double exact_relative_mse(const Tensor& original, const Tensor& restored) {
  long double noise = 0.0L, signal = 0.0L;
  for (std::size_t i = 0; i < original.values.size(); ++i) {
    const auto x = static_cast<long double>(original.values[i]);
    const long double difference = x - static_cast<long double>(restored.values[i]);
    noise += difference * difference;
    signal += x * x;
  }
  return noise / signal;
}

ErrorSums fast_sums(const Tensor& tensor, const QuantizeOptions& options) {
  const FastQuantizer quantizer(view_of(tensor), options, 1);
  QuantizedTensor result = make_quantized(options.format, quantizer.shape());
  ErrorSums sums;
  quantizer.encode(0, quantizer.parts(), result.codes.data(), result.scales.data(), &sums);
  return sums;
}

std::size_t infinities(const std::vector<float>& values) {
  std::size_t count = 0;
  for (const float value : values) count += std::isfinite(value) ? 0 : 1;
  return count;
}

}  // namespace

TEST_CASE("a power of two that all values share changes no code and no choice",
          "[quantizer][magnitude][long]") {
  std::mt19937_64 rng(test_seed() + 900);
  const EachTarget targets;
  const Tensor tensor = whole_steps(17, 96, rng);
  for_all_options([&](const QuantizeOptions& options) {
    const QuantizedTensor expected = quantize(tensor, options);
    for (const int power : {-115, -100, -83, -66, -40, 40, 63, 70, 100, 118}) {
      CAPTURE(power);
      const Tensor other = times_power(tensor, power);
      QuantizedTensor result;
      const auto check = [&] {
        CHECK(result.codes == expected.codes);
        if (traits(options.format).scale_code == ScaleCode::kE4M3) {
          CHECK(result.scales == expected.scales);
          CHECK(result.amax == std::ldexp(expected.amax, power));
          return;
        }
        bool moved = true;
        for (std::size_t i = 0; i < result.scales.size(); ++i)
          moved = moved && result.scales[i] - expected.scales[i] == power;
        CHECK(moved);
      };
      result = quantize(other, options);
      check();
      targets.run([&] {
        result = quantize_fast(view_of(other), options, 1);
        check();
      });
    }
  });
}

TEST_CASE("blocks of any magnitudes in one MXFP4 tensor are searched alike", "[quantizer][magnitude]") {
  // MXFP4 has no amax: each block follows its own magnitude.
  std::mt19937_64 rng(test_seed() + 901);
  const EachTarget targets;
  const Tensor row = whole_steps(1, 32 * 9, rng);
  for (const Format format : {Format::kMXFP4, Format::kMXFP4_4}) {
    for (const Rule rule : kRules) {
      const QuantizeOptions options{format, rule, true};
      CAPTURE(text_of(options));
      const QuantizedTensor expected = quantize(row, options);
      Tensor tensor = row;
      for (std::size_t i = 0; i < row.values.size(); ++i)
        tensor.values[i] = std::ldexp(row.values[i], static_cast<int>(i / 32) * 25 - 100);
      CHECK(quantize(tensor, options).codes == expected.codes);
      targets.run([&] { CHECK(quantize_fast(view_of(tensor), options, 1).codes == expected.codes); });
    }
  }
}

TEST_CASE("relative errors are right from the smallest FP32 numbers to the largest", "[measure][magnitude]") {
  std::mt19937_64 rng(test_seed() + 902);
  std::normal_distribution<double> normal;
  std::vector<double> shape;
  for (std::size_t i = 0; i < 16 * 64; ++i) shape.push_back(normal(rng));
  for (int number = 0; number < kFormatCount; ++number) {
    const auto format = static_cast<Format>(number);
    const bool power_scale = traits(format).scale_code == ScaleCode::kE8M0;
    double usual = 0.0;
    for (const int decade : {0,   -45, -44, -42, -40, -38, -36, -30, -25, -23, -22, -20,
                             -19, -15, -10, 10,  15,  18,  19,  20,  25,  30,  36,  37}) {
      for (const bool search : {false, true}) {
        const QuantizeOptions options{format, Rule::kMse, search};
        CAPTURE(format_name(format), decade, search);
        Tensor tensor{{16, 64}, {}};
        for (const double x : shape) tensor.values.push_back(static_cast<float>(x * std::pow(10.0, decade)));
        const QuantizedTensor quantized = quantize_fast(view_of(tensor), options, 1);
        const Tensor restored = dequantize(quantized);
        REQUIRE(infinities(restored.values) == 0);
        const auto exact = static_cast<double>(exact_relative_mse(tensor, restored));
        const double measured = measure(tensor, quantized).relative_mse;
        CHECK(measured == Approx(exact).epsilon(1e-12));
        CHECK(relative_mse(fast_sums(tensor, options)) == Approx(exact).epsilon(1e-12));
        if (decade == 0 && !search) usual = exact;
        // The values that the codes stand for are rounded to subnormal FP32 numbers, and a scale of E8M0 does not
        // follow below 2^-126.
        if (decade >= -36) CHECK(exact < 1.5 * usual);
        if (decade >= -36) CHECK(exact > usual / 2.5);
        if (power_scale && decade <= -42) CHECK(exact == 1.0);
        if (!power_scale && decade >= -42) CHECK(exact < 0.06);
      }
    }
    CHECK(usual > 1e-4);
    CHECK(usual < 0.06);
  }
}

TEST_CASE("a tensor at the end of FP32 saturates and never becomes infinite", "[quantizer][magnitude]") {
  std::mt19937_64 rng(test_seed() + 903);
  const EachTarget targets;
  std::size_t saturated = 0;
  for_all_options([&](const QuantizeOptions& options) {
    Tensor tensor{{33, 64}, {}};
    for (std::size_t i = 0; i < 33 * 64; ++i) {
      // A few outliers, so that the rotated values stay in BF16, or values of all sizes up to the end.
      const float top = options.rotate ? (i % 16 == i / 16 % 16 ? 0x1.fcp127F : 0x1p100F) : kLargest;
      const float part = static_cast<float>(rng() % 4096) / 4096;
      const float x = rng() % 4 == 0 ? top : top * (options.rotate ? 1.0F : part);
      tensor.values.push_back(rng() % 2 == 0 ? x : -x);
    }
    const QuantizedTensor expected = quantize(tensor, options);
    targets.run([&] {
      const QuantizedTensor result = quantize_fast(view_of(tensor), options, 2);
      CHECK(result.codes == expected.codes);
      CHECK(result.scales == expected.scales);
    });
    Tensor restored = dequantize(expected);
    CHECK(infinities(restored.values) == 0);
    if (options.rotate) restored = rotated_back(restored);
    CHECK(infinities(restored.values) == 0);
    CHECK(exact_relative_mse(tensor, restored) < (options.seed ? 0.3L : 0.1L));

    // Codes that would be infinite are those that the same blocks have at a smaller magnitude.
    if (options.rotate) return;
    const QuantizedTensor smaller = quantize(times_power(tensor, -4), options);
    const CodeValues values(options.format, expected.amax);
    saturated += smaller.codes != expected.codes ? 1 : 0;
    // Without noise a searched scale is no worse than the first, by the rule that chose it.
    if (!options.search || options.seed || options.rule != Rule::kMse) return;
    QuantizeOptions plain = options;
    plain.search = false;
    CHECK(relative_mse(fast_sums(tensor, options)) <= relative_mse(fast_sums(tensor, plain)) * 1.000001);
  });
  // MXFP4 by itself, and formats whose codes go beyond their span, where noise or a searched scale asks for them.
  CHECK(saturated >= 16);
}

TEST_CASE("the largest FP32 number in MXFP4 becomes the largest E2M1 multiple below 2^128",
          "[quantizer][magnitude]") {
  for (const Format format : {Format::kMXFP4, Format::kMXFP4_4}) {
    for (const bool search : {false, true}) {
      CAPTURE(format_name(format), search);
      Tensor tensor{{32}, std::vector<float>(32, 1.0F)};
      tensor.values[3] = kLargest;
      tensor.values[4] = -kLargest;
      tensor.values[5] = 0x1p127F;
      const Tensor restored = dequantize(quantize_fast(view_of(tensor), {format, Rule::kMse, search}, 1));
      CHECK(restored.values[3] == 0x1.8p127F);
      CHECK(restored.values[4] == -0x1.8p127F);
      CHECK(restored.values[5] == 0x1p127F);
    }
  }
}

TEST_CASE("an outlier at the end of FP32 is rotated and rotated back", "[quantizer][magnitude]") {
  for (const float outlier : {0x1p119F, 0x1p120F, 0x1p125F, 0x1.fcp127F}) {
    CAPTURE(outlier);
    BlockValues x{};
    x[5] = outlier;
    x[6] = -outlier;
    const BlockValues y = rotate(x);
    const BlockValues back = rotate_back(y);
    for (std::size_t i = 0; i < x.size(); ++i) {
      CHECK(std::fabs(y[i]) <= outlier / 2);
      CHECK(back[i] == x[i]);
    }
  }
  // Rotated values that are rounded up saturate on their way back.
  BlockValues y{};
  y.fill(0x1.8p126F);
  y[0] = -0x1.8p126F;
  for (const float value : rotate_back(y)) CHECK(std::isfinite(value));
  y.fill(0x1.fcp127F);
  CHECK(std::fabs(rotate_back(y)[0]) == kLargest);
  CHECK(rotate_back(y)[1] == 0.0F);
}
