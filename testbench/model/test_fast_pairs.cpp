// IF4 with the least squared error, where the fast quantizer finds both codes of a value at once and compares the errors of
// the types by their difference: the values at which codes change, and blocks whose two errors are equal or nearly so. The
// same for the scale search, which finds the errors of all its attempts at once.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "model/quantize/fast_quantizer.hpp"
#include "model/quantize/quantizer.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/simd_targets.hpp"
#include "testbench/support/stimuli.hpp"
#include "testbench/support/tensor_testing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;

/// Blocks that begin with `amax`, so that their scale is the largest one, and go on with the values.
Tensor blocks_of(const std::vector<float>& values, float amax) {
  Tensor tensor{{0, 16}, {}};
  for (std::size_t i = 0; i < values.size(); i += 15) {
    tensor.values.push_back(amax);
    for (std::size_t j = i; j < i + 15; ++j) tensor.values.push_back(j < values.size() ? values[j] : 0.0F);
  }
  tensor.shape[0] = tensor.values.size() / 16;
  return tensor;
}

void check_everywhere(const EachTarget& targets, const Tensor& tensor) {
  const QuantizedTensor plain = quantize(tensor, {});
  // The same blocks as the rows of 2-D blocks.
  const Tensor wide{{16, tensor.values.size() / 16}, tensor.values};
  QuantizeOptions square;
  square.square = true;
  const QuantizedTensor plain_square = quantize(wide, square);
  // And as columns.
  const Tensor high = transposed(tensor);
  QuantizeOptions transpose;
  transpose.transpose = true;
  targets.run([&] {
    CHECK(difference(quantize_fast(view_of(tensor), {}, 1), plain) == "");
    CHECK(difference(quantize_fast(view_of(wide), square, 1), plain_square) == "");
    CHECK(difference(quantize_fast(view_of(high), transpose, 1), plain) == "");
  });
}

const QuantizeOptions kSearch = [] {
  QuantizeOptions options;
  options.search = true;
  return options;
}();

void check_search(const EachTarget& targets, const Tensor& tensor) {
  const QuantizedTensor plain = quantize(tensor, kSearch);
  // And as rows that end within a tile.
  const Tensor rows{
      {3, tensor.values.size() / 48 * 16},
      {tensor.values.begin(), tensor.values.end() - static_cast<std::ptrdiff_t>(tensor.values.size() % 48)}};
  const QuantizedTensor plain_rows = quantize(rows, kSearch);
  targets.run([&] {
    CHECK(difference(quantize_fast(view_of(tensor), kSearch, 1), plain) == "");
    CHECK(difference(quantize_fast(view_of(rows), kSearch, 2), plain_rows) == "");
  });
}

/// The scale byte that the specification finds for a block in a tensor with that amax.
unsigned searched_scale(const std::vector<float>& block, float amax) {
  Tensor tensor{{1, 32}, std::vector<float>(16, amax)};
  tensor.values.insert(tensor.values.end(), block.begin(), block.end());
  return quantize(tensor, kSearch).block(0, 1).scale;
}

/// The squared error of FP4 minus that of INT4 for a value in steps.
double difference(double steps) {
  const std::vector<double> floats = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  double best = 36;
  for (const double value : floats) best = std::min(best, std::fabs(steps - value));
  const double integer = std::min(std::nearbyint(steps * 7 / 6), 7.0) * 6 / 7;
  return best * best - (steps - integer) * (steps - integer);
}

/// A value in steps between `low` and `high` whose difference is nearly `wanted`, or 0 where there is none.
double with_difference(double wanted, double low, double high) {
  const bool up = difference(low) < wanted;
  if (up == (difference(high) < wanted)) return 0;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    ((difference(middle) < wanted) == up ? low : high) = middle;
  }
  return low;
}

}  // namespace

TEST_CASE("values beside the ties of both types of IF4", "[fast]") {
  std::mt19937_64 rng(test_seed() + 71);
  const EachTarget targets;
  std::vector<double> ties = {0, 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, 6};
  for (int i = 0; i < 7; ++i) ties.push_back((i + 0.5) * 6 / 7);
  for (int repeat = 0; repeat < 40; ++repeat) {
    // With 5.25, steps are exact: 0.875.
    const float amax = repeat == 0 ? 5.25F : std::ldexp(1.0F + 0x1p-24F * static_cast<float>(rng() >> 41), 3);
    CAPTURE(amax, repeat);
    std::vector<float> values;
    for (const double tie : ties) {
      for (const float sign : {1.0F, -1.0F}) {
        float x = static_cast<float>(tie * static_cast<double>(amax) / 6) * sign;
        for (int i = 0; i < 8; ++i) x = std::nextafter(x, -10.0F);
        for (int i = 0; i < 16; ++i, x = std::nextafter(x, 10.0F)) {
          values.push_back(std::clamp(x, -amax, amax));
        }
      }
    }
    std::shuffle(values.begin(), values.end(), rng);
    check_everywhere(targets, blocks_of(values, amax));
  }
}

