// The error of a product against plain loops over the values that dequantize() gives.
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "model/accuracy/product_reference.hpp"
#include "model/core/error.hpp"
#include "model/quantize/fast_quantizer.hpp"
#include "testbench/support/catch.hpp"

namespace {

using namespace if4;

Tensor random_tensor(const Shape& shape, std::mt19937_64& rng) {
  std::normal_distribution<float> normal;
  Tensor tensor{shape, {}};
  std::size_t count = 1;
  for (const std::size_t size : shape) count *= size;
  for (std::size_t i = 0; i < count; ++i) tensor.values.push_back(normal(rng));
  return tensor;
}

std::vector<long double> plain_product(const std::vector<float>& a, const std::vector<float>& w,
                                       std::size_t k) {
  std::vector<long double> results;
  for (std::size_t m = 0; m < a.size() / k; ++m) {
    for (std::size_t n = 0; n < w.size() / k; ++n) {
      long double sum = 0.0L;
      for (std::size_t j = 0; j < k; ++j)
        sum += static_cast<long double>(a[m * k + j]) * static_cast<long double>(w[n * k + j]);
      results.push_back(sum);
    }
  }
  return results;
}

// The noise of the product, and what it may differ by where operands or results are rounded to FP32.
struct PlainNoise {
  double root = 0.0;
  double tolerance = 0.0;
};

PlainNoise plain_noise(const Tensor& a, const Tensor& w, const QuantizeOptions& a_options,
                       const QuantizeOptions& w_options) {
  const std::vector<float> a_values = dequantize(quantize_fast(view_of(a), a_options)).values;
  const std::vector<float> w_values = dequantize(quantize_fast(view_of(w), w_options)).values;
  const auto magnitudes = [](std::vector<float> values) {
    for (float& x : values) x = std::fabs(x);
    return values;
  };
  const std::vector<long double> exact = plain_product(a.values, w.values, a.columns());
  const std::vector<long double> quantized = plain_product(a_values, w_values, a.columns());
  const std::vector<long double> sizes =
      plain_product(magnitudes(a_values), magnitudes(w_values), a.columns());
  long double noise = 0.0L, size = 0.0L;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    noise += (exact[i] - quantized[i]) * (exact[i] - quantized[i]);
    size += sizes[i] * sizes[i];
  }
  return {static_cast<double>(std::sqrt(noise)), 2e-7 * static_cast<double>(std::sqrt(size))};
}

bool agrees(const ErrorSums& sums, const PlainNoise& expected) {
  return std::fabs(std::sqrt(sums.noise) - expected.root) <= expected.tolerance;
}

bool close(double a, double b) { return std::fabs(a - b) <= 1e-12 * std::fabs(b); }

// What measure() gives for one row against another.
ProductAccuracy of_rows(const std::vector<float>& a, const std::vector<float>& w, Format format) {
  const ProductReference reference({"a", {{1, a.size()}, a}}, {"w", {{1, w.size()}, w}});
  return reference.measure({format, Rule::kMse});
}

}  // namespace

TEST_CASE("the error of a product in every format and rule", "[accuracy]") {
  std::mt19937_64 rng(test_seed() + 310);
  // Rows that end inside a block, columns that do not fill a group, one row.
  const std::size_t shapes[][3] = {{7, 13, 48}, {1, 1, 5}, {2, 9, 40}, {3, 8, 64}};
  for (const auto& [m, n, k] : shapes) {
    const Tensor a = random_tensor({m, k}, rng), w = random_tensor({n, k}, rng);
    const ProductReference reference({"a", a}, {"w", w});
    CHECK(reference.m() == m);
    CHECK(reference.n() == n);
    CHECK(reference.k() == k);
    const std::vector<long double> exact = plain_product(a.values, w.values, k);
    REQUIRE(reference.results().size() == exact.size());
    for (std::size_t i = 0; i < exact.size(); ++i)
      CHECK(std::fabs(static_cast<double>(exact[i]) - reference.results()[i]) <=
            1e-13 * static_cast<double>(k));
    for (int number = 0; number < kFormatCount; ++number) {
      for (const Rule rule : kRules) {
        for (const bool search : {false, true}) {
          QuantizeOptions options{static_cast<Format>(number), rule, search};
          INFO(format_name(options.format)
               << " " << rule_name(rule) << " search " << search << ", " << m << " x " << n << " x " << k);
          const ProductAccuracy accuracy = reference.measure(options);
          CHECK(agrees(accuracy.product, plain_noise(a, w, options, options)));
          const QuantizationError a_error = if4::measure(a, quantize_fast(view_of(a), options));
          const QuantizationError w_error = if4::measure(w, quantize_fast(view_of(w), options));
          CHECK(close(relative_mse(accuracy.activations), a_error.relative_mse));
          CHECK(close(relative_mse(accuracy.weights), w_error.relative_mse));
          CHECK(int_share(accuracy.activations) == a_error.int_share);
          CHECK(int_share(accuracy.weights) == w_error.int_share);
        }
      }
    }
  }
}

