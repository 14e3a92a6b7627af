#include "testbench/support/tensor_testing.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

namespace if4::testing {

Tensor two_kinds_of_blocks(std::size_t rows, std::size_t columns, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> bell;
  std::uniform_real_distribution<float> even(-2.0F, 2.0F);
  Tensor tensor{{rows, columns}, {}};
  for (std::size_t i = 0; i < rows * columns; ++i) {
    tensor.values.push_back(i / kBlockSize % 2 == 0 ? bell(random) : even(random));
  }
  return tensor;
}

Tensor mixed_tensor(const Shape& shape, std::mt19937_64& rng) {
  std::normal_distribution<float> normal;
  Tensor tensor{shape, {}};
  tensor.values.resize(tensor.rows() * tensor.columns());
  unsigned kind = 0;
  float magnitude = 1.0F;
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    if (i % 16 == 0) {
      kind = static_cast<unsigned>(rng() % 8);
      magnitude = std::exp2(-static_cast<float>(rng() % 24));
    }
    const float x = normal(rng);
    float value = x * magnitude;
    if (kind == 1) value = x * x * x * x * x * magnitude / 8;
    if (kind == 2) value = static_cast<float>(static_cast<int>(rng() % 49) - 24) / 4 * magnitude;
    if (kind == 3) value = rng() % 4 == 0 ? value : rng() % 2 == 0 ? 0.0F : -0.0F;
    if (kind == 4 && rng() % 64 != 0) value = 0.0F;
    if (kind == 5 && rng() % 3 == 0) value = std::ldexp(x, -static_cast<int>(rng() % 140));
    tensor.values[i] = value;
  }
  return tensor;
}

Tensor extreme_tensor(float amax) {
  Tensor tensor{{4, 32}, std::vector<float>(128)};
  for (std::size_t i = 0; i < 20; ++i) tensor.values[i] = i % 2 == 0 ? amax : -amax / static_cast<float>(i);
  tensor.values[40] = -std::min(kTiniest, amax);
  tensor.values[64] = -0.0F;
  tensor.values[100] = std::min(kTiniest, amax);
  return tensor;
}

QuantizeOptions random_options(std::mt19937_64& rng) {
  QuantizeOptions options;
  options.format = static_cast<Format>(rng() % kFormatCount);
  options.rule = static_cast<Rule>(rng() % 3);
  options.search = rng() % 2 == 0;
  options.square = rng() % 3 == 0 && block_size(options.format) == kBlockSize;
  options.transpose = rng() % 3 == 0;
  options.rotate = rng() % 3 == 0;
  if (rng() % 3 == 0) options.seed = rng();
  return options;
}

std::string text_of(const QuantizeOptions& options) {
  return std::string(format_name(options.format)) + " " + std::string(rule_name(options.rule)) +
         (options.search ? " search" : "") + (options.square ? " 2d" : "") + (options.rotate ? " rht" : "") +
         (options.transpose ? " transpose" : "") + (options.seed ? " stochastic" : "");
}

namespace {

/// "byte 17 of 96, 0x3A for 0x3B", or nothing where both are the same.
std::string difference(const std::vector<std::uint8_t>& actual, const std::vector<std::uint8_t>& expected) {
  if (actual.size() != expected.size()) return "sizes differ";
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (actual[i] == expected[i]) continue;
    char text[96];
    std::snprintf(text, sizeof text, "byte %zu of %zu, 0x%02X for 0x%02X", i, actual.size(), actual[i],
                  expected[i]);
    return text;
  }
  return "";
}

}  // namespace

std::string difference(const QuantizedTensor& actual, const QuantizedTensor& expected) {
  if (actual.shape != expected.shape) return "the shapes differ";
  if (actual.flattened != expected.flattened) return "one is flattened";
  if (std::memcmp(&actual.amax, &expected.amax, sizeof actual.amax) != 0) return "amax differs";
  const std::string scales = difference(actual.scales, expected.scales);
  if (!scales.empty()) return "scales: " + scales;
  const std::string codes = difference(actual.codes, expected.codes);
  return codes.empty() ? "" : "codes: " + codes;
}

}  // namespace if4::testing
