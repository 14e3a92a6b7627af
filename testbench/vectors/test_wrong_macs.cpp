// The plan against MACs with one mistake each: a testpoint that is made for the mistake must find it, in every format that can
// have it. Mistakes of flow, stalls and resets need clocks, and are planted in the RTL.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "model/core/float_bits.hpp"
#include "testbench/support/rational.hpp"
#include "testbench/vectors/plan_testing.hpp"

namespace if4::testing {
namespace {

enum class Mistake {
  kNone,
  kOnly7fIsNan,
  kOnlyFfIsNan,
  kNanOfActivations,
  kNanOfWeights,
  kNanOfFirstBeat,
  kNanOfLastBeat,
  kNanOfFirstBlock,
  kNanByProduct,
  kNanBelow,
  kOverflowOverNan,
  kBothFlags,
  kTiesAway,
  kTiesToZero,
  kTiesToOdd,
  kTiesUp,
  kTruncates,
  kNoRemainder,
  kRoundsBeats,
  kNeverOverflows,
  kOverflowOfLastBeat,
  kOverflowOfSum,
  kOverflowNotInLastBeat,
  kNoUpperOverflow,
  kNoLowerOverflow,
  kSaturates,
  kNarrow,
  kWide,
  kLowestOverflows,
  kMinus8IsMinus0,
  kMinus8IsPlus8,
  kMinus0Counts,
  kSubnormalIsNormal,
  kSubnormalExponent,
  kSubnormalIsZero,
  kNoFactor,
  kRoundedFactor,
  kTypesExchanged,
  kTypeOfActivations,
  kTypesOfFirstBeat,
  kBit7Matters,
  kScalesOfFirstBlock,
  kScaleSignificandOfWeights,
  kNegativeZero,
  kLaneDropped,
  kNarrowBeats,
  kNarrowShift,
  kLowPlacesIgnored,
  kFlagsOfBefore,
  kOtherScale,
};

/// The same arithmetic as the golden MAC's, written plainly, with one mistake. Its unit is 2^18 times smaller: weights are
/// times 256, so that a factor can be rounded to 8 bits, and exponents may be two less than they can be.
constexpr int kFiner = 18;

class WrongMac {
 public:
  WrongMac(const MacConfig& config, Mistake mistake)
      : config_(config), mistake_(mistake), limit_(Int128{1} << (acc_width(config) - 1 + kFiner)) {
    if (is(Mistake::kNarrow)) limit_ /= 2;
    if (is(Mistake::kWide)) limit_ *= 2;
  }

  MacResult result(const Beats& beats) {
    Int128 sum = 0;
    bool nan = false, overflow = false, negative = false;
    const std::size_t blocks = static_cast<std::size_t>(blocks_per_beat(config_));
    for (std::size_t i = 0; i < beats.size(); i += blocks) {
      const bool last = i + blocks >= beats.size();
      bool beat_nan = false;
      for (std::size_t b = 0; b < blocks; ++b) {
        auto [a, w] = beats[i + b];
        beat_nan = beat_nan || (is_nan(a, w) && !(is(Mistake::kNanOfFirstBlock) && b != 0));
        if (is(Mistake::kScalesOfFirstBlock)) a.scale = beats[i].first.scale;
        last_block_ = b + 1 == blocks;
        const Int128 value = product(a, w, beats[0]);
        negative = negative || value < 0;
        sum += value;
      }
      if (is(Mistake::kNanOfFirstBeat) && i != 0) beat_nan = false;
      if (is(Mistake::kNanOfLastBeat) && !last) beat_nan = false;
      nan = nan || beat_nan;
      const bool above = sum >= limit_ && !is(Mistake::kNoUpperOverflow);
      const bool below = (sum < -limit_ || (is(Mistake::kLowestOverflows) && sum == -limit_)) &&
                         !is(Mistake::kNoLowerOverflow);
      const bool out = above || below;
      if (is(Mistake::kOverflowOfLastBeat) || is(Mistake::kOverflowOfSum))
        overflow = out;
      else
        overflow = overflow || (out && !(is(Mistake::kOverflowNotInLastBeat) && last));
      if (is(Mistake::kOverflowOfSum)) continue;
      if (out && is(Mistake::kSaturates)) sum = above ? limit_ - 1 : -limit_;
      while (sum >= limit_) sum -= 2 * limit_;
      while (sum < -limit_) sum += 2 * limit_;
      if (is(Mistake::kRoundsBeats)) sum = cut(sum);
    }
    return finish(sum, nan, overflow && !is(Mistake::kNeverOverflows) && !is(Mistake::kSaturates), negative);
  }

