// The exact golden MAC against exact rationals, in every format.
#include <algorithm>
#include <stdexcept>

#include "model/core/float_bits.hpp"
#include "model/mac/mac.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/mac_testing.hpp"
#include "testbench/support/rational.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

std::vector<Format> all_formats() {
  std::vector<Format> formats;
  for (int number = 0; number < kMacFormatCount; ++number) formats.push_back(static_cast<Format>(number));
  return formats;
}

std::vector<MacConfig> all_configs() {
  std::vector<MacConfig> configs;
  for (const Format format : all_formats()) {
    for (const int lanes : {16, 32, 64}) configs.push_back({format, lanes});
    configs.push_back({format, 16, 0, true});
  }
  return configs;
}

std::string to_text(const MacConfig& config) {
  return std::string(format_name(config.format)) + ", " + std::to_string(config.lanes) + " lanes, " +
         std::to_string(acc_width(config)) + " bits" + (config.scaled ? ", scaled\n" : "\n");
}

Int128 power_of_two(int exponent) { return Int128{1} << exponent; }

Int128 random_sum(std::mt19937_64& random, int width) {
  const auto bits = static_cast<Codes>(random()) << 64 | random();
  return static_cast<Int128>(bits) >> (128 - width);
}

// Reports at the first difference only: a wrong model would otherwise print thousands.
void check_result(const Beats& beats, const MacConfig& config) {
  const MacResult expected = exact_result(beats, config);
  const MacResult actual = model_result(beats, config);
  if (actual == expected) return;
  INFO(to_text(config) << testing::to_text(beats, config.format) << "expected " << testing::to_text(expected)
                       << ", model " << testing::to_text(actual));
  REQUIRE(actual == expected);
}

void check_product(Format format, const Block& a, const Block& w) {
  const mpz_class expected = exact_sum({{a, w}}, format);
  const mpz_class actual = to_mpz(block_product(format, a, w));
  if (actual == expected) return;
  INFO(format_name(format) << '\n'
                           << testing::to_text(Beats{{a, w}}, format) << "expected " << expected.get_str()
                           << ", model " << actual.get_str());
  REQUIRE(actual == expected);
}

void check_rounding(const MacConfig& config, Int128 sum) {
  const std::uint32_t expected = float_bits(rational::round_to_fp32(to_mpz(sum) * result_unit(config)));
  const std::uint32_t actual = round_sum(config, sum);
  if (actual == expected) return;
  INFO(to_text(config) << "sum " << to_mpz(sum).get_str() << std::hex << " expected 0x" << expected
                       << ", model 0x" << actual);
  REQUIRE(actual == expected);
}

}  // namespace

TEST_CASE("the accumulator's unit is 2^(-18-2f) / r^2", "[mac]") {
  const int r[] = {7, 1, 1, 1, 3, 31, 31, 1, 1};
  const int f[] = {1, 1, 1, 0, 0, 3, 4, 3, 4};
  for (const Format format : all_formats()) {
    const auto number = static_cast<std::size_t>(format);
    CHECK(1 / sum_unit(format) == mpq_class(r[number] * r[number]) * (1L << (18 + 2 * f[number])));
    CHECK(1 / result_unit({format, 16, 0, true}) == mpq_class(1L << (18 + 2 * f[number])));
    CHECK(result_unit({format}) == sum_unit(format));
    CHECK(sum_divisor({format}) == r[number] * r[number]);
    CHECK(sum_divisor({format, 16, 0, true}) == 1);
    CHECK(result_factor({format}) == 1);
    CHECK(result_factor({format, 16, 0, true}) == r[number] * r[number]);
  }
}

TEST_CASE("a configuration that is none is refused", "[mac]") {
  const MacConfig wrong[] = {{static_cast<Format>(kMacFormatCount)},
                             {Format::kIF4, 0},
                             {Format::kIF4, 48},
                             {Format::kIF4, 128},
                             {Format::kIF4, 16, -1},
                             {Format::kIF4, 16, 1},
                             {Format::kIF4, 16, 121},
                             {static_cast<Format>(255), 16, 64}};
  for (const MacConfig& config : wrong) {
    CHECK_THROWS_AS(ExactMac(config), std::invalid_argument);
    CHECK_THROWS_AS(check(config), std::invalid_argument);
    CHECK_THROWS_AS(beats_held(config), std::invalid_argument);
  }
  CHECK_NOTHROW(ExactMac({Format::kIF4, 64, 2}));
  CHECK_NOTHROW(ExactMac({Format::kIF4, 64, 120}));
  ExactMac wide({Format::kIF4, 32});
  CHECK_THROWS_AS(wide.beat(Block{}, Block{}), std::invalid_argument);
}

