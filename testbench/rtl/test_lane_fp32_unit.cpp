// The baseline (rtl/baseline/lane_fp32_mac.sv) against its C++ model, which test_lane_fp32.cpp checks with
// rationals.
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "Vlane_fp32_ieee.h"
#include "Vlane_fp32_if4.h"
#include "Vlane_fp32_nvfp4.h"
#include "model/core/float_bits.hpp"
#include "model/kit/dot_products.hpp"
#include "model/mac/lane_fp32.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/lane_fp32_unit.hpp"
#include "testbench/support/mac_testing.hpp"
#include "testbench/support/stimuli.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

constexpr std::uint8_t kOne = 0x38;  // s = 1, FP4

struct IF4 {
  using Top = Vlane_fp32_if4;
  static Block read(Block block) { return block; }
};
/// The same with FP32 units for all of IEEE 754: what the smaller ones leave out must not be missed.
struct IF4WithIeee {
  using Top = Vlane_fp32_ieee;
  static Block read(Block block) { return block; }
};
struct NVFP4 {
  using Top = Vlane_fp32_nvfp4;
  /// Bit 7 of a scale means nothing.
  static Block read(Block block) { return {block.codes, static_cast<std::uint8_t>(block.scale & 0x7F)}; }
};

std::string hex(std::uint32_t bits) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08X", static_cast<unsigned>(bits));
  return text;
}

template <class Format>
std::uint32_t golden(const Beats& beats) {
  Beats read;
  for (const auto& [a, w] : beats) read.emplace_back(Format::read(a), Format::read(w));
  return float_bits(lane_fp32_dot_product(read, LaneStart::kFirstProduct));
}

using LaneFp32Driven = DrivenUnit<std::uint32_t>;

template <class Top>
LaneFp32Driven drive(LaneFp32Unit<Top>& unit, const std::vector<Beats>& dot_products, const Stalls& stalls) {
  return drive_unit(unit, dot_products, 1, stalls);
}

template <class Format>
void check_driven(const LaneFp32Driven& driven, const std::vector<Beats>& dot_products) {
  REQUIRE(driven.protocol_errors.empty());
  REQUIRE(driven.results.size() == dot_products.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < dot_products.size(); ++i) {
    const std::uint32_t expected = golden<Format>(dot_products[i]);
    if (driven.results[i] == expected) continue;
    if (++wrong <= 4) {
      UNSCOPED_INFO("dot product " << i << "\n"
                                   << to_text(dot_products[i]) << "expected " << hex(expected) << ", RTL "
                                   << hex(driven.results[i]));
    }
  }
  REQUIRE(wrong == 0);
}

/// Runs the dot products in a new unit without stalls and compares; one beat a clock.
template <class Format>
LaneFp32Driven check_all(const std::vector<Beats>& dot_products) {
  LaneFp32Unit<typename Format::Top> unit;
  const LaneFp32Driven driven = drive(unit, dot_products, {});
  check_driven<Format>(driven, dot_products);
  std::size_t beats = 0;
  for (const Beats& one : dot_products) beats += one.size();
  CHECK(driven.cycles == beats + unit.kLatency);
  return driven;
}

std::vector<Beats> random_dot_products(std::mt19937_64& random, std::size_t beats, std::size_t longest,
                                       Mix mix) {
  std::vector<Beats> dot_products;
  for (std::size_t done = 0; done < beats; done += dot_products.back().size()) {
    dot_products.push_back(random_beats(random, 1 + random() % longest, mix));
  }
  return dot_products;
}

}  // namespace

TEMPLATE_TEST_CASE("lane-FP32 RTL gives the published results", "[lane_fp32_rtl]", IF4, NVFP4) {
  DotProductReader reader("testbench/data/published_vectors.txt");
  std::vector<Beats> dot_products;
  std::vector<std::uint32_t> published;
  while (const auto dot_product = reader.next()) {
    dot_products.push_back(dot_product->beats);
    published.push_back(dot_product->result);
  }
  REQUIRE(published.size() == 340);
  const LaneFp32Driven driven = check_all<TestType>(dot_products);
  if (std::is_same_v<TestType, NVFP4>) return;  // the same beats, but another meaning of bit 7
  // Lanes that start from +0 differ in the sign of a zero, which compares equal.
  for (std::size_t i = 0; i < published.size(); ++i) {
    CAPTURE(i);
    CHECK(float_from_bits(driven.results[i]) == float_from_bits(published[i]));
  }
}

