// The FP32 units of the baseline (rtl/baseline/fp32_mul.sv, rtl/baseline/fp32_add.sv) against the processor's
// own arithmetic.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "Vfp32_add.h"
#include "Vfp32_add_normal.h"
#include "Vfp32_mul.h"
#include "Vfp32_mul_normal.h"
#include "model/core/float_bits.hpp"
#include "testbench/support/catch.hpp"

namespace {

using if4::float_bits;
using if4::float_from_bits;

constexpr std::uint32_t kSign = 0x80000000;
constexpr std::uint32_t kFraction = 0x7FFFFF;
constexpr std::uint32_t kNaN = 0x7FC00000;
constexpr std::size_t kRandomPairs = 500000;

/// The units make one NaN only.
std::uint32_t bits_of(float value) { return std::isnan(value) ? kNaN : float_bits(value); }

struct Add {
  static float apply(float a, float b) { return a + b; }
  static double exact(double a, double b) { return a + b; }
};
struct Mul {
  static float apply(float a, float b) { return a * b; }
  static double exact(double a, double b) { return a * b; }
};

/// What the units with Ieee = 0 work for: zero and normal operands, and an exact result that is zero or
/// normal. The double is exact for a product; a sum that is not rounds to a number far above the smallest
/// normal one.
template <class Operation>
bool normal(float a, float b) {
  const auto zero_or_normal = [](float value) { return value == 0 || std::isnormal(value); };
  const double exact = Operation::exact(static_cast<double>(a), static_cast<double>(b));
  return zero_or_normal(a) && zero_or_normal(b) && std::isfinite(Operation::apply(a, b)) &&
         (exact == 0 || std::abs(exact) >= 0x1p-126);
}

/// A fraction with long runs of zeros or ones: such sums and products are ties, or next to one, or carry far.
std::uint32_t sparse_fraction(std::mt19937_64& random) {
  const auto bits = static_cast<std::uint32_t>(random() & random() & random()) & kFraction;
  switch (random() % 6) {
    case 0:
      return bits;
    case 1:
      return ~bits & kFraction;
    case 2:
      return 1U << random() % 23;
    case 3:
      return kFraction << random() % 23 & kFraction;
    case 4:
      return kFraction >> random() % 23;
    default:
      return static_cast<std::uint32_t>(random()) & kFraction;
  }
}

std::uint32_t number(std::uint32_t sign, int exponent_field, std::uint32_t fraction) {
  const int field = exponent_field < 0 ? 0 : exponent_field > 255 ? 255 : exponent_field;
  return sign << 31 | static_cast<std::uint32_t>(field) << 23 | fraction;
}

/// Both signs of: zero, the ends and the middle of the subnormal and normal numbers, neighbours of powers of
/// two, infinity and several NaNs.
std::vector<std::uint32_t> special_values() {
  std::vector<std::uint32_t> values;
  for (const std::uint32_t magnitude :
       {0x00000000U, 0x00000001U, 0x00000002U, 0x00000003U, 0x00400000U, 0x00400001U, 0x007FFFFEU,
        0x007FFFFFU, 0x00800000U, 0x00800001U, 0x00FFFFFFU, 0x01000000U, 0x0C000000U, 0x33800000U,
        0x33800001U, 0x34000000U, 0x3EFFFFFFU, 0x3F000000U, 0x3F000001U, 0x3F3C14E6U, 0x3F5B6DB7U,
        0x3F7FFFFFU, 0x3F800000U, 0x3F800001U, 0x3FFFFFFFU, 0x40000000U, 0x4B7FFFFFU, 0x4B800000U,
        0x4B800001U, 0x72FFFFFFU, 0x73000000U, 0x7E7FFFFFU, 0x7F000000U, 0x7F7FFFFFU, 0x7F800000U,
        0x7F800001U, 0x7FBFFFFFU, 0x7FC00000U, 0x7FFFFFFFU}) {
    values.push_back(magnitude);
    values.push_back(kSign | magnitude);
  }
  return values;
}

/// A Verilated unit and the operation that it should do.
template <class Top, class Operation, bool kIeee>
class Checker {
 public:
  void check(std::uint32_t a, std::uint32_t b) {
    if (!kIeee && !normal<Operation>(float_from_bits(a), float_from_bits(b))) return;
    top_.a_i = a;
    top_.b_i = b;
    top_.eval();
    const std::uint32_t expected = bits_of(Operation::apply(float_from_bits(a), float_from_bits(b)));
    ++checked_;
    if (top_.result_o == expected) return;
    if (++wrong_ > 8) return;
    char text[80];
    std::snprintf(text, sizeof text, "%08X %08X: expected %08X, RTL %08X\n", a, b, expected,
                  static_cast<unsigned>(top_.result_o));
    failures_ += text;
  }
  /// All of what was checked was right, and it was at least as much as this.
  void finish(std::size_t at_least) {
    INFO(failures_);
    CHECK(wrong_ == 0);
    CHECK(checked_ >= at_least);
  }

