// The dot products of if4_dpi.h against exact rationals and the published results; their errors.
#include <array>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "model/core/float_bits.hpp"
#include "model/dpi/if4_dpi.h"
#include "model/mac/lane_fp32.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/mac_testing.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

using Words = std::array<std::uint32_t, IF4_DPI_BEAT_WORDS>;

// Owns a handle.
class Handle {
 public:
  Handle(int format, int lanes, int acc_width, int rounding) {
    REQUIRE(if4_dpi_mac_create(format, lanes, acc_width, rounding, &mac_) == 0);
    REQUIRE(mac_ != nullptr);
  }
  ~Handle() { if4_dpi_mac_destroy(mac_); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  if4_dpi_mac get() const { return mac_; }

  MacResult finish() const {
    MacResult result;
    unsigned char nan = 7, overflow = 7;
    REQUIRE(if4_dpi_mac_finish(mac_, &result.bits, &nan, &overflow) == 0);
    REQUIRE((nan <= 1 && overflow <= 1));
    result.nan = nan != 0;
    result.overflow = overflow != 0;
    return result;
  }

 private:
  if4_dpi_mac mac_ = nullptr;
};

// The ports of an operand of a beat: blocks one after the other.
struct Port {
  Words codes{};
  std::uint32_t scales = 0;

  void set(int i, int bits, const Block& block) {
    for (int bit = 0; bit < 16 * bits; ++bit) {
      const int at = 16 * bits * i + bit;
      codes[static_cast<std::size_t>(at / 32)] |= static_cast<std::uint32_t>(block.codes >> bit & 1)
                                                  << (at % 32);
    }
    scales |= static_cast<std::uint32_t>(block.scale) << (8 * i);
  }
};

void send(const Handle& mac, const Beats& beats, const MacConfig& config) {
  const int bits = traits(config.format).code_bits;
  for (std::size_t first = 0; first < beats.size(); first += static_cast<std::size_t>(config.lanes / 16)) {
    Port a, w;
    for (int i = 0; i < config.lanes / 16; ++i) {
      const auto& [a_block, w_block] = beats[first + static_cast<std::size_t>(i)];
      a.set(i, bits, a_block);
      w.set(i, bits, w_block);
    }
    REQUIRE(if4_dpi_mac_beat(mac.get(), a.codes.data(), a.scales, w.codes.data(), w.scales) == 0);
  }
}

// The whole dot product at once, from bytes.
MacResult at_once(const Beats& beats, const MacConfig& config, int rounding) {
  std::vector<std::uint8_t> codes[2] = {{0}, {0}}, scales[2] = {{0}, {0}};
  for (int operand = 0; operand < 2; ++operand) {
    codes[operand].clear();
    scales[operand].clear();
    for (const auto& [a, w] : beats) {
      const Block& block = operand == 0 ? a : w;
      for (int i = 0; i < 2 * traits(config.format).code_bits; ++i)
        codes[operand].push_back(static_cast<std::uint8_t>(block.codes >> (8 * i)));
      scales[operand].push_back(block.scale);
    }
  }
  MacResult result;
  unsigned char nan = 7, overflow = 7;
  REQUIRE(if4_dpi_dot_product(static_cast<int>(config.format), config.lanes, config.acc_width, rounding,
                              static_cast<unsigned>(beats.size()), codes[0].data(), scales[0].data(),
                              codes[1].data(), scales[1].data(), &result.bits, &nan, &overflow) == 0);
  result.nan = nan == 1;
  result.overflow = overflow == 1;
  return result;
}

}  // namespace