TEMPLATE_TEST_CASE("lane-FP32 RTL: every lane multiplies every pair of codes", "[lane_fp32_rtl]", IF4,
                   NVFP4) {
  std::vector<Beats> dot_products;
  for (unsigned types = 0; types < 4; ++types) {
    for (int lane = 0; lane < kBlockSize; ++lane) {
      for (unsigned codes = 0; codes < 256; ++codes) {
        const Block a{std::uint64_t{codes & 15} << (4 * lane),
                      static_cast<std::uint8_t>(kOne | (types & 1) << 7)};
        const Block w{std::uint64_t{codes >> 4} << (4 * lane),
                      static_cast<std::uint8_t>(kOne | (types & 2) << 6)};
        dot_products.push_back({{a, w}});
      }
    }
  }
  check_all<TestType>(dot_products);
}

TEMPLATE_TEST_CASE("lane-FP32 RTL: all 65,536 pairs of scale bytes", "[lane_fp32_rtl]", IF4, NVFP4) {
  std::mt19937_64 random(test_seed() + 51);
  std::vector<Beats> dot_products;
  for (unsigned scales = 0; scales < 65536; ++scales) {
    dot_products.push_back({{Block{random(), static_cast<std::uint8_t>(scales)},
                             Block{random(), static_cast<std::uint8_t>(scales >> 8)}}});
  }
  check_all<TestType>(dot_products);
}

TEMPLATE_TEST_CASE("lane-FP32 RTL: the first product is stored, not added", "[lane_fp32_rtl]", IF4, NVFP4) {
  // FP4 -1 times 0 in all lanes: -0, and added to +0 it would be +0.
  const Beats zeros{{Block{0xAAAAAAAAAAAAAAAA, kOne}, Block{0, kOne}}};
  const LaneFp32Driven driven = check_all<TestType>({zeros, zeros});
  CHECK(driven.results == std::vector<std::uint32_t>{0x80000000, 0x80000000});
}

TEMPLATE_TEST_CASE("lane-FP32 RTL: latency and one beat a clock", "[lane_fp32_rtl]", IF4, NVFP4) {
  std::mt19937_64 random(test_seed() + 52);
  for (const std::size_t longest : {1U, 2U, 40U}) {
    check_all<TestType>(random_dot_products(random, 2000, longest, Mix::kUniform));
  }
}

TEMPLATE_TEST_CASE("lane-FP32 RTL: stalls on either side lose, repeat and reorder nothing", "[lane_fp32_rtl]",
                   IF4, NVFP4, IF4WithIeee) {
  std::mt19937_64 random(test_seed() + 53);
  for (const unsigned input : {0U, 20U, 80U}) {
    for (const unsigned output : {0U, 20U, 80U}) {
      for (const std::size_t longest : {1U, 3U, 40U}) {
        const Mix mix = longest == 3 ? Mix::kExtreme : Mix::kUniform;
        const std::vector<Beats> dot_products = random_dot_products(random, 600, longest, mix);
        const std::uint64_t seed = random();
        INFO("stalls " << input << " % in, " << output << " % out, seed " << seed);
        LaneFp32Unit<typename TestType::Top> unit;
        check_driven<TestType>(drive(unit, dot_products, {input, output, seed}), dot_products);
      }
    }
  }
}

TEMPLATE_TEST_CASE("lane-FP32 RTL: 100,000 random beats", "[lane_fp32_rtl]", IF4, NVFP4, IF4WithIeee) {
  std::mt19937_64 random(test_seed() + 54);
  const std::vector<Beats> dot_products = random_dot_products(random, 100000, 40, Mix::kUniform);
  LaneFp32Unit<typename TestType::Top> unit;
  check_driven<TestType>(drive(unit, dot_products, {5, 5, random()}), dot_products);
}

