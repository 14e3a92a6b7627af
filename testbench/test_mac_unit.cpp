// The Verilated unit: directed cases, handshake, latency, throughput, random dot products.
#include <limits>

#include "sim/cosim.hpp"
#include "testbench/catch.hpp"
#include "testbench/mac_testing.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

constexpr std::uint8_t kOne = 0x38;     // s = 1, FP4
constexpr std::uint8_t kOneInt = 0xB8;  // s = 1, INT4

std::uint64_t all_lanes(std::uint64_t code) { return 0x1111111111111111 * code; }

MacResult golden(const Beats& beats) {
  ExactMac mac;
  for (const auto& [a, w] : beats) mac.beat(a, w);
  return mac.finish();
}

void check_driven(const Driven& driven, const std::vector<Beats>& dot_products) {
  REQUIRE(driven.protocol_errors.empty());
  REQUIRE(driven.results.size() == dot_products.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < dot_products.size(); ++i) {
    const MacResult expected = golden(dot_products[i]);
    if (driven.results[i] == expected) continue;
    if (++wrong <= 4) {
      UNSCOPED_INFO("dot product " << i << " of " << dot_products[i].size() << " beats\n"
                                   << (dot_products[i].size() < 40 ? to_text(dot_products[i]) : "")
                                   << "expected " << to_text(expected) << ", RTL "
                                   << to_text(driven.results[i]));
    }
  }
  REQUIRE(wrong == 0);
}

// Against the rationals, and alone in the unit.
void check_one(const Beats& beats, const MacResult& expected) {
  MacUnit unit;
  INFO(to_text(beats));
  CHECK(to_text(exact_result(beats)) == to_text(expected));
  CHECK(to_text(run_dot_product(unit, beats)) == to_text(expected));
}

