// The handshake of every unit: latency, throughput, stalls, a full pipeline, reset; and parameters that it
// refuses.
#include <algorithm>
#include <cstdlib>

#include "testbench/support/rtl_testing.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

// What the small unit takes up to the sum, and in a pipelined output stage, and what the fast one takes, by its format
// and width: counted by hand in the stages of rtl/README.md.
int clocks_to_sum(const UnitBuild& config) {
  const int several = config.mac.lanes > kBlockSize ? 1 : 0;
  if (config.depth == 0) return 3 + several;
  if (config.name == "if4_mac_fast" || config.name == "if4_mac_fast_scaled") return 4 + 3;
  if (config.name == "if4_mac_fast_iterative") return 4 + 4;
  if (config.name == "if4_mac_nvfp4_fast") return 3 + 3;
  if (config.name == "if4_mac_nvfp4_fast_iterative") return 3 + 4;
  if (config.name == "if4_mac_32_fast_iterative") return 4 + 1 + 4;
  if (config.name == "if4_mac_if3_fast_32") return 4 + 1 + 3;
  if (config.name == "if4_mac_if6_e3m2_fast_64") return 4 + 1 + 5;
  throw std::invalid_argument("the clocks of this unit are not known");
}

int output_clocks(const UnitBuild& config) {
  return config.depth == 0 ? 3 : config.mac.format == Format::kNVFP4 || config.mac.scaled ? 4 : 5;
}

// Clocks from the edge that takes the last of the beats to the edge at which the result can be taken.
int latency_of(const UnitBuild& config, const Beats& beats) {
  const int to_output_stage = clocks_to_sum(config);
  if (!config.iterative) return to_output_stage + output_clocks(config);
  // An iterative output stage takes a clock for every bit of |sum| / r^2, from the bit of 2^(width - 2) down
  // to the 25th significant one, and two more. Where no bit is significant, in 0 and in NaN, it gives up at
  // the bit of 2^(-2 * ones).
  const int width = config.mac.acc_width == 0 ? exact_default_width(config.mac) : config.mac.acc_width;
  const MacResult result = exact_result(beats, config.mac);
  const long r = config.mac.scaled ? 1 : traits(config.mac.format).divisor;
  if (result.bits == 0 || result.nan || result.overflow) {
    const int ones = static_cast<int>(mpz_sizeinbase(mpz_class(r).get_mpz_t(), 2));
    return to_output_stage + (width - 1 + 2 * ones) + 2;
  }
  // Place of the first significant bit. Of an exact negative quotient the stage finds the digits of the next
  // smaller magnitude: one unit less in the last place, and only ones after it.
  const mpz_class sum = exact_sum(beats, config.mac.format);
  int place = width;
  const auto too_high = [&] {  // |sum| / r^2 < 2^place
    const mpz_class scaled = abs(sum) << static_cast<mp_bitcnt_t>(place < 0 ? -place : 0);
    const mpz_class power = mpz_class(r * r) << static_cast<mp_bitcnt_t>(place < 0 ? 0 : place);
    return scaled < power || (sum < 0 && scaled == power);
  };
  while (too_high()) --place;
  return to_output_stage + (width - 2 - place + 25) + 2;
}

// Clocks until the result of `beats` on an idle unit can be taken; no beat is refused before.
int measured_latency(MacUnit& unit, const Beats& beats) {
  const auto per_beat = static_cast<std::size_t>(blocks_per_beat(unit.build().mac));
  unit.set_ready(true);
  for (std::size_t i = 0; i < beats.size(); i += per_beat) {
    unit.drive(&beats[i], i + per_beat >= beats.size());
    REQUIRE(unit.ready());
    REQUIRE_FALSE(unit.valid());
    unit.step();
  }
  unit.drive_idle();
  int clocks = 1;
  for (; !unit.valid() && clocks < 1000; ++clocks) unit.step();
  CHECK(unit.result() == exact_result(beats, unit.build().mac));
  unit.step();
  CHECK_FALSE(unit.valid());
  for (int clock = 0; clock < 8; ++clock) unit.step();
  return clocks;
}

}  // namespace

TEST_CASE("a result comes the stated clocks after its last beat", "[rtl][long]") {
  std::mt19937_64 random(test_seed() + 31);
  for (const UnitBuild& config : unit_builds()) {
    INFO(unit_text(config));
    const int width = acc_width(config.mac);
    MacUnit unit(config);
    int shortest = 1000, longest = 0;
    const auto check_latency = [&](const Beats& beats) {
      INFO((beats.size() < 40 ? to_text(beats, config.mac.format) : std::to_string(beats.size()) + " pairs"));
      const int clocks = measured_latency(unit, beats);
      CHECK(clocks == latency_of(config, beats));
      shortest = std::min(shortest, clocks);
      longest = std::max(longest, clocks);
    };
    for (const std::size_t beats : {1U, 2U, 7U}) {
      for (const Mix mix : {Mix::kUniform, Mix::kExtreme})
        check_latency(random_beats(random, beats, mix, config.mac));
    }
    for (int exponent = 0; exponent < width - 1; exponent += 3) {
      const Int128 sum = Int128{1} << exponent;
      for (const int delta : {-1, 0, 1}) {
        check_latency(beats_with_sum(sum + delta, config.mac));
        check_latency(beats_with_sum(-sum + delta, config.mac));
      }
    }
    check_latency(beats_with_sum(-1, config.mac));
    check_latency(beats_with_sum(-(Int128{1} << (width - 1)), config.mac));
    CHECK(shortest == shortest_latency(config));
    CHECK(longest == latency(config));
    if (!config.iterative) CHECK(longest == clocks_to_sum(config) + output_clocks(config));
  }
}

