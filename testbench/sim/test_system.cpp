// The system around the array: the fast model against SystemC, results against the golden MAC, cycles against
// closed forms.
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "model/core/error.hpp"
#include "sim/system/fast_timing.hpp"
#include "sim/system/schedule.hpp"
#include "sim/system/system.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/gemm_testing.hpp"
#include "testbench/support/stimuli.hpp"

namespace {

using namespace if4::testing;
using if4::GemmShape;
using if4::Geometry;
using if4::QuantizedTensor;
using if4::SystemConfig;

// The command line that runs the case.
std::string to_text(const SystemConfig& config, const GemmShape& shape) {
  std::ostringstream text;
  text << "if4 array --gemm " << shape.m << ',' << shape.n << ',' << shape.k;
  for (const if4::Knob& knob : if4::knobs()) {
    const std::string value = if4::knob_text(knob.get(config));
    if (!knob.type.empty()) {
      text << " --" << knob.name << ' ' << value;
    } else if (value == "true") {
      text << " --" << knob.name;
    }
  }
  return text.str();
}

std::string to_text(const if4::RunStats& stats) {
  std::ostringstream text;
  text << stats.cycles.total() << " cycles, " << stats.tiles << " tiles";
  for (const auto& count : if4::kCycleCounts) text << ", " << count.name << ' ' << stats.cycles.*count.member;
  for (const auto& count : if4::kByteCounts) text << ", " << count.name << ' ' << stats.bytes.*count.member;
  return text.str();
}

std::string to_text(const if4::TileEvent& e) {
  std::ostringstream text;
  text << '(' << e.activation_panel << ',' << e.weight_panel << ") offered " << e.offered << ", beats "
       << e.first_beat << ".." << e.last_beat << ", last result " << e.last_result << ", store "
       << e.store_begin << ".." << e.store_end;
  return text.str();
}
std::string to_text(const if4::LoadEvent& e) {
  std::ostringstream text;
  text << (e.operand == if4::Operand::kActivations ? "A " : "W ") << e.panel << ": " << e.begin << ".."
       << e.end << ", usable " << e.usable;
  return text.str();
}

template <typename Event>
void check_equal(const std::vector<Event>& fast, const std::vector<Event>& systemc) {
  CHECK(fast.size() == systemc.size());
  for (std::size_t i = 0; i < std::min(fast.size(), systemc.size()); ++i) {
    if (fast[i] == systemc[i]) continue;
    FAIL_CHECK("event " << i << ": fast " << to_text(fast[i]) << "; SystemC " << to_text(systemc[i]));
    return;
  }
}

struct Case {
  SystemConfig config;
  GemmShape shape;
};

// Small arrays and products, and memories around the point where they begin to matter.
Case random_case(std::mt19937_64& random) {
  Case c;
  SystemConfig& config = c.config;
  config.array.mac.format = static_cast<if4::Format>(pick(random, 0, if4::kMacFormatCount - 1));
  config.array.mac.lanes = 16 << pick(random, 0, 2);
  config.array.rows = static_cast<int>(pick(random, 1, 6));
  config.array.columns = static_cast<int>(pick(random, 1, 6));
  config.array.shared_output = pick(random, 0, 2) == 0;
  config.array.depth = static_cast<int>(pick(random, 0, 1));
  config.order = pick(random, 0, 1) == 0 ? if4::LoopOrder::kMN : if4::LoopOrder::kNM;
  config.snake = pick(random, 0, 1) == 0;
  // Tiles one after the other could still be too near for the shared output; array_cycles() excludes that,
  // the system does not.
  config.overlap = pick(random, 0, 3) != 0;
  config.ideal_memory = pick(random, 0, 9) == 0;
  config.activation_banks = static_cast<int>(pick(random, 0, 4));
  config.weight_banks = static_cast<int>(pick(random, 0, 4));
  const std::uint64_t most_k = pick(random, 0, 3) == 0 ? 400 : 100;
  c.shape = {pick(random, 1, 40), pick(random, 1, 40), pick(random, 1, most_k)};
  config.dram_burst = static_cast<std::uint32_t>(pick(random, 1, 4) == 1 ? pick(random, 1, 300) : 32);
  const std::uint64_t fastest = pick(random, 0, 1) == 0 ? 20'000 : 1'000'000;
  config.dram_bandwidth = static_cast<std::uint32_t>(pick(random, 700, fastest));
  config.dram_latency =
      static_cast<std::uint32_t>(pick(random, 0, 1) == 0 ? pick(random, 0, 5) : pick(random, 0, 300));
  // Room for one to five panels a half, one to four tiles of results.
  const std::uint64_t panel = (c.shape.k + 15) / 16 * (if4::code_bytes(config.array.mac.format) + 1);
  const auto rows = static_cast<std::uint64_t>(config.array.rows);
  const auto columns = static_cast<std::uint64_t>(config.array.columns);
  config.activation_bytes = 2 * panel * rows * pick(random, 1, 5) + pick(random, 0, 20);
  config.weight_bytes = 2 * panel * columns * pick(random, 1, 5) + pick(random, 0, 20);
  config.output_bytes = 4 * rows * columns * pick(random, 1, 4) + pick(random, 0, 3);
  return c;
}

}  // namespace

