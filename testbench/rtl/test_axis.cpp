// The unit with AXI4-Stream interfaces (rtl/if4_mac_axis.sv): results, back-pressure, timing, resets, and that no output
// depends on an input of the same clock.
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "Vif4_mac_axis.h"
#include "Vif4_mac_axis_32.h"
#include "Vif4_mac_axis_if3_iterative.h"
#include "testbench/support/axis_unit.hpp"
#include "testbench/support/file_testing.hpp"
#include "testbench/support/rtl_testing.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

/// A row of rtl/builds.txt.
struct Plain {
  using Top = Vif4_mac_axis;
  static constexpr MacConfig kConfig{Format::kIF4, 16, 0};
  static constexpr int kDataBits = 144;
  static constexpr bool kPipelined = true;
};
/// Two blocks a beat, an accumulator that extreme operands overflow soon, and results without the factor 1/49.
struct Wide {
  using Top = Vif4_mac_axis_32;
  static constexpr MacConfig kConfig{Format::kIF4, 32, 55, true};
  static constexpr int kDataBits = 288;
  static constexpr bool kPipelined = true;
};
/// Two bytes of padding.
struct Iterative {
  using Top = Vif4_mac_axis_if3_iterative;
  static constexpr MacConfig kConfig{Format::kIF3, 16, 0};
  static constexpr int kDataBits = 128;
  static constexpr bool kPipelined = false;
};

template <class Build>
struct Unit : AxisUnit<typename Build::Top> {
  Unit() : AxisUnit<typename Build::Top>(Build::kConfig, Build::kDataBits) {}
};

template <class Build>
Driven check_driven(Unit<Build>& unit, const std::vector<Beats>& dot_products, const Stalls& stalls = {}) {
  const Driven driven =
      drive_unit(unit, dot_products, static_cast<std::size_t>(blocks_per_beat(Build::kConfig)), stalls);
  REQUIRE(driven.protocol_errors == "");
  REQUIRE(driven.results.size() == dot_products.size());
  for (std::size_t i = 0; i < dot_products.size(); ++i) {
    const MacResult expected = model_result(dot_products[i], Build::kConfig);
    if (driven.results[i] == expected) continue;
    INFO("dot product " << i << '\n' << to_text(dot_products[i], Build::kConfig.format));
    REQUIRE(to_text(driven.results[i]) == to_text(expected));
  }
  return driven;
}

// Clocks from the edge that takes the last beat to the first edge at which the result can be taken.
template <class Build>
constexpr int kLatency = Build::kConfig.lanes > kBlockSize ? 9 : 8;

}  // namespace

TEMPLATE_TEST_CASE("AXI4-Stream: back-pressure on either side loses, repeats and reorders nothing", "[axis]",
                   Plain, Wide, Iterative) {
  std::mt19937_64 random(test_seed() + 71);
  Beats too_large;  // for the accumulator of 55 bits
  for (int i = 0; i < 3; ++i) {
    const Beats beat = one_largest_beat(TestType::kConfig);
    too_large.insert(too_large.end(), beat.begin(), beat.end());
  }
  std::size_t nans = 0, overflows = 0;
  for (const unsigned input : {0U, 20U, 80U}) {
    for (const unsigned output : {0U, 20U, 50U, 95U}) {
      for (const std::size_t longest : {1U, 3U, 20U}) {
        const Mix mix = longest == 3 ? Mix::kExtreme : Mix::kUniform;
        std::vector<Beats> dot_products =
            random_dot_products(random, TestType::kPipelined ? 150 : 40, longest, mix, TestType::kConfig);
        if (TestType::kConfig.acc_width != 0) dot_products[7] = too_large;
        const Stalls stalls{input, output, random()};
        INFO("stalls " << input << " % in, " << output << " % out, seed " << stalls.seed);
        Unit<TestType> unit;
        for (const MacResult& result : check_driven<TestType>(unit, dot_products, stalls).results) {
          nans += result.nan;
          overflows += result.overflow;
        }
      }
    }
  }
  CHECK(nans > 0);
  if (TestType::kConfig.acc_width != 0) CHECK(overflows > 0);
}

TEMPLATE_TEST_CASE("AXI4-Stream: one transfer a clock, and the stated latency", "[axis]", Plain, Wide) {
  std::mt19937_64 random(test_seed() + 72);
  for (const std::size_t longest : {1U, 2U, 40U}) {
    const std::vector<Beats> dot_products =
        random_dot_products(random, 300, longest, Mix::kUniform, TestType::kConfig);
    Unit<TestType> unit;
    CHECK(check_driven<TestType>(unit, dot_products).cycles ==
          count_beats(dot_products, TestType::kConfig) + kLatency<TestType>);
  }
}

TEMPLATE_TEST_CASE("AXI4-Stream: a full unit refuses beats and keeps what it has", "[axis]", Plain, Wide,
                   Iterative) {
  std::mt19937_64 random(test_seed() + 73);
  Unit<TestType> unit;
  std::vector<Beats> dot_products;
  for (int clock = 0; clock < 600; ++clock) {
    const Beats beat = random_beats(random, 1, Mix::kFinite, TestType::kConfig);
    unit.drive(beat.data(), true);
    if (unit.ready()) dot_products.push_back(beat);
    unit.step();
  }
  CHECK_FALSE(unit.ready());
  // Each stage of the unit holds one, an iterative output stage being one stage, and each of both slices two.
  const std::size_t stages = (TestType::kConfig.lanes > kBlockSize ? 4 : 3) + (TestType::kPipelined ? 3 : 1);
  CHECK(dot_products.size() == stages + 4);
  unit.drive_idle();
  unit.set_ready(true);
  std::size_t results = 0;
  for (int clock = 0; clock < 2000; ++clock) {
    if (unit.valid()) {
      REQUIRE(results < dot_products.size());
      CHECK(unit.last());
      const MacResult expected = model_result(dot_products[results++], TestType::kConfig);
      CHECK(to_text(unit.result()) == to_text(expected));
    }
    unit.step();
  }
  CHECK(results == dot_products.size());
}

