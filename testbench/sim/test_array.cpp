// The array: RTL, grid of Verilated cells and C++ model in lock-step; its timing against the formulas of
// sim/array/README.md.
#include <algorithm>

#include "model/core/error.hpp"
#include "testbench/support/array_testing.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/file_testing.hpp"
#include "testbench/support/stimuli.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

// M, N, K of 1..200 with not too many beats altogether.
Gemm draw_gemm(std::mt19937_64& random, const ArrayConfig& config, std::size_t most_beats) {
  constexpr std::size_t kLargest = 200;
  const auto up = [](std::size_t a, int b) {
    return (a + static_cast<std::size_t>(b) - 1) / static_cast<std::size_t>(b);
  };
  // Half of them short: tiles of fewer beats than it takes their results to leave.
  const std::size_t k = 1 + random() % (random() % 2 == 0 ? kLargest : 40);
  const std::size_t tiles = std::max<std::size_t>(1, most_beats / up(k, config.mac.lanes));
  const auto rows = static_cast<std::size_t>(config.rows);
  const auto columns = static_cast<std::size_t>(config.columns);
  std::size_t m = 1 + random() % kLargest;
  std::size_t n = 1 + random() % kLargest;
  if (random() % 2 == 0) {
    m = std::min(m, tiles * rows);
    n = std::min(n, std::max<std::size_t>(1, tiles / up(m, config.rows)) * columns);
  } else {
    n = std::min(n, tiles * columns);
    m = std::min(m, std::max<std::size_t>(1, tiles / up(n, config.columns)) * rows);
  }
  const Mix mix = random() % 3 == 0 ? Mix::kExtreme : random() % 2 == 0 ? Mix::kFinite : Mix::kUniform;
  return random_gemm(random, config, m, n, k, mix);
}

}  // namespace

TEST_CASE("300 GEMMs: RTL, grid of MACs and model agree in every signal of every clock", "[array][long]") {
  std::mt19937_64 random(test_seed() + 61);
  constexpr int kGemms = 28;
  std::size_t results = 0;
  std::size_t gemms = 0;
  for (const ArrayBuild& build : array_builds()) {
    LockStep array(build.config);
    for (int i = 0; i < kGemms; ++i) {
      const Gemm gemm = draw_gemm(random, build.config, 200);
      constexpr unsigned kPercents[] = {0, 0, 15, 50, 90};
      const Stalls stalls{kPercents[random() % 5], kPercents[random() % 5], random()};
      const ArrayRun run = array.run(gemm, stalls);
      INFO(to_text(gemm) << "; stalls " << stalls.input_percent << " % in, " << stalls.output_percent
                         << " % out, seed " << stalls.seed);
      REQUIRE(run.error == "");
      ++gemms;
      for (const auto& output : gemm.results) results += output.size();
    }
  }
  CHECK(gemms >= 300);
  CHECK(results > 10000);
}

TEST_CASE("sums of small scales: their upper pieces are all ones or all zeros", "[array]") {
  // Where the last beat of a sum changes its sign, a carry is to run through all pieces above a fast cell's lowest ones.
  std::mt19937_64 random(test_seed() + 69);
  constexpr std::uint8_t kSmallest = 0x83;  // the type, and scales of 0 to 3 units
  std::size_t results = 0;
  for (const ArrayBuild& build : array_builds()) {
    if (build.config.depth == 0) continue;
    LockStep array(build.config);
    const auto lanes = static_cast<std::size_t>(build.config.mac.lanes);
    for (int i = 0; i < 12; ++i) {
      const Gemm gemm =
          random_gemm(random, build.config, 6, 6, (2 + random() % 2) * lanes, Mix::kFinite, kSmallest);
      const Stalls stalls{0, i % 2 == 0 ? 0U : 50U, random()};
      const ArrayRun run = array.run(gemm, stalls);
      INFO(to_text(gemm) << "; stalls " << stalls.output_percent << " % out, seed " << stalls.seed);
      REQUIRE(run.error == "");
      for (const auto& output : gemm.results) results += output.size();
    }
  }
  CHECK(results > 1000);
}

TEST_CASE("a reset in flight drops everything in the array", "[array]") {
  std::mt19937_64 random(test_seed() + 62);
  for (const ArrayBuild& build : array_builds()) {
    LockStep array(build.config);
    for (int i = 0; i < 6; ++i) {
      INFO(build.name);
      REQUIRE(array.disturb_and_reset(random, 20 + static_cast<int>(random() % 60)) == "");
      const Gemm gemm = draw_gemm(random, build.config, 20);
      REQUIRE(array.run(gemm, {}).error == "");
    }
  }
}