TEST_CASE("the default accumulator is the narrowest that holds 1,024 of the largest beats", "[mac]") {
  const int widths[] = {64, 59, 58, 57, 58, 73, 79, 63, 69};
  for (const MacConfig& config : all_configs()) {
    CAPTURE(to_text(config));
    const int more = config.lanes == 16 ? 0 : config.lanes == 32 ? 1 : 2;
    CHECK(acc_width(config) == widths[static_cast<std::size_t>(config.format)] + more);
    CHECK(acc_width(config) == exact_default_width(config));
    CHECK(acc_width({config.format, config.lanes, 77}) == 77);
    CHECK(to_mpz(largest_beat(config)) == exact_largest_beat(config));
    CHECK(beats_held(config) >= 1024);
    MacConfig narrower = config;
    narrower.acc_width = acc_width(config) - 1;
    CHECK(beats_held(narrower) < 1024);
  }
  CHECK(largest_beat({}) == (Int128{147456} * 196) << 28);
  CHECK(default_acc_width({}) == 64);
}

TEST_CASE("an accumulator overflows one beat after those that it holds", "[mac]") {
  for (const MacConfig& config : all_configs()) {
    const Beats beat = one_largest_beat(config);
    REQUIRE(exact_sum(beat, config.format) == exact_largest_beat(config));

    const int default_width = acc_width(config);
    for (const int width : {default_width - 11, default_width - 10, default_width - 5, default_width}) {
      const MacConfig sized{config.format, config.lanes, width};
      CAPTURE(to_text(sized));
      const auto held = static_cast<std::size_t>(beats_held(sized));
      Beats beats;
      for (std::size_t i = 0; i < held; ++i) beats.insert(beats.end(), beat.begin(), beat.end());
      if (held != 0) {
        CHECK_FALSE(model_result(beats, sized).overflow);
        CHECK(model_result(beats, sized) == exact_result(beats, sized));
      }
      beats.insert(beats.end(), beat.begin(), beat.end());
      CHECK(model_result(beats, sized) == MacResult{kResultNaN, false, true});
      CHECK(exact_result(beats, sized) == MacResult{kResultNaN, false, true});
    }
  }
}

TEST_CASE("every product of two elements, in every format", "[mac]") {
  std::size_t products = 0;
  for (const Format format : all_formats()) {
    const int bits = traits(format).code_bits;
    for (unsigned types = 0; types < 4; ++types) {
      for (unsigned codes = 0; codes < 1U << (2 * bits); ++codes) {
        const unsigned a_code = codes >> bits;
        const unsigned w_code = codes & ((1U << bits) - 1);
        const int lane = static_cast<int>((a_code + w_code) % 16);  // each lane has its turn
        const Block a{static_cast<Codes>(a_code) << (bits * lane),
                      static_cast<std::uint8_t>(0x38 | (types & 1) << 7)};
        const Block w{static_cast<Codes>(w_code) << (bits * lane),
                      static_cast<std::uint8_t>(0x38 | (types & 2) << 6)};
        check_product(format, a, w);
        ++products;
      }
    }
  }
  CHECK(products == 4 * (4 * 256 + 64 + 4 * 4096));
}

TEST_CASE("the product of two blocks is the exact integer, for all pairs of scales", "[mac][long]") {
  std::mt19937_64 random(test_seed() + 1);
  std::size_t pairs = 0;
  for (const Format format : all_formats()) {
    for (unsigned scales = 0; scales < 65536; ++scales) {
      auto [a, w] = random_beats(random, 1, Mix::kFinite, {format})[0];
      a.scale = static_cast<std::uint8_t>(scales >> 8);
      w.scale = static_cast<std::uint8_t>(scales);
      if ((a.scale & 0x7F) == 0x7F || (w.scale & 0x7F) == 0x7F) continue;
      check_product(format, a, w);
      ++pairs;
    }
  }
  CHECK(pairs == 9 * 254 * 254);
}

