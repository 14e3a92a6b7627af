// Tensors of three and more dimensions: which values share a block, and what their shapes become.

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "model/files/tensor_file.hpp"
#include "model/quantize/fast_quantizer.hpp"
#include "model/quantize/measure.hpp"
#include "model/quantize/quantizer.hpp"
#include "testbench/support/file_testing.hpp"
#include "testbench/support/tensor_testing.hpp"

namespace {

using namespace if4;
using if4::testing::check_contains;
using if4::testing::difference;
using if4::testing::TempDir;

/// Random values; the first of each of `matrices` parts is 8, so that all parts have that amax.
Tensor stack(const Shape& shape, std::size_t matrices, std::mt19937_64& rng) {
  std::normal_distribution<float> normal;
  Tensor tensor{shape, std::vector<float>(row_count(shape) * column_count(shape))};
  for (float& x : tensor.values) x = std::fmod(normal(rng), 8.0F);
  for (std::size_t m = 0; m < matrices; ++m) tensor.values[m * (tensor.values.size() / matrices)] = 8.0F;
  return tensor;
}

/// Matrix number `m` of the last two dimensions.
Tensor matrix_of(const Tensor& tensor, std::size_t m) {
  const std::size_t rows = tensor.shape[tensor.shape.size() - 2];
  const std::size_t columns = tensor.shape.back();
  const auto first = tensor.values.begin() + static_cast<std::ptrdiff_t>(m * rows * columns);
  return {{rows, columns}, {first, first + static_cast<std::ptrdiff_t>(rows * columns)}};
}

/// The last two dimensions exchanged, value by value.
Tensor exchanged(const Tensor& tensor) {
  const std::size_t rows = tensor.shape[tensor.shape.size() - 2];
  const std::size_t columns = tensor.shape.back();
  Tensor result = tensor;
  std::swap(result.shape.back(), result.shape[result.shape.size() - 2]);
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    const std::size_t matrix = i / (rows * columns), row = i / columns % rows, column = i % columns;
    result.values[matrix * rows * columns + column * rows + row] = tensor.values[i];
  }
  return result;
}

}  // namespace

TEST_CASE("transposing exchanges the last two dimensions of each matrix by itself", "[quantizer][matrices]") {
  std::mt19937_64 rng(test_seed() + 910);
  for (const Shape& shape : {Shape{4, 5, 7}, Shape{3, 20, 36}, Shape{2, 3, 18, 40}, Shape{2, 300, 17},
                             Shape{7, 33}, Shape{2, 3, 3, 5}, Shape{3, 16, 7}, Shape{5, 1, 20}}) {
    for (int repeat = 0; repeat < 24; ++repeat) {
      QuantizeOptions options{static_cast<Format>(rng() % kFormatCount)};
      options.square = rng() % 2 == 0 && block_size(options.format) == kBlockSize;
      if (rng() % 4 == 0) options.seed = 3;
      CAPTURE(to_string(shape), format_name(options.format), options.square);
      const Tensor tensor = stack(shape, 1, rng);
      const QuantizedTensor expected = quantize_fast(view_of(exchanged(tensor)), options, 1);
      options.transpose = true;
      const QuantizedTensor result =
          quantize_fast(view_of(tensor), options, static_cast<unsigned>(1 + rng() % 3));
      CHECK(difference(result, expected) == "");
      CHECK(difference(quantize(tensor, options), expected) == "");
      CHECK(transposed(dequantize(result)).shape == shape);
      CHECK(transposed(exchanged(tensor)).values == tensor.values);
    }
  }
}

TEST_CASE("no block reaches from one matrix into the next", "[quantizer][matrices]") {
  std::mt19937_64 rng(test_seed() + 911);
  for (const Shape& shape : {Shape{3, 20, 48}, Shape{2, 3, 5, 40}, Shape{4, 17, 33}, Shape{2, 64, 32}}) {
    for (int repeat = 0; repeat < 40; ++repeat) {
      QuantizeOptions options{static_cast<Format>(rng() % kFormatCount), kRules[rng() % 3]};
      options.square = block_size(options.format) == kBlockSize && rng() % 4 != 0;
      options.transpose = rng() % 2 == 0;
      options.search = rng() % 2 == 0;
      CAPTURE(to_string(shape), format_name(options.format), options.square, options.transpose);
      const std::size_t matrices = row_count(shape) / shape[shape.size() - 2];
      const Tensor tensor = stack(shape, matrices, rng);
      const QuantizedTensor whole = quantize_fast(view_of(tensor), options, 2);
      CHECK(difference(quantize(tensor, options), whole) == "");
      if (whole.flattened) continue;  // MXFP4 of rows that are shorter than 32
      for (std::size_t m = 0; m < matrices; ++m) {
        const QuantizedTensor one = quantize_fast(view_of(matrix_of(tensor, m)), options, 1);
        const auto at = [&](const std::vector<std::uint8_t>& all, const std::vector<std::uint8_t>& part) {
          const auto first = all.begin() + static_cast<std::ptrdiff_t>(m * part.size());
          return std::vector<std::uint8_t>(first, first + static_cast<std::ptrdiff_t>(part.size()));
        };
        CHECK(at(whole.scales, one.scales) == one.scales);
        CHECK(at(whole.codes, one.codes) == one.codes);
      }
    }
  }
}

