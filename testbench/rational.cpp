#include "testbench/rational.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace if4::rational {

namespace {

/// 2^exponent.
mpq_class power_of_two(int exponent) {
  mpz_class power;
  mpz_ui_pow_ui(power.get_mpz_t(), 2, static_cast<unsigned long>(std::abs(exponent)));
  return exponent >= 0 ? mpq_class(power) : mpq_class(mpz_class(1), power);
}

/// Where a float lies on the grid that FP32 rounds to: infinity takes the place of the next number, +-2^128.
mpq_class grid_value(float value) {
  if (std::isinf(value)) return value > 0 ? power_of_two(128) : mpq_class(-power_of_two(128));
  return exact(value);
}

bool is_even(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits % 2 == 0;
}

}  // namespace

mpq_class exact(float value) { return mpq_class(static_cast<double>(value)); }

mpq_class element_value(bool is_int, unsigned code) {
  if (is_int) {
    const int integer = code < 8 ? static_cast<int>(code) : static_cast<int>(code) - 16;
    return mpq_class(integer) * 6 / 7;
  }
  const unsigned exponent = code / 2 % 4;
  const unsigned mantissa = code % 2;
  mpq_class half_mantissa(mantissa, 2);
  half_mantissa.canonicalize();
  const mpq_class magnitude =
      exponent == 0 ? half_mantissa
                    : mpq_class((1 + half_mantissa) * power_of_two(static_cast<int>(exponent) - 1));
  return code < 8 ? magnitude : mpq_class(-magnitude);
}

mpq_class scale_value(std::uint8_t scale) {
  const int bits = scale % 128;
  if (bits == 0x7F) throw std::domain_error("the scale is NaN");
  const int exponent = bits / 8;
  mpq_class fraction(bits % 8, 8);
  fraction.canonicalize();
  return exponent == 0 ? mpq_class(fraction * power_of_two(-6))
                       : mpq_class((1 + fraction) * power_of_two(exponent - 7));
}

float round_to_fp32(const mpq_class& value) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  // Within one step of the answer; the exact distances below decide.
  const float guess = static_cast<float>(std::clamp(value.get_d(), -kLargest, kLargest));
  float best = guess;
  mpq_class best_distance = abs(grid_value(guess) - value);
  for (const float other : {std::nextafter(guess, -kInfinity), std::nextafter(guess, kInfinity)}) {
    const mpq_class distance = abs(grid_value(other) - value);
    if (distance < best_distance || (distance == best_distance && is_even(other))) {
      best = other;
      best_distance = distance;
    }
  }
  return best == 0.0F ? 0.0F : best;
}

}  // namespace if4::rational