namespace {

// Drives random beats, and NaNs, for so many cycles.
void disturb(ArrayCore& core, std::mt19937_64& random, std::size_t cycles) {
  const ArrayConfig& config = core.config();
  const auto rows = static_cast<std::size_t>(config.rows), columns = static_cast<std::size_t>(config.columns);
  for (std::size_t cycle = 0; cycle < cycles; ++cycle) {
    std::vector<Block> a, w;
    for (const auto& [left, right] :
         random_beats(random, std::max(rows, columns), Mix::kUniform, config.mac)) {
      a.push_back(left);
      w.push_back(right);
    }
    core.drive(a.data(), w.data(), random() % 4 == 0);
    const bool taken = random() % 4 != 0;
    for (int o = 0; o < output_count(config); ++o) core.set_ready(o, taken);
    core.step();
  }
  core.drive_idle();
}

// Nothing is left, and the next product takes the cycles that it takes in a new array.
void check_reset(ArrayCore& core, const Gemm& gemm) {
  for (int o = 0; o < output_count(core.config()); ++o) {
    core.set_ready(o, false);
    REQUIRE_FALSE(core.valid(o));
  }
  REQUIRE(core.ready());
  const ArrayRun run = run_gemm(core, gemm, true);
  REQUIRE(run.error == "");
  const auto lanes = static_cast<std::size_t>(gemm.config.mac.lanes);
  REQUIRE(run.cycles == array_cycles(gemm.config, gemm.tiles(), (gemm.k + lanes - 1) / lanes, true));
}

}  // namespace

TEST_CASE("a reset between two edges of the clock drops everything in the array", "[array]") {
  std::mt19937_64 random(test_seed() + 66);
  for (const ArrayBuild& build : array_builds()) {
    const ArrayConfig& config = build.config;
    const auto rows = static_cast<std::size_t>(config.rows),
               columns = static_cast<std::size_t>(config.columns);
    const auto core = make_array_rtl(config);
    for (std::size_t cycles = 0; cycles < 48; ++cycles) {
      INFO(to_text(config) << ", reset after " << cycles << " cycles");
      disturb(*core, random, cycles);
      core->reset_between_edges();
      // One beat a tile, so that the first one's would wait for another that is still counted.
      check_reset(*core, random_gemm(random, config, rows, 2 * columns, 1 + random() % 16, Mix::kFinite));
    }
  }
}

TEST_CASE("a reset between two edges of the clock drops the overflow of a cell", "[array]") {
  std::mt19937_64 random(test_seed() + 67);
  for (const ArrayBuild& build : array_builds()) {
    if (build.name != "if4_array_1x1" && build.name != "if4_array_5x2_nvfp4" && build.config.depth == 0)
      continue;
    const ArrayConfig& config = build.config;
    INFO(build.name);
    const auto core = make_array_rtl(config);
    const Block largest = one_largest_beat(config.mac)[0].first;
    const std::vector<Block> blocks(
        static_cast<std::size_t>(std::max(config.rows, config.columns) * blocks_per_beat(config.mac)),
        largest);
    core->drive(blocks.data(), blocks.data(), false);
    const auto beats = beats_held(config.mac) + 32;  // as many in the accumulators, and on the way there
    for (std::uint64_t beat = 0; beat < static_cast<std::uint64_t>(beats); ++beat) core->step();
    core->drive_idle();
    core->reset_between_edges();
    const auto rows = static_cast<std::size_t>(config.rows),
               columns = static_cast<std::size_t>(config.columns);
    check_reset(*core, random_gemm(random, config, rows, columns, 40, Mix::kFinite));
  }
}

namespace {

// 1 + E + L of sim/array/README.md, as numbers: in the words of the requirement 7, and one more for more than 16 lanes;
// those of the fast builds are counted by hand: 1 and 4 stages of a block, with 32 lanes the sum of two, accumulator and result,
// 2 stages that settle the sum, 5 that round it.
std::uint64_t constant_of(const ArrayBuild& build) {
  if (build.config.depth == 0) return build.config.mac.lanes > 16 ? 8 : 7;
  if (build.name == "if4_array_3x2_fast") return 14;
  REQUIRE(build.name == "if4_array_1x3_if6_e3m2_fast_32");
  return 15;
}

}  // namespace

