// The handshake of every unit: latency, throughput, stalls, a full pipeline, reset; and parameters that it
// refuses.
#include <cmath>
#include <cstdlib>

#include "testbench/file_testing.hpp"
#include "testbench/rtl_testing.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

// Clocks of a unit's result from the edge that takes its last beat, the exact sum being known. An iterative
// output stage gives the 25 significant bits of the quotient and rounds; of 0 and of NaN it looks for bits to
// the last.
int latency_of(const UnitConfig& config, const Beats& beats) {
  if (!config.serial) return latency(config);
  const Format format = config.mac.format;
  const mpz_class r = traits(format).divisor;
  const MacResult result = exact_result(beats, config.mac);
  if (result.bits == 0 || result.nan || result.overflow) return latency(config) - 24;
  const mpz_class sum = exact_sum(beats, format);
  // Place of the first bit of |sum| / r^2. The bits of an exact negative quotient are those of one unit less
  // in the last place, and ones without end.
  mpq_class quotient(abs(sum), r * r);
  quotient.canonicalize();
  int place = config.mac.acc_width == 0 ? exact_default_width(config.mac) : config.mac.acc_width;
  const auto power = [](int exponent) {
    return exponent < 0 ? mpq_class(1, mpz_class(1) << -exponent) : mpq_class(mpz_class(1) << exponent);
  };
  while (quotient < power(place) || (sum < 0 && quotient == power(place))) --place;
  return shortest_latency(config) +
         (acc_width(config.mac) - 2 -
          (r > 1 ? 2 * static_cast<int>(mpz_sizeinbase(r.get_mpz_t(), 2)) - 1 : 0)) -
         place;
}

// Clocks until the result of `beats` on an idle unit can be taken; no beat is refused before.
int measured_latency(MacUnit& unit, const Beats& beats) {
  const auto per_beat = static_cast<std::size_t>(blocks_per_beat(unit.config().mac));
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
  CHECK(unit.result() == exact_result(beats, unit.config().mac));
  unit.step();
  CHECK_FALSE(unit.valid());
  for (int clock = 0; clock < 8; ++clock) unit.step();
  return clocks;
}

}  // namespace