TEST_CASE("one beat a clock for dot products of any length, one-beat ones back to back included", "[rtl]") {
  std::mt19937_64 random(test_seed() + 32);
  for (const UnitBuild& config : pipelined_units()) {
    for (const std::size_t longest : {1U, 2U, 40U}) {
      const std::vector<Beats> dot_products =
          random_dot_products(random, 300, longest, Mix::kUniform, config.mac);
      MacUnit unit(config);
      const Driven driven = check_driven(unit, dot_products, Against::kModel);
      CAPTURE(config.name, longest);
      CHECK(driven.cycles ==
            count_beats(dot_products, config.mac) + static_cast<std::size_t>(latency(config)));
    }
  }
}

TEST_CASE("an iterative output stage: a result in the stated clocks at worst, or one in beats + 1", "[rtl]") {
  std::mt19937_64 random(test_seed() + 33);
  for (const UnitBuild& config : iterative_units()) {
    CAPTURE(config.name);
    constexpr std::size_t kCount = 30;
    const auto all = [&](const Beats& beats) {
      MacUnit unit(config);
      return check_driven(unit, std::vector<Beats>(kCount, beats), Against::kRationals).cycles;
    };
    const auto clocks = [](int number) { return static_cast<std::size_t>(number); };
    // The sum -1 takes longest. Where no beat has so small a sum, beats_with_sum() takes several.
    for (const int sum : {-1, 0, 12345}) {
      const Beats beats = beats_with_sum(sum, config.mac);
      const int clocks_of_one = latency_of(config, beats);
      const int interval = result_interval(config) - (latency(config) - clocks_of_one);
      CHECK(all(beats) ==
            count_beats({beats}, config.mac) + clocks(clocks_of_one) + (kCount - 1) * clocks(interval));
    }
    // A dot product that takes more clocks than the output stage is busy never waits for it, whatever the
    // sums are. The last one adds its own latency.
    const Beats long_one = random_beats(random, clocks(result_interval(config)), Mix::kFinite, config.mac);
    CHECK(all(long_one) == kCount * count_beats({long_one}, config.mac) +
                               (kCount - 1) * clocks(pause(config)) + clocks(latency_of(config, long_one)));
  }
}

TEST_CASE("stalls on either side lose, repeat and reorder nothing", "[rtl]") {
  std::mt19937_64 random(test_seed() + 34);
  for (const UnitBuild& config : unit_builds()) {
    for (const unsigned input : {0U, 20U, 80U}) {
      for (const unsigned output : {0U, 20U, 50U, 95U}) {
        for (const std::size_t longest : {1U, 3U, 20U}) {
          const std::vector<Beats> dot_products =
              random_dot_products(random, config.iterative ? 40 : 150, longest, Mix::kUniform, config.mac);
          const Stalls stalls{input, output, random()};
          MacUnit unit(config);
          INFO("stalls " << input << " % in, " << output << " % out, seed " << stalls.seed);
          check_driven(unit, dot_products, Against::kModel, stalls);
        }
      }
    }
  }
}

TEST_CASE("a full pipeline refuses beats and keeps what it has", "[rtl]") {
  std::mt19937_64 random(test_seed() + 35);
  for (const UnitBuild& config : unit_builds()) {
    INFO(unit_text(config));
    MacUnit unit(config);
    unit.set_ready(false);
    std::vector<Beats> dot_products;
    bool refused = false;
    for (int clock = 0; clock < 400; ++clock) {
      const Beats beat = random_beats(random, 1, Mix::kFinite, config.mac);
      unit.drive(beat.data(), true);
      if (unit.ready()) dot_products.push_back(beat);
      refused = !unit.ready();
      unit.step();
    }
    CHECK(refused);
    // Every stage holds one, an iterative output stage being one stage; but nothing waits in the fast iterative unit
    // other than a result and a sum.
    const int stages = config.depth != 0 && config.iterative
                           ? 2
                           : clocks_to_sum(config) + (config.iterative ? 1 : output_clocks(config));
    CHECK(dot_products.size() == static_cast<std::size_t>(stages));
    CHECK(capacity(config) == stages);
    unit.drive_idle();
    unit.set_ready(true);
    std::size_t results = 0;
    for (int clock = 0; clock < 2000; ++clock) {
      if (unit.valid()) {
        REQUIRE(results < dot_products.size());
        const Beats& beats = dot_products[results++];
        INFO(to_text(beats, config.mac.format));
        CHECK(to_text(unit.result()) == to_text(exact_result(beats, config.mac)));
      }
      unit.step();
    }
    CHECK(results == dot_products.size());
  }
}

