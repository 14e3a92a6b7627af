#include "model/mac/mac.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <tuple>

namespace if4 {
namespace {

using UInt128 = unsigned __int128;

constexpr int kMaxAccWidth = 120;
constexpr int kDefaultBeats = 1024;

// How the codes of a block are read: the operand of each code, and the weight that all have in common.
struct Reading {
  std::array<std::int16_t, 1U << kMaxCodeBits> operands{};
  int weight = 0;
};

// One Reading for each format and value of bit 7 of the scale byte.
constexpr auto make_readings() {
  std::array<std::array<Reading, 2>, kMacFormatCount> table{};
  for (std::size_t number = 0; number < table.size(); ++number) {
    const auto format = static_cast<Format>(number);
    for (std::size_t bit7 = 0; bit7 < 2; ++bit7) {
      const ElementType type = element_type(format, bit7 == 0 ? 0 : kScaleIntBit);
      for (unsigned code = 0; code < 1U << traits(format).code_bits; ++code) {
        table[number][bit7].operands[code] = static_cast<std::int16_t>(operand(format, type, code));
      }
      table[number][bit7].weight = weight(format, type);
    }
  }
  return table;
}
constexpr auto kReadings = make_readings();

const Reading& reading(Format format, const Block& block) {
  return kReadings[static_cast<std::size_t>(format)][block.scale >> 7];
}

// The shifts are constants and the word is the narrowest that holds the codes, because the speed of the
// checked co-simulation depends on this loop.
template <int kBits, typename Word>
int sum_of_products(const Reading& a_reading, const Reading& w_reading, const Block& a, const Block& w) {
  constexpr unsigned kMask = (1U << kBits) - 1;
  const auto a_codes = static_cast<Word>(a.codes);
  const auto w_codes = static_cast<Word>(w.codes);
  int sum = 0;
  for (int i = 0; i < kBlockSize; ++i) {
    sum += a_reading.operands[static_cast<unsigned>(a_codes >> (kBits * i)) & kMask] *
           w_reading.operands[static_cast<unsigned>(w_codes >> (kBits * i)) & kMask];
  }
  return sum;
}

// D of mac.hpp: the sum of the 16 products of operands.
int sum_of_products(Format format, const Block& a, const Block& w) {
  const Reading& a_reading = reading(format, a);
  const Reading& w_reading = reading(format, w);
  switch (traits(format).code_bits) {
    case 3:
      return sum_of_products<3, std::uint64_t>(a_reading, w_reading, a, w);
    case 4:
      return sum_of_products<4, std::uint64_t>(a_reading, w_reading, a, w);
    default:
      return sum_of_products<6, Codes>(a_reading, w_reading, a, w);
  }
}

int bit_length(UInt128 value) {
  const auto high = static_cast<std::uint64_t>(value >> 64);
  const auto low = static_cast<std::uint64_t>(value);
  return high != 0 ? 128 - __builtin_clzll(high) : low != 0 ? 64 - __builtin_clzll(low) : 0;
}

}  // namespace

void check(const MacConfig& config) {
  const int number = static_cast<int>(config.format);
  if (number >= kMacFormatCount)
    throw std::invalid_argument("no format has the number " + std::to_string(number));
  if (config.lanes != 16 && config.lanes != 32 && config.lanes != 64) {
    throw std::invalid_argument("lanes is " + std::to_string(config.lanes) + ", not 16, 32 or 64");
  }
  if (config.acc_width != 0 && (config.acc_width < 2 || config.acc_width > kMaxAccWidth)) {
    throw std::invalid_argument("acc_width is " + std::to_string(config.acc_width) + ", not 2 to " +
                                std::to_string(kMaxAccWidth) + ", or 0 for the default");
  }
}

int largest_element(Format format) {
  int largest = 0;
  for (const std::uint8_t scale : {std::uint8_t{0}, kScaleIntBit}) {
    const ElementType type = element_type(format, scale);
    for (unsigned code = 0; code < 1U << traits(format).code_bits; ++code) {
      largest = std::max(largest, std::abs(operand(format, type, code) * weight(format, type)));
    }
  }
  return largest;
}

Int128 largest_beat(const MacConfig& config) {
  check(config);
  const int element = largest_element(config.format);
  const Scale scale = decode_scale(kScaleNaN - 1);
  return (Int128{element} * element * config.lanes * scale.significand * scale.significand)
         << (2 * scale.exponent - 2);
}

int beat_width(const MacConfig& config) { return bit_length(static_cast<UInt128>(largest_beat(config))) + 1; }

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

Int128 block_product(Format format, const Block& a, const Block& w) {
  const Scale a_scale = decode_scale(a.scale);
  const Scale w_scale = decode_scale(w.scale);
  const std::int64_t k = reading(format, a).weight * reading(format, w).weight;
  const std::int64_t significands = a_scale.significand * w_scale.significand;
  const int shift = a_scale.exponent + w_scale.exponent - 2;
  return Int128{sum_of_products(format, a, w) * k * significands} * (std::int64_t{1} << shift);
}

std::uint32_t round_sum(const MacConfig& config, Int128 sum) {
  if (sum == 0) return 0;
  const bool negative = sum < 0;
  const auto magnitude = static_cast<UInt128>(negative ? -sum : sum);
  // The dividend is brought to 2^127 or more, so that the quotient by r^2 <= 961, or by 1, has at least 118 bits: 24
  // for the significand, the rest and the remainder for the rounding.
  const int normalize = 128 - bit_length(magnitude);
  const UInt128 dividend = magnitude << normalize;
  const auto divisor = static_cast<UInt128>(sum_divisor(config));
  const UInt128 quotient = dividend / divisor;
  const bool remainder = dividend % divisor != 0;
  const int drop = bit_length(quotient) - 24;  // bits of the quotient below the significand
  const UInt128 below = quotient & ((UInt128{1} << drop) - 1);
  const UInt128 half = UInt128{1} << (drop - 1);
  auto significand = static_cast<std::uint32_t>(quotient >> drop);  // 2^23 <= significand < 2^24
  const bool odd = (significand & 1) != 0;
  if (below > half || (below == half && (remainder || odd))) ++significand;
  // value = significand * 2^exponent. The significand is added to the exponent field, not or-ed: its leading
  // one adds the 1 that `biased` is short of, and a significand that was rounded up to 2^24 adds one more.
  const int exponent = drop - normalize - 18 - 2 * traits(config.format).fraction_bits;
  const auto biased = static_cast<std::uint32_t>(exponent + 23 + 127 - 1);
  return (negative ? 0x80000000U : 0U) | ((biased << 23) + significand);
}

ExactMac::ExactMac(const MacConfig& config)
    : config_(config), blocks_(blocks_per_beat(config)), limit_(Int128{1} << (acc_width(config) - 1)) {}

void ExactMac::beat(const Block* a, const Block* w) {
  for (int i = 0; i < blocks_; ++i) {
    nan_ = nan_ || decode_scale(a[i].scale).nan || decode_scale(w[i].scale).nan;
    sum_ += block_product(config_.format, a[i], w[i]);
  }
  if (sum_ < -limit_ || sum_ >= limit_) {
    overflow_ = true;
    // The sum wraps as that of the RTL does: its low acc_width bits are kept, and the top one of them
    // is the sign.
    const auto low = static_cast<UInt128>(sum_) & (static_cast<UInt128>(2 * limit_) - 1);
    sum_ = static_cast<Int128>(low) - (low >= static_cast<UInt128>(limit_) ? 2 * limit_ : 0);
  }
}

void ExactMac::beat(const Block& a, const Block& w) {
  if (blocks_ != 1) throw std::invalid_argument("one block a beat, where the unit takes more");
  beat(&a, &w);
}

MacResult ExactMac::finish() {
  MacResult result{round_sum(config_, sum_), nan_, overflow_ && !nan_};
  if (nan_ || overflow_) result.bits = kResultNaN;
  sum_ = 0;
  nan_ = false;
  overflow_ = false;
  return result;
}

namespace {

// The dot product of `count` pairs of blocks; pair_at(i) gives pair i.
template <class PairAt>
MacResult accumulate(const MacConfig& config, std::size_t count, const PairAt& pair_at) {
  ExactMac mac(config);
  const auto per_beat = static_cast<std::size_t>(blocks_per_beat(config));
  std::vector<Block> a(per_beat), w(per_beat);
  for (std::size_t first = 0; first < count; first += per_beat) {
    for (std::size_t i = 0; i < per_beat; ++i) {
      std::tie(a[i], w[i]) = first + i < count ? pair_at(first + i) : std::pair<Block, Block>{};
    }
    mac.beat(a.data(), w.data());
  }
  return mac.finish();
}

}  // namespace

MacResult dot_product(const MacConfig& config, const std::vector<std::pair<Block, Block>>& pairs) {
  return accumulate(config, pairs.size(), [&](std::size_t i) { return pairs[i]; });
}

MacResult dot_product(const MacConfig& config, const QuantizedTensor& activations, std::size_t m,
                      const QuantizedTensor& weights, std::size_t n) {
  return accumulate(config, activations.blocks_per_row(),
                    [&](std::size_t b) { return std::pair(activations.block(m, b), weights.block(n, b)); });
}

}  // namespace if4