 private:
  bool is(Mistake mistake) const { return mistake_ == mistake; }

  bool is_nan(const Block& a, const Block& w) const {
    const auto one = [this](const Block& block) {
      if (is(Mistake::kOnly7fIsNan)) return block.scale == 0x7F;
      if (is(Mistake::kOnlyFfIsNan)) return block.scale == 0xFF;
      return (block.scale & 0x7F) >= (is(Mistake::kNanBelow) ? 0x7E : 0x7F);
    };
    if (is(Mistake::kNanByProduct)) return (one(a) && w.codes != 0) || (one(w) && a.codes != 0);
    return (one(a) && !is(Mistake::kNanOfWeights)) || (one(w) && !is(Mistake::kNanOfActivations));
  }

  ElementType type_of(const Block& block) const {
    if (is(Mistake::kBit7Matters) && block.scale >= 0x80 && !mixes_types(config_.format))
      return ElementType::kInt;
    return element_type(config_.format, block.scale);
  }

  int value(ElementType type, unsigned code) const {
    const int top = 1 << (traits(config_.format).code_bits - 1);
    const bool is_top = code == static_cast<unsigned>(top);
    if (is(Mistake::kBit7Matters) && type == ElementType::kInt && traits(config_.format).exponent_bits != 0 &&
        !mixes_types(config_.format))
      return static_cast<int>(code);
    const int right = operand(config_.format, type, code);
    if (is(Mistake::kMinus8IsMinus0) && is_top) return 0;
    if (is(Mistake::kMinus8IsPlus8) && is_top) return -right;
    if (is(Mistake::kMinus0Counts) && is_top && right == 0) return -1;
    return right;
  }

  std::int64_t weight_of(ElementType type) const {
    const std::int64_t right = weight(config_.format, type) * 256;
    if (type != ElementType::kInt || !mixes_types(config_.format)) return right;
    const std::int64_t one = std::int64_t{traits(config_.format).divisor}
                             << traits(config_.format).fraction_bits;
    if (is(Mistake::kNoFactor)) return one * 256;
    if (is(Mistake::kRoundedFactor)) return one * ((256 * right / one + 128) / 256);  // a factor of 8 bits
    return right;
  }

  Scale scale_of(const Block& block) const {
    Scale scale = decode_scale(block.scale);
    const bool subnormal = (block.scale & 0x78) == 0;
    if (!subnormal) return scale;
    if (is(Mistake::kSubnormalIsNormal)) scale.significand += 8;
    if (is(Mistake::kSubnormalExponent)) scale.exponent = 0;
    if (is(Mistake::kSubnormalIsZero)) scale.significand = 0;
    return scale;
  }

  int largest_operand(ElementType type) const {
    int most = 0;
    for (unsigned code = 0; code < 1U << traits(config_.format).code_bits; ++code)
      most = std::max(most, std::abs(operand(config_.format, type, code)));
    return most;
  }

  // A number in one bit less than 16 of the largest products of these types, times `factor`, need.
  Int128 narrowed(Int128 number, ElementType a_type, ElementType w_type, Int128 factor) const {
    const Int128 most = factor * kBlockSize * largest_operand(a_type) * largest_operand(w_type);
    Int128 end = 1;
    while (2 * end <= most) end *= 2;
    return number >= end ? number - 2 * end : number < -end ? number + 2 * end : number;
  }