namespace {

// Leaves the unit in the middle of things, with a NaN and large sums about: so many clocks after some moment.
void disturb(MacUnit& unit, std::mt19937_64& random, std::size_t clocks, bool ready) {
  const MacConfig& config = unit.build().mac;
  unit.set_ready(ready);
  for (std::size_t i = 0; i < clocks; ++i) {
    Beats beat = random_beats(random, 1, random() % 4 == 0 ? Mix::kUniform : Mix::kExtreme, config);
    if (random() % 8 == 0) beat[0].second = {0, 0x7F};
    unit.drive(beat.data(), random() % 3 == 0);
    unit.step();
  }
  unit.drive_idle();
}

void check_reset(MacUnit& unit, std::mt19937_64& random) {
  REQUIRE_FALSE(unit.valid());
  REQUIRE(unit.ready());
  check_driven(unit, random_dot_products(random, 3, 4, Mix::kFinite, unit.build().mac), Against::kModel);
}

}  // namespace

TEST_CASE("a reset in flight drops everything and leaves nothing behind", "[rtl]") {
  std::mt19937_64 random(test_seed() + 36);
  for (const UnitBuild& config : unit_builds()) {
    INFO(unit_text(config));
    MacUnit unit(config);
    const unsigned longest = config.iterative ? 120 : 14;
    for (int n = 0; n < 60; ++n) {
      disturb(unit, random, random() % longest, n % 2 == 0);
      unit.reset();
      check_reset(unit, random);
    }
  }
}

// A reset that spans an edge hides a register that only takes it there, or that empties itself in one clock.
TEST_CASE("a reset between two edges of the clock drops everything and leaves nothing behind", "[rtl]") {
  for (const UnitBuild& config : unit_builds()) {
    INFO(unit_text(config));
    MacUnit unit(config);
    std::mt19937_64 random(test_seed() + 37);
    // The same beats each time, so that the reset comes in every clock of their way through the unit.
    const auto beats_seed = random();
    const auto last = static_cast<std::size_t>(latency(config)) + 12;
    for (std::size_t n = 0; n <= 2 * last; ++n) {
      const std::size_t clocks = n / 2;
      std::mt19937_64 beats(beats_seed);
      disturb(unit, beats, clocks, n % 2 == 0);
      unit.reset_between_edges();
      INFO("reset after " << clocks << " clocks");
      check_reset(unit, random);
    }
  }
}

TEST_CASE("a reset between two edges of the clock drops an overflow of the open dot product", "[rtl]") {
  std::mt19937_64 random(test_seed() + 38);
  for (const UnitBuild& config : unit_builds()) {
    INFO(unit_text(config));
    MacUnit unit(config);
    const Int128 most = (Int128{1} << (acc_width(config.mac) - 1)) - 1;
    Beats beats = beats_with_sum(most, config.mac);
    // It shows in the sum after the first of these, and stays in its register from the second on.
    for (int n = 0; n < 4; ++n) {
      const Beats more = beats_with_sum(most >> 8, config.mac);
      beats.insert(beats.end(), more.begin(), more.end());
    }
    const auto per_beat = static_cast<std::size_t>(blocks_per_beat(config.mac));
    for (std::size_t i = 0; i < beats.size(); i += per_beat) {
      unit.drive(&beats[i], false);
      REQUIRE(unit.ready());
      unit.step();
    }
    unit.drive_idle();
    for (int clock = 0; clock < 8; ++clock) unit.step();
    unit.reset_between_edges();
    check_reset(unit, random);
  }
}

TEST_CASE("the RTL stops a simulation with parameters that it cannot have", "[rtl][long]") {
  {
    const auto [status, text] = simulate(
        "if4_mac", "rtl/if4_pkg.sv rtl/if4_mac.sv -Y.sv -yrtl -Pif4_mac.Format=2 -Pif4_mac.AccWidth=49");
    INFO(text);
    CHECK(status == 0);
  }
  const std::pair<const char*, const char*> wrong[] = {
      {"Format=9", "Format"},      {"Format=-1", "Format"},      {"Lanes=48", "Lanes"},
      {"AccWidth=53", "AccWidth"}, {"AccWidth=121", "AccWidth"}, {"Scaled=2", "Scaled"},
      {"Scaled=-1", "Scaled"}};
  for (const auto& [parameter, name] : wrong) {
    const auto [status, text] =
        simulate("if4_mac", "rtl/if4_pkg.sv rtl/if4_mac.sv -Y.sv -yrtl -Pif4_mac." + std::string(parameter));
    INFO(parameter << ": " << text);
    CHECK(status != 0);
    CHECK(text.find("FATAL: ") != std::string::npos);
    CHECK(text.find("if4_mac: " + std::string(name)) != std::string::npos);
  }
}
