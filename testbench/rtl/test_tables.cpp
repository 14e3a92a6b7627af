// Every table of the RTL against the text of the formats, through the ports of every unit.
#include <algorithm>
#include <set>

#include "testbench/support/rtl_testing.hpp"

using namespace if4;
using namespace if4::testing;

TEST_CASE("there is a pipelined unit of 16 lanes for every format", "[rtl]") {
  std::set<Format> formats;
  for (const UnitBuild& config : pipelined_units()) {
    if (config.mac.lanes == kBlockSize && config.mac.acc_width == 0) formats.insert(config.mac.format);
  }
  CHECK(formats.size() == kMacFormatCount);
  CHECK(unit_builds().size() == pipelined_units().size() + iterative_units().size());
  CHECK(iterative_units().size() >= 5);
  for (const int lanes : {32, 64}) {
    CHECK(std::any_of(unit_builds().begin(), unit_builds().end(),
                      [lanes](const UnitBuild& config) { return config.mac.lanes == lanes; }));
  }
}

TEST_CASE("all element products of all formats through the RTL, lane by lane", "[rtl][long]") {
  check_units(0, [](const UnitBuild& config, std::mt19937_64&) -> std::string {
    const unsigned codes = 1U << traits(config.mac.format).code_bits;
    const int turns = config.iterative ? 1 : config.mac.lanes;
    MacUnit unit(config);
    for (unsigned types = 0; types < 4; ++types) {
      for (int turn = 0; turn < turns; ++turn) {
        std::vector<Beats> dot_products;
        for (unsigned a_code = 0; a_code < codes; ++a_code) {
          for (unsigned w_code = 0; w_code < codes; ++w_code) {
            // Every lane multiplies every pair of codes. A result of an iterative unit takes as long as many
            // pipelined ones: there each pair is multiplied once, and the lanes take turns.
            const int lane = (turn + static_cast<int>(a_code + w_code)) % config.mac.lanes;
            dot_products.push_back(
                one_product(config.mac, lane, a_code, (types & 1) != 0, w_code, (types & 2) != 0));
          }
        }
        const std::string failure = failure_of(unit, dot_products, Against::kRationals);
        if (!failure.empty()) return failure;
      }
    }
    return "";
  });
}

TEST_CASE("all 65,536 pairs of scale bytes through the RTL, in every block of a beat", "[rtl][long]") {
  check_units(test_seed() + 11, [](const UnitBuild& config, std::mt19937_64& random) -> std::string {
    MacUnit unit(config);
    const auto blocks = static_cast<unsigned>(blocks_per_beat(config.mac));
    for (unsigned a_scale = 0; a_scale < 256; ++a_scale) {
      std::vector<Beats> dot_products;
      // Each w_scale again in every block; the other blocks have random codes and scales, no NaN.
      for (unsigned i = 0; i < 256 * blocks; ++i) {
        if (config.iterative && (i + a_scale) % 16 != 0) continue;  // 16 times slower
        Beats beats = random_beats(random, 1, Mix::kFinite, config.mac);
        auto& [a, w] = beats[i % blocks];
        a.scale = static_cast<std::uint8_t>(a_scale);
        w.scale = static_cast<std::uint8_t>(i / blocks);
        dot_products.push_back(std::move(beats));
      }
      const std::string failure = failure_of(unit, dot_products, Against::kRationals);
      if (!failure.empty()) return failure;
    }
    return "";
  });
}