TEST_CASE("DPI: dot products of every format are exact, beat by beat and at once", "[dpi]") {
  std::mt19937_64 random(test_seed() + 1501);
  for (int format = 0; format < kMacFormatCount; ++format) {
    for (const int lanes : {16, 32, 64}) {
      const int width = exact_default_width({static_cast<Format>(format), lanes, 0});
      for (const int acc_width : {0, width - 9, 2, 120}) {
        const MacConfig config{static_cast<Format>(format), lanes, acc_width};
        const Handle mac(format, lanes, acc_width, IF4_DPI_EXACT);
        const Handle scaled(format, lanes, acc_width, IF4_DPI_EXACT_SCALED);
        for (const Mix mix : {Mix::kUniform, Mix::kFinite, Mix::kExtreme}) {
          for (std::size_t count = 0; count < 5; ++count) {
            const Beats beats = random_beats(random, count, mix, config);
            const MacResult expected =
                exact_result(beats, {config.format, lanes, acc_width == 0 ? width : acc_width});
            INFO((beats.empty() ? "" : to_text(beats, config.format))
                 << lanes << " lanes, " << acc_width << " bits");
            send(mac, beats, config);
            REQUIRE(mac.finish() == expected);
            REQUIRE(at_once(beats, config, IF4_DPI_EXACT) == expected);
            const MacResult of_scaled =
                exact_result(beats, {config.format, lanes, acc_width == 0 ? width : acc_width, true});
            send(scaled, beats, config);
            REQUIRE(scaled.finish() == of_scaled);
            REQUIRE(at_once(beats, config, IF4_DPI_EXACT_SCALED) == of_scaled);
          }
        }
      }
    }
  }
}

TEST_CASE("DPI: a last beat that lacks blocks is filled up with zeros", "[dpi]") {
  std::mt19937_64 random(test_seed() + 1504);
  for (const int lanes : {32, 64}) {
    const MacConfig config{Format::kIF6E2M3, lanes, 0};
    for (std::size_t blocks = 0; blocks < 10; ++blocks) {
      Beats beats = random_beats(random, 5, Mix::kFinite, config);
      beats.resize(blocks);
      Beats padded = beats;
      while (padded.size() % static_cast<std::size_t>(lanes / 16) != 0) padded.emplace_back();
      INFO(blocks << " blocks, " << lanes << " lanes");
      CHECK(at_once(beats, config, IF4_DPI_EXACT) ==
            exact_result(padded, {config.format, lanes, exact_default_width(config)}));
    }
  }
}

TEST_CASE("DPI: a reset drops the beats, and handles do not know of each other", "[dpi]") {
  std::mt19937_64 random(test_seed() + 1502);
  const Handle mac(0, 16, 0, IF4_DPI_EXACT), other(0, 16, 0, IF4_DPI_EXACT),
      lanes(0, 16, 0, IF4_DPI_LANE_FP32);
  const Beats dropped = {{Block{~Codes{0} >> 64, 0x7F}, Block{~Codes{0} >> 64, 0x7E}}};
  const Beats kept = random_beats(random, 3, Mix::kFinite);
  send(mac, dropped, {});
  send(lanes, dropped, {});
  send(other, kept, {});
  REQUIRE(if4_dpi_mac_reset(mac.get()) == 0);
  REQUIRE(if4_dpi_mac_reset(lanes.get()) == 0);
  send(mac, kept, {});
  send(lanes, kept, {});
  CHECK(mac.finish() == exact_result(kept));
  CHECK(other.finish() == exact_result(kept));
  CHECK(lanes.finish().bits == float_bits(lane_fp32_dot_product(kept)));
}

TEST_CASE("DPI: lane-FP32 gives the published results", "[dpi]") {
  // Lines "first a_scale w_scale a_codes w_codes" in hexadecimal, and "R bits" after the beats of a dot product.
  std::ifstream file("testbench/data/published_vectors.txt");
  const Handle mac(0, 16, 0, IF4_DPI_LANE_FP32);
  std::size_t count = 0;
  Beats beats;
  for (std::string text, first; std::getline(file, text);) {
    if (text.empty() || text[0] == '#') continue;
    std::istringstream line(text);
    std::uint64_t a_scale = 0, w_scale = 0, a_codes = 0, w_codes = 0;
    line >> first >> std::hex >> a_scale;
    if (first != "R") {
      REQUIRE((first == "0" || first == "1"));
      REQUIRE(line >> w_scale >> a_codes >> w_codes);
      beats.push_back(
          {{a_codes, static_cast<std::uint8_t>(a_scale)}, {w_codes, static_cast<std::uint8_t>(w_scale)}});
      continue;
    }
    const MacResult expected{static_cast<std::uint32_t>(a_scale), false, false};
    send(mac, beats, {});
    REQUIRE(mac.finish() == expected);
    REQUIRE(at_once(beats, {}, IF4_DPI_LANE_FP32) == expected);
    beats.clear();
    ++count;
  }
  CHECK(count == 340);
}

