// What if4_dpi.h says of formats, codes, scale bytes and the quantizer, against exact rationals and the scalar quantizer.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "model/core/float_bits.hpp"
#include "model/dpi/if4_dpi.h"
#include "model/quantize/quantizer.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/mac_testing.hpp"
#include "testbench/support/rational.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

// Whether `value` is the double nearest to `exact`, or as near as another.
bool nearest(double value, const mpq_class& exact) {
  const mpq_class error = abs(mpq_class(value) - exact);
  return error <= abs(mpq_class(std::nextafter(value, HUGE_VAL)) - exact) &&
         error <= abs(mpq_class(std::nextafter(value, -HUGE_VAL)) - exact);
}

}  // namespace

TEST_CASE("DPI: formats by name and number", "[dpi]") {
  CHECK(if4_dpi_abi_version() == IF4_DPI_ABI_VERSION);
  const auto& names = rational::format_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK(if4_dpi_format(std::string(names[i]).c_str()) == static_cast<int>(i));
    CHECK(if4_dpi_format_name(static_cast<int>(i)) == names[i]);
    const int bits = if4_dpi_code_bits(static_cast<int>(i));
    CHECK(std::size_t{1} << bits == rational::element_values(names[i], false).size());
    for (const int lanes : {16, 32, 64}) {
      const MacConfig config{static_cast<Format>(i), lanes, 0};
      CHECK(if4_dpi_default_acc_width(static_cast<int>(i), lanes) == exact_default_width(config));
    }
  }
  for (int i = 0; i < 16; ++i) {
    CHECK(if4_dpi_format(if4_dpi_format_name(i)) == i);
    CHECK(if4_dpi_block_size(i) == (std::string(if4_dpi_format_name(i)).find("mxfp4") == 0 ? 32 : 16));
  }
  for (const int none : {-1, 16, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()}) {
    CHECK(std::string(if4_dpi_format_name(none)).empty());
    CHECK(if4_dpi_code_bits(none) == IF4_DPI_BAD_FORMAT);
    CHECK(if4_dpi_block_size(none) == IF4_DPI_BAD_FORMAT);
    CHECK(if4_dpi_default_acc_width(none, 16) == IF4_DPI_BAD_FORMAT);
  }
  for (const char* none : {"", "IF4", "if4 ", "fp4"}) CHECK(if4_dpi_format(none) == IF4_DPI_BAD_FORMAT);
  CHECK(if4_dpi_format(nullptr) == IF4_DPI_BAD_POINTER);
}

TEST_CASE("DPI: every error has a text of one line", "[dpi]") {
  std::set<std::string> texts;
  for (int error = IF4_DPI_INTERNAL; error <= 0; ++error) {
    const std::string text = if4_dpi_error_text(error);
    CHECK(text.size() > 5);
    CHECK(text.find('\n') == std::string::npos);
    texts.insert(text);
  }
  CHECK(texts.size() == 10);
  CHECK(if4_dpi_error_text(1) == std::string(if4_dpi_error_text(0)));
  CHECK(texts.count(if4_dpi_error_text(IF4_DPI_INTERNAL - 1)) == 0);
}

TEST_CASE("DPI: every code and scale byte of the formats with a MAC is what the text of the format says",
          "[dpi]") {
  const auto& names = rational::format_names();
  for (std::size_t format = 0; format < names.size(); ++format) {
    for (unsigned scale = 0; scale < 256; ++scale) {
      INFO(names[format] << ", scale " << scale);
      double s = 0;
      int is_int = 7;
      REQUIRE(if4_dpi_decode_scale(static_cast<int>(format), scale, &s, &is_int) == 0);
      const bool nan = (scale & 0x7F) == 0x7F;
      CHECK(std::isnan(s) == nan);
      const mpq_class exact_s = nan ? mpq_class(0) : rational::scale_value(static_cast<std::uint8_t>(scale));
      if (!nan) CHECK(mpq_class(s) == exact_s);
      const std::vector<mpq_class> values = rational::element_values(names[format], scale >= 128);
      bool right = true;
      for (unsigned code = 0; code < values.size(); ++code) {
        double number = 0, element = 0;
        right = right && if4_dpi_decode_code(static_cast<int>(format), scale, code, &number, &element) == 0;
        right = right && std::isnan(element) == nan;
        if (!nan) right = right && nearest(element, values[code] * exact_s);
        // Floats are the numbers themselves; the code 1 of integers is 1.
        const mpq_class factor = is_int == 1 ? values[1] : mpq_class(1);
        right = right && mpq_class(number) * factor == values[code];
        if (is_int == 1) right = right && number == std::nearbyint(number);
      }
      CHECK(right);
    }
  }
}