TEST_CASE("a result comes the stated clocks after its last beat", "[rtl]") {
  std::mt19937_64 random(test_seed() + 31);
  for (const UnitConfig& config : unit_configs()) {
    INFO(unit_text(config));
    const int width = acc_width(config.mac);
    MacUnit unit(config);
    int shortest = 1000, longest = 0;
    const auto check_latency = [&](const Beats& beats) {
      INFO(to_text(beats.size() < 40 ? beats : Beats{}, config.mac.format));
      const int clocks = measured_latency(unit, beats);
      CHECK(clocks == latency_of(config, beats));
      shortest = std::min(shortest, clocks);
      longest = std::max(longest, clocks);
    };
    for (const std::size_t beats : {1, 2, 7}) {
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
    check_latency(beats_with_sum(1, config.mac));
    check_latency(beats_with_sum(-(Int128{1} << (width - 1)), config.mac));
    CHECK(shortest == shortest_latency(config));
    CHECK(longest == latency(config));
    if (!config.serial) CHECK(longest == (config.mac.lanes > kBlockSize ? 7 : 6));
  }
}

TEST_CASE("one beat a clock for dot products of any length, one-beat ones back to back included", "[rtl]") {
  std::mt19937_64 random(test_seed() + 32);
  for (const UnitConfig& config : pipelined_units()) {
    for (const std::size_t longest : {1, 2, 40}) {
      const std::vector<Beats> dot_products =
          random_dot_products(random, 300, longest, Mix::kUniform, config.mac);
      MacUnit unit(config);
      const Driven driven = check_driven(unit, dot_products, Oracle::kModel);
      CAPTURE(config.name, longest);
      CHECK(driven.cycles ==
            count_beats(dot_products, config.mac) + static_cast<std::size_t>(latency(config)));
    }
  }
}

TEST_CASE("an iterative output stage: a result in the stated clocks at worst, or one in beats + 1", "[rtl]") {
  std::mt19937_64 random(test_seed() + 33);
  for (const UnitConfig& config : serial_units()) {
    CAPTURE(config.name);
    constexpr std::size_t kCount = 30;
    const auto all = [&](const Beats& beats) {
      MacUnit unit(config);
      return check_driven(unit, std::vector<Beats>(kCount, beats), Oracle::kRationals).cycles;
    };
    const auto clocks = [](int number) { return static_cast<std::size_t>(number); };
    // The smallest sum takes longest: the smallest of a single beat, or a few beats with the sum 1.
    const Beats smallest = beats_with_sum(1, config.mac);
    const std::size_t beats = count_beats({smallest}, config.mac);
    CHECK(all(smallest) == beats + clocks(latency(config)) + (kCount - 1) * clocks(result_interval(config)));
    const Beats zero = beats_with_sum(0, config.mac);
    CHECK(all(zero) ==
          1 + clocks(latency(config) - 24) + (kCount - 1) * clocks(result_interval(config) - 24));
    // One longer than the output stage is busy: it waits for no result. Any sum: the last one adds its own
    // latency.
    const Beats long_one = random_beats(random, clocks(result_interval(config)), Mix::kFinite, config.mac);
    CHECK(all(long_one) ==
          kCount * count_beats({long_one}, config.mac) + (kCount - 1) + clocks(latency_of(config, long_one)));
  }
}

TEST_CASE("stalls on either side lose, repeat and reorder nothing", "[rtl]") {
  std::mt19937_64 random(test_seed() + 34);
  for (const UnitConfig& config : unit_configs()) {
    for (const unsigned input : {0U, 20U, 80U}) {
      for (const unsigned output : {0U, 20U, 50U, 95U}) {
        for (const std::size_t longest : {1, 3, 20}) {
          const std::vector<Beats> dot_products =
              random_dot_products(random, config.serial ? 40 : 150, longest, Mix::kUniform, config.mac);
          const Stalls stalls{input, output, random()};
          MacUnit unit(config);
          INFO("stalls " << input << " % in, " << output << " % out, seed " << stalls.seed);
          check_driven(unit, dot_products, Oracle::kModel, stalls);
        }
      }
    }
  }
}

TEST_CASE("a full pipeline refuses beats and keeps what it has", "[rtl]") {
  std::mt19937_64 random(test_seed() + 35);
  for (const UnitConfig& config : unit_configs()) {
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
    // One in every stage; the iterative output stage is one.
    const int stages = config.serial ? latency({"", {}, false}) - 2 : latency({"", {}, false});
    CHECK(dot_products.size() == static_cast<std::size_t>(stages + (config.mac.lanes > kBlockSize ? 1 : 0)));
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

TEST_CASE("a reset in flight drops everything and leaves nothing behind", "[rtl]") {
  std::mt19937_64 random(test_seed() + 36);
  for (const UnitConfig& config : unit_configs()) {
    MacUnit unit(config);
    const unsigned longest = config.serial ? 120 : 14;
    for (int n = 0; n < 120; ++n) {
      // Leave the unit in the middle of things, with a NaN and large sums about.
      unit.set_ready(random() % 2 == 0);
      const std::size_t clocks = random() % longest;
      for (std::size_t i = 0; i < clocks; ++i) {
        Beats beat = random_beats(random, 1, random() % 4 == 0 ? Mix::kUniform : Mix::kExtreme, config.mac);
        if (random() % 8 == 0) beat[0].second = {0, 0x7F};
        unit.drive(beat.data(), random() % 3 == 0);
        unit.step();
      }
      unit.drive_idle();
      unit.reset();
      INFO(unit_text(config));
      REQUIRE_FALSE(unit.valid());
      REQUIRE(unit.ready());
      check_driven(unit, random_dot_products(random, 3, 4, Mix::kFinite, config.mac), Oracle::kModel);
    }
  }
}

TEST_CASE("the RTL stops a simulation with parameters that it cannot have", "[rtl]") {
  const TempDir folder;
  const auto simulate = [&folder](const std::string& parameters) {
    const std::string program = folder / "unit.vvp", log = folder / "log";
    std::string command = "iverilog -g2012 -s if4_mac -f rtl/if4_mac.f -o " + program + " " + parameters +
                          " && vvp -N " + program;
    command = "{ " + command + "; } >" + log + " 2>&1";
    const int status = std::system(command.c_str());
    const std::string text = get(log);
    fs::remove(program);
    return std::make_pair(status, text);
  };
  {
    const auto [status, text] = simulate("-Pif4_mac.Format=2 -Pif4_mac.AccWidth=49");
    INFO(text);
    CHECK(status == 0);
  }
  const std::pair<const char*, const char*> wrong[] = {{"Format=9", "Format"},
                                                       {"Format=-1", "Format"},
                                                       {"Lanes=48", "Lanes"},
                                                       {"AccWidth=53", "AccWidth"},
                                                       {"AccWidth=121", "AccWidth"}};
  for (const auto& [parameter, name] : wrong) {
    const auto [status, text] = simulate("-Pif4_mac." + std::string(parameter));
    INFO(parameter << ": " << text);
    CHECK(status != 0);
    CHECK(text.find("FATAL: ") != std::string::npos);
    CHECK(text.find("if4_mac: " + std::string(name)) != std::string::npos);
  }
}
