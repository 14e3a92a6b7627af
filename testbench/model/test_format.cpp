// What codes and scale bytes mean, in every format, against exact rationals.
#include <cmath>
#include <random>

#include "model/core/error.hpp"
#include "model/files/tensor_file.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/file_testing.hpp"
#include "testbench/support/mac_testing.hpp"
#include "testbench/support/rational.hpp"

using namespace if4;

namespace {

bool has_two_types(Format format) { return element_type(format, 0x00) != element_type(format, 0x80); }

std::uint8_t scale_byte(unsigned byte) { return static_cast<std::uint8_t>(byte); }

// A block with a scale of its own and all codes of the format somewhere, NaN scales included.
Block some_block(std::mt19937_64& random, Format format) {
  Block block = random_beats(random, 1, Mix::kUniform, {format})[0].first;
  if (!has_two_types(format)) block.scale &= kScaleMagnitudeMask;
  return block;
}

QuantizedTensor some_tensor(std::mt19937_64& random, Format format, const Shape& shape) {
  QuantizedTensor tensor = make_quantized(format, shape);
  const int bits = traits(format).code_bits;
  const std::size_t used = tensor.columns() % 16;
  for (std::size_t row = 0; row < tensor.rows(); ++row) {
    for (std::size_t b = 0; b < tensor.blocks_per_row(); ++b) {
      Block block = some_block(random, format);
      if (b + 1 == tensor.blocks_per_row() && used != 0) {
        block.codes &= (Codes{1} << (static_cast<int>(used) * bits)) - 1;
      }
      tensor.set_block(row, b, block);
    }
  }
  tensor.amax = 3.25F;
  return tensor;
}

}  // namespace

TEST_CASE("formats have their numbers and names", "[format]") {
  const auto& names = rational::format_names();
  REQUIRE(names.size() == static_cast<std::size_t>(kMacFormatCount));
  for (std::size_t number = 0; number < names.size(); ++number) {
    const auto format = static_cast<Format>(number);
    CHECK(format_name(format) == names[number]);
    CHECK(format_from_name(names[number]) == format);
  }
  CHECK(Format::kMixFP4 == format_from_name("mixfp4"));
  CHECK(Format::kNVFP4 == format_from_name("nvfp4"));
  CHECK(Format::kNVINT4 == format_from_name("nvint4"));
  CHECK(Format::kIF3 == format_from_name("if3"));
  CHECK(Format::kIF6E2M3 == format_from_name("if6_e2m3"));
  CHECK(Format::kIF6E3M2 == format_from_name("if6_e3m2"));
  CHECK(Format::kNVFP6E2M3 == format_from_name("nvfp6_e2m3"));
  CHECK(Format::kNVFP6E3M2 == format_from_name("nvfp6_e3m2"));
  for (const char* name : {"", "IF4", "if", "if44", "nvfp6"}) CHECK_FALSE(format_from_name(name).has_value());
}

TEST_CASE("every code of every format and type has the value of its format", "[format]") {
  std::size_t checked = 0;
  for (const std::string_view name : rational::format_names()) {
    const Format format = *format_from_name(name);
    const FormatTraits& t = traits(format);
    for (const bool bit7 : {false, true}) {
      const std::vector<mpq_class> values = rational::element_values(name, bit7);
      REQUIRE(values.size() == std::size_t{1} << t.code_bits);
      const ElementType type = element_type(format, bit7 ? 0x80 : 0x7F);
      for (unsigned code = 0; code < values.size(); ++code) {
        mpq_class value(operand(format, type, code) * weight(format, type), t.divisor << t.fraction_bits);
        value.canonicalize();
        CAPTURE(name, bit7, code);
        CHECK(value == values[code]);
        ++checked;
      }
    }
  }
  CHECK(checked == 2 * (4 * 16 + 8 + 4 * 64));
  for (unsigned code = 0; code < 16; ++code) {
    CHECK(mpq_class(fp4_halves(code)) / 2 == rational::element_value(false, code));
    CHECK(mpq_class(int4_value(code)) * 6 / 7 == rational::element_value(true, code));
  }
}

TEST_CASE("amax maps to the largest value of the float type, or of the only type", "[format]") {
  for (const std::string_view name : rational::format_names()) {
    mpq_class largest = 0;
    for (const mpq_class& value : rational::element_values(name, false)) {
      if (value > largest) largest = value;
    }
    CAPTURE(name);
    CHECK(rational::exact(traits(*format_from_name(name)).span) == largest);
  }
}

