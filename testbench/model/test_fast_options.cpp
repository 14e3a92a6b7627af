// The options of the fast quantizer that have loops of their own, against the scalar one: values of every size, ties and
// blocks whose errors are nearly equal, and shapes on both sides of what the loops take.

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "model/core/error.hpp"
#include "model/quantize/fast_quantizer.hpp"
#include "model/quantize/quantizer.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/simd_targets.hpp"
#include "testbench/support/stimuli.hpp"
#include "testbench/support/tensor_testing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;

void check_everywhere(const EachTarget& targets, const Tensor& tensor, const QuantizeOptions& options) {
  CAPTURE(text_of(options), to_string(tensor.shape));
  const QuantizedTensor plain = quantize(tensor, options);
  targets.run([&] {
    CHECK(difference(quantize_fast(view_of(tensor), options, 1), plain) == "");
    // With the errors measured, values take another way.
    const FastQuantizer quantizer(view_of(tensor), options, 2);
    QuantizedTensor measured = make_quantized(options.format, quantizer.shape());
    measured.amax = quantizer.amax();
    ErrorSums errors;
    quantizer.encode(0, quantizer.parts(), measured.codes.data(), measured.scales.data(), &errors);
    CHECK(difference(measured, plain) == "");
  });
}

/// Values with exponents from `low` to `high`, and some zeros of both signs.
Tensor spread_tensor(const Shape& shape, int low, int high, std::mt19937_64& rng) {
  Tensor tensor{shape, std::vector<float>(row_count(shape) * column_count(shape))};
  for (float& x : tensor.values) {
    const int exponent = low + static_cast<int>(rng() % static_cast<unsigned>(high - low + 1));
    x = std::ldexp(1.0F + 0x1p-23F * static_cast<float>(rng() >> 41), exponent);
    // Numbers that BF16 has, and the ties between them, too.
    if (rng() % 2 == 0) x = std::ldexp(1.0F + 0x1p-8F * static_cast<float>(rng() % 256), exponent);
    if (rng() % 2 == 0) x = -x;
    if (rng() % 16 == 0) x = rng() % 2 == 0 ? 0.0F : -0.0F;
  }
  return tensor;
}

}  // namespace

TEST_CASE("rotation of values of every size", "[fast]") {
  std::mt19937_64 rng(test_seed() + 81);
  const EachTarget targets;
  // Both sides of the sizes whose rotation takes fewer steps, subnormal numbers, and numbers near the end of BF16.
  const std::vector<std::vector<int>> ranges = {{-3, 0},      {-115, -100}, {-116, -100}, {-140, -100},
                                                {-149, -120}, {-149, -140}, {-144, -134}, {90, 105},
                                                {96, 107},    {100, 111},   {110, 118},   {118, 121},
                                                {-149, 110},  {-115, 105},  {-30, 0}};
  for (const std::vector<int>& range : ranges) {
    for (const Format format : {Format::kIF4, Format::kNVFP4, Format::kMXFP4, Format::kIF6E2M3}) {
      QuantizeOptions options{format, Rule::kMse};
      options.rotate = true;
      check_everywhere(targets, spread_tensor({37, 64}, range[0], range[1], rng), options);
    }
    QuantizeOptions options;
    options.rotate = options.transpose = true;
    check_everywhere(targets, spread_tensor({64, 37}, range[0], range[1], rng), options);
    options.transpose = false;
    options.square = true;
    check_everywhere(targets, spread_tensor({37, 272}, range[0], range[1], rng), options);
  }
}

TEST_CASE("transposed matrices of many shapes and sizes", "[fast]") {
  std::mt19937_64 rng(test_seed() + 82);
  const EachTarget targets;
  // More columns than a job takes, and fewer than a band has; blocks up to the end of a line of the cache and beyond;
  // columns that end within a block; matrices that follow each other.
  const std::vector<Shape> shapes = {{16, 16},    {128, 560},   {160, 272},    {16, 300},
                                     {288, 37},   {2000, 33},   {40, 48},      {3, 128, 304},
                                     {2, 48, 40}, {1, 144, 16}, {2, 2, 32, 64}};
  for (const Shape& shape : shapes) {
    for (const int down : {0, 12, 30}) {
      // The small values of a block have small scales where `down` is large.
      Tensor tensor = spread_tensor(shape, -2, 0, rng);
      for (float& x : tensor.values) {
        if (rng() % 3 == 0) x = std::ldexp(x, -static_cast<int>(rng() % static_cast<unsigned>(down + 1)));
      }
      for (const Format format : {Format::kIF4, Format::kMixFP4, Format::kMXFP4, Format::kIF3}) {
        QuantizeOptions options{format, Rule::kMse};
        options.transpose = true;
        check_everywhere(targets, tensor, options);
      }
    }
  }
}

TEST_CASE("a value that is not finite is refused with any option", "[fast]") {
  const EachTarget targets;
  constexpr std::size_t kCount = 8192;
  for (const bool nan : {true, false}) {
    for (unsigned bits = 0; bits < 48; ++bits) {
      QuantizeOptions options;
      options.rotate = (bits & 1) != 0;
      options.transpose = (bits & 2) != 0;
      options.square = (bits & 4) != 0;
      options.search = (bits & 8) != 0;
      const DType dtype = bits < 16 ? DType::kF32 : bits < 32 ? DType::kBF16 : DType::kF16;
      CAPTURE(text_of(options), nan, dtype_name(dtype));
      targets.run([&] {
        for (const std::size_t at : {0U, 4999U, 8191U}) {
          std::vector<float> floats(kCount, 1.0F);
          std::vector<std::uint16_t> halves(kCount, dtype == DType::kBF16 ? 0x3F80 : 0x3C00);  // 1.0
          floats[at] =
              nan ? std::numeric_limits<float>::quiet_NaN() : -std::numeric_limits<float>::infinity();
          // The NaN with the fewest bits set, and -infinity.
          halves[at] = dtype == DType::kBF16 ? (nan ? 0x7F81 : 0xFF80) : nan ? 0x7C01 : 0xFC00;
          const void* data = floats.data();
          if (dtype != DType::kF32) data = halves.data();
          std::string message;
          try {
            quantize_fast({{32, 256}, dtype, data}, options, 1);
          } catch (const InputError& error) {
            message = error.what();
          }
          CHECK(message == "value " + std::to_string(at) + (nan ? " is NaN" : " is infinite"));
        }
      });
    }
  }
}
