// The arithmetic of the kernels, run on the CPU, against the scalar specification. It needs no GPU.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "model/cuda/quick_choice.hpp"
#include "model/quantize/candidates.hpp"
#include "model/quantize/quantizer.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/tensor_testing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;

cuda::Choices choices_of(const QuantizeOptions& options) {
  cuda::Choices choices{};
  if (options.search) {
    for (const SearchStep& step : search_steps(options.format)) {
      choices.neighbours[choices.neighbour_count++] = {static_cast<std::int8_t>(step.candidate),
                                                       static_cast<std::int8_t>(step.codes)};
    }
  }
  choices.stochastic = options.seed.has_value();
  if (options.seed) choices.key = noise_key(*options.seed);
  return choices;
}

/// How many blocks were coded, and for how many of them the quick choice was certain.
struct Counts {
  std::size_t blocks = 0;
  std::size_t quick = 0;
};

/// The quick choice of a block, if there is one for such options and it is certain.
template <Format kFormat, Rule kRule>
bool quickly_coded(const float* x, const cuda::TensorNumbers& numbers, const cuda::Choices& choices,
                   cuda::Coded<kFormat>& coded) {
  const std::uint32_t signs[2] = {cuda::nibble_signs(x), cuda::nibble_signs(x + 8)};
  const float largest = cuda::largest_magnitude(x);
  if constexpr (cuda::Ways<kFormat>::kCount == 2) {
    if (choices.neighbour_count == 0) {
      return cuda::code_quickly<kFormat, kRule>(x, signs, largest, numbers, coded);
    }
  }
  return cuda::search_quickly<kFormat, kRule>(x, signs, largest, numbers, choices, cuda::Alone{}, coded);
}

/// Rows of values, each block coded by the functions of the kernels. Neither 2-D, nor rotated, nor transposed.
template <Format kFormat, Rule kRule, bool kNoise>
QuantizedTensor coded(const Tensor& tensor, const QuantizeOptions& options, Counts* counts) {
  using N = cuda::Numbers<kFormat>;
  QuantizedTensor result = make_quantized(kFormat, tensor.shape);
  float amax = 0.0F;
  for (const float x : tensor.values) amax = std::max(amax, std::fabs(x));
  result.amax = N::kPowerScale ? 1.0F : amax;
  if (amax == 0.0F) return result;
  // MXFP4 has no amax: whatever is given, the codes are the same.
  const cuda::TensorNumbers numbers = cuda::tensor_numbers<kFormat>(result.amax);
  const cuda::Choices choices = choices_of(options);
  for (std::size_t row = 0; row < result.rows(); ++row) {
    for (std::size_t b = 0; b < result.blocks_per_row(); ++b) {
      const std::size_t size = block_size(kFormat);
      float x[N::kPieces][cuda::kLanes] = {};
      for (std::size_t i = 0; i < size && b * size + i < result.columns(); ++i) {
        x[i / 16][i % 16] = (tensor.values[row * result.columns() + b * size + i] + 0.0F) * numbers.normalize;
      }
      cuda::Coded<kFormat> best;
      const std::uint64_t first = (row * result.blocks_per_row() + b) * size;
      bool quick = false;
      if constexpr (!kNoise && !N::kPowerScale && cuda::quick_rule(kRule)) {
        quick = counts != nullptr && quickly_coded<kFormat, kRule>(x[0], numbers, choices, best);
      }
      if (counts != nullptr) *counts = {counts->blocks + 1, counts->quick + quick};
      if (!quick)
        cuda::code_block<kFormat, kRule, kNoise, true>(x, numbers, choices, cuda::Alone{}, first, best);
      Block block;
      block.scale = static_cast<std::uint8_t>(best.scale);
      for (int p = 0; p < N::kPieces; ++p) {
        Codes codes = 0;
        for (int w = 0; w < N::kWords; ++w) codes |= static_cast<Codes>(best.pieces[p].w[w]) << (32 * w);
        block.codes |= codes << (p * 16 * N::kBits);
      }
      result.set_block(row, b, block);
    }
  }
  return result;
}

