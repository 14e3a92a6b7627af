#include <array>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include "model/core/float_bits.hpp"
#include "model/kit/dot_products.hpp"
#include "model/mac/lane_fp32.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/rational.hpp"

namespace {

using if4::Block;
using if4::LaneFp32Mac;
using if4::LaneStart;
using if4::rational::exact;
using if4::rational::round_to_fp32;
using Beats = std::vector<std::pair<Block, Block>>;

/// The published order with exact operations and an explicit rounding after each.
float oracle(const Beats& beats) {
  const auto scale_of = [](std::uint8_t scale) {
    return (scale & 0x7F) == 0x7F ? mpq_class(448) : if4::rational::scale_value(scale);
  };
  const auto lane_element = [](const Block& block, int i) {
    const bool is_int = block.scale >= 0x80;
    const mpq_class value = if4::rational::element_value(is_int, block.code(i));
    return is_int ? mpq_class(value * 7 / 6) : value;
  };
  std::array<mpq_class, 16> lanes;
  for (const auto& [a, w] : beats) {
    mpq_class scale = exact(round_to_fp32(scale_of(a.scale) * scale_of(w.scale)));
    const int ints = (a.scale >= 0x80 ? 1 : 0) + (w.scale >= 0x80 ? 1 : 0);
    if (ints == 1) scale = exact(round_to_fp32(scale * exact(round_to_fp32(mpq_class(6, 7)))));
    if (ints == 2) scale = exact(round_to_fp32(scale * exact(round_to_fp32(mpq_class(36, 49)))));
    for (int i = 0; i < 16; ++i) {
      mpq_class& lane = lanes[static_cast<std::size_t>(i)];
      const mpq_class scaled = exact(round_to_fp32(lane_element(a, i) * lane_element(w, i) * scale));
      lane = exact(round_to_fp32(lane + scaled));
    }
  }
  std::vector<mpq_class> level(lanes.begin(), lanes.end());
  while (level.size() > 1) {
    std::vector<mpq_class> next;
    for (std::size_t i = 0; i < level.size(); i += 2)
      next.push_back(exact(round_to_fp32(level[i] + level[i + 1])));
    level = next;
  }
  return round_to_fp32(level[0]);
}

Beats random_beats(std::mt19937_64& rng, std::size_t count) {
  Beats beats(count);
  for (auto& [a, w] : beats) {
    a = Block{rng(), static_cast<std::uint8_t>(rng())};
    w = Block{rng(), static_cast<std::uint8_t>(rng())};
  }
  return beats;
}

}  // namespace

TEST_CASE("lane-FP32 agrees with rational arithmetic", "[lane_fp32]") {
  std::mt19937_64 rng(test_seed() + 31);
  for (std::size_t i = 0; i < 400; ++i) {
    const Beats beats = random_beats(rng, 1 + i % 24);
    CAPTURE(i, beats.size());
    const float expected = oracle(beats);
    CHECK(if4::float_bits(if4::lane_fp32_dot_product(beats)) == if4::float_bits(expected));
    CHECK(if4::lane_fp32_dot_product(beats, LaneStart::kFirstProduct) == expected);
  }
}

TEST_CASE("every pair of codes, types and scales in one beat", "[lane_fp32]") {
  // One code pair a block, so that the sum cannot hide a wrong product.
  for (const std::uint8_t a_scale : std::initializer_list<std::uint8_t>{0x38, 0xB9, 0x01, 0xFF}) {
    for (const std::uint8_t w_scale : std::initializer_list<std::uint8_t>{0x3A, 0xBF, 0x7E, 0x80}) {
      for (unsigned pair = 0; pair < 256; ++pair) {
        const Beats beats{{Block{pair / 16, a_scale}, Block{pair % 16, w_scale}}};
        CAPTURE(a_scale, w_scale, pair);
        CHECK(if4::float_bits(if4::lane_fp32_dot_product(beats)) == if4::float_bits(oracle(beats)));
      }
    }
  }
}

TEST_CASE("lane-FP32 gives the published results", "[lane_fp32]") {
  if4::DotProductReader reader("testbench/data/published_vectors.txt");
  std::size_t count = 0;
  while (const auto dot_product = reader.next()) {
    CAPTURE(count);
    CHECK(if4::float_bits(if4::lane_fp32_dot_product(dot_product->beats)) == dot_product->result);
    CHECK(if4::lane_fp32_dot_product(dot_product->beats, LaneStart::kFirstProduct) ==
          if4::float_from_bits(dot_product->result));
    ++count;
  }
  CHECK(count == 340);
}

TEST_CASE("how a lane starts shows in the sign of a zero only", "[lane_fp32]") {
  // FP4 -1 times 0, and 0x8 times 1, in all lanes.
  for (const Beats& beats : {Beats{{Block{0xAAAAAAAAAAAAAAAA, 0x38}, Block{0, 0x38}}},
                             Beats{{Block{0x8888888888888888, 0x38}, Block{0x2222222222222222, 0x38}}}}) {
    CHECK(if4::float_bits(if4::lane_fp32_dot_product(beats, LaneStart::kZero)) == 0x00000000);
    CHECK(if4::float_bits(if4::lane_fp32_dot_product(beats, LaneStart::kFirstProduct)) == 0x80000000);
  }
}

