#include "model/mac.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace if4 {
namespace {

using UInt128 = unsigned __int128;

constexpr int kMaxAccWidth = 120;
constexpr int kDefaultBeats = 1024;

using Operands = std::array<std::int16_t, 1U << kMaxCodeBits>;  // by code

constexpr auto make_operands() {
  std::array<std::array<Operands, 2>, kFormatCount> table{};
  for (std::size_t number = 0; number < table.size(); ++number) {
    for (std::size_t type = 0; type < 2; ++type) {
      for (unsigned code = 0; code < 1U << kFormatTraits[number].code_bits; ++code) {
        table[number][type][code] = static_cast<std::int16_t>(
            operand(static_cast<Format>(number), static_cast<ElementType>(type), code));
      }
    }
  }
  return table;
}
constexpr auto kOperands = make_operands();

const Operands& operands(Format format, const Block& block) {
  return kOperands[static_cast<std::size_t>(format)]
                  [static_cast<std::size_t>(element_type(format, block.scale))];
}

// kBits, a constant, lets the compiler unroll the lanes: it is what the speed of the checked co-simulation
// hangs on.
template <int kBits>
int dot(const Operands& a_operands, const Operands& w_operands, const Block& a, const Block& w) {
  int sum = 0;
  for (int i = 0; i < kBlockSize; ++i) sum += a_operands[a.code(i, kBits)] * w_operands[w.code(i, kBits)];
  return sum;
}

int bit_length(UInt128 value) {
  const auto high = static_cast<std::uint64_t>(value >> 64);
  const auto low = static_cast<std::uint64_t>(value);
  return high != 0 ? 128 - __builtin_clzll(high) : low != 0 ? 64 - __builtin_clzll(low) : 0;
}

}  // namespace

void check(const MacConfig& config) {
  const int number = static_cast<int>(config.format);
  if (number >= kFormatCount)
    throw std::invalid_argument("no format has the number " + std::to_string(number));
  if (config.lanes != 16 && config.lanes != 32 && config.lanes != 64) {
    throw std::invalid_argument("lanes is " + std::to_string(config.lanes) + ", not 16, 32 or 64");
  }
  if (config.acc_width != 0 && (config.acc_width < 2 || config.acc_width > kMaxAccWidth)) {
    throw std::invalid_argument("acc_width is " + std::to_string(config.acc_width) + ", not 2 to " +
                                std::to_string(kMaxAccWidth) + ", or 0 for the default");
  }
}

Int128 largest_beat(const MacConfig& config) {
  check(config);
  int element = 0;
  for (const std::uint8_t scale : {std::uint8_t{0}, kScaleIntBit}) {
    const ElementType type = element_type(config.format, scale);
    for (unsigned code = 0; code < 1U << traits(config.format).code_bits; ++code) {
      const int weighted = operand(config.format, type, code) * weight(config.format, type);
      element = std::max(element, weighted < 0 ? -weighted : weighted);
    }
  }
  const Scale scale = decode_scale(kScaleNaN - 1);
  return (Int128{element} * element * config.lanes * scale.significand * scale.significand)
         << (2 * scale.exponent - 2);
}

int default_acc_width(const MacConfig& config) {
  return bit_length(static_cast<UInt128>(kDefaultBeats * largest_beat(config))) + 1;
}

int acc_width(const MacConfig& config) {
  check(config);
  return config.acc_width != 0 ? config.acc_width : default_acc_width(config);
}

Int128 beats_held(const MacConfig& config) {
  return ((Int128{1} << (acc_width(config) - 1)) - 1) / largest_beat(config);
}

int dot_product(Format format, const Block& a, const Block& w) {
  const Operands& a_operands = operands(format, a);
  const Operands& w_operands = operands(format, w);
  switch (traits(format).code_bits) {
    case 3:
      return dot<3>(a_operands, w_operands, a, w);
    case 4:
      return dot<4>(a_operands, w_operands, a, w);
    default:
      return dot<6>(a_operands, w_operands, a, w);
  }
}

Int128 block_product(Format format, const Block& a, const Block& w) {
  const Scale a_scale = decode_scale(a.scale);
  const Scale w_scale = decode_scale(w.scale);
  const std::int64_t k =
      weight(format, element_type(format, a.scale)) * weight(format, element_type(format, w.scale));
  const std::int64_t significands = a_scale.significand * w_scale.significand;
  const int shift = a_scale.exponent + w_scale.exponent - 2;
  return Int128{dot_product(format, a, w) * k * significands} * (std::int64_t{1} << shift);
}

std::uint32_t round_sum(Format format, Int128 sum) {
  if (sum == 0) return 0;
  const bool negative = sum < 0;
  const auto magnitude = static_cast<UInt128>(negative ? -sum : sum);
  // The dividend is brought to 2^127 or more, so that the quotient by r^2 <= 961 has at least 118 bits: 24
  // for the significand, the rest and the remainder for the rounding.
  const int normalize = 128 - bit_length(magnitude);
  const UInt128 dividend = magnitude << normalize;
  const auto divisor = static_cast<UInt128>(traits(format).divisor * traits(format).divisor);
  const UInt128 quotient = dividend / divisor;
  const bool remainder = dividend % divisor != 0;
  const int drop = bit_length(quotient) - 24;  // bits of the quotient below the significand
  const UInt128 below = quotient & ((UInt128{1} << drop) - 1);
  const UInt128 half = UInt128{1} << (drop - 1);
  auto significand = static_cast<std::uint32_t>(quotient >> drop);  // 2^23 <= significand < 2^24
  const bool odd = (significand & 1) != 0;
  if (below > half || (below == half && (remainder || odd))) ++significand;
  // value = significand * 2^exponent. Adding the significand, not or-ing it, carries a round-up to 2^24 into
  // the exponent; its leading one is what the exponent field is short of.
  const int exponent = drop - normalize - 18 - 2 * traits(format).fraction_bits;
  const auto biased = static_cast<std::uint32_t>(exponent + 23 + 127 - 1);
  return (negative ? 0x80000000U : 0U) | ((biased << 23) + significand);
}

ExactMac::ExactMac(const MacConfig& config)
    : format_(config.format),
      blocks_(blocks_per_beat(config)),
      limit_(Int128{1} << (acc_width(config) - 1)) {}

void ExactMac::beat(const Block* a, const Block* w) {
  for (int i = 0; i < blocks_; ++i) {
    nan_ = nan_ || decode_scale(a[i].scale).nan || decode_scale(w[i].scale).nan;
    sum_ += block_product(format_, a[i], w[i]);
  }
  if (sum_ < -limit_ || sum_ >= limit_) {
    overflow_ = true;
    // The sum wraps, as the RTL's does: its low bits are kept, and their top bit is the sign.
    const auto low = static_cast<UInt128>(sum_) & (static_cast<UInt128>(2 * limit_) - 1);
    sum_ = static_cast<Int128>(low) - (low >= static_cast<UInt128>(limit_) ? 2 * limit_ : 0);
  }
}

void ExactMac::beat(const Block& a, const Block& w) {
  if (blocks_ != 1) throw std::invalid_argument("one block a beat, where the unit takes more");
  beat(&a, &w);
}

MacResult ExactMac::finish() {
  MacResult result{round_sum(format_, sum_), nan_, overflow_ && !nan_};
  if (nan_ || overflow_) result.bits = kResultNaN;
  sum_ = 0;
  nan_ = false;
  overflow_ = false;
  return result;
}

}  // namespace if4
