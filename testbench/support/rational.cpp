#include "testbench/support/rational.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>

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

// Magnitudes of the float types, by the code without its sign.
constexpr char kE2M1[] = "0 1/2 1 3/2 2 3 4 6";
constexpr char kE2M0[] = "0 1 2 4";
constexpr char kE2M3[] =
    "0 1/8 1/4 3/8 1/2 5/8 3/4 7/8 1 9/8 5/4 11/8 3/2 13/8 7/4 15/8 "
    "2 9/4 5/2 11/4 3 13/4 7/2 15/4 4 9/2 5 11/2 6 13/2 7 15/2";
constexpr char kE3M2[] =
    "0 1/16 1/8 3/16 1/4 5/16 3/8 7/16 1/2 5/8 3/4 7/8 1 5/4 3/2 7/4 "
    "2 5/2 3 7/2 4 5 6 7 8 10 12 14 16 20 24 28";

// Integers, by the code: two's complement of four bits, and magnitudes without the sign.
constexpr char kTwosComplement4[] = "0 1 2 3 4 5 6 7 -8 -7 -6 -5 -4 -3 -2 -1";
constexpr char kMagnitude4[] = "0 1 2 3 4 5 6 7";
constexpr char kMagnitude3[] = "0 1 2 3";
constexpr char kMagnitude6[] =
    "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31";

std::vector<mpq_class> numbers(const char* text) {
  std::istringstream in(text);
  std::vector<mpq_class> values;
  for (mpq_class value; in >> value;) values.push_back(value);
  return values;
}

// The codes with the sign bit, which is the top one, follow those without.
std::vector<mpq_class> with_sign(std::vector<mpq_class> values) {
  const std::size_t count = values.size();
  for (std::size_t i = 0; i < count; ++i) values.emplace_back(-values[i]);
  return values;
}

std::vector<mpq_class> times(std::vector<mpq_class> values, const mpq_class& factor) {
  for (mpq_class& value : values) value *= factor;
  return values;
}

}  // namespace

const std::vector<std::string_view>& format_names() {
  static const std::vector<std::string_view> names = {
      "if4", "mixfp4", "nvfp4", "nvint4", "if3", "if6_e2m3", "if6_e3m2", "nvfp6_e2m3", "nvfp6_e3m2"};
  return names;
}

std::vector<mpq_class> element_values(std::string_view format, bool bit7) {
  if (format == "if4") {
    return bit7 ? times(numbers(kTwosComplement4), mpq_class(6, 7)) : with_sign(numbers(kE2M1));
  }
  if (format == "mixfp4") return with_sign(numbers(bit7 ? kMagnitude4 : kE2M1));
  if (format == "nvfp4") return with_sign(numbers(kE2M1));
  if (format == "nvint4") return numbers(kTwosComplement4);
  if (format == "if3") {
    return with_sign(bit7 ? times(numbers(kMagnitude3), mpq_class(4, 3)) : numbers(kE2M0));
  }
  if (format == "if6_e2m3") {
    return with_sign(bit7 ? times(numbers(kMagnitude6), mpq_class(15, 2) / 31) : numbers(kE2M3));
  }
  if (format == "if6_e3m2") {
    return with_sign(bit7 ? times(numbers(kMagnitude6), mpq_class(28, 31)) : numbers(kE3M2));
  }
  if (format == "nvfp6_e2m3") return with_sign(numbers(kE2M3));
  if (format == "nvfp6_e3m2") return with_sign(numbers(kE3M2));
  throw std::domain_error("unknown format " + std::string(format));
}

mpq_class exact(float value) { return mpq_class(static_cast<double>(value)); }

mpq_class element_value(bool is_int, unsigned code) {
  static const std::vector<mpq_class> values[2] = {element_values("if4", false), element_values("if4", true)};
  return values[is_int ? 1 : 0].at(code);
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
  // This is at most one step from the answer; the exact distances below decide.
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