TEST_CASE("sums round to the nearest FP32, ties to even, whatever the divisor", "[mac][long]") {
  constexpr int kWidth = 120;
  std::mt19937_64 random(test_seed() + 2);
  for (const MacConfig& config : all_configs()) {
    if (config.lanes != 16) continue;
    const auto both_signs = [&](Int128 sum) {
      check_rounding(config, sum);
      check_rounding(config, -sum);
    };
    CHECK(round_sum(config, 0) == 0);
    for (Int128 sum = 0; sum < 2000; ++sum) both_signs(sum);
    both_signs(power_of_two(kWidth - 1) - 1);
    check_rounding(config, -power_of_two(kWidth - 1));
    for (int exponent = 0; exponent < kWidth - 1; ++exponent) {
      for (int delta = -2; delta <= 2; ++delta) both_signs(power_of_two(exponent) + delta);
    }
    // Around the numbers that FP32 has and the ties between them: sum / divisor = (significand + {0, 1/2}) * 2^j.
    const Int128 divisor = sum_divisor(config);
    for (int j = 0; j < kWidth - 25; ++j) {
      for (int n = 0; n < 40; ++n) {
        Int128 significand = static_cast<Int128>((1U << 23) + (random() & 0x7FFFFF));
        if (n == 0) significand = (1 << 24) - 1;  // the round-up carries into the exponent
        if (n == 1) significand = 1 << 23;
        const Int128 quotient = 2 * significand + (n % 4 == 3 ? 0 : 1);
        if (divisor * quotient >= power_of_two(kWidth - 1 - j)) continue;
        const Int128 sum = divisor * quotient << j;
        for (int delta = -1; delta <= 1; ++delta) both_signs(sum + delta);
      }
    }
    for (int n = 0; n < 20000; ++n) {
      check_rounding(config, random_sum(random, 1 + static_cast<int>(random() % kWidth)));
    }
  }
}

TEST_CASE("random dot products equal the exact rationals, in any order of the beats", "[mac]") {
  std::mt19937_64 random(test_seed() + 3);
  for (const MacConfig& config : all_configs()) {
    const auto per_beat = static_cast<std::size_t>(blocks_per_beat(config));
    for (const Mix mix : {Mix::kUniform, Mix::kFinite, Mix::kExtreme}) {
      for (int n = 0; n < 100; ++n) {
        Beats beats = random_beats(random, 1 + random() % 24, mix, config);
        REQUIRE(beats.size() % per_beat == 0);
        check_result(beats, config);
        const MacResult result = model_result(beats, config);
        std::shuffle(beats.begin(), beats.end(), random);
        CHECK(model_result(beats, config) == result);
      }
    }
  }
}

TEST_CASE("partial sums that leave the accumulator, in either direction", "[mac]") {
  std::mt19937_64 random(test_seed() + 5);
  std::size_t overflows = 0;
  std::size_t results = 0;
  for (MacConfig config : all_configs()) {
    const int default_width = acc_width(config);
    for (int n = 0; n < 400; ++n) {
      // A random beat of uniform codes is some 2^14 below the largest; one of extreme codes is near it.
      const Mix mix = n % 2 == 0 ? Mix::kExtreme : Mix::kUniform;
      config.acc_width = default_width - 6 - static_cast<int>(random() % 18);
      const Beats beats = random_beats(random, 1 + random() % 12, mix, config);
      check_result(beats, config);
      const MacResult result = model_result(beats, config);
      if (result.overflow) ++overflows;
      if (!result.overflow && !result.nan) ++results;
    }
    // To the last unit.
    for (const int width : {40, default_width - 6, default_width}) {
      config.acc_width = width;
      const Int128 limit = power_of_two(width - 1);
      for (const Int128 sum : {limit - 1, limit, -limit, -limit - 1}) {
        const Beats beats = beats_with_sum(sum, config);
        check_result(beats, config);
        CHECK(model_result(beats, config).overflow == (sum == limit || sum == -limit - 1));
      }
    }
  }
  CHECK(overflows > 1000);
  CHECK(results > 1000);
}

TEST_CASE("an accumulator of 120 bits", "[mac]") {
  for (const Format format : all_formats()) {
    const MacConfig config{format, 16, 120};
    check_result(beats_with_sum(largest_beat(config) * 300 + 12345, config), config);
    CHECK(beats_held(config) == (power_of_two(119) - 1) / largest_beat(config));
  }
}

TEST_CASE("1,000,000 random beats a format equal the exact rationals", "[mac][long]") {
  std::mt19937_64 random(test_seed() + 6);
  for (const Format format : all_formats()) {
    std::size_t done = 0;
    while (done < 1000000) {
      const Beats beats = random_beats(random, 1 + random() % 1000, Mix::kFinite, {format});
      Int128 sum = 0;
      for (const auto& [a, w] : beats) sum += block_product(format, a, w);
      const mpz_class expected = exact_sum(beats, format);
      if (to_mpz(sum) != expected) {
        // Names the pair of blocks.
        for (const auto& [a, w] : beats) check_product(format, a, w);
      }
      REQUIRE(to_mpz(sum) == expected);
      const MacResult result = model_result(beats, {format});
      if (result != exact_result(beats, {format})) {
        INFO(testing::to_text(beats, format));
        REQUIRE(result == exact_result(beats, {format}));
      }
      done += beats.size();
    }
  }
}

