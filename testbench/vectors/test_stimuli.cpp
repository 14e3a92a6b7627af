// What the testpoints of the plan hold, by the oracle: exact rationals, which share nothing with model/kit.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/core/float_bits.hpp"
#include "testbench/support/rational.hpp"
#include "testbench/vectors/plan_testing.hpp"

namespace if4::testing {
namespace {

bool bit7(const Block& block) { return block.scale >= 0x80; }

/// Every format, and those of 3, 4 and 6 bits with more lanes.
std::vector<MacConfig> default_configs() {
  std::vector<MacConfig> all;
  for (int number = 0; number < kMacFormatCount; ++number)
    all.push_back({static_cast<Format>(number), 16, 0});
  for (const Format format : {Format::kIF3, Format::kIF4, Format::kIF6E2M3}) {
    for (const int lanes : {32, 64}) all.push_back({format, lanes, 0});
  }
  return all;
}

mpz_class end_of(const MacConfig& config) {
  return mpz_class(1) << static_cast<unsigned>(acc_width(config) - 1);
}

/// How a sum lies between two FP32 numbers: -1 below the middle, 1 above it, 0 in it.
int side_of_middle(const mpq_class& value) {
  const mpq_class magnitude = abs(value);
  float below = rational::round_to_fp32(magnitude);
  if (rational::exact(below) > magnitude) below = std::nextafter(below, 0.0F);
  const mpq_class middle = (rational::exact(below) + rational::exact(std::nextafter(below, INFINITY))) / 2;
  return cmp(magnitude, middle) < 0 ? -1 : cmp(magnitude, middle) > 0 ? 1 : 0;
}

}  // namespace

TEST_CASE("results of the plan are those of exact rationals", "[kit][long]") {
  for (const MacConfig& config : default_configs()) {
    INFO(format_name(config.format) << ", " << config.lanes << " lanes");
    std::size_t wrong = 0, results = 0;
    for (const auto& [name, dot_products] : plan_of(config)) {
      for (const Expected& dot_product : dot_products) {
        ++results;
        if (exact_result(dot_product.beats, config) == dot_product.result) continue;
        if (++wrong > 1) continue;
        INFO(name);
        CHECK(to_text(dot_product.result) == to_text(exact_result(dot_product.beats, config)));
      }
    }
    CHECK(wrong == 0);
    CHECK(results > 1500);
  }
}

TEST_CASE("codes: every pair of every type pair in every lane", "[kit][long]") {
  for (const MacConfig& config : default_configs()) {
    INFO(format_name(config.format) << ", " << config.lanes << " lanes");
    const int bits = traits(config.format).code_bits;
    const unsigned codes = 1U << bits;
    const unsigned magnitude = bits > 4 ? codes / 2 - 1 : codes - 1;  // what each lane has all pairs of
    // Index: types, codes of both; a set of lanes each.
    std::map<std::array<unsigned, 4>, std::set<int>> seen, seen_in_full;
    for (const auto& [name, dot_products] : plan_of(config)) {
      if (name.rfind("codes.", 0) != 0 || name == "codes.minus_zero" || name == "codes.largest") continue;
      for (const Expected& dot_product : dot_products) {
        REQUIRE(dot_product.beats.size() == static_cast<std::size_t>(blocks_per_beat(config)));
        for (std::size_t b = 0; b < dot_product.beats.size(); ++b) {
          const auto& [a, w] = dot_product.beats[b];
          for (int i = 0; i < kBlockSize; ++i) {
            const unsigned a_code = a.code(i, bits), w_code = w.code(i, bits);
            const int lane = static_cast<int>(b) * kBlockSize + i;
            seen[{bit7(a), bit7(w), a_code & magnitude, w_code & magnitude}].insert(lane);
            seen_in_full[{bit7(a), bit7(w), a_code, w_code}].insert(lane);
          }
        }
      }
    }
    const std::size_t types = mixes_types(config.format) ? 4 : 1;
    CHECK(seen.size() == types * (magnitude + 1) * (magnitude + 1));
    CHECK(seen_in_full.size() == types * codes * codes);
    for (const auto& [pair, lanes] : seen) REQUIRE(lanes.size() == static_cast<std::size_t>(config.lanes));
    for (const auto& [pair, lanes] : seen_in_full)
      REQUIRE(lanes.size() >= static_cast<std::size_t>(config.lanes) / (bits > 4 ? 4 : 1));
  }
}

TEST_CASE("scales: every pair of magnitudes, and every type with each", "[kit][long]") {
  for (const MacConfig& config : default_configs()) {
    INFO(format_name(config.format) << ", " << config.lanes << " lanes");
    std::set<std::pair<unsigned, unsigned>> pairs;
    std::set<std::array<unsigned, 3>> types;  // side, type, magnitude
    const Testpoints plan = plan_of(config);
    for (const Expected& dot_product : plan.at("scales.pairs")) {
      for (const auto& [a, w] : dot_product.beats) {
        if (exact_sum({{{a.codes, 0x38}, {w.codes, 0x38}}}, config.format) == 0) continue;  // it fills a beat
        pairs.emplace(a.scale & 0x7FU, w.scale & 0x7FU);
        types.insert({0, bit7(a), a.scale & 0x7FU});
        types.insert({1, bit7(w), w.scale & 0x7FU});
      }
    }
    CHECK(pairs.size() == 127 * 127);
    CHECK(types.size() == 127 * 2 * (mixes_types(config.format) ? 2 : 1));
  }
}

TEST_CASE("bit 7 of scales: set on either side and on both where it is ignored", "[kit]") {
  for (const MacConfig& config : default_configs()) {
    if (mixes_types(config.format)) continue;
    INFO(format_name(config.format));
    std::set<std::pair<bool, bool>> seen;
    const Testpoints plan = plan_of(config);
    for (const Expected& dot_product : plan.at("scales.bit7")) {
      for (const auto& [a, w] : dot_product.beats) seen.emplace(bit7(a), bit7(w));
    }
    CHECK(seen.size() == 3);
    CHECK(seen.count({false, false}) == 0);
  }
}

TEST_CASE("ties: of each type pair alone, in every binade, to even up and down", "[kit][long]") {
  for (const MacConfig& config : default_configs()) {
    const Testpoints plan = plan_of(config);
    for (const TypePair pair : type_pairs(config.format)) {
      const std::string name = "ties." + type_pair_name(pair);
      INFO(format_name(config.format) << ", " << config.lanes << " lanes, " << name);
      unsigned up = 0, down = 0, negative = 0, carries = 0, below = 0, above = 0;
      std::set<int> binades;
      for (const auto& [beats, result] : plan.at(name)) {
        for (const auto& [a, w] : beats) {
          if (a.codes == 0 && w.codes == 0) continue;  // it fills a beat
          REQUIRE(bit7(a) == (mixes_types(config.format) && pair.a == ElementType::kInt));
          REQUIRE(bit7(w) == (mixes_types(config.format) && pair.w == ElementType::kInt));
        }
        const mpq_class value = exact_value(beats, config.format);
        float rounded;
        std::memcpy(&rounded, &result.bits, sizeof rounded);
        const int side = side_of_middle(value);
        const bool away = abs(rational::exact(rounded)) > abs(value);
        negative += value < 0;
        carries += away && (result.bits & 0x7FFFFF) == 0;
        below += side < 0;
        above += side > 0;
        if (side != 0) continue;
        ++(away ? up : down);
        binades.insert(std::ilogb(rounded));
      }
      CHECK(up >= 10);
      CHECK(down >= 10);
      CHECK(below >= 10);
      CHECK(above >= 10);
      CHECK(negative >= 20);
      CHECK(carries >= 2);
      CHECK(binades.size() >= 12);
      CHECK(*binades.rbegin() - *binades.begin() < static_cast<int>(binades.size()));  // none is left out
    }
  }
}

TEST_CASE("ties: every place below one", "[kit][long]") {
  for (const MacConfig& config : default_configs()) {
    INFO(format_name(config.format) << ", " << config.lanes << " lanes");
    std::set<mpq_class> places;
    const Testpoints plan = plan_of(config);
    for (const auto& [beats, result] : plan.at("ties.places_below")) {
      const mpq_class magnitude = abs(exact_value(beats, config.format));
      float rounded;
      std::memcpy(&rounded, &result.bits, sizeof rounded);
      rounded = std::fabs(rounded);
      const float below = std::nextafter(rounded, 0.0F);
      REQUIRE(side_of_middle(magnitude) == 1);
      REQUIRE((result.bits & 1) == 1);  // to even it would be the number below
      const mpq_class middle = (rational::exact(below) + rational::exact(rounded)) / 2;
      places.insert((magnitude - middle) / (rational::exact(rounded) - rational::exact(below)));
    }
    CHECK(places.size() >= 18);
    for (auto place = places.begin(); place != places.end() && std::next(place) != places.end(); ++place)
      CHECK(*std::next(place) == *place * 2);
  }
}

TEST_CASE("ends: to the last unit, and one beyond", "[kit][long]") {
  for (const MacConfig& config : default_configs()) {
    INFO(format_name(config.format) << ", " << config.lanes << " lanes");
    Testpoints plan = plan_of(config);
    const mpz_class end = end_of(config);
    const auto sum = [&](const char* name) { return exact_sum(plan.at(name).at(0).beats, config.format); };
    CHECK(sum("end.upper") == end - 1);
    CHECK(sum("end.lower") == -end);
    CHECK(sum("overflow.upper_last") == end);
    CHECK(sum("overflow.lower_last") == -end - 1);
    CHECK(sum("overflow.middle") == end - 1 + exact_largest_beat(config));
    CHECK(sum("overflow.back_in_range") >= -end);
    CHECK(sum("overflow.back_in_range") < 0);
    const MacResult nan{kResultNaN, true, false}, overflow{kResultNaN, false, true};
    for (const char* name :
         {"overflow.upper_last", "overflow.lower_last", "overflow.middle", "overflow.back_in_range"})
      CHECK(plan.at(name).at(0).result == overflow);
    for (const char* name : {"nan.before_overflow", "nan.after_overflow"})
      CHECK(plan.at(name).at(0).result == nan);
    // Whichever comes first: the beats before the NaN, and those after it, overflow or do not.
    const auto overflows_without_nan = [&](Beats beats, std::size_t count) {
      beats.resize(count);
      return exact_result(beats, config).overflow;
    };
    const auto blocks = static_cast<std::size_t>(blocks_per_beat(config));
    const Beats& after = plan.at("nan.after_overflow").at(0).beats;
    std::size_t first = 0;
    while (after[first].first.scale % 128 != 127) ++first;
    CHECK(overflows_without_nan(after, first / blocks * blocks));
    CHECK(plan.at("nan.before_overflow").at(0).beats[0].second.scale % 128 == 127);
  }
}

TEST_CASE("a narrow and a wide accumulator have their own plan", "[kit]") {
  MacConfig config;
  config.acc_width = beat_width(config);
  CHECK(plan_of(config).count("overflow.middle") == 1);
  --config.acc_width;
  CHECK_THROWS_AS(plan_of(config), std::invalid_argument);
  config.acc_width = widest_reached(config);
  CHECK(plan_reaches_ends(config));
  ++config.acc_width;
  CHECK_FALSE(plan_reaches_ends(config));
  CHECK(plan_of(config).count("overflow.middle") == 0);
}

TEST_CASE("pairs_with_sum gives that sum, of those types", "[kit][long]") {
  std::mt19937_64 random(test_seed() + 7301);
  for (int number = 0; number < kMacFormatCount; ++number) {
    const auto format = static_cast<Format>(number);
    for (const TypePair types : type_pairs(format)) {
      INFO(format_name(format) << " " << type_pair_name(types));
      for (int bits = 0; bits < 60; ++bits) {
        const Int128 multiple = (random() >> (63 - bits)) * (bits % 2 == 0 ? Int128{1} : Int128{-1});
        const Beats pairs = pairs_with_sum(format, types, multiple);
        REQUIRE(exact_sum(pairs, format) == to_mpz(multiple) * static_cast<long>(type_unit(format, types)));
        for (const auto& [a, w] : pairs) {
          REQUIRE(bit7(a) == (mixes_types(format) && types.a == ElementType::kInt));
          REQUIRE(bit7(w) == (mixes_types(format) && types.w == ElementType::kInt));
        }
      }
    }
  }
}

}  // namespace if4::testing
