#include "testbench/support/mac_testing.hpp"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "model/core/float_bits.hpp"
#include "model/files/vectors.hpp"
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

// --- Blocks with a given product ---

// The products of the positive elements of one type, in units of the smallest, and how to make the sums of 16
// of them.
class Products {
 public:
  Products(const Integers& format, bool bit7)
      : elements_(format.elements[bit7 ? 1 : 0]), bits_(format.code_bits) {
    for (const long element : elements_) {
      if (element > 0 && (smallest_ == 0 || element < smallest_)) smallest_ = element;
    }
    for (unsigned a = 0; a < elements_.size(); ++a) {
      for (unsigned w = 0; w < elements_.size(); ++w) {
        if (elements_[a] <= 0 || elements_[w] <= 0) continue;
        products_.push_back({elements_[a] / smallest_ * (elements_[w] / smallest_), a, w});
      }
    }
    std::sort(products_.begin(), products_.end(),
              [](const auto& x, const auto& y) { return x.value < y.value; });
  }

  // The accumulator's units that a product of 1 has at the smallest scales.
  long unit() const { return smallest_ * smallest_; }
  long largest() const { return products_.back().value; }

  // Codes whose 16 products sum to `dot` >= 0, all of one sign; `dot` is 16 or 0..8 times the largest
  // product.
  void set_dot(Block& a, Block& w, long dot, bool negative) const {
    for (int lane = 0; lane < kBlockSize && dot > 0; ++lane) {
      const auto above =
          std::upper_bound(products_.begin(), products_.end(), dot,
                           [](long value, const Product& product) { return value < product.value; });
      const Product& best = *std::prev(above);
      dot -= best.value;
      a.codes |= static_cast<Codes>(best.a) << (bits_ * lane);
      w.codes |= static_cast<Codes>(negative ? negated(best.w) : best.w) << (bits_ * lane);
    }
    if (dot != 0) std::abort();
  }

 private:
  struct Product {
    long value;
    unsigned a, w;
  };

  unsigned negated(unsigned code) const {
    return static_cast<unsigned>(std::find(elements_.begin(), elements_.end(), -elements_[code]) -
                                 elements_.begin());
  }

  const std::vector<long>& elements_;
  int bits_;
  long smallest_ = 0;
  std::vector<Product> products_;  // by value
};

const Products& products(Format format, bool bit7) {
  static const std::vector<Products> all = [] {
    std::vector<Products> result;
    for (std::size_t number = 0; number < rational::format_names().size(); ++number) {
      for (const bool int_type : {false, true}) {
        result.emplace_back(integers(static_cast<Format>(number)), int_type);
      }
    }
    return result;
  }();
  return all.at(2 * static_cast<std::size_t>(format) + (bit7 ? 1 : 0));
}

// Scales whose significands and exponents multiply to 2^power units, 0 <= power <= 34.
void set_power(Block& a, Block& w, int power) {
  if (power < 6) {  // both exponents at their least; the significands are 1, 2, 4 or 8
    const int a_power = power < 3 ? power : 3;
    a.scale = static_cast<std::uint8_t>(1 << a_power);
    w.scale = static_cast<std::uint8_t>(1 << (power - a_power));
  } else {  // significands 8 and 8
    const int shift = power - 6;
    const int a_shift = shift < 14 ? shift : 14;
    a.scale = static_cast<std::uint8_t>((1 + a_shift) << 3);
    w.scale = static_cast<std::uint8_t>((1 + shift - a_shift) << 3);
  }
}

}  // namespace