TEST_CASE("cycles of a GEMM are those of the formula", "[array]") {
  std::mt19937_64 random(test_seed() + 63);
  for (const ArrayBuild& build : array_builds()) {
    const auto rtl = make_array_rtl(build.config);
    const auto model = make_array_model(build.config);
    const std::size_t rows = static_cast<std::size_t>(build.config.rows);
    const std::size_t columns = static_cast<std::size_t>(build.config.columns);
    const std::size_t lanes = static_cast<std::size_t>(build.config.mac.lanes);
    for (const std::size_t k : {std::size_t{1}, lanes, 3 * lanes - 1, 10 * lanes}) {
      const Gemm gemm = random_gemm(random, build.config, 2 * rows, columns + 1, k, Mix::kFinite);
      const std::size_t beats = (k + lanes - 1) / lanes;
      for (const bool overlap : {false, true}) {
        if (!overlap && beats + rows + columns - 2 < static_cast<std::size_t>(tile_interval(build.config)))
          continue;
        INFO(to_text(gemm) << (overlap ? ", overlapping" : ", one after the other"));
        const std::uint64_t expected = array_cycles(build.config, gemm.tiles(), beats, overlap);
        if (!overlap && !build.config.shared_output) {
          CHECK(expected == gemm.tiles() * (beats + rows + columns - 2) + rows + constant_of(build));
        }
        for (ArrayCore* core : {rtl.get(), model.get()}) {
          const ArrayRun run = run_gemm(*core, gemm, overlap);
          CHECK(run.error == "");
          CHECK(run.cycles == expected);
        }
      }
    }
  }
}

TEST_CASE("every result is valid first when the formula says", "[array]") {
  std::mt19937_64 random(test_seed() + 64);
  for (const ArrayBuild& build : array_builds()) {
    INFO(build.name);
    const Gemm gemm = random_gemm(random, build.config, 1, 1, 1, Mix::kFinite);
    for (const bool is_rtl : {true, false}) {
      const auto core = is_rtl ? make_array_rtl(build.config) : make_array_model(build.config);
      const int outputs = output_count(build.config);
      std::vector<int> seen(static_cast<std::size_t>(outputs));
      for (int o = 0; o < outputs; ++o) core->set_ready(o, true);
      core->drive(gemm.beats[0].a.data(), gemm.beats[0].w.data(), true);
      for (int cycle = 0; cycle < 200; ++cycle) {
        for (int o = 0; o < outputs; ++o) {
          if (!core->valid(o)) continue;
          const CellPosition cell = result_position(build.config, o, seen[static_cast<std::size_t>(o)]++);
          CHECK(cycle == 1 + result_latency(build.config, cell));
        }
        core->step();
        core->drive_idle();
      }
      for (const int count : seen) CHECK(count == tile_interval(build.config));
    }
  }
}

TEST_CASE("a large GEMM keeps the array busy: 97 % of the beats' bound and more", "[array]") {
  std::mt19937_64 random(test_seed() + 65);
  const ArrayConfig config = array_builds().front().config;
  REQUIRE(config.rows == 8);
  REQUIRE(config.columns == 8);
  const Gemm gemm = random_gemm(random, config, 64, 64, 512, Mix::kFinite);
  for (const bool is_rtl : {true, false}) {
    const auto core = is_rtl ? make_array_rtl(config) : make_array_model(config);
    const ArrayRun run = run_gemm(*core, gemm, true);
    CHECK(run.error == "");
    const auto beats = static_cast<double>(gemm.beats.size());
    CHECK(beats / static_cast<double>(run.cycles) >= 0.97);
    CHECK(beats / static_cast<double>(run.cycles) <= 1);
  }
}