std::vector<Beats> random_dot_products(std::mt19937_64& random, std::size_t count, std::size_t longest,
                                       Mix mix) {
  std::vector<Beats> dot_products;
  for (std::size_t i = 0; i < count; ++i)
    dot_products.push_back(random_beats(random, 1 + random() % longest, mix));
  return dot_products;
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
    check_driven(drive(unit, {clean, dirty, clean, dirty, clean}, {}), {clean, dirty, clean, dirty, clean});
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

TEST_CASE("sums around every rounding boundary", "[rtl]") {
  std::mt19937_64 random(test_seed() + 21);
  std::vector<Beats> dot_products;
  for (int exponent = 0; exponent < 49; ++exponent) {
    for (std::int64_t delta = -2; delta <= 2; ++delta) {
      dot_products.push_back(beats_with_sum((std::int64_t{1} << exponent) + delta));
      dot_products.push_back(beats_with_sum(-(std::int64_t{1} << exponent) - delta));
    }
  }
  for (int j = 0; j <= 18; ++j) {
    for (int n = 0; n < 40; ++n) {
      std::int64_t significand = static_cast<std::int64_t>((1U << 23) + (random() & 0x7FFFFF));
      if (n == 0) significand = (1 << 24) - 1;
      if (n == 1) significand = 1 << 23;
      const std::int64_t tie = (49 * (2 * significand + 1)) << j;
      for (std::int64_t delta = -1; delta <= 1; ++delta) {
        dot_products.push_back(beats_with_sum(tie + delta));
        dot_products.push_back(beats_with_sum(-tie - delta));
      }
    }
  }
  // A tie and one bit more or less, for every bit below it: whichever step of the normalisation drops that
  // bit, it alone decides the rounding.
  for (int j = 1; j <= 32; ++j) {
    for (const std::int64_t significand : {std::int64_t{1} << 23, (std::int64_t{1} << 24) - 1}) {
      const std::int64_t tie = (49 * (2 * significand + 1)) << j;
      for (int bit = 0; bit < j; ++bit) {
        const std::int64_t delta = significand % 2 == 0 ? std::int64_t{1} << bit : -(std::int64_t{1} << bit);
        dot_products.push_back(beats_with_sum(tie + delta));
        dot_products.push_back(beats_with_sum(-tie - delta));
      }
    }
  }
  for (int n = 0; n < 4000; ++n) {
    dot_products.push_back(beats_with_sum(static_cast<std::int64_t>(random()) >> (14 + random() % 50)));
  }
  MacUnit unit;
  check_driven(drive(unit, dot_products, {}), dot_products);
}

TEST_CASE("the accumulator to its last bit, and beyond", "[rtl]") {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  const Beats one = {{Block{0x1, 0x01}, Block{0x1, 0x01}}};  // 49 units
  Beats over = beats_with_sum(kMax - 10);
  over.push_back(one[0]);
  Beats under = beats_with_sum(kMin + 10);
  under.emplace_back(Block{0x9, 0x01}, Block{0x1, 0x01});
  Beats over_and_on = over;  // the last beat overflows nothing
  over_and_on.push_back(one[0]);
  Beats over_and_back = over;  // the sum of all would fit
  over_and_back.emplace_back(Block{0x9, 0x01}, Block{0x1, 0x01});
  Beats nan_over = over;
  nan_over[0].first.scale |= 0x7F;
  Beats long_one(1024, {Block{all_lanes(8), 0xFE}, Block{all_lanes(8), 0xFE}});
  const std::vector<Beats> dot_products = {beats_with_sum(kMax),
                                           one,
                                           over,
                                           one,
                                           under,
                                           beats_with_sum(kMin),
                                           one,
                                           nan_over,
                                           one,
                                           long_one,
                                           one,
                                           over_and_on,
                                           over_and_back};
  MacUnit unit;
  const Driven driven = drive(unit, dot_products, {});
  check_driven(driven, dot_products);
  CHECK(driven.results[0] == exact_result(dot_products[0]));
  CHECK(driven.results[2] == MacResult{kResultNaN, false, true});
  CHECK(driven.results[4] == MacResult{kResultNaN, false, true});
  CHECK(driven.results[5] == exact_result(dot_products[5]));
  CHECK(driven.results[7] == MacResult{kResultNaN, true, false});
  CHECK(driven.results[9] == exact_result(long_one));
  CHECK(driven.results[11] == MacResult{kResultNaN, false, true});
  CHECK(driven.results[12] == MacResult{kResultNaN, false, true});
}

TEST_CASE("a result comes kLatency clocks after its last beat", "[rtl]") {
  for (const std::size_t beats : {1, 2, 7}) {
    MacUnit unit;
    unit.set_ready(true);
    for (std::size_t i = 0; i < beats; ++i) {
      unit.drive({Block{all_lanes(2), kOne}, Block{all_lanes(2), kOne}, i + 1 == beats});
      REQUIRE(unit.ready());
      REQUIRE_FALSE(unit.valid());
      unit.step();
    }
    unit.drive_idle();
    for (int clock = 1; clock < MacUnit::kLatency; ++clock) {
      CHECK_FALSE(unit.valid());
      unit.step();
    }
    CHECK(unit.valid());
    unit.step();
    CHECK_FALSE(unit.valid());
  }
}

TEST_CASE("one beat a clock for dot products of any length, one-beat ones back to back included", "[rtl]") {
  std::mt19937_64 random(test_seed() + 22);
  for (const std::size_t longest : {1, 2, 40}) {
    const std::vector<Beats> dot_products = random_dot_products(random, 300, longest, Mix::kUniform);
    std::size_t beats = 0;
    for (const Beats& one : dot_products) beats += one.size();
    MacUnit unit;
    const Driven driven = drive(unit, dot_products, {});
    check_driven(driven, dot_products);
    CHECK(driven.cycles == beats + MacUnit::kLatency);
  }
}

TEST_CASE("stalls on either side lose, repeat and reorder nothing", "[rtl]") {
  std::mt19937_64 random(test_seed() + 23);
  for (const unsigned input : {0U, 20U, 80U}) {
    for (const unsigned output : {0U, 20U, 50U, 95U}) {
      for (const std::size_t longest : {1, 3, 20}) {
        const std::vector<Beats> dot_products = random_dot_products(random, 150, longest, Mix::kUniform);
        const Stalls stalls{input, output, random()};
        MacUnit unit;
        INFO("stalls " << input << " % in, " << output << " % out, seed " << stalls.seed);
        check_driven(drive(unit, dot_products, stalls), dot_products);
      }
    }
  }
}

TEST_CASE("a full pipeline refuses beats and keeps what it has", "[rtl]") {
  MacUnit unit;
  unit.set_ready(false);
  const Beat beat{Block{all_lanes(2), kOne}, Block{all_lanes(2), kOne}, true};
  unit.drive(beat);
  int taken = 0;
  for (int clock = 0; clock < 50; ++clock) {
    if (unit.ready()) ++taken;
    unit.step();
  }
  CHECK(taken == MacUnit::kLatency);  // one in every stage
  unit.drive_idle();
  unit.set_ready(true);
  int results = 0;
  for (int clock = 0; clock < 50; ++clock) {
    if (unit.valid()) {
      CHECK(to_text(unit.result()) == to_text(MacResult{0x41800000}));  // 16 * 1 * 1
      ++results;
    }
    unit.step();
  }
  CHECK(results == taken);
}

TEST_CASE("a reset in flight drops everything and leaves nothing behind", "[rtl]") {
  std::mt19937_64 random(test_seed() + 24);
  MacUnit unit;
  for (int n = 0; n < 200; ++n) {
    // Leave the unit in the middle of things, with a NaN and an overflow's worth of sums about.
    unit.set_ready(random() % 2 == 0);
    const std::size_t clocks = random() % 12;
    for (std::size_t i = 0; i < clocks; ++i) {
      const Beats beats = random_beats(random, 1, random() % 4 == 0 ? Mix::kUniform : Mix::kExtreme);
      unit.drive({beats[0].first, random() % 8 == 0 ? Block{0, 0x7F} : beats[0].second, random() % 3 == 0});
      unit.step();
    }
    unit.drive_idle();
    unit.reset();
    REQUIRE_FALSE(unit.valid());
    const std::vector<Beats> dot_products = random_dot_products(random, 3, 4, Mix::kFinite);
    check_driven(drive(unit, dot_products, {}), dot_products);
  }
}

TEST_CASE("random dot products equal the exact rationals", "[rtl]") {
  std::mt19937_64 random(test_seed() + 25);
  for (const Mix mix : {Mix::kUniform, Mix::kFinite, Mix::kExtreme}) {
    const std::vector<Beats> dot_products = random_dot_products(random, 600, 16, mix);
    MacUnit unit;
    const Driven driven = drive(unit, dot_products, {10, 10, random()});
    check_driven(driven, dot_products);
    for (std::size_t i = 0; i < dot_products.size(); ++i) {
      if (driven.results[i] == exact_result(dot_products[i])) continue;
      INFO(to_text(dot_products[i]) << "RTL " << to_text(driven.results[i]));
      REQUIRE(driven.results[i] == exact_result(dot_products[i]));
    }
  }
}

TEST_CASE("200,000 random beats equal the golden model", "[rtl]") {
  std::mt19937_64 random(test_seed() + 26);
  const std::vector<Beats> dot_products = random_dot_products(random, 20000, 19, Mix::kFinite);
  MacUnit unit;
  check_driven(drive(unit, dot_products, {}), dot_products);
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
}