TEST_CASE("DPI: lane-FP32 starts as it is told to, and NVFP4 ignores bit 7", "[dpi]") {
  // -0 * 0 is -0, which only lanes that start from the first product keep.
  const Beats zeros = {{Block{0x8888888888888888, 0x38}, Block{0, 0x38}}};
  CHECK(at_once(zeros, {}, IF4_DPI_LANE_FP32).bits == 0);
  CHECK(at_once(zeros, {}, IF4_DPI_LANE_FP32_FIRST).bits == 0x80000000);
  CHECK(at_once(zeros, {}, IF4_DPI_EXACT).bits == 0);
  std::mt19937_64 random(test_seed() + 1503);
  for (int i = 0; i < 100; ++i) {
    const Beats beats = random_beats(random, 4, Mix::kUniform);
    Beats masked = beats;
    for (auto& [a, w] : masked) {
      a.scale &= 0x7F;
      w.scale &= 0x7F;
    }
    const std::uint32_t expected = float_bits(lane_fp32_dot_product(masked, LaneStart::kFirstProduct));
    REQUIRE(at_once(beats, {Format::kNVFP4, 16, 0}, IF4_DPI_LANE_FP32_FIRST).bits == expected);
  }
}

TEST_CASE("DPI: a MAC that no unit is like cannot be made", "[dpi]") {
  struct Bad {
    int format, lanes, acc_width, rounding, error;
  };
  const Bad rows[] = {{-1, 16, 0, 0, IF4_DPI_BAD_FORMAT},  {9, 16, 0, 0, IF4_DPI_BAD_FORMAT},
                      {15, 16, 0, 0, IF4_DPI_BAD_FORMAT},  {0, 8, 0, 0, IF4_DPI_BAD_CONFIG},
                      {0, 0, 0, 0, IF4_DPI_BAD_CONFIG},    {0, 16, 1, 0, IF4_DPI_BAD_CONFIG},
                      {0, 16, 121, 0, IF4_DPI_BAD_CONFIG}, {0, 16, -64, 0, IF4_DPI_BAD_CONFIG},
                      {0, 16, 0, 4, IF4_DPI_BAD_CONFIG},   {0, 16, 0, -1, IF4_DPI_BAD_CONFIG},
                      {0, 32, 0, 1, IF4_DPI_BAD_CONFIG},   {0, 16, 64, 1, IF4_DPI_BAD_CONFIG},
                      {1, 16, 0, 1, IF4_DPI_BAD_CONFIG},   {4, 16, 0, 2, IF4_DPI_BAD_CONFIG},
                      {0, 16, 121, 3, IF4_DPI_BAD_CONFIG}};
  std::array<std::uint8_t, 8> codes{};
  const std::uint8_t scale = 0;
  for (const Bad& row : rows) {
    INFO(row.format << ' ' << row.lanes << ' ' << row.acc_width << ' ' << row.rounding);
    int nothing = 0;
    if4_dpi_mac mac = &nothing;
    CHECK(if4_dpi_mac_create(row.format, row.lanes, row.acc_width, row.rounding, &mac) == row.error);
    CHECK(mac == &nothing);
    std::uint32_t result = 5;
    unsigned char nan = 5, overflow = 5;
    CHECK(if4_dpi_dot_product(row.format, row.lanes, row.acc_width, row.rounding, 1, codes.data(), &scale,
                              codes.data(), &scale, &result, &nan, &overflow) == row.error);
    CHECK((result == 5 && nan == 5 && overflow == 5));
  }
  CHECK(if4_dpi_default_acc_width(9, 16) == IF4_DPI_BAD_FORMAT);
  CHECK(if4_dpi_default_acc_width(0, 17) == IF4_DPI_BAD_CONFIG);
  CHECK(if4_dpi_mac_create(0, 16, 0, 0, nullptr) == IF4_DPI_BAD_POINTER);
}