TEST_CASE("every BF16 value of a block of IF4", "[fast]") {
  const EachTarget targets;
  std::vector<float> values;
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const float x = bfloat16_to_float(static_cast<std::uint16_t>(bits));
    if (std::fabs(x) <= 5.25F) values.push_back(x);
  }
  CHECK(values.size() > 32000);
  for (const float amax : {5.25F, 5.3F, 6.0F, 7.0F}) check_everywhere(targets, blocks_of(values, amax));
}

TEST_CASE("blocks of IF4 whose errors of both types are nearly equal", "[fast]") {
  std::mt19937_64 rng(test_seed() + 72);
  std::uniform_real_distribution<double> steps(0.0, 6.0);
  const EachTarget targets;
  std::size_t balanced = 0;
  for (const float amax : {5.25F, 7.0F, 5.7F}) {
    std::vector<float> values;
    while (values.size() < 15 * 300) {
      // Up to seven pairs of values that make up for each other; zeros and the largest value have no difference.
      std::vector<double> block(15, 0.0);
      for (std::size_t i = 0; i + 1 < 1 + rng() % 15; i += 2) {
        const double first = steps(rng);
        const double low = steps(rng);
        const double second = with_difference(-difference(first), low, steps(rng));
        if (second == 0) continue;
        block[i] = first;
        block[i + 1] = second;
        ++balanced;
      }
      std::shuffle(block.begin(), block.end(), rng);
      for (const double x : block) {
        const float sign = rng() % 2 == 0 ? 1.0F : -1.0F;
        values.push_back(std::clamp(static_cast<float>(x * static_cast<double>(amax) / 6), 0.0F, amax) *
                         sign);
      }
    }
    const Tensor blocks = blocks_of(values, amax);
    check_everywhere(targets, blocks);
    // The same as the first rows of 2-D blocks; the zeros below have no difference either.
    constexpr std::size_t kColumns = 256;
    const std::size_t bands = blocks.values.size() / kColumns;
    Tensor squares{{16 * bands, kColumns}, std::vector<float>(16 * bands * kColumns)};
    for (std::size_t i = 0; i < bands * kColumns; ++i)
      squares.values[i / kColumns * 16 * kColumns + i % kColumns] = blocks.values[i];
    QuantizeOptions options;
    options.square = true;
    const QuantizedTensor plain = quantize(squares, options);
    targets.run([&] { CHECK(difference(quantize_fast(view_of(squares), options, 1), plain) == ""); });
  }
  CHECK(balanced > 300);
}

TEST_CASE("zeros of both signs, and blocks with small scales, of IF4", "[fast]") {
  std::mt19937_64 rng(test_seed() + 73);
  std::normal_distribution<float> normal;
  const EachTarget targets;
  // Any exponent of amax, as the values are multiplied by a power of two that has to be exact.
  for (int exponent = -140; exponent <= 120; exponent += 13) {
    CAPTURE(exponent);
    Tensor tensor{{40, 64}, {}};
    for (std::size_t block = 0; block < 160; ++block) {
      // A block is smaller than the tensor by up to 2^30: its scale is any, or 0.
      const int down = exponent - static_cast<int>(rng() % 31);
      for (int i = 0; i < 16; ++i) {
        const auto kind = rng() % 8;
        const float x = kind == 0   ? 0.0F
                        : kind == 1 ? -0.0F
                        : kind == 2 ? -std::ldexp(1.0F, -149)
                                    : std::ldexp(normal(rng), down);
        tensor.values.push_back(block % 7 == 0 && kind < 6 ? -0.0F : x);
      }
    }
    check_everywhere(targets, tensor);
  }
}

