// The accumulator and the output stage of every unit: rounding, the ends of the accumulator, flags.
#include <algorithm>
#include <utility>

#include "testbench/support/rtl_testing.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

Int128 power_of_two(int exponent) { return Int128{1} << exponent; }

Int128 largest_sum(const MacConfig& config) { return power_of_two(acc_width(config) - 1) - 1; }

// Dot products with given sums. Sums that the accumulator does not hold are left out.
class Sums {
 public:
  explicit Sums(const MacConfig& config) : config_(config) {}

  void add(Int128 sum) {
    for (const Int128 signed_sum : {sum, -sum}) {
      if (signed_sum > largest_sum(config_) || signed_sum < -largest_sum(config_) - 1) continue;
      dot_products_.push_back(beats_with_sum(signed_sum, config_));
    }
  }
  // All sums from sum - most to sum + most.
  void around(Int128 sum, int most) {
    for (int delta = -most; delta <= most; ++delta) add(sum + delta);
  }
  // Whether the accumulator holds sum * 2^shift.
  bool fits(Int128 sum, int shift) const { return sum <= largest_sum(config_) >> shift; }

  const std::vector<Beats>& dot_products() const { return dot_products_; }

 private:
  MacConfig config_;
  std::vector<Beats> dot_products_;
};

Beats joined(Beats first, const Beats& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

TEST_CASE("sums around every rounding boundary, for every divisor", "[rtl][long]") {
  check_units(test_seed() + 21, [](const UnitBuild& config, std::mt19937_64& random) {
    const Int128 divisor = sum_divisor(config.mac);
    Sums sums(config.mac);
    for (int exponent = 0; exponent < acc_width(config.mac); ++exponent) {
      sums.around(power_of_two(exponent), 2);                                 // powers of two of the sum,
      if (sums.fits(divisor, exponent)) sums.around(divisor << exponent, 2);  // and of the result
    }
    // Around the numbers that FP32 has and the ties between them: sum / divisor = (significand + {0, 1/2}) * 2^j.
    for (int j = 0; sums.fits(divisor << 24, j); ++j) {
      // A sum above the largest beat takes many of them.
      const int count = (divisor << (25 + j)) < largest_beat(config.mac) ? 40 : 6;
      for (int n = 0; n < count; ++n) {
        Int128 significand = static_cast<Int128>((1U << 23) + (random() & 0x7FFFFF));
        if (n == 0) significand = (1 << 24) - 1;  // rounding it up carries into the exponent
        if (n == 1) significand = 1 << 23;
        const Int128 quotient = 2 * significand + (n % 4 == 3 ? 0 : 1);
        if (sums.fits(divisor * quotient, j)) sums.around(divisor * quotient << j, 1);
      }
      // A tie, and the same with one bit of those below it added or taken away: that bit alone decides the
      // rounding, whichever step of the normalisation drops it.
      for (const Int128 significand : {Int128{1} << 23, (Int128{1} << 24) - 1}) {
        if (!sums.fits(divisor * (2 * significand + 1), j)) continue;
        const Int128 tie = divisor * (2 * significand + 1) << j;
        for (int bit = 0; bit < j; ++bit)
          sums.add(significand % 2 == 0 ? tie + power_of_two(bit) : tie - power_of_two(bit));
      }
    }
    sums.add(0);
    for (int n = 0; n < 2000; ++n) {
      const auto bits = static_cast<Codes>(random()) << 64 | random();
      const unsigned width =
          1 + static_cast<unsigned>(random() % static_cast<unsigned>(acc_width(config.mac) - 8));
      sums.add(static_cast<Int128>(bits) >> (128 - width));
    }
    MacUnit unit(config);
    return failure_of(unit, sums.dot_products(), Against::kRationals);
  });
}

TEST_CASE("the accumulator to its last bit, and beyond", "[rtl][long]") {
  for (const UnitBuild& config : unit_builds()) {
    const MacConfig& mac = config.mac;
    const Int128 most = largest_sum(mac);
    const Beats one = beats_with_sum(49, mac);
    const Beats over = joined(beats_with_sum(most - 10, mac), beats_with_sum(11, mac));
    const Beats under = joined(beats_with_sum(-most + 9, mac), beats_with_sum(-11, mac));
    const Beats zero = beats_with_sum(0, mac);
    Beats nan_over = over, over_nan = under;
    nan_over.front().first.scale |= 0x7F;
    over_nan.back().second.scale |= 0x7F;
    struct Case {
      Beats beats;
      bool nan, overflow;
    };
    const Case cases[] = {
        {beats_with_sum(most, mac), false, false},
        {beats_with_sum(-most - 1, mac), false, false},
        {over, false, true},
        {under, false, true},
        {joined(over, zero), false, true},  // the flag stays after the beat that overflows
        {joined(under, beats_with_sum(11, mac)), false, true},  // though the sum of all beats would fit
        {joined(over, beats_with_sum(-11, mac)), false, true},
        {joined(over, joined(beats_with_sum(-most, mac), one)), false, true},
        {nan_over, true, false},
        {over_nan, true, false},
        {joined(nan_over, zero), true, false}};
    std::vector<Beats> dot_products;
    for (const Case& one_case : cases) {
      dot_products.push_back(one_case.beats);
      dot_products.push_back(one);  // nothing of the overflow is left for the next one
    }
    MacUnit unit(config);
    const Driven driven = check_driven(unit, dot_products, Against::kRationals);
    std::size_t i = 0;
    for (const Case& one_case : cases) {
      CAPTURE(config.name, i);
      CHECK(driven.results[i].nan == one_case.nan);
      CHECK(driven.results[i].overflow == one_case.overflow);
      CHECK((driven.results[i].bits == kResultNaN) == (one_case.nan || one_case.overflow));
      CHECK_FALSE((driven.results[i + 1].nan || driven.results[i + 1].overflow));
      i += 2;
    }
  }
}

TEST_CASE("random partial sums that leave the accumulator, in either direction", "[rtl][long]") {
  std::mt19937_64 random(test_seed() + 23);
  for (const UnitBuild& config : unit_builds()) {
    std::vector<Beats> dot_products;
    for (int n = 0; n < 40; ++n) {
      Beats beats;
      for (unsigned part = 0; part < 1 + random() % 4; ++part) {
        const auto bits = static_cast<Codes>(random()) << 64 | random();
        beats =
            joined(std::move(beats),
                   beats_with_sum(static_cast<Int128>(bits) >> (128 - acc_width(config.mac)), config.mac));
      }
      dot_products.push_back(std::move(beats));
    }
    MacUnit unit(config);
    const Driven driven = check_driven(unit, dot_products, Against::kRationals, {5, 5, random()});
    const auto overflows = std::count_if(driven.results.begin(), driven.results.end(),
                                         [](const MacResult& result) { return result.overflow; });
    CAPTURE(config.name);
    CHECK(overflows > 0);
    CHECK(overflows < 40);
  }
}

TEST_CASE("the accumulator holds as many of the largest beats as the model says, and no more", "[rtl]") {
  for (const UnitBuild& config : unit_builds()) {
    INFO(unit_text(config));
    const auto held = static_cast<std::size_t>(beats_held(config.mac));
    CHECK(held >= (config.mac.acc_width == 0 ? 1024 : 1));
    const Beats largest = one_largest_beat(config.mac);
    REQUIRE(exact_sum(largest, config.mac.format) == exact_largest_beat(config.mac));
    Beats beats;
    for (std::size_t n = 0; n < held; ++n) beats = joined(std::move(beats), largest);
    const Beats one_more = joined(beats, largest);
    MacUnit unit(config);
    const Driven driven = check_driven(unit, {beats, one_more, beats}, Against::kRationals);
    CHECK_FALSE(driven.results[0].overflow);
    CHECK(driven.results[1].overflow);
    CHECK_FALSE(driven.results[2].overflow);
  }
}

TEST_CASE("a NaN scale in any block of any beat, for its own dot product only", "[rtl]") {
  std::mt19937_64 random(test_seed() + 22);
  for (const UnitBuild& config : unit_builds()) {
    MacUnit unit(config);
    std::vector<Beats> dot_products;
    const Beats clean = random_beats(random, 3, Mix::kFinite, config.mac);
    for (std::size_t i = 0; i < 2 * clean.size(); ++i) {
      Beats dirty = clean;
      auto& [a, w] = dirty[i / 2];
      (i % 2 == 0 ? a : w).scale = i % 3 == 0 ? 0x7F : 0xFF;
      dot_products.push_back(dirty);
      dot_products.push_back(clean);
    }
    const Driven driven = check_driven(unit, dot_products, Against::kRationals);
    for (std::size_t i = 0; i < driven.results.size(); ++i) CHECK(driven.results[i].nan == (i % 2 == 0));
  }
}