TEMPLATE_TEST_CASE("lane-FP32 RTL: a full pipeline refuses beats and keeps what it has", "[lane_fp32_rtl]",
                   IF4, NVFP4) {
  LaneFp32Unit<typename TestType::Top> unit;
  unit.set_ready(false);
  // FP4 codes 1 to 6, so results 16 times 0.5, 1, 1.5, 2, 3, 4.
  int taken = 0;
  for (int clock = 0; clock < 50; ++clock) {
    const std::pair<Block, Block> beat{
        {std::uint64_t{0x1111111111111111} * static_cast<unsigned>(taken + 1), kOne},
        {0x2222222222222222, kOne}};
    unit.drive(&beat, true);
    if (unit.ready()) ++taken;
    REQUIRE(taken <= unit.kLatency);  // one in every stage
    unit.step();
  }
  CHECK(taken == unit.kLatency);
  unit.drive_idle();
  unit.set_ready(true);
  std::vector<float> results;
  for (int clock = 0; clock < 50; ++clock) {
    if (unit.valid()) results.push_back(float_from_bits(unit.result()));
    unit.step();
  }
  CHECK(results == std::vector<float>{8, 16, 24, 32, 48, 64});
}

TEMPLATE_TEST_CASE("lane-FP32 RTL: a reset in flight drops everything and leaves nothing behind",
                   "[lane_fp32_rtl]", IF4, NVFP4) {
  std::mt19937_64 random(test_seed() + 55);
  LaneFp32Unit<typename TestType::Top> unit;
  for (unsigned n = 0; n < 200; ++n) {
    // Every other reset comes between two edges of the clock, after every number of clocks.
    const bool between_edges = n % 2 == 1;
    unit.set_ready(random() % 2 == 0);
    const std::size_t clocks = n / 2 % 12;
    for (std::size_t i = 0; i < clocks; ++i) {
      const Beats beats = random_beats(random, 1, Mix::kUniform);
      unit.drive(beats.data(), random() % 3 == 0);
      unit.step();
    }
    unit.drive_idle();
    CAPTURE(between_edges, clocks);
    between_edges ? unit.reset_between_edges() : unit.reset();
    REQUIRE_FALSE(unit.valid());
    REQUIRE(unit.ready());
    const std::vector<Beats> dot_products = random_dot_products(random, 8, 4, Mix::kUniform);
    check_driven<TestType>(drive(unit, dot_products, {}), dot_products);
  }
}

// A case of the regression's suite `baseline`.
TEMPLATE_TEST_CASE("lane-FP32 RTL: random operands, stalls and resets", "[.case_baseline][long]", IF4, NVFP4,
                   IF4WithIeee) {
  std::mt19937_64 random(test_seed() + 56);
  LaneFp32Unit<typename TestType::Top> unit;
  constexpr unsigned kPercents[] = {0, 0, 5, 20, 50, 80, 95};
  constexpr std::size_t kLongest[] = {1, 2, 3, 8, 40, 300};
  for (int run = 0; run < 30; ++run) {
    const Mix mix = random() % 3 == 0 ? Mix::kExtreme : random() % 2 == 0 ? Mix::kFinite : Mix::kUniform;
    const std::vector<Beats> dot_products = random_dot_products(random, 700, kLongest[random() % 6], mix);
    const Stalls stalls{kPercents[random() % 7], kPercents[random() % 7], random()};
    note_stimulus(dot_products);
    count_checks(dot_products.size());
    CAPTURE(run, stalls.input_percent, stalls.output_percent, stalls.seed);
    check_driven<TestType>(drive(unit, dot_products, stalls), dot_products);
    for (std::uint64_t clocks = random() % 12; clocks > 0; --clocks) {
      const Beats beats = random_beats(random, 1, Mix::kUniform);
      unit.drive(beats.data(), random() % 3 == 0);
      unit.set_ready(random() % 2 == 0);
      unit.step();
    }
    unit.drive_idle();
    random() % 2 == 0 ? unit.reset() : unit.reset_between_edges();
    REQUIRE_FALSE(unit.valid());
  }
}