TEST_CASE("every option of the system reads as it was set, and changes no other", "[system]") {
  const std::map<std::string_view, std::string> values = {
      {"rows", "3"},
      {"columns", "5"},
      {"lanes", "32"},
      {"format", "nvfp4"},
      {"acc-width", "80"},
      {"shared-output", "true"},
      {"depth", "1"},
      {"clock", "250.0"},
      {"overlap", "false"},
      {"order", "nm"},
      {"snake", "true"},
      {"acts-buffer", "4096"},
      {"weights-buffer", "8192"},
      {"output-buffer", "512"},
      {"acts-banks", "2"},
      {"weights-banks", "3"},
      {"ideal-memory", "true"},
      {"dram-bandwidth", "7.5"},
      {"dram-latency", "17"},
      {"dram-burst", "32"},
  };
  CHECK(values.size() == if4::knobs().size());
  for (const if4::Knob& set : if4::knobs()) {
    INFO(set.name);
    REQUIRE(values.count(set.name) == 1);
    SystemConfig config;
    if4::set_knob(config, set.name, values.at(set.name), "here");
    for (const if4::Knob& read : if4::knobs()) {
      INFO(read.name);
      const std::string by_default = if4::knob_text(read.get(SystemConfig{}));
      CHECK(if4::knob_text(read.get(config)) == (&read == &set ? values.at(set.name) : by_default));
      CHECK(by_default != values.at(read.name));
    }
  }
}

namespace {

// The fast model against SystemC on random operands: every cycle, event and result. What the fast one says.
if4::RunStats check_case(std::mt19937_64& random, const Case& c, Values values) {
  const QuantizedTensor a = random_operand(random, c.config.array.mac.format, c.shape.m, c.shape.k, values);
  const QuantizedTensor w = random_operand(random, c.config.array.mac.format, c.shape.n, c.shape.k, values);
  if4::testing::note_stimulus(a);
  if4::testing::note_stimulus(w);
  if4::testing::count_checks(c.shape.m * c.shape.n);
  const if4::SystemRun systemc = if4::run_system(c.config, a, w);
  if4::Timeline timeline;
  const if4::RunStats fast = if4::fast_timing(c.config, c.shape, &timeline);
  INFO("fast    " << to_text(fast));
  INFO("SystemC " << to_text(systemc.stats));
  CHECK(fast == systemc.stats);
  CHECK(if4::fast_timing(c.config, c.shape) == fast);  // without a timeline repeated rounds are skipped
  check_equal(timeline.loads, systemc.timeline.loads);
  check_equal(timeline.tiles, systemc.timeline.tiles);
  CHECK(systemc.results == bits_of(golden_product(c.config.array.mac, a, w)));
  return fast;
}

}  // namespace