  Int128 product(const Block& a, const Block& w, const std::pair<Block, Block>& first) const {
    ElementType a_type = type_of(a), w_type = type_of(w);
    if (is(Mistake::kTypesExchanged)) std::swap(a_type, w_type);
    if (is(Mistake::kTypeOfActivations)) w_type = a_type;
    if (is(Mistake::kTypesOfFirstBeat)) a_type = type_of(first.first);
    const int bits = traits(config_.format).code_bits;
    Int128 dot = 0;
    for (int i = 0; i < kBlockSize; ++i) {
      if (is(Mistake::kLaneDropped) && i == 11) continue;
      dot += value(a_type, a.code(i, bits)) * value(w_type, w.code(i, bits));
    }
    if (is(Mistake::kNarrowBeats)) dot = narrowed(dot, a_type, w_type, 1);
    const Scale a_scale = scale_of(a), w_scale = scale_of(w);
    const int w_significand = w_scale.significand & (is(Mistake::kScaleSignificandOfWeights) ? 14 : 15);
    const Int128 weights = weight_of(a_type) * weight_of(w_type);
    Int128 units = dot * weights * a_scale.significand * w_significand;
    // Shifted by 1 modulo 4, what is too large for one bit less loses its sign.
    if (last_block_ && is(Mistake::kNarrowShift) && (a_scale.exponent + w_scale.exponent - 2) % 4 == 1)
      units = narrowed(units, a_type, w_type, weights * 15 * 15);  // of the largest significands
    return units * (Int128{1} << (a_scale.exponent + w_scale.exponent));
  }

  // A sum without what is below its 24 leading bits.
  static Int128 cut(Int128 sum) {
    Int128 magnitude = sum < 0 ? -sum : sum;
    int drop = 0;
    while (magnitude >> drop >= Int128{1} << 24) ++drop;
    magnitude = (magnitude >> drop) << drop;
    return sum < 0 ? -magnitude : magnitude;
  }

  std::uint32_t rounded(Int128 sum) const {
    const Int128 magnitude = sum < 0 ? -sum : sum;
    const std::uint32_t sign = sum < 0 ? 0x80000000U : 0U;
    const mpz_class divisor = sum_divisor(config_);
    MacConfig config = config_;
    if (is(Mistake::kOtherScale)) config.scaled = !config.scaled;
    const mpq_class unit = result_unit(config);
    mpq_class value = to_mpz(magnitude) * unit / (1 << kFiner);
    if (is(Mistake::kNoRemainder)) {
      const mpz_class quotient = to_mpz(magnitude >> kFiner) / divisor;
      value = quotient * divisor * unit;
    }
    if (is(Mistake::kLowPlacesIgnored)) {
      // What is 16 places and more below the last of the significand.
      int drop = 0;
      while (magnitude >> drop >= Int128{1} << 40) ++drop;
      value = to_mpz((magnitude >> drop) << drop) * unit / (1 << kFiner);
    }
    const float right = rational::round_to_fp32(value);
    const float below = rational::exact(right) > value ? std::nextafter(right, 0.0F) : right;
    const float above = std::nextafter(below, INFINITY);
    const bool tie = value * 2 == rational::exact(below) + rational::exact(above);
    float given = right;
    if (is(Mistake::kTruncates)) given = below;
    if (tie && is(Mistake::kTiesAway)) given = above;
    if (tie && is(Mistake::kTiesToZero)) given = below;
    if (tie && is(Mistake::kTiesUp)) given = sum > 0 ? above : below;
    if (tie && is(Mistake::kTiesToOdd)) given = (float_bits(above) & 1U) != 0 ? above : below;
    return sum == 0 ? 0 : sign | float_bits(given);
  }

  MacResult finish(Int128 sum, bool nan, bool overflow, bool negative) {
    MacResult result{rounded(sum), nan, overflow && !nan};
    if (is(Mistake::kNegativeZero) && sum == 0 && negative) result.bits = 0x80000000;
    if (is(Mistake::kOverflowOverNan) && overflow) result = {0, false, true};
    if (is(Mistake::kBothFlags)) result.overflow = overflow;
    if (result.nan || result.overflow) result.bits = kResultNaN;
    MacResult given = result;
    if (is(Mistake::kFlagsOfBefore)) {
      given.nan = before_.nan;
      given.overflow = before_.overflow;
    }
    before_ = result;
    return given;
  }

