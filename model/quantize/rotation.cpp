#include "model/quantize/rotation.hpp"

#include <cstddef>
#include <cstring>

namespace if4 {
namespace {

/// x times the Hadamard matrix, in place.
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

bool negated(std::size_t i) { return (kRotationSigns >> i & 1U) != 0; }

}  // namespace

float round_to_bfloat16(float x) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  bits = (bits + 0x7FFFU + (bits >> 16 & 1U)) & 0xFFFF0000U;
  std::memcpy(&x, &bits, sizeof bits);
  return x;
}

BlockValues rotate(const BlockValues& x) {
  BlockValues y{};
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float rounded = round_to_bfloat16(x[i]);
    y[i] = negated(i) ? -rounded : rounded;
  }
  hadamard(y);
  for (float& value : y) value = round_to_bfloat16(value * 0.25F);
  return y;
}

BlockValues rotate_back(const BlockValues& y) {
  BlockValues x = y;
  hadamard(x);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= negated(i) ? -0.25F : 0.25F;
  return x;
}

}  // namespace if4