TEST_CASE("DPI: codes of every format stand for what they stand for in a tensor", "[dpi]") {
  for (int number = 0; number < 16; ++number) {
    const auto format = static_cast<Format>(number);
    const CodeValues values(format, amax_divisor(format));
    for (unsigned scale = 0; scale < 256; ++scale) {
      bool right = true;
      for (unsigned code = 0; code < 1U << if4_dpi_code_bits(number); ++code) {
        double ignored = 0, element = 0;
        REQUIRE(if4_dpi_decode_code(number, scale, code, &ignored, &element) == 0);
        const float value = values.of(static_cast<std::uint8_t>(scale))[code];
        right = right && (std::isnan(value) ? std::isnan(element) : static_cast<float>(element) == value);
      }
      INFO(if4_dpi_format_name(number) << ", scale " << scale);
      CHECK(right);
    }
  }
}

TEST_CASE("DPI: FP32 numbers and their bits", "[dpi]") {
  CHECK(if4_dpi_real_from_fp32(0x40490FDB) == static_cast<double>(3.14159274F));
  CHECK(if4_dpi_fp32_from_real(1.0 + std::ldexp(1.0, -24)) == 0x3F800000);  // a tie, to even
  CHECK(if4_dpi_fp32_from_real(1.0 + 3 * std::ldexp(1.0, -24)) == 0x3F800002);
  CHECK(if4_dpi_fp32_from_real(-std::ldexp(1.0, -149)) == 0x80000001);
  CHECK(if4_dpi_fp32_from_real(1e300) == 0x7F800000);
  CHECK(std::isnan(if4_dpi_real_from_fp32(0x7FC00000)));
}

TEST_CASE("DPI: a block is quantized as it is in its tensor", "[dpi]") {
  std::mt19937_64 random(test_seed() + 1500);
  std::normal_distribution<float> normal;
  for (int format = 0; format < 16; ++format) {
    for (const int rule : {IF4_DPI_MSE, IF4_DPI_MAE, IF4_DPI_ABS_MAX}) {
      for (const float size : {1.0F, 1e-44F, 1e-30F, 2e37F}) {
        QuantizeOptions options;
        options.format = static_cast<Format>(format);
        options.rule = kRules[static_cast<std::size_t>(rule)];
        const std::size_t values = block_size(options.format);
        Tensor tensor{{40, values}, {}};
        for (std::size_t i = 0; i < 40 * values; ++i) {
          const float row =
              i / values % 5 == 4 ? 0.0F : std::ldexp(size, -static_cast<int>(i / values % 5) * 4);
          tensor.values.push_back(std::clamp(normal(random), -8.0F, 8.0F) * row);
        }
        const QuantizedTensor expected = quantize(tensor, options);
        float amax = 0.0F;
        for (const float value : tensor.values) amax = std::max(amax, std::abs(value));
        for (std::size_t row = 0; row < 40; ++row) {
          std::array<std::uint32_t, IF4_DPI_BLOCK_VALUES> x{};
          for (std::size_t i = 0; i < values; ++i) x[i] = float_bits(tensor.values[row * values + i]);
          std::array<std::uint32_t, IF4_DPI_BLOCK_WORDS> codes = {9, 9, 9, 9};
          std::uint32_t scale = 999;
          REQUIRE(if4_dpi_quantize_block(format, rule, float_bits(amax), x.data(), codes.data(), &scale) ==
                  0);
          Block block{0, static_cast<std::uint8_t>(scale)};
          for (int i = 0; i < 4; ++i)
            block.codes |= static_cast<Codes>(codes[static_cast<std::size_t>(i)]) << (32 * i);
          INFO(if4_dpi_format_name(format) << ", rule " << rule << ", size " << size << ", row " << row);
          REQUIRE(block == expected.block(row, 0));
          REQUIRE(scale == block.scale);
        }
      }
    }
  }
}