TEST_CASE("every scale byte has the value of its format", "[format]") {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const Scale scale = decode_scale(scale_byte(byte));
    CHECK((scale.type == ElementType::kInt) == (byte >= 128));
    CHECK(scale.nan == ((byte & 0x7F) == 0x7F));
    for (int number = 0; number < kMacFormatCount; ++number) {
      const auto format = static_cast<Format>(number);
      const bool is_int = element_type(format, scale_byte(byte)) == ElementType::kInt;
      CHECK(is_int == (has_two_types(format) ? byte >= 128 : format == Format::kNVINT4));
    }
    if (scale.nan) {
      CHECK(scale_magnitude(scale_byte(byte)) != scale_magnitude(scale_byte(byte)));
      continue;
    }
    const mpq_class expected = rational::scale_value(scale_byte(byte));
    CHECK(mpq_class(scale.significand) * (1 << scale.exponent) / 1024 == expected);
    CHECK(rational::exact(scale_magnitude(scale_byte(byte))) == expected);
    CHECK(encode_scale_magnitude(scale_magnitude(scale_byte(byte))) == (byte & 0x7F));
  }
}

TEST_CASE("a number between two E4M3 magnitudes goes to the nearer one, a tie to the even one", "[format]") {
  for (unsigned code = 0; code + 1 < 0x7F; ++code) {
    const float low = scale_magnitude(scale_byte(code));
    const float high = scale_magnitude(scale_byte(code + 1));
    const float middle = (low + high) / 2;
    CHECK(encode_scale_magnitude(middle) == (code % 2 == 0 ? code : code + 1));
    CHECK(encode_scale_magnitude(std::nextafter(middle, low)) == code);
    CHECK(encode_scale_magnitude(std::nextafter(middle, high)) == code + 1);
  }
  CHECK(encode_scale_magnitude(1e30F) == 0x7E);
}

TEST_CASE("a block's codes are packed from the lowest bit on", "[format]") {
  for (const int bits : {3, 4, 6}) {
    Block block;
    for (int i = 0; i < kBlockSize; ++i)
      block.codes |= static_cast<Codes>((i * 5 + 3) % (1 << bits)) << (bits * i);
    for (int i = 0; i < kBlockSize; ++i)
      CHECK(block.code(i, bits) == static_cast<unsigned>((i * 5 + 3) % (1 << bits)));
  }
  // Codes 1, 2, 3 of 3 bits: 011'010'001. Of 6 bits: the second byte has 4 bits of code 1 and 4 of code 2.
  QuantizedTensor three = make_quantized(Format::kIF3, {1, 16});
  three.set_block(0, 0, Block{0b011'010'001, 0x38});
  CHECK(three.codes == std::vector<std::uint8_t>{0xD1, 0, 0, 0, 0, 0});
  QuantizedTensor six = make_quantized(Format::kIF6E2M3, {1, 16});
  six.set_block(0, 0, Block{Codes{0x3F} << 90 | 0b111111'100001'000001, 0x38});
  CHECK(six.codes == std::vector<std::uint8_t>{0x41, 0xF8, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0xFC});
}

TEST_CASE("tensors of every format, in memory and in files, have the values of their format", "[format]") {
  std::mt19937_64 random(test_seed() + 41);
  const testing::TempDir dir;
  const std::string path = dir / "q.safetensors";
  for (const std::string_view name : rational::format_names()) {
    CAPTURE(name);
    const Format format = *format_from_name(name);
    const NamedQuantized named{"w", some_tensor(random, format, {3, 40}), ""};
    write_quantized(path, {named});
    const QuantizedTensor tensor = read_quantized({path, "w"}).tensor;
    CHECK(tensor.format == format);
    CHECK(tensor.codes == named.tensor.codes);
    CHECK(tensor.scales == named.tensor.scales);

    const Tensor values = dequantize(tensor);
    for (std::size_t row = 0; row < 3; ++row) {
      for (std::size_t column = 0; column < 40; ++column) {
        const Block block = tensor.block(row, column / 16);
        const float actual = values.values[row * 40 + column];
        if ((block.scale & 0x7F) == 0x7F) {
          CHECK(std::isnan(actual));
          continue;
        }
        const std::vector<mpq_class> elements = rational::element_values(name, block.scale >= 0x80);
        const unsigned code = block.code(static_cast<int>(column % 16), traits(format).code_bits);
        const mpq_class expected = elements[code] * rational::scale_value(block.scale) *
                                   rational::exact(tensor.amax) /
                                   (rational::exact(traits(format).span) * 448);
        // Rounded a few times in double, then once to FP32.
        const double difference = std::fabs(static_cast<double>(actual) - expected.get_d());
        CHECK(difference <= std::fabs(expected.get_d()) * 6.0e-8);
      }
    }

    if (has_two_types(format)) continue;
    NamedQuantized wrong = named;
    wrong.tensor.scales[4] |= 0x80;
    write_quantized(path, {wrong});
    CHECK_THROWS_AS(read_quantized({path, "w"}), InputError);
  }
}
