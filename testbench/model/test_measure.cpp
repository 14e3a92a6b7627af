// The one function that measures an error, against a plain loop over the values that dequantize() gives.

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "model/core/error.hpp"
#include "model/quantize/fast_quantizer.hpp"
#include "model/quantize/measure.hpp"
#include "model/simd/rotation.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/simd_targets.hpp"

namespace {

using namespace if4;
using if4::testing::EachTarget;

Tensor normal_tensor(std::size_t rows, std::size_t columns, int power, std::mt19937_64& rng) {
  std::normal_distribution<float> normal;
  Tensor tensor{{rows, columns}, {}};
  for (std::size_t i = 0; i < rows * columns; ++i) tensor.values.push_back(std::ldexp(normal(rng), power));
  return tensor;
}

/// What measure() promises, as it is written in measure.hpp.
ErrorSums plain_sums(const Tensor& original, const QuantizedTensor& quantized) {
  const Tensor restored = dequantize(quantized);
  ErrorSums sums;
  for (std::size_t i = 0; i < original.values.size(); ++i) {
    const double x = static_cast<double>(original.values[i]);
    const double difference = x - static_cast<double>(restored.values[i]);
    sums.noise += difference * difference;
    sums.signal += x * x;
  }
  for (const std::uint8_t scale : quantized.scales) {
    ++sums.blocks;
    if (element_type(quantized.format, scale) == ElementType::kInt) ++sums.int_blocks;
  }
  return sums;
}

bool close(double a, double b) { return std::fabs(a - b) <= 1e-12 * std::fabs(b); }

void check_close(const ErrorSums& sums, const ErrorSums& expected) {
  INFO("noise " << sums.noise << ", expected " << expected.noise << "; signal " << sums.signal
                << ", expected " << expected.signal);
  CHECK(close(sums.noise, expected.noise));
  CHECK(close(sums.signal, expected.signal));
  CHECK(sums.blocks == expected.blocks);
  CHECK(sums.int_blocks == expected.int_blocks);
}

/// The sums that FastQuantizer makes on the way.
ErrorSums quantizer_sums(const TensorView& view, const QuantizeOptions& options, unsigned threads,
                         QuantizedTensor& result) {
  const FastQuantizer quantizer(view, options, threads);
  result = make_quantized(options.format, quantizer.shape());
  result.amax = quantizer.amax();
  ErrorSums sums;
  quantizer.encode(0, quantizer.parts(), result.codes.data(), result.scales.data(), &sums);
  return sums;
}

}  // namespace

TEST_CASE("quantizer and measure() give the figures of the plain loop, for any magnitude", "[measure]") {
  std::mt19937_64 rng(test_seed() + 70);
  // Subnormal, small, around 1, large, and so large that squares leave FP32 by far.
  for (const int power : {-147, -130, -60, 0, 60, 124}) {
    for (int number = 0; number < kFormatCount; ++number) {
      QuantizeOptions options{static_cast<Format>(number), static_cast<Rule>(rng() % 3)};
      options.square = block_size(options.format) == kBlockSize && rng() % 2 == 0;
      options.transpose = rng() % 3 == 0;
      const Tensor tensor = normal_tensor(1 + rng() % 40, 1 + rng() % 600, power, rng);
      CAPTURE(power, format_name(options.format), to_string(tensor.shape), options.square, options.transpose);
      QuantizedTensor result;
      const ErrorSums sums = quantizer_sums(view_of(tensor), options, 1, result);
      const Tensor original = options.transpose ? transposed(tensor) : tensor;
      const ErrorSums expected = plain_sums(original, result);
      check_close(sums, expected);
      CHECK(sums.signal > 0.0);

      const QuantizationError error = measure(original, result);
      CHECK(close(error.relative_mse, relative_mse(expected)));
      CHECK(close(error.relative_mse, relative_mse(sums)));
      CHECK(error.int_share == int_share(expected));
    }
  }
}

TEST_CASE("a subnormal tensor is measured by the values that it is dequantized to", "[measure]") {
  // In units of 2^-149, 5 is the largest value, and the codes near 2 stand for 1.67 and 2.14. As an FP32 number
  // either of them is 2.
  Tensor tensor{{16}, std::vector<float>(16, std::ldexp(2.0F, -149))};
  tensor.values[3] = std::ldexp(5.0F, -149);
  QuantizedTensor result;
  const ErrorSums sums = quantizer_sums(view_of(tensor), {}, 1, result);
  CHECK(sums.noise == 0.0);
  CHECK(sums.signal == std::ldexp(15.0 * 4.0 + 25.0, -298));
  CHECK(measure(tensor, result).relative_mse == 0.0);
  CHECK(measure(tensor, result).sqnr_db == std::numeric_limits<double>::infinity());
}