TEST_CASE("DPI: what a function does not take it refuses, and writes nothing", "[dpi]") {
  std::array<std::uint32_t, IF4_DPI_BLOCK_VALUES> values{};
  std::array<std::uint32_t, IF4_DPI_BLOCK_WORDS> codes = {5, 5, 5, 5};
  std::uint32_t scale = 5;
  constexpr std::uint32_t kOne = 0x3F800000, kInfinity = 0x7F800000, kNaN = 0x7FC00000;
  const auto quantize_block = [&](int format, int rule, std::uint32_t amax) {
    return if4_dpi_quantize_block(format, rule, amax, values.data(), codes.data(), &scale);
  };
  CHECK(quantize_block(16, 0, kOne) == IF4_DPI_BAD_FORMAT);
  CHECK(quantize_block(-1, 0, kOne) == IF4_DPI_BAD_FORMAT);
  CHECK(quantize_block(0, 3, kOne) == IF4_DPI_BAD_RULE);
  CHECK(quantize_block(0, -1, kOne) == IF4_DPI_BAD_RULE);
  for (const std::uint32_t amax : {kInfinity, kNaN, 0xBF800000U, 0x80000000U})
    CHECK(quantize_block(0, 0, amax) == IF4_DPI_BAD_VALUE);
  for (const std::uint32_t value : {kOne + 1, (kOne + 1) | 0x80000000U, kInfinity, kNaN, 0xFFC00000U}) {
    values[15] = value;
    CHECK(quantize_block(0, 0, kOne) == IF4_DPI_BAD_VALUE);
  }
  values[15] = 1;
  CHECK(quantize_block(0, 0, 0) == IF4_DPI_BAD_VALUE);
  values[15] = 0;
  values[16] = 1;
  CHECK(quantize_block(0, 0, kOne) == IF4_DPI_BAD_VALUE);
  CHECK(if4_dpi_quantize_block(0, 0, kOne, nullptr, codes.data(), &scale) == IF4_DPI_BAD_POINTER);
  CHECK(if4_dpi_quantize_block(0, 0, kOne, values.data(), nullptr, &scale) == IF4_DPI_BAD_POINTER);
  CHECK(if4_dpi_quantize_block(0, 0, kOne, values.data(), codes.data(), nullptr) == IF4_DPI_BAD_POINTER);
  CHECK((codes == std::array<std::uint32_t, 4>{5, 5, 5, 5}));
  CHECK(scale == 5);

  double number = 5, element = 5;
  int is_int = 5;
  CHECK(if4_dpi_decode_code(16, 0, 0, &number, &element) == IF4_DPI_BAD_FORMAT);
  CHECK(if4_dpi_decode_code(0, 256, 0, &number, &element) == IF4_DPI_BAD_SCALE);
  CHECK(if4_dpi_decode_code(0, 0, 16, &number, &element) == IF4_DPI_BAD_CODE);
  CHECK(if4_dpi_decode_code(4, 0, 8, &number, &element) == IF4_DPI_BAD_CODE);
  CHECK(if4_dpi_decode_code(0, 0, 0, nullptr, &element) == IF4_DPI_BAD_POINTER);
  CHECK(if4_dpi_decode_code(0, 0, 0, &number, nullptr) == IF4_DPI_BAD_POINTER);
  CHECK(if4_dpi_decode_scale(-1, 0, &number, &is_int) == IF4_DPI_BAD_FORMAT);
  CHECK(if4_dpi_decode_scale(0, 256, &number, &is_int) == IF4_DPI_BAD_SCALE);
  CHECK(if4_dpi_decode_scale(0, 0, nullptr, &is_int) == IF4_DPI_BAD_POINTER);
  CHECK(if4_dpi_decode_scale(0, 0, &number, nullptr) == IF4_DPI_BAD_POINTER);
  CHECK((number == 5 && element == 5 && is_int == 5));
}
