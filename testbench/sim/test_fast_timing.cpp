// The fast model where it counts repeated rounds of tiles without stepping through them, against itself stepping.
#include <array>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "sim/system/fast_timing.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/gemm_testing.hpp"

namespace {

using namespace if4::testing;
using if4::GemmShape;
using if4::Geometry;
using if4::RunStats;
using if4::SystemConfig;

struct Case {
  SystemConfig config;
  GemmShape shape;
};

std::string to_text(const Case& c) {
  std::ostringstream text;
  text << "if4 array --timing-only --gemm " << c.shape.m << ',' << c.shape.n << ',' << c.shape.k;
  for (const if4::Knob& knob : if4::knobs()) {
    const std::string value = if4::knob_text(knob.get(c.config));
    if (value == if4::knob_text(knob.get(SystemConfig{}))) continue;
    text << " --" << knob.name << (knob.type.empty() ? "" : " " + value);
  }
  return text.str();
}

// Many tiles of few beats, with a few or many panels in a group, and memories around the point where they begin to
// matter.
Case random_case(std::mt19937_64& random) {
  Case c;
  SystemConfig& config = c.config;
  config.array.rows = static_cast<int>(pick(random, 1, 5));
  config.array.columns = static_cast<int>(pick(random, 1, 5));
  config.array.mac.lanes = 16 << pick(random, 0, 1);
  config.array.shared_output = pick(random, 0, 3) == 0;
  config.array.depth = static_cast<int>(pick(random, 0, 1));
  config.order = pick(random, 0, 1) == 0 ? if4::LoopOrder::kMN : if4::LoopOrder::kNM;
  config.snake = pick(random, 0, 2) == 0;
  config.overlap = pick(random, 0, 3) != 0;
  config.ideal_memory = pick(random, 0, 7) == 0;
  config.activation_banks = static_cast<int>(pick(random, 0, 3) == 0 ? pick(random, 1, 4) : 0);
  const auto rows = static_cast<std::uint64_t>(config.array.rows);
  const auto columns = static_cast<std::uint64_t>(config.array.columns);
  const auto size = [&](std::uint64_t edge) {
    return edge * pick(random, 1, pick(random, 0, 1) == 0 ? 20 : 150) + pick(random, 0, edge - 1);
  };
  c.shape = {size(rows), size(columns), pick(random, 1, pick(random, 0, 1) == 0 ? 48 : 300)};
  config.dram_burst = static_cast<std::uint32_t>(pick(random, 0, 2) == 0 ? pick(random, 1, 100) : 32);
  // Even numbers of ticks a burst repeat themselves soon, odd ones late.
  constexpr std::array<std::uint32_t, 6> kBandwidths = {4'000, 8'000, 16'000, 32'000, 64'000, 7'500};
  config.dram_bandwidth = pick(random, 0, 4) == 0 ? static_cast<std::uint32_t>(pick(random, 700, 60'000))
                                                  : kBandwidths[pick(random, 0, kBandwidths.size() - 1)];
  config.dram_latency = static_cast<std::uint32_t>(pick(random, 0, 1) == 0 ? 0 : pick(random, 0, 300));
  const std::uint64_t panel = (c.shape.k + 15) / 16 * 9;
  const auto panels = [&] { return pick(random, 1, pick(random, 0, 1) == 0 ? 3 : 40); };
  config.activation_bytes = 2 * panel * rows * panels();
  config.weight_bytes = 2 * panel * columns * panels();
  config.output_bytes = 4 * rows * columns * pick(random, 1, pick(random, 0, 1) == 0 ? 3 : 40);
  return c;
}

}  // namespace

TEST_CASE("Repeated rounds count as if every tile were stepped through", "[system]") {
  std::mt19937_64 random(test_seed() + 920);
  constexpr int kCases = 1500;
  std::uint64_t tiles = 0, stepped = 0;
  int skipping = 0;
  for (int i = 0; i < kCases; ++i) {
    const Case c = random_case(random);
    INFO("case " << i << ", seed " << test_seed() << ": " << to_text(c));
    std::uint64_t steps = 0, all = 0;
    if4::Timeline timeline;
    const RunStats whole = if4::fast_timing(c.config, c.shape, &timeline, {}, &all);
    const RunStats fast = if4::fast_timing(c.config, c.shape, nullptr, {}, &steps);
    CHECK(fast == whole);
    CHECK(all == whole.tiles);
    CHECK(timeline.tiles.size() == whole.tiles);
    tiles += whole.tiles;
    stepped += steps;
    skipping += steps < whole.tiles ? 1 : 0;
  }
  // The cases are of use only where most of them have something to skip.
  CHECK(skipping > kCases / 2);
  CHECK(stepped < tiles / 2);
}
