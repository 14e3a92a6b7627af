#include "testbench/support/mac_testing.hpp"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "model/core/float_bits.hpp"
#include "model/kit/dot_products.hpp"
#include "sim/mac/vector_driver.hpp"
#include "testbench/support/rational.hpp"

namespace if4::testing {
namespace {

bool is_nan_scale(std::uint8_t scale) { return (scale & 0x7F) == 0x7F; }

// --- The rationals of a format as integers over common denominators ---

long common_denominator(const std::vector<mpq_class>& values, long so_far) {
  mpz_class denominator = so_far;
  for (const mpq_class& value : values) denominator = lcm(denominator, value.get_den());
  return denominator.get_si();
}

std::vector<long> numerators(const std::vector<mpq_class>& values, long denominator) {
  std::vector<long> result;
  for (const mpq_class& value : values) {
    const mpq_class numerator = value * denominator;
    if (numerator.get_den() != 1) throw std::logic_error("not a common denominator");
    result.push_back(numerator.get_num().get_si());
  }
  return result;
}

struct Integers {
  explicit Integers(std::string_view format) {
    const std::vector<mpq_class> values[2] = {rational::element_values(format, false),
                                              rational::element_values(format, true)};
    element_denominator = common_denominator(values[1], common_denominator(values[0], 1));
    for (int bit7 = 0; bit7 < 2; ++bit7) elements[bit7] = numerators(values[bit7], element_denominator);
    std::vector<mpq_class> magnitudes;
    for (unsigned byte = 0; byte < 0x7F; ++byte) {
      magnitudes.push_back(rational::scale_value(static_cast<std::uint8_t>(byte)));
    }
    scale_denominator = common_denominator(magnitudes, 1);
    scales = numerators(magnitudes, scale_denominator);
    while (std::size_t{1} << code_bits < elements[0].size()) ++code_bits;
  }

  const std::vector<long>& elements_of(const Block& block) const {
    return elements[block.scale >= 0x80 ? 1 : 0];
  }
  unsigned code(const Block& block, int i) const {
    return static_cast<unsigned>(block.codes >> (code_bits * i)) % (1U << code_bits);
  }

  std::vector<long> elements[2];  // by bit 7 of the scale, by code
  std::vector<long> scales;       // by bits 6:0, without the NaN
  long element_denominator;
  long scale_denominator;
  int code_bits = 0;
};

const Integers& integers(Format format) {
  static const std::vector<Integers> all(rational::format_names().begin(), rational::format_names().end());
  return all.at(static_cast<std::size_t>(format));
}

// Adds one product of two blocks, in units.
void add_product(mpz_class& sum, const Integers& format, const Block& a, const Block& w) {
  const std::vector<long>& a_elements = format.elements_of(a);
  const std::vector<long>& w_elements = format.elements_of(w);
  long dot = 0;
  for (int i = 0; i < kBlockSize; ++i) dot += a_elements[format.code(a, i)] * w_elements[format.code(w, i)];
  const long scale = format.scales.at(a.scale % 128) * format.scales.at(w.scale % 128);
  sum += mpz_class(dot) * scale;
}

}  // namespace

mpq_class sum_unit(Format format) {
  const mpz_class denominator =
      mpz_class(integers(format).element_denominator) * integers(format).scale_denominator;
  return mpq_class(1) / (denominator * denominator);
}

mpq_class result_unit(const MacConfig& config) {
  mpq_class unit = sum_unit(config.format);
  if (!config.scaled) return unit;
  // A scaled result has no other factor than a power of two.
  mpz_class odd = unit.get_den();
  while (odd % 2 == 0) odd /= 2;
  return unit * odd;
}

mpz_class exact_sum(const Beats& beats, Format format) {
  mpz_class sum = 0;
  for (const auto& [a, w] : beats) add_product(sum, integers(format), a, w);
  return sum;
}

mpq_class exact_value(const Beats& beats, Format format) {
  return exact_sum(beats, format) * sum_unit(format);
}

mpz_class exact_largest_beat(const MacConfig& config) {
  const Integers& format = integers(config.format);
  long element = 0;
  for (const std::vector<long>& values : format.elements) {
    for (const long value : values) element = std::max(element, std::labs(value));
  }
  const mpz_class scaled = mpz_class(element) * format.scales.back();
  return config.lanes * scaled * scaled;
}

int exact_default_width(const MacConfig& config) {
  const mpz_class sum = 1024 * exact_largest_beat(config);
  return static_cast<int>(mpz_sizeinbase(sum.get_mpz_t(), 2)) + 1;  // |sum| <= 2^(width-1) - 1
}

MacResult exact_result(const Beats& beats, const MacConfig& config) {
  for (const auto& [a, w] : beats) {
    if (is_nan_scale(a.scale) || is_nan_scale(w.scale)) return {0x7FC00000, true, false};
  }
  const auto width =
      static_cast<unsigned>(config.acc_width != 0 ? config.acc_width : exact_default_width(config));
  const mpz_class limit = mpz_class(1) << (width - 1);
  const std::size_t per_beat = static_cast<std::size_t>(config.lanes) / 16;
  mpz_class sum = 0;
  for (std::size_t i = 0; i < beats.size(); ++i) {
    add_product(sum, integers(config.format), beats[i].first, beats[i].second);
    const bool beat_ends = (i + 1) % per_beat == 0;
    if (beat_ends && (sum < -limit || sum >= limit)) return {0x7FC00000, false, true};
  }
  return {float_bits(rational::round_to_fp32(sum * result_unit(config))), false, false};
}

mpz_class to_mpz(Int128 value) {
  const bool negative = value < 0;
  const auto magnitude = negative ? 0 - static_cast<Codes>(value) : static_cast<Codes>(value);
  mpz_class result = static_cast<unsigned long>(magnitude >> 64);
  result = (result << 64) + static_cast<unsigned long>(magnitude);
  return negative ? mpz_class(-result) : result;
}

MacResult model_result(const Beats& beats, const MacConfig& config) {
  const auto per_beat = static_cast<std::size_t>(blocks_per_beat(config));
  if (beats.size() % per_beat != 0) throw std::invalid_argument("the last beat is not whole");
  return dot_product(config, beats);
}

Driven drive(MacUnit& unit, const std::vector<Beats>& dot_products, const Stalls& stalls) {
  return drive_unit(unit, dot_products, static_cast<std::size_t>(blocks_per_beat(unit.build().mac)), stalls);
}

std::string to_text(const Beats& beats, Format format) {
  std::ostringstream out;
  write_dot_product(out, {beats, 0, format});
  return out.str();
}

std::string to_text(const MacResult& result) { return result_text(result); }

}  // namespace if4::testing