// A case of the regression's suite `array`.
TEST_CASE("The fast model and the SystemC system in random cases", "[.case_array][long]") {
  std::mt19937_64 random(test_seed() + 904);
  for (int i = 0; i < 150; ++i) {
    const Case c = random_case(random);
    INFO("case " << i << ", seed " << test_seed() << ": " << to_text(c.config, c.shape));
    check_case(random, c, i % 8 == 0 ? Values::kNaN : Values::kFinite);
  }
}

TEST_CASE("The fast model has the SystemC system's cycles, events and results", "[system][systemc]") {
  std::mt19937_64 random(test_seed() + 900);
  constexpr int kCases = 320;
  std::uint64_t waits[5] = {0, 0, 0, 0, 0};
  for (int i = 0; i < kCases; ++i) {
    const Case c = random_case(random);
    INFO("case " << i << ", seed " << test_seed() << ": " << to_text(c.config, c.shape));
    const if4::RunStats fast = check_case(random, c, i % 8 == 0 ? Values::kNaN : Values::kFinite);
    waits[0] += fast.cycles.activations;
    waits[1] += fast.cycles.weights;
    waits[2] += fast.cycles.output;
    waits[3] += fast.cycles.interval;
    waits[4] += fast.cycles.banks;
  }
  // The cases are of use only where every kind of waiting happens.
  for (const std::uint64_t wait : waits) CHECK(wait > 100);
}

TEST_CASE("With ideal memory the system takes array_cycles()", "[system]") {
  std::mt19937_64 random(test_seed() + 901);
  int checked = 0;
  for (int i = 0; i < 2000; ++i) {
    Case c = random_case(random);
    c.config.ideal_memory = true;
    c.config.activation_banks = c.config.weight_banks = 0;
    const Geometry geometry(c.config, c.shape);
    INFO(to_text(c.config, c.shape));
    const std::uint64_t iterative = geometry.beats + geometry.tile_gap - 1;
    if (!c.config.overlap && iterative < static_cast<std::uint64_t>(if4::tile_interval(c.config.array)))
      continue;
    ++checked;
    const if4::RunStats stats = if4::fast_timing(c.config, c.shape);
    CHECK(stats.cycles.total() ==
          if4::array_cycles(c.config.array, geometry.tiles(), geometry.beats, c.config.overlap));
    CHECK(stats.bytes.dram() == 0);
  }
  CHECK(checked > 1000);
}

TEST_CASE("Beats are as far apart as the busier scratchpad's banks allow", "[system]") {
  struct Banks {
    int rows, columns, lanes, activation_banks, weight_banks;
    std::uint64_t gap;
  };
  const Banks table[] = {{4, 2, 16, 0, 0, 1},  {4, 2, 16, 4, 2, 1}, {4, 2, 16, 3, 2, 2}, {4, 2, 16, 1, 2, 4},
                         {4, 2, 16, 4, 1, 2},  {4, 2, 32, 3, 1, 4}, {4, 2, 32, 3, 2, 3}, {1, 6, 64, 1, 5, 5},
                         {1, 6, 64, 0, 1, 24}, {1, 6, 64, 1, 0, 4}, {1, 1, 16, 9, 9, 1}};
  for (const Banks& banks : table) {
    SystemConfig config;
    config.array.rows = banks.rows;
    config.array.columns = banks.columns;
    config.array.mac.lanes = banks.lanes;
    config.activation_banks = banks.activation_banks;
    config.weight_banks = banks.weight_banks;
    config.ideal_memory = true;
    const GemmShape shape{1, 1, 10 * static_cast<std::uint64_t>(banks.lanes)};
    INFO(to_text(config, shape));
    const if4::RunStats stats = if4::fast_timing(config, shape);
    CHECK(stats.cycles.banks == 9 * (banks.gap - 1));
    CHECK(stats.cycles.total() == if4::array_cycles(config.array, 1, 10, true) + 9 * (banks.gap - 1));
  }
}