TEST_CASE("a NaN scale makes the result NaN, whatever its elements, and whatever overflows", "[mac]") {
  for (const MacConfig& config : all_configs()) {
    const auto blocks = static_cast<std::size_t>(blocks_per_beat(config));
    const Beats clean(2 * blocks, {Block{0, 0x38}, Block{0, 0x38}});
    for (const std::uint8_t nan : {std::uint8_t{0x7F}, std::uint8_t{0xFF}}) {
      for (std::size_t i = 0; i < clean.size(); ++i) {
        Beats beats = clean;
        beats[i].first.scale = nan;
        CHECK(model_result(beats, config) == MacResult{kResultNaN, true, false});
        beats = clean;
        beats[i].second.scale = nan;
        CHECK(model_result(beats, config) == MacResult{kResultNaN, true, false});
      }
    }
    const MacConfig narrow{config.format, config.lanes, 4};
    Beats over(blocks, {Block{0x3, 0x7E}, Block{0x3, 0x7E}});
    CHECK(model_result(over, narrow) == MacResult{kResultNaN, false, true});
    over[0].first.scale = 0x7F;
    CHECK(model_result(over, narrow) == MacResult{kResultNaN, true, false});
  }
}

TEST_CASE("dot_product fills up the last beat with blocks of zeros", "[mac]") {
  std::mt19937_64 random(test_seed() + 17);
  for (const int lanes : {16, 32, 64}) {
    for (std::size_t count = 1; count <= 9; ++count) {
      const MacConfig config{Format::kIF4, lanes};
      CAPTURE(lanes, count);
      const Beats pairs = random_beats(random, count, Mix::kFinite);
      QuantizedTensor a = make_quantized(Format::kIF4, {3, 16 * count});
      QuantizedTensor w = make_quantized(Format::kIF4, {4, 16 * count});
      for (std::size_t b = 0; b < count; ++b) {
        a.set_block(2, b, pairs[b].first);
        w.set_block(1, b, pairs[b].second);
      }
      const MacResult expected = exact_result(pairs);
      CHECK(dot_product(config, pairs) == expected);
      CHECK(dot_product(config, a, 2, w, 1) == expected);
      CHECK(dot_product(config, a, 1, w, 1) == MacResult{});
    }
  }
  CHECK(dot_product({}, Beats{}) == MacResult{});
}

TEST_CASE("finish starts the next dot product", "[mac]") {
  const Block one{0x3, 0x38};
  ExactMac mac({Format::kIF4, 16, 30});
  const auto after = [&](const Block& a) {
    mac.beat(a, one);
    mac.finish();
    return mac.finish();
  };
  CHECK(after(one) == MacResult{});
  CHECK(after(Block{0, 0x7F}) == MacResult{});
  CHECK(after(Block{0x3, 0x7E}) == MacResult{});
  mac.beat(Block{0x3, 0x7E}, Block{0x3, 0x7E});
  CHECK(mac.finish() == MacResult{kResultNaN, false, true});
  mac.beat(Block{0x1, 0x01}, Block{0x1, 0x01});
  CHECK(mac.finish() == MacResult{0x35800000});  // 2^-20
}

TEST_CASE("beats_with_sum gives that sum, and random_beats every code and scale", "[mac][long]") {
  std::mt19937_64 random(test_seed() + 4);
  for (const MacConfig& config : all_configs()) {
    for (int n = 0; n < 300; ++n) {
      const int width = 1 + static_cast<int>(random() % static_cast<unsigned>(acc_width(config) - 3));
      const Int128 sum = random_sum(random, width);
      const Beats beats = beats_with_sum(sum, config);
      REQUIRE(beats.size() % static_cast<std::size_t>(blocks_per_beat(config)) == 0);
      REQUIRE(exact_sum(beats, config.format) == to_mpz(sum));
    }
    for (Int128 sum = -2000; sum <= 2000; ++sum) {
      REQUIRE(exact_sum(beats_with_sum(sum, config), config.format) == to_mpz(sum));
    }
  }
  for (const Format format : all_formats()) {
    const int bits = traits(format).code_bits;
    std::vector<std::size_t> codes(std::size_t{1} << bits), scales(256);
    for (const auto& [a, w] : random_beats(random, 4000, Mix::kUniform, {format})) {
      for (const Block& block : {a, w}) {
        ++scales[block.scale];
        for (int i = 0; i < kBlockSize; ++i) ++codes[block.code(i, bits)];
        REQUIRE(block.codes >> (bits * kBlockSize) == 0);
      }
    }
    CHECK(*std::min_element(codes.begin(), codes.end()) > 0);
    CHECK(*std::min_element(scales.begin(), scales.end()) > 0);
  }
}