TEST_CASE("start begins a new dot product", "[lane_fp32]") {
  const LaneStart lane_start = GENERATE(LaneStart::kZero, LaneStart::kFirstProduct);
  std::mt19937_64 rng(test_seed() + 32);
  const Beats before = random_beats(rng, 5);
  const Beats after = random_beats(rng, 3);
  LaneFp32Mac mac(lane_start);
  CHECK(if4::float_bits(mac.result()) == 0);
  for (const auto& [a, w] : before) mac.beat(a, w);
  mac.start();
  CHECK(if4::float_bits(mac.result()) == 0);
  for (const auto& [a, w] : after) mac.beat(a, w);
  CHECK(if4::float_bits(mac.result()) == if4::float_bits(if4::lane_fp32_dot_product(after, lane_start)));
}

TEST_CASE("0x7F reads as 448, and 0x8 is legal", "[lane_fp32]") {
  const Block one{0x2, 0x38};
  CHECK(if4::lane_fp32_dot_product({{Block{0x2, 0x7F}, one}}) == 448.0F);
  CHECK(if4::lane_fp32_dot_product({{Block{0x8, 0x38}, one}}) == 0.0F);
  CHECK(if4::lane_fp32_dot_product({{Block{0x8, 0xB8}, one}}) == -8.0F * if4::float_from_bits(0x3F5B6DB7));
  CHECK(if4::lane_fp32_dot_product({{Block{0x8, 0xB8}, Block{0x8, 0xB8}}}) ==
        64.0F * if4::float_from_bits(0x3F3C14E6));
}

TEST_CASE("the order of the beats matters in lane-FP32", "[lane_fp32]") {
  const std::pair<Block, Block> large{Block{0x7, 0x7E}, Block{0x7, 0x7E}};
  const std::pair<Block, Block> minus_large{Block{0xF, 0x7E}, Block{0x7, 0x7E}};
  const std::pair<Block, Block> small{Block{0x1, 0x01}, Block{0x1, 0x01}};
  CHECK(if4::lane_fp32_dot_product({large, minus_large, small}) == if4::lane_fp32_dot_product({small}));
  CHECK(if4::lane_fp32_dot_product({large, small, minus_large}) == 0.0F);
}

TEST_CASE("rationals round to FP32 as the processor does", "[rational]") {
  std::mt19937_64 rng(test_seed() + 33);
  const auto random_float = [&rng] {
    // All exponents but those of infinity and NaN; every fourth time a subnormal or nearly one.
    const auto bits = static_cast<std::uint32_t>(rng());
    const std::uint32_t exponent = bits >> 23 & 0xFF;
    const std::uint32_t wanted = bits % 4 == 0 ? exponent % 3 : exponent % 255;
    return if4::float_from_bits((bits & 0x807FFFFF) | wanted << 23);
  };
  for (int i = 0; i < 5000; ++i) {
    const float a = random_float();
    const float b = random_float();
    CAPTURE(a, b);
    CHECK(round_to_fp32(exact(a) * exact(b)) == a * b);
    CHECK(round_to_fp32(exact(a) + exact(b)) == a + b);
    if (b != 0) CHECK(round_to_fp32(exact(a) / exact(b)) == a / b);
  }
}

TEST_CASE("rationals round to FP32 at the edges", "[rational]") {
  const mpq_class tiniest = exact(std::numeric_limits<float>::denorm_min());
  const mpq_class largest = exact(std::numeric_limits<float>::max());
  const mpq_class half_step = exact(if4::float_from_bits(0x73000000));  // 2^103
  CHECK(if4::float_bits(round_to_fp32(mpq_class(6, 7))) == 0x3F5B6DB7);
  CHECK(if4::float_bits(round_to_fp32(mpq_class(36, 49))) == 0x3F3C14E6);
  CHECK(if4::float_bits(round_to_fp32(tiniest / 2)) == 0);
  CHECK(if4::float_bits(round_to_fp32(-tiniest / 2)) == 0);
  CHECK(if4::float_bits(round_to_fp32(tiniest * 3 / 4)) == 1);
  CHECK(if4::float_bits(round_to_fp32(tiniest * 3 / 2)) == 2);
  CHECK(if4::float_bits(round_to_fp32(mpq_class(largest + half_step * 999 / 1000))) == 0x7F7FFFFF);
  CHECK(if4::float_bits(round_to_fp32(mpq_class(largest + half_step))) == 0x7F800000);
  CHECK(if4::float_bits(round_to_fp32(mpq_class(-largest * largest * largest))) == 0xFF800000);
  CHECK(if4::float_bits(round_to_fp32(1 + mpq_class(1, 1 << 24))) == 0x3F800000);
  CHECK(if4::float_bits(round_to_fp32(1 + mpq_class(3, 1 << 24))) == 0x3F800002);
}

TEST_CASE("the rational formats are those of the model", "[rational]") {
  for (unsigned code = 0; code < 16; ++code) {
    CAPTURE(code);
    CHECK(if4::rational::element_value(false, code) * 2 == if4::fp4_halves(code));
    CHECK(if4::rational::element_value(true, code) * 7 == if4::int4_value(code) * 6);
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    CAPTURE(byte);
    const auto scale = static_cast<std::uint8_t>(byte);
    if (byte % 128 == 127) {
      CHECK_THROWS_AS(if4::rational::scale_value(scale), std::domain_error);
    } else {
      CHECK(if4::rational::scale_value(scale) == exact(if4::scale_magnitude(scale)));
    }
  }
}
