// The fast quantizer against the scalar one: the same bits on every instruction set of this machine, with any
// number of threads, from any address and type of values.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "model/quantize/fast_quantizer.hpp"
#include "model/quantize/measure.hpp"
#include "model/quantize/quantizer.hpp"
#include "model/simd/simd_values.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/simd_targets.hpp"
#include "testbench/support/stimuli.hpp"
#include "testbench/support/tensor_testing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;

}  // namespace

TEST_CASE("the fast quantizer gives the bits of the scalar one in every format and rule", "[fast]") {
  std::mt19937_64 rng(test_seed() + 60);
  const EachTarget targets;
  for (int number = 0; number < kFormatCount; ++number) {
    for (const Rule rule : {Rule::kMse, Rule::kMae, Rule::kAbsMax}) {
      const QuantizeOptions options{static_cast<Format>(number), rule};
      CAPTURE(text_of(options));
      const Tensor tensor = mixed_tensor({13, 160}, rng);
      const QuantizedTensor plain = quantize(tensor, options);
      targets.run([&] { CHECK(difference(quantize_fast(view_of(tensor), options, 1), plain) == ""); });
    }
  }
}

namespace {

// Tensors of random options and shapes, on every instruction set.
void check_random_tensors(std::mt19937_64& rng, int count) {
  const EachTarget targets;
  for (int repeat = 0; repeat < count; ++repeat) {
    QuantizeOptions options = random_options(rng);
    std::size_t rows = 1 + rng() % 50;
    std::size_t columns = 1 + rng() % 600;
    if (options.rotate) (options.transpose ? rows : columns) = 16 * (1 + rng() % 8);
    CAPTURE(text_of(options), rows, columns, repeat);
    Tensor tensor = mixed_tensor({rows, columns}, rng);
    // Any amax, up to the ends of FP32; BF16 rotation takes four times the largest value.
    const int power = static_cast<int>(rng() % 250) - 130;
    for (float& x : tensor.values) x = std::ldexp(x, rng() % 2 == 0 ? power : power - 1);
    note_stimulus(tensor);
    const QuantizedTensor plain = quantize(tensor, options);
    targets.run(
        [&] { CHECK(difference(quantize_fast(view_of(tensor), options, 1 + rng() % 4), plain) == ""); });
  }
}

}  // namespace

TEST_CASE("the fast quantizer gives the bits of the scalar one with any options and shape", "[fast]") {
  std::mt19937_64 rng(test_seed() + 61);
  check_random_tensors(rng, 150);
}

// A case of the regression's suite `quantizer`.
TEST_CASE("the fast quantizer on random tensors", "[.case_quantizer][long]") {
  std::mt19937_64 rng(test_seed() + 67);
  check_random_tensors(rng, 90);
}

TEST_CASE("the extremes of FP32 on every instruction set", "[fast]") {
  const EachTarget targets;
  for (const float amax : kExtremes) {
    CAPTURE(amax);
    const Tensor tensor = extreme_tensor(amax);
    for (int number = 0; number < kFormatCount; ++number) {
      QuantizeOptions options{static_cast<Format>(number), Rule::kMse};
      options.search = number % 2 == 0;
      CAPTURE(text_of(options));
      const QuantizedTensor plain = quantize(tensor, options);
      targets.run([&] { CHECK(difference(quantize_fast(view_of(tensor), options, 1), plain) == ""); });
    }
  }
}

