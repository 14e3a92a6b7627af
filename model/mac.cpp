#include "model/mac.hpp"

#include <array>

namespace if4 {
namespace {

// Element operands by type and code: h of FP4, q of INT4.
constexpr std::array<std::array<std::int8_t, 16>, 2> make_operands() {
  std::array<std::array<std::int8_t, 16>, 2> table{};
  for (unsigned code = 0; code < 16; ++code) {
    table[0][code] = static_cast<std::int8_t>(fp4_halves(code));
    table[1][code] = static_cast<std::int8_t>(int4_value(code));
  }
  return table;
}
constexpr auto kOperands = make_operands();

// 49 * factor_a * factor_w * (units of h and q): 49 = 7*7, 84 = 7*12, 144 = 12*12.
constexpr std::int64_t kFactor[2][2] = {{49, 84}, {84, 144}};

std::size_t type_index(const Block& block) { return (block.scale & kScaleIntBit) != 0 ? 1 : 0; }

}  // namespace

int dot_product(const Block& a, const Block& w) {
  const auto& a_operands = kOperands[type_index(a)];
  const auto& w_operands = kOperands[type_index(w)];
  int sum = 0;
  for (int i = 0; i < kBlockSize; ++i) sum += a_operands[a.code(i)] * w_operands[w.code(i)];
  return sum;
}

std::int64_t beat_value(const Block& a, const Block& w) {
  const Scale a_scale = decode_scale(a.scale);
  const Scale w_scale = decode_scale(w.scale);
  const std::int64_t significands = a_scale.significand * w_scale.significand;
  const int shift = a_scale.exponent + w_scale.exponent - 2;
  return dot_product(a, w) * kFactor[type_index(a)][type_index(w)] * significands *
         (std::int64_t{1} << shift);
}

std::uint32_t round_sum(std::int64_t sum) {
  if (sum == 0) return 0;
  const bool negative = sum < 0;
  std::uint64_t magnitude = negative ? 0 - static_cast<std::uint64_t>(sum) : static_cast<std::uint64_t>(sum);
  // Bring the dividend to 2^63 or more, so that the quotient by 49 has at least 58 bits: 24 for the
  // significand, the rest and the remainder for the rounding.
  int exponent = -20;
  while (magnitude < std::uint64_t{1} << 63) {
    magnitude <<= 1;
    --exponent;
  }
  std::uint64_t quotient = magnitude / 49;
  const bool remainder = magnitude % 49 != 0;
  int drop = 0;  // bits of the quotient below the significand
  while (quotient >> drop >= std::uint64_t{1} << 24) ++drop;
  const std::uint64_t below = quotient & ((std::uint64_t{1} << drop) - 1);
  const std::uint64_t half = std::uint64_t{1} << (drop - 1);
  std::uint64_t significand = quotient >> drop;  // 2^23 <= significand < 2^24
  const bool odd = (significand & 1) != 0;
  if (below > half || (below == half && (remainder || odd))) ++significand;
  // value = significand * 2^(exponent + drop). Adding the significand, not or-ing it, carries a round-up to
  // 2^24 into the exponent; its leading one is what the exponent field is short of.
  const auto biased = static_cast<std::uint32_t>(exponent + drop + 23 + 127 - 1);
  return (negative ? 0x80000000U : 0U) | ((biased << 23) + static_cast<std::uint32_t>(significand));
}

void ExactMac::beat(const Block& a, const Block& w) {
  nan_ = nan_ || decode_scale(a.scale).nan || decode_scale(w.scale).nan;
  if (__builtin_add_overflow(sum_, beat_value(a, w), &sum_))
    overflow_ = true;  // sum_ wraps, as the RTL's does
}

MacResult ExactMac::finish() {
  MacResult result{round_sum(sum_), nan_, overflow_ && !nan_};
  if (nan_ || overflow_) result.bits = kResultNaN;
  *this = ExactMac{};
  return result;
}

}  // namespace if4