TEST_CASE("DPI: a beat with bits that the unit has no port for is refused and not taken", "[dpi]") {
  // The first bit above the codes, and the last of the vector.
  for (const auto& [format, lanes, above] :
       {std::array{0, 16, 64}, {4, 16, 48}, {6, 32, 192}, {6, 64, 384}}) {
    const Handle mac(format, lanes, 0, IF4_DPI_EXACT);
    Words none{};
    for (const int bit : {above, 383}) {
      if (above == 384) continue;
      Words codes{};
      codes[static_cast<std::size_t>(bit / 32)] = 1U << (bit % 32);
      INFO(format << ' ' << lanes << ' ' << bit);
      CHECK(if4_dpi_mac_beat(mac.get(), codes.data(), 0x7F, none.data(), 0x7F) == IF4_DPI_BAD_CODE);
      CHECK(if4_dpi_mac_beat(mac.get(), none.data(), 0x7F, codes.data(), 0x7F) == IF4_DPI_BAD_CODE);
    }
    if (lanes != 64) {
      CHECK(if4_dpi_mac_beat(mac.get(), none.data(), 0x7F, none.data(), 1U << (lanes / 2)) ==
            IF4_DPI_BAD_SCALE);
      CHECK(if4_dpi_mac_beat(mac.get(), none.data(), 1U << 31, none.data(), 0x7F) == IF4_DPI_BAD_SCALE);
    }
    CHECK(if4_dpi_mac_beat(mac.get(), nullptr, 0x7F, none.data(), 0) == IF4_DPI_BAD_POINTER);
    CHECK(if4_dpi_mac_beat(mac.get(), none.data(), 0x7F, nullptr, 0) == IF4_DPI_BAD_POINTER);
    CHECK(mac.finish() == MacResult{});
  }
  const Words none{};
  std::uint32_t result = 5;
  unsigned char flag = 5;
  const Handle mac(0, 16, 0, IF4_DPI_EXACT);
  CHECK(if4_dpi_mac_beat(nullptr, none.data(), 0, none.data(), 0) == IF4_DPI_BAD_POINTER);
  CHECK(if4_dpi_mac_finish(nullptr, &result, &flag, &flag) == IF4_DPI_BAD_POINTER);
  CHECK(if4_dpi_mac_finish(mac.get(), nullptr, &flag, &flag) == IF4_DPI_BAD_POINTER);
  CHECK(if4_dpi_mac_finish(mac.get(), &result, nullptr, &flag) == IF4_DPI_BAD_POINTER);
  CHECK(if4_dpi_mac_finish(mac.get(), &result, &flag, nullptr) == IF4_DPI_BAD_POINTER);
  CHECK(if4_dpi_mac_reset(nullptr) == IF4_DPI_BAD_POINTER);
  CHECK(if4_dpi_mac_destroy(nullptr) == IF4_DPI_BAD_POINTER);
  const std::uint8_t byte = 0;
  const std::uint8_t* const bytes[2] = {&byte, nullptr};
  for (int at = 0; at < 7; ++at) {  // a null pointer in each place
    CHECK(if4_dpi_dot_product(0, 16, 0, 0, 0, bytes[at == 0], bytes[at == 1], bytes[at == 2], bytes[at == 3],
                              at == 4 ? nullptr : &result, at == 5 ? nullptr : &flag,
                              at == 6 ? nullptr : &flag) == IF4_DPI_BAD_POINTER);
  }
  CHECK((result == 5 && flag == 5));
}