TEST_CASE("short rows of a convolution are flattened", "[quantizer][matrices]") {
  std::mt19937_64 rng(test_seed() + 912);
  const TempDir dir;
  const std::string path = dir / "q.safetensors";
  for (const Shape& shape : {Shape{64, 3, 7, 7}, Shape{5, 16, 3, 3}, Shape{40, 8, 1, 1}, Shape{6, 10, 3},
                             Shape{3, 2, 2, 5, 5}, Shape{1, 1, 1}}) {
    for (int number = 0; number < kFormatCount; ++number) {
      const QuantizeOptions options{static_cast<Format>(number)};
      CAPTURE(to_string(shape), format_name(options.format));
      const Tensor tensor = stack(shape, 1, rng);
      const std::size_t columns = tensor.values.size() / shape[0];
      const Tensor matrix{{shape[0], columns}, tensor.values};
      const QuantizedTensor expected = quantize(matrix, options);
      const QuantizedTensor result = quantize_fast(view_of(tensor), options, 2);
      CHECK(difference(quantize(tensor, options), result) == "");
      CHECK(result.flattened);
      CHECK(result.shape == shape);
      CHECK(result.rows() == shape[0]);
      CHECK(result.columns() == columns);
      CHECK(result.codes == expected.codes);
      CHECK(result.scales == expected.scales);
      CHECK(dequantize(result).shape == shape);
      CHECK(dequantize(result).values == dequantize(expected).values);
      CHECK(measure(tensor, result).relative_mse == measure(matrix, expected).relative_mse);

      write_quantized(path, {{"w", result, "", false, false}});
      const NamedQuantized read = read_quantized({path, ""});
      CHECK(difference(read.tensor, result) == "");
      CHECK(original_values(read).shape == shape);
    }
  }
  // Rows of a block and more stay as they are, and so does every matrix.
  CHECK_FALSE(flattens(Format::kIF4, {4, 5, 16}));
  CHECK(flattens(Format::kMXFP4, {4, 5, 16}));
  CHECK_FALSE(flattens(Format::kIF4, {100, 3}));
  CHECK_FALSE(flattens(Format::kIF4, {3}));
}

TEST_CASE("flattened rows are rotated if they are a multiple of 16 long", "[quantizer][matrices]") {
  std::mt19937_64 rng(test_seed() + 913);
  QuantizeOptions options;
  options.rotate = true;
  const Tensor tensor = stack({6, 16, 3, 3}, 1, rng);
  const QuantizedTensor result = quantize_fast(view_of(tensor), options, 1);
  CHECK(difference(result, quantize(tensor, options)) == "");
  const Tensor back = original_values({"w", result, "", true, false});
  REQUIRE(back.shape == tensor.shape);
  double noise = 0.0, signal = 0.0;
  for (std::size_t i = 0; i < back.values.size(); ++i) {
    const double x = static_cast<double>(tensor.values[i]);
    noise += (x - static_cast<double>(back.values[i])) * (x - static_cast<double>(back.values[i]));
    signal += x * x;
  }
  CHECK(noise < 0.02 * signal);
  try {
    check_options({64, 3, 7, 7}, options);
    FAIL("no error");
  } catch (const InputError& error) {
    check_contains(error.what(), "rotation needs rows of a multiple of 16 values, not of 147");
  }
}

TEST_CASE("what has no matrix is not transposed", "[quantizer][matrices]") {
  QuantizeOptions options;
  options.transpose = true;
  for (const Shape& shape : {Shape{64}, Shape{}}) {
    const Tensor tensor{shape, std::vector<float>(column_count(shape), 1.0F)};
    const std::string expected = "a tensor of shape " + to_string(shape) + " has no matrix to transpose";
    for (const bool fast : {false, true}) {
      try {
        fast ? quantize_fast(view_of(tensor), options, 1) : quantize(tensor, options);
        FAIL("no error");
      } catch (const InputError& error) {
        check_contains(error.what(), expected);
      }
    }
  }
}
