// IF4 with the least squared error, where the fast quantizer finds both codes of a value at once and compares the errors of
// the types by their difference: the values at which codes change, and blocks whose two errors are equal or nearly so.

#include <algorithm>
#include <cmath>
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
    check_everywhere(targets, blocks_of(values, amax));
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