template <Format kFormat, bool kNoise>
QuantizedTensor coded_by_rule(const Tensor& tensor, const QuantizeOptions& options, Counts* counts) {
  if (options.rule == Rule::kMse) return coded<kFormat, Rule::kMse, kNoise>(tensor, options, counts);
  if (options.rule == Rule::kMae) return coded<kFormat, Rule::kMae, kNoise>(tensor, options, counts);
  return coded<kFormat, Rule::kAbsMax, kNoise>(tensor, options, counts);
}

template <int kNumber = 0>
QuantizedTensor coded_in_format(const Tensor& tensor, const QuantizeOptions& options,
                                Counts* counts = nullptr) {
  if constexpr (kNumber < kFormatCount) {
    constexpr auto kFormat = static_cast<Format>(kNumber);
    if (options.format != kFormat) return coded_in_format<kNumber + 1>(tensor, options, counts);
    return options.seed ? coded_by_rule<kFormat, true>(tensor, options, counts)
                        : coded_by_rule<kFormat, false>(tensor, options, counts);
  } else {
    return {};
  }
}

template <int kNumber = 0>
void check_ways() {
  if constexpr (kNumber < kFormatCount) {
    constexpr auto kFormat = static_cast<Format>(kNumber);
    using W = cuda::Ways<kFormat>;
    const std::vector<Candidate> all = candidates(kFormat);
    CAPTURE(format_name(kFormat));
    REQUIRE(all.size() == static_cast<std::size_t>(W::kCount));
    for (std::size_t i = 0; i < all.size(); ++i) {
      const cuda::Way way = i == 0 ? W::kFirst : W::kSecond;
      CHECK(all[i].type == way.type);
      CHECK(all[i].target == static_cast<float>(way.quarters) / 4);
      CHECK(all[i].factor == static_cast<float>(way.halves) / 2);
    }
    CHECK(search_steps(kFormat).size() <= static_cast<std::size_t>(cuda::kMaxNeighbours));
    check_ways<kNumber + 1>();
  }
}

template <int kNumber = 0>
void check_elements() {
  if constexpr (kNumber < kFormatCount) {
    constexpr auto kFormat = static_cast<Format>(kNumber);
    const FormatTraits& t = traits(kFormat);
    for (const ElementType type : {ElementType::kFloat, ElementType::kInt}) {
      if (type == ElementType::kInt ? t.int_code == IntCode::kNone : t.exponent_bits == 0) continue;
      for (unsigned code = 0; code < 1U << t.code_bits; ++code) {
        CAPTURE(format_name(kFormat), code);
        const double denominator = t.divisor * (1 << t.fraction_bits);
        CHECK(cuda::element_of<kFormat>(type, code) ==
              operand(kFormat, type, code) * weight(kFormat, type) / denominator);
      }
    }
    check_elements<kNumber + 1>();
  }
}

template <int kQuarters>
std::size_t wrong_quotients() {
  std::size_t wrong = 0;
  for (std::uint32_t bits = 0x3F000000U; bits < 0x40000000U; ++bits) {  // two binades, every fraction
    const float x = cuda::float_of(bits);
    wrong += cuda::divided<kQuarters>(x) != x / (static_cast<float>(kQuarters) / 4);
  }
  return wrong;
}

}  // namespace

TEST_CASE("the candidates of the kernels are those of the one table", "[cuda]") { check_ways(); }

TEST_CASE("the elements of the kernels are those of the one table", "[cuda]") { check_elements(); }

TEST_CASE("quotients by the targets are rounded right for every fraction", "[cuda]") {
  CHECK(wrong_quotients<12>() == 0);
  CHECK(wrong_quotients<16>() == 0);
  CHECK(wrong_quotients<24>() == 0);
  CHECK(wrong_quotients<28>() == 0);
  CHECK(wrong_quotients<30>() == 0);
  CHECK(wrong_quotients<112>() == 0);
  CHECK(wrong_quotients<124>() == 0);
}

