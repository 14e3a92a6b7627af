// A case of the regression's suite `unit`: any build, operands, sums, lengths, stalls and resets, all random.
#include <random>
#include <string>
#include <vector>

#include "model/kit/sums.hpp"
#include "model/mac/mac.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/rtl_testing.hpp"
#include "testbench/support/stimuli.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

// Dot products whose sums lie around powers of two, or at the ends of the accumulator: rounding and overflow, which random
// operands rarely reach.
std::vector<Beats> chosen_sums(std::mt19937_64& random, std::size_t count, const MacConfig& config) {
  const int width = acc_width(config);
  std::vector<Beats> dot_products;
  for (std::size_t i = 0; i < count; ++i) {
    const auto exponent = static_cast<int>(random() % static_cast<unsigned>(width - 1));
    Int128 sum = (Int128{1} << exponent) + static_cast<int>(random() % 5) - 2;
    // Half of them have any bits below the leading one.
    if (random() % 2 == 0) sum ^= ((Int128{random() >> 1} << 63) ^ random()) & ((Int128{1} << exponent) - 1);
    dot_products.push_back(beats_with_sum(random() % 2 == 0 ? sum : -sum, config));
  }
  return dot_products;
}

std::vector<Beats> draw(std::mt19937_64& random, const UnitBuild& build) {
  constexpr std::size_t kLongest[] = {1, 2, 3, 8, 40, 300};
  const std::size_t longest = kLongest[random() % 6];
  const std::size_t count = 1 + (build.iterative ? 1500 : 6000) / (build.iterative ? longest + 20 : longest);
  const std::uint64_t kind = random() % 5;
  if (kind == 0) return chosen_sums(random, 60, build.mac);
  const Mix mix = kind == 1 ? Mix::kExtreme : kind == 2 ? Mix::kFinite : Mix::kUniform;
  return random_dot_products(random, count, longest, mix, build.mac);
}

// Leaves the unit in the middle of things, and resets it.
void reset_in_flight(MacUnit& unit, std::mt19937_64& random) {
  const std::size_t clocks = random() % (unit.build().iterative ? 120 : 14);
  for (std::size_t i = 0; i < clocks; ++i) {
    unit.set_ready(random() % 4 != 0);
    const Beats beat =
        random_beats(random, 1, random() % 4 == 0 ? Mix::kUniform : Mix::kExtreme, unit.build().mac);
    unit.drive(beat.data(), random() % 3 == 0);
    unit.step();
  }
  unit.drive_idle();
  random() % 2 == 0 ? unit.reset() : unit.reset_between_edges();
}

}  // namespace

TEST_CASE("random dot products, sums, stalls and resets on any unit", "[.case_unit][long]") {
  std::mt19937_64 random(test_seed() + 1700);
  constexpr unsigned kPercents[] = {0, 0, 5, 20, 50, 80, 95};
  for (int round = 0; round < 40; ++round) {
    const UnitBuild& build = unit_builds()[random() % unit_builds().size()];
    MacUnit unit(build);
    for (int run = 0; run < 3; ++run) {
      const std::vector<Beats> dot_products = draw(random, build);
      const Stalls stalls{kPercents[random() % 7], kPercents[random() % 7], random()};
      note_stimulus(dot_products);
      count_checks(dot_products.size());
      INFO("round " << round << ", run " << run << "; stalls " << stalls.input_percent << " % in, "
                    << stalls.output_percent << " % out, seed " << stalls.seed);
      REQUIRE(failure_of(unit, dot_products, Against::kModel, stalls) == "");
      reset_in_flight(unit, random);
    }
  }
}