mpq_class sum_unit(Format format) {
  const mpz_class denominator =
      mpz_class(integers(format).element_denominator) * integers(format).scale_denominator;
  return mpq_class(1) / (denominator * denominator);
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

Beats one_largest_beat(const MacConfig& config) {
  const Integers& format = integers(config.format);
  // Of both types, the code of the largest magnitude.
  Block largest;
  for (const std::uint8_t scale : {std::uint8_t{0x7E}, std::uint8_t{0xFE}}) {
    for (unsigned code = 0; code < 1U << format.code_bits; ++code) {
      Block block{0, scale};
      for (int i = 0; i < kBlockSize; ++i) block.codes |= static_cast<Codes>(code) << (format.code_bits * i);
      if (exact_sum({{block, block}}, config.format) > exact_sum({{largest, largest}}, config.format))
        largest = block;
    }
  }
  return Beats(static_cast<std::size_t>(config.lanes / kBlockSize), {largest, largest});
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
  return {float_bits(rational::round_to_fp32(sum * sum_unit(config.format))), false, false};
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

Beats random_beats(std::mt19937_64& random, std::size_t count, Mix mix, const MacConfig& config) {
  constexpr std::uint8_t kScales[] = {0x00, 0x01, 0x07, 0x08, 0x7D, 0x7E, 0x80, 0x81, 0x88, 0xFE};
  const int bits = integers(config.format).code_bits;
  const unsigned top = 1U << (bits - 1);
  const unsigned codes[] = {top - 1, top, top + 1, 2 * top - 1, 0};  // 0x7, 0x8, 0x9, 0xF, 0x0 of four bits
  const auto block = [&] {
    Block result;
    if (mix == Mix::kExtreme) {
      for (int i = 0; i < kBlockSize; ++i) {
        result.codes |= static_cast<Codes>(codes[random() % 5]) << (bits * i);
      }
      result.scale = kScales[random() % 10];
      return result;
    }
    result.codes = random();
    if (bits > 4) result.codes |= static_cast<Codes>(random()) << 64;
    result.codes &= (Codes{1} << (bits * kBlockSize)) - 1;
    do {
      result.scale = static_cast<std::uint8_t>(random());
    } while (mix == Mix::kFinite && is_nan_scale(result.scale));
    return result;
  };
  const std::size_t pairs = count * static_cast<std::size_t>(blocks_per_beat(config));
  Beats beats;
  beats.reserve(pairs);
  for (std::size_t i = 0; i < pairs; ++i) {
    const Block a = block();
    beats.emplace_back(a, block());
  }
  return beats;
}

Beats beats_with_sum(Int128 sum, const MacConfig& config) {
  const Products& floats = products(config.format, false);
  const Products& ints = products(config.format, true);
  Beats beats;
  // sum = u * floats.unit() + v * ints.unit() with the smallest v >= 0: the two units have no common divisor,
  // or are the same. (IF4: 49 and 144.)
  long v = 0;
  while ((sum - Int128{v} * ints.unit()) % floats.unit() != 0) ++v;
  const Int128 u = (sum - Int128{v} * ints.unit()) / floats.unit();
  if (v != 0) {
    Block a, w;
    ints.set_dot(a, w, v, false);
    a.scale = w.scale = 0x81;
    beats.emplace_back(a, w);
  }
  const bool negative = u < 0;
  Int128 left = negative ? -u : u;
  const long largest_dot = 16 * floats.largest();
  const Int128 largest = (Int128{largest_dot} * 196) << 28;  // both scales 448
  for (; left >= largest; left -= largest) {
    Block a, w;
    floats.set_dot(a, w, largest_dot, negative);
    a.scale = w.scale = 0x7E;
    beats.emplace_back(a, w);
  }
  while (left != 0) {
    const long most = 8 * floats.largest();
    int power = 0;
    while (power < 34 && left >> power > most) ++power;
    const long digit = static_cast<long>(std::min<Int128>(left >> power, most));
    Block a, w;
    floats.set_dot(a, w, digit, negative);
    set_power(a, w, power);
    beats.emplace_back(a, w);
    left -= Int128{digit} << power;
  }
  while (beats.empty() || beats.size() % static_cast<std::size_t>(blocks_per_beat(config)) != 0) {
    beats.emplace_back(Block{}, Block{});
  }
  return beats;
}

Driven drive(MacUnit& unit, const std::vector<Beats>& dot_products, const Stalls& stalls) {
  return drive_unit(unit, dot_products, static_cast<std::size_t>(blocks_per_beat(unit.build().mac)), stalls);
}

std::string to_text(const Beats& beats, Format format) {
  std::ostringstream out;
  write_dot_product(out, {beats, 0, format});
  return out.str();
}

std::string to_text(const MacResult& result) {
  std::ostringstream out;
  out << "0x" << std::hex << std::uppercase << result.bits << (result.nan ? " nan" : "")
      << (result.overflow ? " overflow" : "");
  return out.str();
}

}  // namespace if4::testing