TEST_CASE("the kernels' arithmetic gives the bits of the scalar quantizer in every format and rule",
          "[cuda]") {
  std::mt19937_64 rng(test_seed() + 2100);
  for (int number = 0; number < kFormatCount; ++number) {
    for (const Rule rule : kRules) {
      for (const bool search : {false, true}) {
        for (const bool noise : {false, true}) {
          QuantizeOptions options{static_cast<Format>(number), rule, search};
          if (noise) options.seed = rng();
          CAPTURE(text_of(options));
          const Tensor tensor = mixed_tensor({9, 160 + 7}, rng);
          const QuantizedTensor expected = quantize(tensor, options);
          CHECK(difference(coded_in_format(tensor, options), expected) == "");
          Counts counts;
          CHECK(difference(coded_in_format(tensor, options, &counts), expected) == "");
        }
      }
    }
  }
}

TEST_CASE("the quick choice is certain of nearly all blocks, and right", "[cuda][long]") {
  std::mt19937_64 rng(test_seed() + 2102);
  std::normal_distribution<float> normal;
  Tensor tensor{{128, 1024}, std::vector<float>(std::size_t{128} * 1024)};
  for (float& x : tensor.values) x = normal(rng);
  for (int number = 0; number < kFormatCount; ++number) {
    const auto format = static_cast<Format>(number);
    if (block_size(format) != kBlockSize) continue;
    for (const Rule rule : {Rule::kMse, Rule::kMae}) {
      for (const bool search : {false, true}) {
        const QuantizeOptions options{format, rule, search};
        CAPTURE(text_of(options));
        Counts counts;
        CHECK(difference(coded_in_format(tensor, options, &counts), quantize(tensor, options)) == "");
        CHECK(counts.blocks == tensor.values.size() / 16);
        INFO("uncertain: " << counts.blocks - counts.quick << " of " << counts.blocks);
        CHECK(counts.quick >= counts.blocks - counts.blocks / 100);
      }
    }
  }
}

TEST_CASE("the kernels' arithmetic at any magnitude", "[cuda]") {
  std::mt19937_64 rng(test_seed() + 2101);
  for (int repeat = 0; repeat < 400; ++repeat) {
    QuantizeOptions options = random_options(rng);
    options.square = options.transpose = options.rotate = false;
    Tensor tensor = mixed_tensor({1 + rng() % 6, 1 + rng() % 200}, rng);
    const int power = static_cast<int>(rng() % 280) - 150;
    for (float& x : tensor.values) {
      x = std::ldexp(x, power);
      if (std::isinf(x)) x = std::numeric_limits<float>::max();
    }
    CAPTURE(text_of(options), power, repeat);
    const QuantizedTensor expected = quantize(tensor, options);
    CHECK(difference(coded_in_format(tensor, options), expected) == "");
    Counts counts;
    CHECK(difference(coded_in_format(tensor, options, &counts), expected) == "");
  }
}

TEST_CASE("the kernels' arithmetic at the extremes of FP32", "[cuda]") {
  for (const float amax : kExtremes) {
    CAPTURE(amax);
    const Tensor tensor = extreme_tensor(amax);
    for (int number = 0; number < kFormatCount; ++number) {
      for (const bool search : {false, true}) {
        for (const bool noise : {false, true}) {
          QuantizeOptions options{static_cast<Format>(number), Rule::kMse, search};
          if (noise) options.seed = 7;
          CAPTURE(text_of(options));
          const QuantizedTensor expected = quantize(tensor, options);
          CHECK(difference(coded_in_format(tensor, options), expected) == "");
          Counts counts;
          CHECK(difference(coded_in_format(tensor, options, &counts), expected) == "");
        }
      }
    }
  }
}

TEST_CASE("a block with a value that is not finite gets the NaN as scale", "[cuda]") {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    for (int at = 0; at < 16; ++at) {
      float x[1][16] = {};
      for (float& value : x[0]) value = 0.5F;
      x[0][at] = -bad;
      cuda::Coded<Format::kIF4> best;
      cuda::code_block<Format::kIF4, Rule::kMse, false, true>(x, cuda::tensor_numbers<Format::kIF4>(1.0F), {},
                                                              cuda::Alone{}, 0, best);
      CHECK(best.scale == kScaleNaN);
      CHECK((best.pieces[0].w[0] | best.pieces[0].w[1]) == 0);
    }
  }
}