  MacConfig config_;
  Mistake mistake_;
  Int128 limit_;
  MacResult before_;
  bool last_block_ = false;  // of the beat
};

std::size_t wrong_results(const MacConfig& config, Mistake mistake,
                          const std::vector<Expected>& dot_products) {
  WrongMac mac(config, mistake);
  std::size_t wrong = 0;
  for (const auto& [beats, result] : dot_products) wrong += mac.result(beats) == result ? 0 : 1;
  return wrong;
}

using Applies = bool (*)(const MacConfig&);
bool always(const MacConfig&) { return true; }
bool two_types(const MacConfig& config) { return mixes_types(config.format); }
bool one_type(const MacConfig& config) { return !mixes_types(config.format); }
bool floats(const MacConfig& config) { return traits(config.format).exponent_bits != 0; }
bool factor(const MacConfig& config) {
  return mixes_types(config.format) && config.format != Format::kMixFP4;  // whose factor is 1
}
bool twos_complement(const MacConfig& config) {
  return traits(config.format).int_code == IntCode::kTwosComplement;
}
bool divided(const MacConfig& config) { return sum_divisor(config) != 1; }
bool has_divisor(const MacConfig& config) { return traits(config.format).divisor != 1; }
bool blocks(const MacConfig& config) { return config.lanes > kBlockSize; }
bool one_type_of_floats(const MacConfig& config) { return one_type(config) && floats(config); }

struct Case {
  Mistake mistake;
  const char* testpoint;  // that must find it
  Applies applies;
};

constexpr Case kCases[] = {
    {Mistake::kOnly7fIsNan, "nan.activations_ff_first", always},
    {Mistake::kOnly7fIsNan, "nan.weights_ff_last", always},
    {Mistake::kOnlyFfIsNan, "nan.weights_7f_middle", always},
    {Mistake::kNanOfActivations, "nan.weights", always},
    {Mistake::kNanOfWeights, "nan.activations", always},
    {Mistake::kNanOfFirstBeat, "nan.activations_7f_last", always},
    {Mistake::kNanOfFirstBeat, "nan.weights_ff_middle", always},
    {Mistake::kNanOfLastBeat, "nan.weights_7f_first", always},
    {Mistake::kNanOfLastBeat, "nan.activations_ff_middle", always},
    {Mistake::kNanOfFirstBlock, "nan.weights_7f_first", blocks},
    {Mistake::kNanByProduct, "nan.zero_operands", always},
    {Mistake::kNanBelow, "nan.neighbours", always},
    {Mistake::kOverflowOverNan, "nan.before_overflow", always},
    {Mistake::kOverflowOverNan, "nan.after_overflow", always},
    {Mistake::kBothFlags, "nan.before_overflow", always},
    {Mistake::kTiesAway, "ties.", always},
    {Mistake::kTiesToZero, "ties.", always},
    {Mistake::kTiesToOdd, "ties.", always},
    {Mistake::kTiesUp, "ties.", always},
    {Mistake::kTiesAway, "ties.float_float", floats},
    {Mistake::kTiesAway, "ties.int_float", two_types},
    {Mistake::kTiesUp, "ties.float_int", two_types},
    {Mistake::kTiesToOdd, "ties.int_int", two_types},
    {Mistake::kTruncates, "ties.", always},
    {Mistake::kNoRemainder, "ties.", divided},
    {Mistake::kRoundsBeats, "cancel.wide", always},
    {Mistake::kNeverOverflows, "overflow.upper_last", always},
    {Mistake::kNeverOverflows, "overflow.back_in_range", always},
    {Mistake::kOverflowOfLastBeat, "overflow.middle", always},
    {Mistake::kOverflowOfSum, "overflow.back_in_range", always},
    {Mistake::kOverflowNotInLastBeat, "overflow.lower_last", always},
    {Mistake::kNoUpperOverflow, "overflow.upper_last", always},
    {Mistake::kNoLowerOverflow, "overflow.lower_last", always},
    {Mistake::kSaturates, "overflow.middle", always},
    {Mistake::kNarrow, "end.upper", always},
    {Mistake::kNarrow, "end.lower", always},
    {Mistake::kWide, "overflow.upper_last", always},
    {Mistake::kWide, "overflow.lower_last", always},
    {Mistake::kLowestOverflows, "end.lower", always},
    {Mistake::kMinus8IsMinus0, "codes.", twos_complement},
    {Mistake::kMinus8IsPlus8, "codes.", twos_complement},
    {Mistake::kMinus0Counts, "codes.minus_zero", floats},
    {Mistake::kSubnormalIsNormal, "scales.pairs", always},
    {Mistake::kSubnormalIsNormal, "scales.classes", always},
    {Mistake::kSubnormalExponent, "scales.pairs", always},
    {Mistake::kSubnormalIsZero, "scales.classes", always},
    {Mistake::kScaleSignificandOfWeights, "scales.pairs", always},
    {Mistake::kNoFactor, "codes.int_int", factor},
    {Mistake::kNoFactor, "codes.int_float", factor},
    {Mistake::kRoundedFactor, "codes.float_int", factor},
    {Mistake::kRoundedFactor, "codes.int_int", factor},
    {Mistake::kTypesExchanged, "codes.int_float", two_types},
    {Mistake::kTypesExchanged, "codes.float_int", two_types},
    {Mistake::kTypeOfActivations, "codes.float_int", two_types},
    {Mistake::kTypesOfFirstBeat, "scales.pairs", two_types},
    {Mistake::kBit7Matters, "scales.bit7", one_type_of_floats},
    {Mistake::kScalesOfFirstBlock, "blocks.scales", blocks},
    {Mistake::kScalesOfFirstBlock, "blocks.alone", blocks},
    {Mistake::kNegativeZero, "cancel.zero", always},
    {Mistake::kLaneDropped, "codes.", always},
    {Mistake::kNarrowBeats, "codes.largest", always},
    {Mistake::kNarrowShift, "scales.shifts", always},
    {Mistake::kLowPlacesIgnored, "ties.places_below", always},
    {Mistake::kFlagsOfBefore, "nan.alternating", always},
    {Mistake::kFlagsOfBefore, "overflow.upper_last", always},
    {Mistake::kOtherScale, "codes.", has_divisor},
    {Mistake::kOtherScale, "powers.sum", has_divisor},
};

}  // namespace

TEST_CASE("a testpoint of the plan finds each classic mistake", "[kit][long]") {
  std::vector<MacConfig> configs{{Format::kIF4, 32, 0},
                                 {Format::kNVFP6E2M3, 64, 0},
                                 {Format::kIF4, 16, 0, true},
                                 {Format::kIF6E3M2, 16, 0, true}};
  for (int number = 0; number < kMacFormatCount; ++number)
    configs.push_back({static_cast<Format>(number), 16, 0});
  for (const MacConfig& config : configs) {
    const Testpoints plan = plan_of(config);
    for (const Case& wrong : kCases) {
      if (!wrong.applies(config)) continue;
      std::size_t results = 0, found = 0;
      for (const auto& [name, dot_products] : plan) {
        if (name.rfind(wrong.testpoint, 0) != 0) continue;
        results += dot_products.size();
        found += wrong_results(config, wrong.mistake, dot_products);
      }
      INFO(format_name(config.format) << ", " << config.lanes << " lanes: mistake "
                                      << static_cast<int>(wrong.mistake) << ", " << wrong.testpoint);
      CHECK(results > 0);
      CHECK(found > 0);
    }
    for (const auto& [name, dot_products] : plan) {
      INFO(format_name(config.format) << ", " << config.lanes << " lanes: no mistake, " << name);
      CHECK(wrong_results(config, Mistake::kNone, dot_products) == 0);
    }
  }
}

}  // namespace if4::testing