TEST_CASE("Groups are loaded as often as the order of the tiles makes necessary", "[system]") {
  std::mt19937_64 random(test_seed() + 903);
  int three = 0;
  for (int i = 0; i < 500; ++i) {
    const Case c = random_case(random);
    INFO(to_text(c.config, c.shape));
    const Geometry geometry(c.config, c.shape);
    if4::LoadStream loads(c.config, geometry);
    if4::Load load;
    std::uint64_t panels[2] = {0, 0};
    while (loads.next(load)) ++panels[static_cast<std::size_t>(load.operand)];

    const std::size_t outer = c.config.order == if4::LoopOrder::kMN ? 0 : 1;
    const Geometry::Side& inner = geometry.sides[1 - outer];
    CHECK(panels[outer] == geometry.sides[outer].panels);
    std::uint64_t expected = inner.panels;
    for (std::uint64_t pass = 1; inner.groups > 2 && pass < geometry.sides[outer].groups; ++pass) {
      ++three;
      expected += inner.panels;
      if (!c.config.snake) continue;
      // What the pass before ended with: forwards the last two groups, backwards the first two.
      const std::uint64_t last = pass % 2 == 1 ? inner.groups - 1 : 0;
      const std::uint64_t before = pass % 2 == 1 ? inner.groups - 2 : 1;
      expected -= inner.panels_of(last) + inner.panels_of(before);
    }
    CHECK(panels[1 - outer] == expected);
  }
  CHECK(three > 100);
}

TEST_CASE("A large product keeps the array busy", "[system]") {
  SystemConfig config;
  config.array.rows = config.array.columns = 16;
  for (const bool ideal : {true, false}) {
    config.ideal_memory = ideal;
    const GemmShape shape{512, 4096, 4096};
    const if4::RunStats stats = if4::fast_timing(config, shape);
    const double bound = static_cast<double>(stats.cycles.beats);
    INFO(to_text(stats));
    CHECK(bound / static_cast<double>(stats.cycles.total()) >= 0.97);
  }
}

TEST_CASE("The schedule visits every tile once and loads what fits", "[system]") {
  std::mt19937_64 random(test_seed() + 902);
  for (int i = 0; i < 300; ++i) {
    const Case c = random_case(random);
    INFO(to_text(c.config, c.shape));
    const Geometry geometry(c.config, c.shape);
    // What each place holds, replayed from the loads as late as their conditions allow.
    if4::TileStream tiles(c.config, geometry);
    if4::LoadStream loads(c.config, geometry);
    std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
    std::vector<std::int64_t> held[2][2];
    for (int side = 0; side < 2; ++side)
      for (auto& half : held[side]) half.assign(geometry.sides[side].per_group, -1);
    std::uint64_t loaded[2] = {0, 0};
    if4::Load load;
    bool more = loads.next(load);
    if4::Tile tile;
    std::string error;
    while (tiles.next(tile)) {
      // As early as they may: a load that comes too soon overwrites what an earlier tile still reads.
      while (more && load.after <= tile.index) {
        const auto side = static_cast<std::size_t>(load.operand);
        held[side][load.place.half].at(load.place.position) = static_cast<std::int64_t>(load.panel);
        ++loaded[side];
        more = loads.next(load);
      }
      for (std::size_t side = 0; side < 2; ++side) {
        const if4::TileOperand& operand = tile.operands[side];
        if (loaded[side] < operand.loads) error = "a tile's panel is not loaded";
        if (held[side][operand.place.half].at(operand.place.position) !=
            static_cast<std::int64_t>(operand.panel))
          error = "another panel is where a tile's should be";
        if (operand.rows !=
            std::min(geometry.sides[side].panel_rows,
                     geometry.sides[side].rows - operand.panel * geometry.sides[side].panel_rows))
          error = "a panel has the wrong number of rows";
      }
      if (!seen.insert({tile.operands[0].panel, tile.operands[1].panel}).second) error = "a tile comes twice";
    }
    CHECK(error == "");
    CHECK(!more);
    CHECK(seen.size() == geometry.tiles());
  }
}
