// Scaled results, and the constant that makes values of them.
#include <random>
#include <string>

#include "model/core/float_bits.hpp"
#include "model/mac/mac.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/file_testing.hpp"
#include "testbench/support/mac_testing.hpp"
#include "testbench/support/rational.hpp"

using namespace if4;
using namespace if4::testing;

TEST_CASE("a scaled result times the constant of rtl/SCALED.md is the value", "[mac]") {
  // amax is 1 here: value = result / (span * 448)^2, and result / (r * span * 448)^2 where the MAC is scaled.
  const mpq_class span[] = {6, 6, 6, 7, 4, mpq_class(15, 2), 28, mpq_class(15, 2), 28};
  const int r[] = {7, 1, 1, 1, 3, 31, 31, 1, 1};
  const char* const constants[] = {"| IF4 | 7 | 6 | 18,816 |",
                                   "",
                                   "",
                                   "",
                                   "| IF3 | 3 | 4 | 5,376 |",
                                   "| IF6-E2M3 | 31 | 7.5 | 104,160 |",
                                   "| IF6-E3M2 | 31 | 28 | 388,864 |",
                                   "",
                                   ""};
  std::mt19937_64 random(test_seed() + 18);
  for (std::size_t number = 0; number < static_cast<std::size_t>(kMacFormatCount); ++number) {
    const auto format = static_cast<Format>(number);
    INFO(format_name(format));
    const std::string page = get("rtl/SCALED.md");
    if (r[number] != 1) CHECK(page.find(constants[number]) != std::string::npos);
    const mpq_class plain = 1 / (span[number] * span[number] * 448 * 448);
    const mpq_class constant =
        1 / (r[number] * span[number] * 448 * mpq_class(r[number]) * span[number] * 448);
    std::size_t exact = 0;
    for (int n = 0; n < 200; ++n) {
      // Scales of one power of two and few operands: most sums have no more bits than FP32 has.
      Beats beats = random_beats(random, 1, Mix::kFinite, {format});
      for (auto& [a, w] : beats) {
        a.codes &= 0x3F;
        a.scale = static_cast<std::uint8_t>((a.scale & 0x80) | 0x38);
        w.scale = static_cast<std::uint8_t>((w.scale & 0x80) | 0x40);
      }
      const mpq_class value = exact_value(beats, format) * plain;
      const MacResult scaled = model_result(beats, {format, 16, 0, true});
      const mpq_class got = rational::exact(float_from_bits(scaled.bits)) * constant;
      REQUIRE(scaled == exact_result(beats, {format, 16, 0, true}));
      REQUIRE(abs(got - value) <= abs(value) / (1 << 24));
      if (got == value) ++exact;
      // Without a division there is no other result.
      if (r[number] == 1) REQUIRE(scaled == model_result(beats, {format}));
    }
    CHECK(exact > 150);
  }
  // By hand: the code 1 of INT4 is 6/7, and 3 of FP4 is 3/2. Both scales are 1.
  const Beats one{{Block{0x1, 0xB8}, Block{0x3, 0x38}}};
  CHECK(model_result(one, {}).bits == 0x3FA49249);                           // 9/7
  CHECK(model_result(one, {Format::kIF4, 16, 0, true}).bits == 0x427C0000);  // 49 * 9/7
}