TEST_CASE("a huge tensor is measured without an overflow", "[measure]") {
  const float largest = std::numeric_limits<float>::max();
  Tensor tensor{{32}, std::vector<float>(32, largest)};
  for (std::size_t i = 0; i < 16; ++i) tensor.values[2 * i] = -largest / 3;
  QuantizedTensor result;
  const ErrorSums sums = quantizer_sums(view_of(tensor), {}, 1, result);
  check_close(sums, plain_sums(tensor, result));
  CHECK(sums.signal > 1e77);
  CHECK(std::isfinite(sums.signal));
}

TEST_CASE("the errors of rotated values, and of values of 16 bits", "[measure]") {
  std::mt19937_64 rng(test_seed() + 71);
  const Tensor tensor = normal_tensor(20, 64, 0, rng);
  QuantizeOptions options;
  options.rotate = true;
  QuantizedTensor result;
  const ErrorSums sums = quantizer_sums(view_of(tensor), options, 2, result);
  Tensor rotated = tensor;
  for (std::size_t first = 0; first < rotated.values.size(); first += kBlockSize) {
    BlockValues x{};
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = tensor.values[first + i];
    const BlockValues y = rotate(x);
    for (std::size_t i = 0; i < y.size(); ++i) rotated.values[first + i] = y[i];
  }
  check_close(sums, plain_sums(rotated, result));

  std::vector<std::uint16_t> halves;
  Tensor read{{33, 40}, {}};
  for (std::size_t i = 0; i < 33 * 40; ++i) {
    halves.push_back(static_cast<std::uint16_t>((rng() & 0x83FF) | 0x3C00));
    read.values.push_back(bfloat16_to_float(halves.back()));
  }
  const ErrorSums of_halves = quantizer_sums({read.shape, DType::kBF16, halves.data()}, {}, 2, result);
  check_close(of_halves, plain_sums(read, result));
}

TEST_CASE("errors have the same bits on every instruction set and number of threads", "[measure]") {
  std::mt19937_64 rng(test_seed() + 72);
  const EachTarget targets;
  for (int number = 0; number < kFormatCount; ++number) {
    for (const std::size_t columns : {256U, 250U}) {
      const QuantizeOptions options{static_cast<Format>(number), Rule::kMse};
      const Tensor tensor = normal_tensor(70, columns, 0, rng);
      CAPTURE(format_name(options.format), columns);
      QuantizedTensor result;
      const ErrorSums expected = quantizer_sums(view_of(tensor), options, 1, result);
      // The differences to other values have more bits than those to the nearest code.
      const Tensor other = normal_tensor(70, columns, 3, rng);
      const double expected_of_other = measure(other, result).relative_mse;
      targets.run([&] {
        CHECK(measure(other, result).relative_mse == expected_of_other);
        for (const unsigned threads : {1U, 3U}) {
          const ErrorSums sums = quantizer_sums(view_of(tensor), options, threads, result);
          CHECK(sums.noise == expected.noise);
          CHECK(sums.signal == expected.signal);
        }
      });
    }
  }
}

TEST_CASE("the padding of a block counts for nothing, and a NaN scale for everything", "[measure]") {
  for (int number = 0; number < kFormatCount; ++number) {
    const auto format = static_cast<Format>(number);
    CAPTURE(format_name(format));
    const Tensor tensor{{2, 5}, {1, 2, 3, 4, 5, -1, -2, -3, -4, -5}};
    QuantizedTensor quantized = quantize_fast(view_of(tensor), {format, Rule::kMse});
    const ErrorSums expected = plain_sums(tensor, quantized);
    Block block = quantized.block(1, 0);
    block.codes |= ~Codes{0} << (5 * traits(format).code_bits);
    quantized.set_block(1, 0, block);
    CHECK(close(measure(tensor, quantized).relative_mse, relative_mse(expected)));
    quantized.scales[0] = traits(format).scale_code == ScaleCode::kE8M0 ? 0xFF : kScaleNaN;
    CHECK(std::isnan(measure(tensor, quantized).relative_mse));
  }
}
