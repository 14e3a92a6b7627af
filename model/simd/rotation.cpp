#include "model/simd/rotation.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "model/core/error.hpp"
#include "model/core/float_bits.hpp"

namespace if4 {
namespace {

/// Multiplies x by the Hadamard matrix, in place.
void hadamard(BlockValues& x) {
  for (std::size_t distance = 1; distance < x.size(); distance *= 2) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      if ((i & distance) != 0) continue;
      const float a = x[i];
      const float b = x[i + distance];
      x[i] = a + b;
      x[i + distance] = a - b;
    }
  }
}

/// What 16 values are multiplied by so that no sum of them leaves FP32: a power of two, and 1 for all but those
/// near the ends of FP32.
float headroom(const BlockValues& x) {
  float largest = 0.0F;
  for (const float value : x) largest = std::max(largest, std::fabs(value));
  return largest < kRotationLimit ? 1.0F : 0x1p-8F;
}

bool negated(std::size_t i) { return (kRotationSigns >> i & 1U) != 0; }

}  // namespace

float round_to_bfloat16(float x) {
  const std::uint32_t bits = float_bits(x);
  return float_from_bits((bits + 0x7FFFU + (bits >> 16 & 1U)) & 0xFFFF0000U);
}

BlockValues rotate(const BlockValues& x) {
  BlockValues y{};
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float rounded = round_to_bfloat16(x[i]);
    y[i] = negated(i) ? -rounded : rounded;
  }
  const float down = headroom(y);
  for (float& value : y) value *= down;
  hadamard(y);
  for (float& value : y) value = round_to_bfloat16(value * (0.25F / down));
  return y;
}

BlockValues rotate_back(const BlockValues& y) {
  const float down = headroom(y);
  const float largest = std::numeric_limits<float>::max() * down * 4.0F;
  BlockValues x = y;
  for (float& value : x) value *= down;
  hadamard(x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = std::clamp(x[i], -largest, largest) * (negated(i) ? -0.25F : 0.25F) / down;
  }
  return x;
}

Tensor rotated_back(const Tensor& tensor) {
  if (tensor.values.size() % kBlockSize != 0)
    throw InputError("a rotated tensor has rows of a multiple of 16");
  Tensor result = tensor;
  for (auto first = result.values.begin(); first != result.values.end(); first += kBlockSize) {
    BlockValues y{};
    std::copy_n(first, y.size(), y.begin());
    const BlockValues x = rotate_back(y);
    std::copy_n(x.begin(), x.size(), first);
  }
  return result;
}

}  // namespace if4