TEMPLATE_TEST_CASE("AXI4-Stream: a reset in flight drops everything and leaves nothing behind", "[axis]",
                   Plain, Iterative) {
  std::mt19937_64 random(test_seed() + 74);
  Unit<TestType> unit;
  for (unsigned n = 0; n < 120; ++n) {
    // Every other reset comes between two edges of the clock. After many clocks the unit is full.
    const bool between_edges = n % 2 == 1;
    unit.set_ready(n % 4 < 2);
    const std::size_t clocks = n / 4;
    for (std::size_t i = 0; i < clocks; ++i) {
      const Beats beats = random_beats(random, 1, Mix::kUniform, TestType::kConfig);
      unit.drive(beats.data(), random() % 3 != 0);
      unit.step();
    }
    unit.drive_idle();
    CAPTURE(between_edges, clocks);
    between_edges ? unit.reset_between_edges() : unit.reset();
    REQUIRE_FALSE(unit.valid());
    REQUIRE(unit.ready());
    check_driven<TestType>(unit, random_dot_products(random, 4, 4, Mix::kUniform, TestType::kConfig));
  }
}

TEMPLATE_TEST_CASE("AXI4-Stream: no output depends on an input of the same clock", "[axis]", Plain, Wide,
                   Iterative) {
  std::mt19937_64 random(test_seed() + 75);
  Unit<TestType> unit;
  const auto drive = [&] {
    const Beats beat = random_beats(random, 1, Mix::kUniform, TestType::kConfig);
    random() % 3 == 0 ? unit.drive_idle() : unit.drive(beat.data(), random() % 2 == 0);
    unit.set_ready(random() % 2 == 0);
  };
  std::size_t full = 0, given = 0;
  for (int clock = 0; clock < 3000; ++clock) {
    drive();
    const bool ready = unit.ready(), valid = unit.valid(), last = unit.last();
    const MacResult result = unit.result();
    for (int other = 0; other < 4; ++other) {
      drive();
      REQUIRE(unit.ready() == ready);
      REQUIRE(unit.valid() == valid);
      REQUIRE(unit.last() == last);
      REQUIRE(unit.result() == result);
    }
    full += !ready;
    given += valid;
    unit.step();
  }
  CHECK(full > 0);
  CHECK(given > 0);
}

TEST_CASE("AXI4-Stream: a simulation stops at a byte that is not kept, unless it is padding",
          "[axis][long]") {
  const TempDir folder;
  const auto run = [&](const std::string& keep) {
    put(folder / "tb.sv",
        "module tb;\n  logic clk = 0;\n  always #5 clk = ~clk;\n"
        "  logic rst_n = 0, valid = 1;\n"
        "  if4_mac_axis #(.DataWidth(160)) dut (.clk_i(clk), .rst_ni(rst_n),\n"
        "    .s_axis_tvalid(valid), .s_axis_tready(), .s_axis_tdata(160'b0), .s_axis_tkeep(" +
            keep +
            "),\n    .s_axis_tlast(1'b1), .m_axis_tvalid(), .m_axis_tready(1'b1), "
            ".m_axis_tdata(), .m_axis_tlast(), .m_axis_tuser());\n"
            "  initial begin\n    repeat (2) @(negedge clk);\n    rst_n = 1;\n"
            "    @(negedge clk);\n    $finish;\n  end\nendmodule\n");
    return simulate("tb", "rtl/if4_pkg.sv -Y.sv -yrtl '" + (folder / "tb.sv") + "'");
  };
  for (const char* keep : {"20'hFFFFF", "20'h3FFFF"}) {
    const auto [status, text] = run(keep);
    INFO(keep << '\n' << text);
    CHECK(status == 0);
  }
  // Not connected, it is unknown.
  for (const char* keep : {"20'hFFFFE", "20'h1FFFF", "20'hFFF7F", "20'h00000", ""}) {
    const auto [status, text] = run(keep);
    INFO(keep << '\n' << text);
    CHECK(status != 0);
    CHECK(text.find("if4_mac_axis: s_axis_tkeep") != std::string::npos);
  }
}

TEST_CASE("AXI4-Stream: the RTL stops a simulation with parameters that it cannot have", "[axis][long]") {
  const auto run = [](const std::string& parameters) {
    return simulate("if4_mac_axis", "rtl/if4_pkg.sv rtl/if4_mac_axis.sv -Y.sv -yrtl " + parameters);
  };
  for (const char* parameters : {"-Pif4_mac_axis.DataWidth=256", "-Pif4_mac_axis.Format=4"}) {
    const auto [status, text] = run(parameters);
    INFO(parameters << '\n' << text);
    CHECK(status == 0);
  }
  for (const char* width : {"136", "143", "145"}) {
    const auto [status, text] = run("-Pif4_mac_axis.DataWidth=" + std::string(width));
    INFO(width << '\n' << text);
    CHECK(status != 0);
    CHECK(text.find("if4_mac_axis: DataWidth") != std::string::npos);
  }
  for (const char* parameter : {"Format=9", "Lanes=48", "AccWidth=53", "Scaled=2"}) {
    const auto [status, text] = run("-Pif4_mac_axis." + std::string(parameter));
    INFO(parameter << '\n' << text);
    CHECK(status != 0);
    CHECK(text.find("if4_mac: ") != std::string::npos);
  }
}
