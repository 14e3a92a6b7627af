// Every table of the RTL against the text of the formats, through the ports of the unit.
#include "testbench/catch.hpp"
#include "testbench/mac_testing.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

// Runs the dot products back to back and compares each with the exact rationals.
void check_all(const std::vector<Beats>& dot_products) {
  MacUnit unit;
  const Driven driven = drive(unit, dot_products, {});
  REQUIRE(driven.protocol_errors.empty());
  REQUIRE(driven.results.size() == dot_products.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < dot_products.size(); ++i) {
    const MacResult expected = exact_result(dot_products[i]);
    if (driven.results[i] == expected) continue;
    if (++wrong <= 8) {
      UNSCOPED_INFO(to_text(dot_products[i])
                    << "expected " << to_text(expected) << ", RTL " << to_text(driven.results[i]));
    }
  }
  REQUIRE(wrong == 0);
}

}  // namespace

TEST_CASE("all 1,024 element products through the RTL", "[rtl]") {
  std::vector<Beats> dot_products;
  for (unsigned types = 0; types < 4; ++types) {
    for (unsigned a_code = 0; a_code < 16; ++a_code) {
      for (unsigned w_code = 0; w_code < 16; ++w_code) {
        // s = 1 for both operands; each lane has its turn.
        const int lane = static_cast<int>((a_code + w_code) % 16);
        const Block a{std::uint64_t{a_code} << (4 * lane),
                      static_cast<std::uint8_t>(0x38 | (types & 1) << 7)};
        const Block w{std::uint64_t{w_code} << (4 * lane),
                      static_cast<std::uint8_t>(0x38 | (types & 2) << 6)};
        dot_products.push_back({{a, w}});
      }
    }
  }
  REQUIRE(dot_products.size() == 1024);
  check_all(dot_products);
}

TEST_CASE("every lane multiplies every pair of codes", "[rtl]") {
  std::vector<Beats> dot_products;
  for (unsigned types = 0; types < 4; ++types) {
    for (int lane = 0; lane < kBlockSize; ++lane) {
      for (unsigned codes = 0; codes < 256; ++codes) {
        const Block a{std::uint64_t{codes & 15} << (4 * lane),
                      static_cast<std::uint8_t>(0x38 | (types & 1) << 7)};
        const Block w{std::uint64_t{codes >> 4} << (4 * lane),
                      static_cast<std::uint8_t>(0x38 | (types & 2) << 6)};
        dot_products.push_back({{a, w}});
      }
    }
  }
  check_all(dot_products);
}

TEST_CASE("all 65,536 pairs of scale bytes through the RTL", "[rtl]") {
  std::mt19937_64 random(test_seed() + 11);
  std::vector<Beats> dot_products;
  for (unsigned a_scale = 0; a_scale < 256; ++a_scale) {
    for (unsigned w_scale = 0; w_scale < 256; ++w_scale) {
      dot_products.push_back({{Block{random(), static_cast<std::uint8_t>(a_scale)},
                               Block{random(), static_cast<std::uint8_t>(w_scale)}}});
    }
  }
  REQUIRE(dot_products.size() == 65536);
  check_all(dot_products);
}
