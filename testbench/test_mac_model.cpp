// The exact golden MAC against exact rationals.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "model/mac.hpp"
#include "testbench/catch.hpp"
#include "testbench/mac_testing.hpp"
#include "testbench/rational.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

std::uint32_t rounded_bits(std::int64_t sum) {
  const mpq_class value = mpq_class(mpz_class(std::to_string(sum))) * sum_unit();
  const float rounded = rational::round_to_fp32(value);
  std::uint32_t bits = 0;
  std::memcpy(&bits, &rounded, sizeof bits);
  return bits;
}

void check_rounding(std::int64_t sum) {
  const std::uint32_t expected = rounded_bits(sum);
  const std::uint32_t actual = round_sum(sum);
  if (expected != actual) {
    INFO("sum " << sum << " expected 0x" << std::hex << expected << " round_sum 0x" << actual);
    CHECK(expected == actual);
  }
}

MacResult model_result(const Beats& beats) {
  ExactMac mac;
  for (const auto& [a, w] : beats) mac.beat(a, w);
  return mac.finish();
}

}  // namespace

TEST_CASE("every code of both types has the value of its format", "[format]") {
  for (unsigned code = 0; code < 16; ++code) {
    CHECK(mpq_class(fp4_halves(code)) / 2 == rational::element_value(false, code));
    CHECK(mpq_class(int4_value(code)) * 6 / 7 == rational::element_value(true, code));
  }
}

TEST_CASE("every scale byte has the value of its format", "[format]") {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto scale_byte = static_cast<std::uint8_t>(byte);
    const Scale scale = decode_scale(scale_byte);
    CHECK((scale.type == ElementType::kInt) == (byte >= 128));
    CHECK(scale.nan == ((byte & 0x7F) == 0x7F));
    if (scale.nan) {
      CHECK(scale_magnitude(scale_byte) != scale_magnitude(scale_byte));
      continue;
    }
    const mpq_class expected = rational::scale_value(scale_byte);
    CHECK(mpq_class(scale.significand) * (1 << scale.exponent) / 1024 == expected);
    CHECK(rational::exact(scale_magnitude(scale_byte)) == expected);
    CHECK(encode_scale_magnitude(scale_magnitude(scale_byte)) == (byte & 0x7F));
  }
}

TEST_CASE("a number between two E4M3 magnitudes goes to the nearer one, a tie to the even one", "[format]") {
  for (unsigned code = 0; code + 1 < 0x7F; ++code) {
    const float low = scale_magnitude(static_cast<std::uint8_t>(code));
    const float high = scale_magnitude(static_cast<std::uint8_t>(code + 1));
    const float middle = (low + high) / 2;
    CHECK(encode_scale_magnitude(middle) == (code % 2 == 0 ? code : code + 1));
    CHECK(encode_scale_magnitude(std::nextafter(middle, low)) == code);
    CHECK(encode_scale_magnitude(std::nextafter(middle, high)) == code + 1);
  }
  CHECK(encode_scale_magnitude(1e30F) == 0x7E);
}

TEST_CASE("one beat is the exact integer, for all pairs of scales", "[mac]") {
  std::mt19937_64 random(test_seed() + 1);
  std::size_t wrong = 0;
  for (unsigned a_scale = 0; a_scale < 256; ++a_scale) {
    for (unsigned w_scale = 0; w_scale < 256; ++w_scale) {
      const Block a{random(), static_cast<std::uint8_t>(a_scale)};
      const Block w{random(), static_cast<std::uint8_t>(w_scale)};
      if ((a_scale & 0x7F) == 0x7F || (w_scale & 0x7F) == 0x7F) continue;
      const mpq_class expected = exact_value({{a, w}}) / sum_unit();
      if (expected != mpq_class(mpz_class(std::to_string(beat_value(a, w))))) {
        INFO(to_text(Beats{{a, w}}) << " beat_value " << beat_value(a, w) << " expected "
                                    << expected.get_str());
        CHECK(++wrong == 0);
      }
    }
  }
  REQUIRE(wrong == 0);
}