TEST_CASE("every BF16 and F16 value is read as the scalar reader does", "[fast]") {
  const EachTarget targets;
  std::vector<std::uint16_t> bits;
  for (unsigned b = 0; b < 65536; ++b) bits.push_back(static_cast<std::uint16_t>(b));
  targets.run([&] {
    std::vector<float> values(65536);
    simd_from_bfloat16(bits.data(), bits.size(), values.data());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < 65536; ++i) {
      const float expected = bfloat16_to_float(bits[i]);
      wrong += std::memcmp(&values[i], &expected, sizeof expected) != 0;
    }
    CHECK(wrong == 0);
    simd_from_half(bits.data(), bits.size() - 3, values.data());  // an odd end
    for (std::size_t i = 0; i + 3 < 65536; ++i) {
      const float expected = half_to_float(bits[i]);
      if (!std::isfinite(expected)) continue;
      wrong += std::memcmp(&values[i], &expected, sizeof expected) != 0;
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("values of 16 bits, at any address, on any number of threads", "[fast]") {
  std::mt19937_64 rng(test_seed() + 62);
  const EachTarget targets;
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (const std::size_t columns : {256U, 250U}) {
      CAPTURE(dtype_name(dtype), columns);
      const std::size_t rows = 70;
      const std::size_t count = rows * columns;
      Tensor tensor{{rows, columns}, std::vector<float>(count)};
      std::vector<std::uint8_t> bytes(count * dtype_size(dtype) + 8);
      const std::size_t offset = 1 + rng() % 7;
      const Tensor source = mixed_tensor({rows, columns}, rng);
      for (std::size_t i = 0; i < count; ++i) {
        auto half = static_cast<std::uint16_t>(rng());
        if (dtype == DType::kF32) {
          tensor.values[i] = source.values[i];
          std::memcpy(bytes.data() + offset + 4 * i, &tensor.values[i], 4);
          continue;
        }
        if (dtype == DType::kF16) {
          half &= 0xFBFF;  // finite
          tensor.values[i] = half_to_float(half);
        } else {
          half = static_cast<std::uint16_t>((half & 0x83FF) | 0x3C00);  // 2^-7 and up
          if (rng() % 9 == 0) half &= 0x8000;
          tensor.values[i] = bfloat16_to_float(half);
        }
        std::memcpy(bytes.data() + offset + 2 * i, &half, 2);
      }
      const TensorView view{tensor.shape, dtype, bytes.data() + offset};
      const QuantizedTensor plain = quantize(tensor, {});
      targets.run([&] {
        for (const unsigned threads : {1U, 2U, 3U, 7U})
          CHECK(difference(quantize_fast(view, {}, threads), plain) == "");
      });
    }
  }
}

TEST_CASE("parts can be made one by one", "[fast]") {
  std::mt19937_64 rng(test_seed() + 63);
  for (int repeat = 0; repeat < 30; ++repeat) {
    QuantizeOptions options = random_options(rng);
    options.rotate = false;
    const Tensor tensor = mixed_tensor({1 + rng() % 90, 1 + rng() % 700}, rng);
    CAPTURE(text_of(options), to_string(tensor.shape));
    const QuantizedTensor whole = quantize_fast(view_of(tensor), options, 2);
    const FastQuantizer quantizer(view_of(tensor), options, 2);
    std::vector<std::uint8_t> codes(whole.codes.size());
    std::vector<std::uint8_t> scales(whole.scales.size());
    CHECK(quantizer.code_bytes(0, quantizer.parts()) == codes.size());
    ErrorSums errors;
    for (std::size_t part = 0; part < quantizer.parts();) {
      const std::size_t next = std::min(quantizer.parts(), part + 1 + rng() % 3);
      quantizer.encode(part, next, codes.data() + quantizer.code_bytes(0, part),
                       scales.data() + quantizer.scale_bytes(0, part), &errors);
      part = next;
    }
    CHECK(codes == whole.codes);
    CHECK(scales == whole.scales);
    CHECK(errors.blocks == whole.scales.size());
  }
}

TEST_CASE("the fast quantizer refuses what the scalar one refuses", "[fast]") {
  const auto message = [](const TensorView& view, const QuantizeOptions& options) -> std::string {
    try {
      quantize_fast(view, options, 2);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  Tensor tensor{{40, 16}, std::vector<float>(640, 1.0F)};
  tensor.values[633] = std::numeric_limits<float>::quiet_NaN();
  CHECK(message(view_of(tensor), {}) == "value 633 is NaN");
  tensor.values[633] = -std::numeric_limits<float>::infinity();
  CHECK(message(view_of(tensor), {}) == "value 633 is infinite");
  std::vector<std::uint16_t> halves(64, 0x3C00);
  halves[63] = 0x7C00;
  CHECK(message({{64}, DType::kF16, halves.data()}, {}) == "value 63 is infinite");
  halves[63] = 0xFFC0;
  CHECK(message({{64}, DType::kBF16, halves.data()}, {}) == "value 63 is NaN");
  tensor.values[633] = 3.4e38F;
  QuantizeOptions options;
  options.rotate = true;
  CHECK(message(view_of(tensor), options) == "a value of the rotated tensor is beyond the range of BF16");
  options.transpose = true;
  CHECK(message(view_of(tensor), options) == "rotation needs rows of a multiple of 16 values, not of 40");
  CHECK(quantize_fast(view_of(Tensor{{0, 16}, {}}), {}, 2).codes.empty());
}

TEST_CASE("the scale search on normal data", "[fast]") {
  std::mt19937_64 rng(test_seed() + 65);
  std::normal_distribution<float> normal;
  Tensor tensor{{1024, 1024}, std::vector<float>(std::size_t{1} << 20)};
  for (float& x : tensor.values) x = normal(rng);
  const auto error = [&](Format format, bool search) {
    QuantizeOptions options{format, Rule::kMse};
    options.search = search;
    return measure(tensor, quantize_fast(view_of(tensor), options)).relative_mse;
  };
  const double plain = error(Format::kIF4, false);
  const double searched = error(Format::kIF4, true);
  CHECK(searched <= 0.0056);
  CHECK(searched <= 0.91 * plain);
  CHECK(error(Format::kNVFP4, true) <= 0.76 * error(Format::kNVFP4, false));
}

TEST_CASE("noise beyond 2^32 elements", "[fast]") {
  std::mt19937_64 rng(test_seed() + 66);
  const Tensor tensor = mixed_tensor({1, 16 * 16}, rng);
  QuantizeOptions options{Format::kNVFP4, Rule::kMse};
  options.seed = 9;
  const KernelParams params = kernel_params(options, 1.0F);
  constexpr std::uint64_t kFirst = (std::uint64_t{1} << 28) - 5;  // 16 values each
  EachTarget().run([&] {
    std::vector<std::uint8_t> codes(128);
    std::vector<std::uint8_t> scales(16);
    KernelJob job;
    job.x = tensor.values.data();
    job.pieces = 16;
    job.position = kFirst;
    job.codes = codes.data();
    job.scales = scales.data();
    kernel_encode(params, job);
    for (std::size_t p = 0; p < 16; ++p) {
      BlockValues x{};
      std::copy_n(tensor.values.begin() + static_cast<std::ptrdiff_t>(16 * p), 16, x.begin());
      for (float& value : x) value = normalized(value, 0);
      const Encoded expected =
          encode_values(x, ElementType::kFloat, scales[p], params.tensor, options, (kFirst + p) * 16);
      std::uint64_t actual = 0;
      std::memcpy(&actual, codes.data() + 8 * p, sizeof actual);
      CHECK(actual == static_cast<std::uint64_t>(expected.codes));
    }
  });
}