TEST_CASE("a sum that leaves the accumulator of a cell is reported", "[array]") {
  for (const ArrayBuild& build : array_builds()) {
    if (build.name != "if4_array_1x1" && build.name != "if4_array_5x2_nvfp4" && build.config.depth == 0)
      continue;
    const ArrayConfig& config = build.config;
    // The largest beats, more than the accumulator holds, in all cells but those of the last of several rows.
    const auto per_row = static_cast<std::size_t>(blocks_per_beat(config.mac));
    const auto [largest_a, largest_w] = one_largest_beat(config.mac)[0];
    const auto held = static_cast<int>(beats_held(config.mac));
    for (const auto& core : {make_array_rtl(config), make_array_model(config)}) {
      const bool one_row = config.rows == 1;
      std::vector<Block> a(per_row * static_cast<std::size_t>(config.rows), largest_a);
      const std::vector<Block> w(per_row * static_cast<std::size_t>(config.columns), largest_w);
      if (!one_row) std::fill(a.end() - blocks_per_beat(config.mac), a.end(), Block{});
      for (int o = 0; o < output_count(config); ++o) core->set_ready(o, true);
      // One tile that fits, then one that does not, then one that fits again.
      std::vector<bool> overflowed;
      int beat = 0;
      const int beats[] = {held, held + 1, 2};
      int tile = 0;
      for (int cycle = 0; cycle < 3 * held; ++cycle) {
        if (tile < 3)
          core->drive(a.data(), w.data(), beat + 1 == beats[tile]);
        else
          core->drive_idle();
        if (core->valid(0)) overflowed.push_back(core->result(0).overflow);
        if (tile < 3 && core->ready() && ++beat == beats[tile]) {
          beat = 0;
          ++tile;
        }
        core->step();
      }
      std::vector<bool> expected;
      for (int t = 0; t < 3; ++t) {
        for (int i = 0; i < tile_interval(config); ++i)
          expected.push_back(t == 1 && (one_row || result_position(config, 0, i).row < config.rows - 1));
      }
      INFO(build.name);
      CHECK(overflowed == expected);
    }
  }
}

TEST_CASE("configurations that are no array are refused", "[array]") {
  ArrayConfig config;
  config.rows = 0;
  CHECK_THROWS_AS(make_array_model(config), std::invalid_argument);
  config.rows = 257;
  CHECK_THROWS_AS(make_array_model(config), std::invalid_argument);
  config.rows = 8;
  config.columns = 0;
  CHECK_THROWS_AS(make_array_model(config), std::invalid_argument);
  config.columns = 8;
  for (const int depth : {-1, 2}) {
    config.depth = depth;
    CHECK_THROWS_AS(make_array_model(config), std::invalid_argument);
  }
  config.depth = 1;  // an 8 x 8 array of it is not Verilated
  CHECK_THROWS_AS(make_array_rtl(config), std::invalid_argument);
  config.depth = 0;
  config.mac.lanes = 17;
  CHECK_THROWS_AS(make_array_model(config), std::invalid_argument);
  config.mac.lanes = 16;
  config.mac.scaled = true;
  CHECK_THROWS_AS(make_array_model(config), std::invalid_argument);
  CHECK_THROWS_AS(make_array_rtl(config), std::invalid_argument);
  config.mac.scaled = false;
  config.columns = 7;
  CHECK_THROWS_AS(make_array_rtl(config), std::invalid_argument);
  CHECK_THROWS_AS(array_cycles(config, 0, 1, true), std::invalid_argument);
  config.shared_output = true;
  CHECK_THROWS_AS(array_cycles(config, 2, 1, false), std::invalid_argument);
}

TEST_CASE("the first build of the array writes a waveform", "[array]") {
  const TempDir folder;
  const std::string wave = folder / "array.fst";
  {
    const auto core = make_array_rtl(array_builds().front().config, {wave});
    for (int cycle = 0; cycle < 10; ++cycle) core->step();
  }
  CHECK(get(wave).size() > 100);
  CHECK_THROWS_AS(make_array_rtl(array_builds().front().config, {folder / "none/array.fst"}), InputError);
  CHECK_THROWS_AS(make_array_rtl(array_builds().back().config, {wave}), std::invalid_argument);
}

// A case of the regression's suite `array`.
TEST_CASE("random products, stalls and resets on one array in lock-step", "[.case_array][long]") {
  std::mt19937_64 random(test_seed() + 68);
  const ArrayBuild& build = array_builds()[random() % array_builds().size()];
  LockStep array(build.config);
  constexpr unsigned kPercents[] = {0, 0, 15, 50, 90};
  for (int i = 0; i < 25; ++i) {
    const Gemm gemm = draw_gemm(random, build.config, 120);
    const Stalls stalls{kPercents[random() % 5], kPercents[random() % 5], random()};
    for (const TileBeat& beat : gemm.beats) {
      for (const Block& block : beat.a) note_stimulus(block);
      for (const Block& block : beat.w) note_stimulus(block);
    }
    for (const auto& output : gemm.results) count_checks(output.size());
    INFO(to_text(gemm) << "; stalls " << stalls.input_percent << " % in, " << stalls.output_percent
                       << " % out, seed " << stalls.seed);
    REQUIRE(array.run(gemm, stalls).error == "");
    if (random() % 2 == 0) REQUIRE(array.disturb_and_reset(random, static_cast<int>(random() % 80)) == "");
  }
}