TEST_CASE("sums round to the nearest FP32, ties to even", "[mac]") {
  check_rounding(0);
  CHECK(round_sum(0) == 0);
  for (std::int64_t sum = 1; sum < 5000; ++sum) {
    check_rounding(sum);
    check_rounding(-sum);
  }
  check_rounding(std::numeric_limits<std::int64_t>::max());
  check_rounding(std::numeric_limits<std::int64_t>::min());
  // Around every power of two, and around ties of every binade: A / 49 = (significand + 1/2) * 2^j.
  std::mt19937_64 random(test_seed() + 2);
  for (int exponent = 0; exponent < 63; ++exponent) {
    const std::int64_t power = std::int64_t{1} << exponent;
    for (std::int64_t delta = -2; delta <= 2; ++delta) {
      check_rounding(power + delta);
      check_rounding(-power - delta);
    }
  }
  for (int j = 0; j <= 33; ++j) {
    for (int n = 0; n < 200; ++n) {
      std::int64_t significand = static_cast<std::int64_t>((1U << 23) + (random() & 0x7FFFFF));
      if (n == 0) significand = (1 << 24) - 1;  // the round-up carries into the exponent
      if (n == 1) significand = 1 << 23;
      const std::int64_t tie = ((49 * (2 * significand + 1)) << j);
      if (tie < 0) continue;
      for (std::int64_t delta = -1; delta <= 1; ++delta) {
        check_rounding(tie + delta);
        check_rounding(-tie - delta);
      }
    }
  }
  for (int n = 0; n < 20000; ++n) {
    check_rounding(static_cast<std::int64_t>(random()) >> (random() % 63));
  }
  SUCCEED("every sum compared");
}

TEST_CASE("random dot products equal the exact rationals, in any order of the beats", "[mac]") {
  std::mt19937_64 random(test_seed() + 3);
  for (const Mix mix : {Mix::kUniform, Mix::kFinite, Mix::kExtreme}) {
    for (int n = 0; n < 400; ++n) {
      Beats beats = random_beats(random, 1 + random() % 24, mix);
      const MacResult expected = exact_result(beats);
      const MacResult actual = model_result(beats);
      INFO(to_text(beats) << "expected " << to_text(expected) << " model " << to_text(actual));
      CHECK(actual == expected);
      std::shuffle(beats.begin(), beats.end(), random);
      CHECK(model_result(beats) == actual);
    }
  }
}

TEST_CASE("a NaN scale makes the result NaN, whatever its elements", "[mac]") {
  for (const std::uint8_t nan : {std::uint8_t{0x7F}, std::uint8_t{0xFF}}) {
    CHECK(model_result({{Block{0, nan}, Block{0, 0x38}}}) == MacResult{kResultNaN, true, false});
    CHECK(model_result({{Block{0, 0x38}, Block{0, nan}}}) == MacResult{kResultNaN, true, false});
    ExactMac mac;
    mac.beat(Block{0, nan}, Block{0, nan});
    mac.finish();
    CHECK(mac.finish() == MacResult{});
  }
}

TEST_CASE("the accumulator holds 1,024 beats of the largest magnitude; an overflow is reported", "[mac]") {
  // INT4 -8 in all lanes, scales 448: D * k = 147456.
  const Block largest{0x8888888888888888, 0xFE};
  CHECK(beat_value(largest, largest) == (std::int64_t{147456} * 196) << 28);
  ExactMac mac;
  for (int i = 0; i < 1024; ++i) mac.beat(largest, largest);
  CHECK_FALSE(mac.finish().overflow);
  const std::int64_t beats = std::numeric_limits<std::int64_t>::max() / beat_value(largest, largest);
  for (std::int64_t i = 0; i < beats; ++i) mac.beat(largest, largest);
  CHECK_FALSE(mac.finish().overflow);
  for (std::int64_t i = 0; i <= beats; ++i) mac.beat(largest, largest);
  CHECK(mac.finish() == MacResult{kResultNaN, false, true});
  CHECK(mac.finish() == MacResult{});
}

TEST_CASE("beats_with_sum gives that sum", "[mac]") {
  std::mt19937_64 random(test_seed() + 4);
  for (int n = 0; n < 2000; ++n) {
    const std::int64_t sum = static_cast<std::int64_t>(random()) >> (1 + random() % 62);
    std::int64_t total = 0;
    for (const auto& [a, w] : beats_with_sum(sum)) total += beat_value(a, w);
    REQUIRE(total == sum);
  }
}