TEST_CASE("the scale search of IF4 where one attempt takes over from another", "[fast]") {
  std::mt19937_64 rng(test_seed() + 74);
  std::normal_distribution<float> normal;
  const EachTarget targets;
  constexpr float kAmax = 7.25F;
  std::size_t found = 0;
  Tensor tensor{{0, 16}, std::vector<float>(16, kAmax)};
  for (int repeat = 0; repeat < 1500; ++repeat) {
    std::vector<float> block(16);
    // Values on a grid have attempts with the same error.
    const float size = std::ldexp(1.0F, -static_cast<int>(rng() % 6));
    for (float& x : block) {
      x = normal(rng) * size;
      if (repeat % 3 == 0) x = std::round(x / size * 2) / 2 * size;
      x = std::clamp(x, -kAmax, kAmax);
    }
    // The value at which the specification begins to choose otherwise, of two that have different choices.
    float& moved = block[rng() % 16];
    const auto scale_at = [&](std::uint32_t bits) {
      moved = std::ldexp(static_cast<float>(bits), -22) * size;
      return searched_scale(block, kAmax);
    };
    auto low = static_cast<std::uint32_t>(rng() >> 41);
    auto high = static_cast<std::uint32_t>(rng() >> 41);
    const unsigned first = scale_at(low);
    if (scale_at(high) == first) continue;
    while (low + 1 != high && high + 1 != low) {
      const std::uint32_t middle = low < high ? low + (high - low) / 2 : high + (low - high) / 2;
      (scale_at(middle) == first ? low : high) = middle;
    }
    ++found;
    for (std::uint32_t bits = low < 4 ? 0 : low - 4; bits < low + 4; ++bits) {
      scale_at(bits);
      for (const float x : block) tensor.values.push_back(rng() % 2 == 0 ? x : -x);
    }
  }
  tensor.shape[0] = tensor.values.size() / 16;
  CHECK(found > 300);
  check_search(targets, tensor);
}

TEST_CASE("the scale search of IF4 from the smallest scales to the largest", "[fast]") {
  std::mt19937_64 rng(test_seed() + 75);
  std::normal_distribution<float> normal;
  const EachTarget targets;
  for (int exponent = -140; exponent <= 120; exponent += 20) {
    CAPTURE(exponent);
    const float amax = std::ldexp(1.75F, exponent);
    // Every scale of a block; tiles that have no small one, and tiles that have.
    for (const int first : {0, 9, 118}) {
      CAPTURE(first);
      Tensor tensor{{0, 16}, {amax}};
      for (int block = 0; block < 200; ++block) {
        const int code = first + static_cast<int>(rng() % static_cast<unsigned>(127 - first));
        const double scale = code < 8 ? std::ldexp(code, -9) : std::ldexp(8 + code % 8, code / 8 - 10);
        const auto largest = static_cast<float>(
            scale * (0.97 + 0.06 * static_cast<double>(rng() % 100) / 100) / 448 * static_cast<double>(amax));
        const auto kind = rng() % 6;
        const std::size_t start = tensor.values.size() % 16;
        for (std::size_t i = start; i < 16; ++i) {
          float x = kind == 0 ? 0.0F : largest * std::clamp(normal(rng) / 3, -1.0F, 1.0F);
          if (kind == 1) x = largest * static_cast<float>(static_cast<int>(rng() % 29) - 14) / 14;
          if (kind == 2) x = largest;
          if (i == 7 && kind != 0) x = std::min(largest, amax);
          if (kind == 0 || rng() % 16 == 0) x = rng() % 2 == 0 ? 0.0F : -0.0F;
          tensor.values.push_back(std::clamp(x, -amax, amax));
        }
      }
      tensor.shape[0] = tensor.values.size() / 16;
      check_search(targets, tensor);
    }
  }
}

TEST_CASE("the scale search of IF4 beside ties of the codes", "[fast]") {
  std::mt19937_64 rng(test_seed() + 76);
  const EachTarget targets;
  // What INT4 and FP4 round up from, at every scale that a block may be moved to.
  const std::vector<double> ties = {0.25,    0.75,    1.25,     1.75, 2.5,      3.5,     5,
                                    3.0 / 7, 9.0 / 7, 15.0 / 7, 3,    27.0 / 7, 39.0 / 7};
  for (int repeat = 0; repeat < 20; ++repeat) {
    const float amax = repeat == 0 ? 5.25F : std::ldexp(1.0F + 0x1p-24F * static_cast<float>(rng() >> 41), 3);
    CAPTURE(amax, repeat);
    Tensor tensor{{0, 16}, std::vector<float>(16, amax)};
    for (int block = 0; block < 150; ++block) {
      const int eighths = 8 + static_cast<int>(rng() % 8);
      for (int i = 0; i < 16; ++i) {
        const double at = static_cast<double>(eighths + static_cast<int>(rng() % 3) - 1) / 15;
        float x = static_cast<float>(ties[rng() % ties.size()] * at * static_cast<double>(amax) / 8);
        if (i == 3) x = static_cast<float>(6.0 * eighths / 15 * static_cast<double>(amax) / 8);
        for (auto steps = rng() % 3; steps > 0; --steps) x = std::nextafter(x, rng() % 2 == 0 ? 0.0F : 10.0F);
        tensor.values.push_back(rng() % 2 == 0 ? x : -x);
      }
    }
    tensor.shape[0] = tensor.values.size() / 16;
    check_search(targets, tensor);
  }
}
