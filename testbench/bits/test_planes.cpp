// Planes and numbers, stalls, and one unit of the bits engine behind the ports of a Verilated one.
#include <cmath>
#include <random>

#include "sim/bits/product_run.hpp"
#include "sim/bits/units.hpp"
#include "sim/mac/verilated_unit.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/mac_testing.hpp"

using namespace if4;
using namespace if4::testing;

TEST_CASE("numbers become planes, and planes numbers", "[bits]") {
  std::mt19937_64 random(test_seed() + 720);
  for (const int words : {1, 2, 4, 8}) {
    const auto units = static_cast<std::size_t>(64 * words);
    for (const int bits : {1, 8, 32, 64}) {
      std::vector<std::uint64_t> numbers(units);
      for (std::uint64_t& number : numbers) number = random();
      Planes planes(64, words);
      for (int w = 0; w < words; ++w) {
        std::uint64_t some[64];
        std::copy_n(&numbers[static_cast<std::size_t>(w) * 64], 64, some);
        numbers_to_planes(some, bits, planes[0], words, w);
      }
      std::size_t wrong = 0;
      for (std::size_t unit = 0; unit < units; ++unit) {
        for (int bit = 0; bit < 64; ++bit) {
          const std::uint64_t word = planes[static_cast<std::size_t>(bit)][unit / 64];
          wrong += (word >> (unit % 64) & 1) != (bit < bits ? numbers[unit] >> bit & 1 : 0) ? 1 : 0;
        }
      }
      CHECK(wrong == 0);
      if (bits != 32) continue;
      std::vector<std::uint32_t> back(units);
      planes_to_numbers(planes[0], words, back.data());
      for (std::size_t unit = 0; unit < units; ++unit)
        wrong += back[unit] != static_cast<std::uint32_t>(numbers[unit]) ? 1 : 0;
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("units stall as often as they shall, each by itself", "[bits]") {
  constexpr int kClocks = 4000, kWords = 8;
  for (const unsigned percent : {0U, 1U, 30U, 50U, 99U}) {
    StallMask stalls(percent, test_seed() + 721);
    double stalled = 0, with_next = 0;  // with_next: clocks in which a unit and the next one stall
    for (int clock = 0; clock < kClocks; ++clock) {
      const Mask mask = stalls.next(kWords);
      for (const std::uint64_t word : mask) {
        stalled += __builtin_popcountll(word);
        with_next += __builtin_popcountll(word & word >> 1);
      }
    }
    // Six standard deviations of a binomial distribution.
    const double p = percent / 100.0, all = kClocks * kWords * 64.0, pairs = kClocks * kWords * 63.0;
    CAPTURE(percent, test_seed());
    CHECK(std::abs(stalled - p * all) <= 6 * std::sqrt(all * p * (1 - p)));
    CHECK(std::abs(with_next - p * p * pairs) <=
          6 * std::sqrt(2 * pairs * p * p * (1 - p * p)) + 1e-4 * pairs);
  }
}

TEST_CASE("one unit of the bits engine has the ports of a Verilated one", "[bits]") {
  std::mt19937_64 random(test_seed() + 722);
  const UnitBuild& build = unit_builds().front();
  const std::unique_ptr<UnitPorts> unit = make_bits_unit(build, {});
  unit->set_ready(false);
  for (int round = 0; round < 20; ++round) {
    const Beats beat = random_beats(random, 1, Mix::kUniform, build.mac);
    unit->drive(beat.data(), true);
    CHECK(unit->ready());
    unit->clock();
    unit->drive_idle();
    for (int clock = 1; clock < latency(build); ++clock, unit->clock()) CHECK_FALSE(unit->valid());
    REQUIRE(unit->valid());
    CHECK(to_text(unit->result()) == to_text(exact_result(beat, build.mac)));
    switch (round % 3) {
      case 0:
        unit->set_ready(true);
        unit->clock();
        unit->set_ready(false);
        break;
      case 1:
        unit->reset_between_edges();
        break;
      default:
        unit->set_reset(true);
        CHECK_FALSE(unit->valid());
        unit->clock();
        unit->set_reset(false);
    }
    CHECK_FALSE(unit->valid());
  }
  CHECK_THROWS_AS(make_bits_unit(build, Wave{"w.fst"}), std::invalid_argument);
}