TEST_CASE("the error of a product does not depend on the number of threads", "[accuracy]") {
  std::mt19937_64 rng(test_seed() + 311);
  const Tensor a = random_tensor({9, 100}, rng), w = random_tensor({35, 100}, rng);
  const ProductReference one({"a", a}, {"w", w}, 1), three({"a", a}, {"w", w}, 3);
  CHECK((one.results() == three.results()));
  for (const Format format : {Format::kIF4, Format::kMXFP4}) {
    const ErrorSums sums = one.measure({format, Rule::kMse}).product;
    CHECK(sums.noise == three.measure({format, Rule::kMse}).product.noise);
  }
}

TEST_CASE("options of a product", "[accuracy]") {
  std::mt19937_64 rng(test_seed() + 312);
  const Tensor a = random_tensor({32, 64}, rng), w = random_tensor({16, 64}, rng);
  const ProductReference reference({"acts", a}, {"wts", w});
  QuantizeOptions options{Format::kIF4, Rule::kMse};

  SECTION("the noise of the operands is not the same") {
    options.seed = 5;
    QuantizeOptions other = options;
    other.seed = 6;
    CHECK(agrees(reference.measure(options).product, plain_noise(a, w, options, other)));
    options.seed = std::numeric_limits<std::uint64_t>::max();
    other.seed = 0;
    CHECK(agrees(reference.measure(options).product, plain_noise(a, w, options, other)));
  }
  SECTION("2D blocks") {
    options.square = true;
    CHECK(agrees(reference.measure(options).product, plain_noise(a, w, options, options)));
    options.format = Format::kMXFP4;
    CHECK_THROWS_AS(reference.measure(options), InputError);
  }
  SECTION("a rotation cancels out") {
    options.format = Format::kIF6E2M3;
    const double plain = relative_mse(reference.measure(options).product);
    options.rotate = true;
    const double rotated = relative_mse(reference.measure(options).product);
    CHECK(rotated > plain / 3);
    CHECK(rotated < plain * 3);
  }
  SECTION("transposed operands are refused") {
    options.transpose = true;
    CHECK_THROWS_AS(reference.measure(options), InputError);
  }
}

TEST_CASE("the accumulator of a compared product does not overflow", "[accuracy]") {
  // 2,100 of the largest beats of IF6, more than the default accumulator holds.
  const std::vector<float> row(std::size_t{2100} * kBlockSize, 1.0F);
  CHECK(relative_mse(of_rows(row, row, Format::kIF6E3M2).product) < 1e-25);
  CHECK(relative_mse(of_rows(row, row, Format::kIF4).product) < 1e-25);
}

TEST_CASE("products without a signal", "[accuracy]") {
  const ProductAccuracy zero = of_rows({0, 0, 0}, {1, 2, 3}, Format::kIF4);
  CHECK(relative_mse(zero.product) == 0.0);
  // 1 * 3 - 2 * 4 + 5 * 1 = 0, and no block of FP4 has 1, 2 and 5 or 3, 4 and 1 at its scale.
  const ProductAccuracy cancelled = of_rows({1, 2, 5}, {3, -4, 1}, Format::kNVFP4);
  CHECK(cancelled.product.signal == 0.0);
  CHECK(cancelled.product.noise > 0.0);
  CHECK(std::isinf(relative_mse(cancelled.product)));
  CHECK(sqnr_db(cancelled.product) == -std::numeric_limits<double>::infinity());
}

TEST_CASE("operands that make no product", "[accuracy]") {
  const auto message = [](const Tensor& a, const Tensor& w) -> std::string {
    try {
      const ProductReference reference({"acts", a}, {"wts", w});
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(message({{1, 2}, {1, 2}}, {{1, 3}, {1, 2, 3}}) ==
        "acts [1, 2] and wts [1, 3] do not match: K is 2 and 3");
  CHECK(message({{1, 2}, {1, 2}}, {{1, 2}, {1, NAN}}) == "wts: value 1 is NaN");
  CHECK(message({{1, 2}, {INFINITY, 2}}, {{1, 2}, {1, 2}}) == "acts: value 0 is infinite");
  // The rows of a convolution are all dimensions but the first, in formats with blocks of 32 too.
  const Tensor filter{{2, 2, 5}, std::vector<float>(20, 1.0F)}, input{{1, 10}, std::vector<float>(10, 1.0F)};
  CHECK(message(input, filter).empty());
  CHECK(ProductReference({"a", input}, {"w", filter}).results() == std::vector<double>{10.0, 10.0});
  std::string what;
  try {
    QuantizeOptions options;
    options.rotate = true;
    ProductReference({"acts", input}, {"wts", input}).measure(options);
  } catch (const InputError& error) {
    what = error.what();
  }
  CHECK(what.rfind("acts: ", 0) == 0);
}
