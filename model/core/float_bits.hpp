// FP32 numbers as the 32 bits that hold them, and back.
#pragma once

#include <cstdint>
#include <cstring>

namespace if4 {

/// The bits of `value`: sign, 8 bits of exponent, 23 bits of fraction.
inline std::uint32_t float_bits(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// The number that has these bits.
inline float float_from_bits(std::uint32_t bits) {
  float value = 0.0F;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace if4
