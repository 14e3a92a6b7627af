// The Verilated units: directed cases of IF4, random dot products and long runs of every unit, co-simulation.
#include "sim/mac/cosim.hpp"
#include "testbench/support/rtl_testing.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

constexpr std::uint8_t kOne = 0x38;     // s = 1, FP4
constexpr std::uint8_t kOneInt = 0xB8;  // s = 1, INT4

std::uint64_t all_lanes(std::uint64_t code) { return 0x1111111111111111 * code; }

// Against the rationals, and alone in the unit.
void check_one(const Beats& beats, const MacResult& expected) {
  MacUnit unit;
  INFO(to_text(beats));
  CHECK(to_text(exact_result(beats)) == to_text(expected));
  CHECK(to_text(run_dot_product(unit, beats)) == to_text(expected));
}

}  // namespace

TEST_CASE("code 0x8 is zero in FP4 and -8 in INT4", "[rtl]") {
  check_one({{Block{all_lanes(8), kOne}, Block{all_lanes(8), kOne}}}, {0x00000000});
  check_one({{Block{all_lanes(8), kOne}, Block{all_lanes(7), kOneInt}}}, {0x00000000});
  // 16 * (-8 * 6/7)^2 = 16 * 2304/49 = 752.326...
  check_one({{Block{all_lanes(8), kOneInt}, Block{all_lanes(8), kOneInt}}}, {0x443C14E6});
  // 16 * (-8 * 6/7) * 6 = -658.285...
  check_one({{Block{all_lanes(8), kOneInt}, Block{all_lanes(7), kOne}}}, {0xC4249249});
}

TEST_CASE("zero, subnormal and NaN scales", "[rtl]") {
  const std::uint64_t codes = all_lanes(2);  // 1.0
  check_one({{Block{codes, 0x00}, Block{codes, kOne}}}, {0x00000000});
  check_one({{Block{codes, 0x80}, Block{codes, 0x80}}}, {0x00000000});
  check_one({{Block{codes, 0x01}, Block{codes, kOne}}}, {0x3D000000});  // 16 * 2^-9
  check_one({{Block{codes, 0x07}, Block{codes, 0x01}}}, {0x39E00000});  // 16 * 7 * 2^-18
  for (const std::uint8_t nan : {std::uint8_t{0x7F}, std::uint8_t{0xFF}}) {
    check_one({{Block{0, nan}, Block{codes, kOne}}}, {kResultNaN, true, false});
    check_one({{Block{codes, kOne}, Block{0, nan}}}, {kResultNaN, true, false});
    // In the middle of a dot product; and it does not reach the next one.
    MacUnit unit;
    const Beats clean = {{Block{codes, kOne}, Block{codes, kOne}}};
    Beats dirty(5, clean[0]);
    dirty[2].first.scale = nan;
    check_driven(unit, {clean, dirty, clean, dirty, clean}, Against::kRationals);
  }
}

TEST_CASE("all-zero blocks and cancellation give +0", "[rtl]") {
  check_one({{Block{}, Block{}}}, {0x00000000});
  check_one(Beats(20, {Block{0, kOne}, Block{all_lanes(7), 0x7E}}), {0x00000000});
  // x - x, in one beat and over two beats of unlike types.
  check_one({{Block{0x00000000000000F7, 0x7E}, Block{0x0000000000000077, 0x7E}}}, {0x00000000});
  // 7 * 6/7 = 6: the same number as an INT4 and as an FP4 element.
  check_one({{Block{0x7, kOneInt}, Block{0x7, kOne}}, {Block{0xF, kOne}, Block{0x7, kOne}}}, {0x00000000});
  check_one(beats_with_sum(0), {0x00000000});
}

TEST_CASE("random dot products equal the exact rationals", "[rtl]") {
  std::mt19937_64 random(test_seed() + 25);
  for (const UnitBuild& config : unit_builds()) {
    for (const Mix mix : {Mix::kUniform, Mix::kFinite, Mix::kExtreme}) {
      MacUnit unit(config);
      check_driven(unit, random_dot_products(random, 600, 16, mix, config.mac), Against::kRationals,
                   {10, 10, random()});
    }
  }
}

TEST_CASE("1,000,000 random beats a unit equal the golden model", "[rtl][long]") {
  constexpr std::size_t kBeats = 1000000;
  check_units(test_seed() + 26, [](const UnitBuild& config, std::mt19937_64& random) {
    MacUnit unit(config);
    std::string failure;
    std::size_t beats = 0;
    for (unsigned part = 0; beats < kBeats && failure.empty(); ++part) {
      // An iterative unit gives a result in up to 150 clocks.
      const std::size_t longest = config.iterative ? 400 : part % 2 == 0 ? 40 : 5;
      const Mix mix = part % 8 == 0 ? Mix::kUniform : part % 8 == 1 ? Mix::kExtreme : Mix::kFinite;
      const auto dot_products = random_dot_products(random, 40000 / longest, longest, mix, config.mac);
      const unsigned stalled = part % 4 == 3 ? 10 : 0;
      failure = failure_of(unit, dot_products, Against::kModel, {stalled, stalled, random()});
      beats += count_beats(dot_products, config.mac);
    }
    return failure;
  });
}

TEST_CASE("co-simulation counts what it did, and what it could not do", "[cosim]") {
  std::mt19937_64 random(test_seed() + 27);
  QuantizedTensor a = make_quantized(Format::kIF4, {3, 40});
  QuantizedTensor w = make_quantized(Format::kIF4, {5, 40});
  for (QuantizedTensor* tensor : {&a, &w}) {
    for (std::size_t row = 0; row < tensor->rows(); ++row) {
      for (std::size_t b = 0; b < 3; ++b)
        tensor->set_block(row, b, random_beats(random, 1, Mix::kFinite)[0].first);
    }
  }
  const CosimReport report = cosimulate(a, w, {});
  CHECK(report.passed());
  CHECK(report.results == 15);
  CHECK(report.beats == 45);
  CHECK(report.cycles == 45 + MacUnit::kLatency);
  CHECK(report.products.size() == 15);
  std::uint64_t pairs = 0;
  for (const auto& row : report.pair_beats) pairs += row[0] + row[1];
  CHECK(pairs == 45);
  CHECK_FALSE(cosimulate(make_quantized(Format::kIF4, {0, 40}), w, {}).passed());

  // The scaled unit against its own golden model, and each unit against the other's.
  CosimOptions options;
  options.scaled = options.golden.scaled = true;
  const CosimReport scaled = cosimulate(a, w, options);
  CHECK(scaled.passed());
  CHECK(scaled.results == 15);
  CHECK(scaled.cycles == report.cycles);
  for (const bool unit : {false, true}) {
    options.scaled = unit;
    options.golden.scaled = !unit;
    CHECK(cosimulate(a, w, options).mismatches == 15);
  }
}