 private:
  VerilatedContext context_;
  Top top_{&context_};
  std::size_t checked_ = 0;
  std::size_t wrong_ = 0;
  std::string failures_;
};

using FullAdd = Checker<Vfp32_add, Add, true>;
using NormalAdd = Checker<Vfp32_add_normal, Add, false>;
using FullMul = Checker<Vfp32_mul, Mul, true>;
using NormalMul = Checker<Vfp32_mul_normal, Mul, false>;

}  // namespace

TEMPLATE_TEST_CASE("FP32 units: every pair of special values", "[fp32]", FullAdd, NormalAdd, FullMul,
                   NormalMul) {
  TestType unit;
  const std::vector<std::uint32_t> values = special_values();
  for (const std::uint32_t a : values) {
    for (const std::uint32_t b : values) unit.check(a, b);
  }
  unit.finish(1000);
}

TEMPLATE_TEST_CASE("FP32 units: random bits", "[fp32]", FullAdd, NormalAdd, FullMul, NormalMul) {
  TestType unit;
  std::mt19937_64 random(test_seed() + 41);
  for (std::size_t i = 0; i < kRandomPairs; ++i) {
    const std::uint64_t bits = random();
    unit.check(static_cast<std::uint32_t>(bits), static_cast<std::uint32_t>(bits >> 32));
  }
  unit.finish(kRandomPairs / 12);
}

TEMPLATE_TEST_CASE("FP32 units: exponents near each other", "[fp32]", FullAdd, NormalAdd, FullMul,
                   NormalMul) {
  TestType unit;
  std::mt19937_64 random(test_seed() + 42);
  for (std::size_t i = 0; i < kRandomPairs; ++i) {
    // Subnormal numbers and numbers near infinity more often than others.
    const int field = static_cast<int>(random() % 4 == 0   ? random() % 4
                                       : random() % 4 == 0 ? 255 - random() % 4
                                                           : random() % 256);
    const int other = field + static_cast<int>(random() % 57) - 28;
    const std::uint32_t a = number(random() & 1, field, sparse_fraction(random));
    const std::uint32_t b = number(random() & 1, other, sparse_fraction(random));
    if (i % 2 == 0) {
      unit.check(a, b);
    } else {
      unit.check(b, a);
    }
  }
  unit.finish(kRandomPairs / 12);
}

TEMPLATE_TEST_CASE("FP32 units: cancellation", "[fp32]", FullAdd, NormalAdd, FullMul, NormalMul) {
  TestType unit;
  std::mt19937_64 random(test_seed() + 43);
  for (std::size_t i = 0; i < kRandomPairs; ++i) {
    // Equal but for the last bits, in the last place of either the number or the one below it.
    const std::uint32_t a = number(0, static_cast<int>(random() % 255), sparse_fraction(random));
    const auto distance = static_cast<std::uint32_t>(random() >> 40 >> random() % 24);
    const std::uint32_t b = a > distance ? a - distance : a;
    unit.check(a, kSign | b);
    unit.check(kSign | a, b);
  }
  unit.finish(kRandomPairs / 12);
}

TEMPLATE_TEST_CASE("FP32 units: products at both ends of the range", "[fp32]", FullAdd, NormalAdd, FullMul,
                   NormalMul) {
  TestType unit;
  std::mt19937_64 random(test_seed() + 44);
  for (std::size_t i = 0; i < kRandomPairs; ++i) {
    // The product's exponent field is `target` or one more: -30 to 3, or 252 to 257. A subnormal operand has
    // its leading one further down.
    const int target =
        i % 3 == 0 ? 252 + static_cast<int>(random() % 6) : static_cast<int>(random() % 34) - 30;
    const int a_field = static_cast<int>(random() % 256);
    const int b_field = target + 127 - a_field;
    std::uint32_t a_fraction = sparse_fraction(random);
    if (a_field == 0) a_fraction >>= random() % 23;
    unit.check(number(random() & 1, a_field, a_fraction),
               number(random() & 1, b_field, sparse_fraction(random)));
  }
  unit.finish(kRandomPairs / 12);
}
