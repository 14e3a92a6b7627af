#include "testbench/mac_testing.hpp"

#include <cstdlib>
#include <cstring>
#include <sstream>

#include "model/vectors.hpp"
#include "testbench/rational.hpp"

namespace if4::testing {
namespace {

constexpr std::uint64_t kPatience = 10000;
constexpr int kQuietClocks = 64;

bool is_nan_scale(std::uint8_t scale) { return (scale & 0x7F) == 0x7F; }

// 16 FP4 x FP4 products that sum to `dot`, 0..2304, all of one sign.
void set_dot(Block& a, Block& w, int dot, bool negative) {
  constexpr int kHalves[8] = {0, 1, 2, 3, 4, 6, 8, 12};
  for (int lane = 0; lane < kBlockSize && dot > 0; ++lane) {
    unsigned best_a = 0;
    unsigned best_w = 0;
    for (unsigned i = 0; i < 8; ++i) {
      for (unsigned j = 0; j < 8; ++j) {
        const int product = kHalves[i] * kHalves[j];
        if (product <= dot && product > kHalves[best_a] * kHalves[best_w]) {
          best_a = i;
          best_w = j;
        }
      }
    }
    dot -= kHalves[best_a] * kHalves[best_w];
    a.codes |= static_cast<std::uint64_t>(best_a) << (4 * lane);
    w.codes |= static_cast<std::uint64_t>(best_w | (negative ? 8U : 0U)) << (4 * lane);
  }
  if (dot != 0) std::abort();  // the callers' digits are small enough for 16 lanes
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

mpq_class sum_unit() { return mpq_class(1) / (mpq_class(49) * (1 << 20)); }

mpq_class exact_value(const Beats& beats) {
  mpq_class sum = 0;
  for (const auto& [a, w] : beats) {
    mpq_class dot = 0;
    for (int i = 0; i < kBlockSize; ++i) {
      const auto a_code = static_cast<unsigned>(a.codes >> (4 * i)) & 15U;
      const auto w_code = static_cast<unsigned>(w.codes >> (4 * i)) & 15U;
      dot += rational::element_value((a.scale & 0x80) != 0, a_code) *
             rational::element_value((w.scale & 0x80) != 0, w_code);
    }
    sum += dot * rational::scale_value(a.scale) * rational::scale_value(w.scale);
  }
  return sum;
}

MacResult exact_result(const Beats& beats) {
  for (const auto& [a, w] : beats) {
    if (is_nan_scale(a.scale) || is_nan_scale(w.scale)) return {0x7FC00000, true, false};
  }
  const float rounded = rational::round_to_fp32(exact_value(beats));
  MacResult result;
  std::memcpy(&result.bits, &rounded, sizeof result.bits);
  return result;
}

Beats random_beats(std::mt19937_64& random, std::size_t count, Mix mix) {
  constexpr std::uint8_t kCodes[] = {0x7, 0x8, 0x9, 0xF, 0x0};
  constexpr std::uint8_t kScales[] = {0x00, 0x01, 0x07, 0x08, 0x7D, 0x7E, 0x80, 0x81, 0x88, 0xFE};
  const auto block = [&] {
    Block result;
    if (mix == Mix::kExtreme) {
      for (int i = 0; i < kBlockSize; ++i) {
        result.codes |= static_cast<std::uint64_t>(kCodes[random() % 5]) << (4 * i);
      }
      result.scale = kScales[random() % 10];
      return result;
    }
    result.codes = random();
    do {
      result.scale = static_cast<std::uint8_t>(random());
    } while (mix == Mix::kFinite && is_nan_scale(result.scale));
    return result;
  };
  Beats beats;
  for (std::size_t i = 0; i < count; ++i) {
    const Block a = block();
    beats.emplace_back(a, block());
  }
  return beats;
}

Beats beats_with_sum(std::int64_t sum) {
  // sum = 49 u + 144 v with 0 <= v < 49: 144 * 16 = 47 * 49 + 1, so v = 16 * sum modulo 49.
  Beats beats;
  const std::int64_t rest = ((sum % 49) + 49) % 49;
  const std::int64_t v = (16 * rest) % 49;
  const std::int64_t u = (sum / 49) + ((sum % 49) - 144 * v) / 49;
  if (v != 0) {  // INT4 x INT4: 7 a lane, then what is left
    Block a{0x1111111, 0x81};
    Block w{0, 0x81};
    std::int64_t left = v;
    for (int lane = 0; left > 0; ++lane) {
      const std::int64_t q = left < 7 ? left : 7;
      w.codes |= static_cast<std::uint64_t>(q) << (4 * lane);
      left -= q;
    }
    beats.emplace_back(a, w);
  }
  const bool negative = u < 0;
  auto left = negative ? 0 - static_cast<std::uint64_t>(u) : static_cast<std::uint64_t>(u);
  constexpr std::uint64_t kLargest = std::uint64_t{2304 * 196} << 28;  // FP4 x FP4, both scales 448
  while (left >= kLargest) {
    Block a, w;
    set_dot(a, w, 2304, negative);
    a.scale = w.scale = 0x7E;
    beats.emplace_back(a, w);
    left -= kLargest;
  }
  constexpr std::uint64_t kDigit = 1024;  // any smaller dot product fits in 16 lanes
  while (left != 0) {
    int power = 0;
    while (power < 34 && left >> power > kDigit) ++power;
    const std::uint64_t most = left >> power;
    const int digit = most > kDigit ? static_cast<int>(kDigit) : static_cast<int>(most);
    Block a, w;
    set_dot(a, w, digit, negative);
    set_power(a, w, power);
    beats.emplace_back(a, w);
    left -= static_cast<std::uint64_t>(digit) << power;
  }
  if (beats.empty()) beats.emplace_back(Block{}, Block{});
  return beats;
}

Driven drive(MacUnit& unit, const std::vector<Beats>& dot_products, const Stalls& stalls) {
  std::mt19937_64 input_random(stalls.seed);
  std::mt19937_64 output_random(~stalls.seed);
  Driven driven;
  std::size_t index = 0;
  std::size_t position = 0;
  bool offered = false;
  bool held = false;  // a result was offered in the last clock and not taken
  MacResult held_result;
  std::uint64_t idle = 0;
  int quiet = 0;
  const std::uint64_t start = unit.cycles();
  unit.drive_idle();
  while (idle < kPatience && quiet < kQuietClocks) {
    if (!offered && index < dot_products.size() && input_random() % 100 >= stalls.input_percent) {
      const Beats& beats = dot_products[index];
      unit.drive({beats[position].first, beats[position].second, position + 1 == beats.size()});
      offered = true;
    }
    const bool take = output_random() % 100 >= stalls.output_percent;
    unit.set_ready(take);
    const bool valid = unit.valid();
    if (held && !valid) driven.protocol_errors += "a result was withdrawn; ";
    if (held && valid && unit.result() != held_result)
      driven.protocol_errors += "a result changed while stalled; ";
    held = valid && !take;
    if (held) held_result = unit.result();
    ++idle;
    if (valid && take) {
      driven.results.push_back(unit.result());
      driven.cycles = unit.cycles() + 1 - start;
      idle = 0;
    }
    const bool taken = offered && unit.ready();
    unit.step();
    if (taken) {
      idle = 0;
      offered = false;
      unit.drive_idle();
      if (++position == dot_products[index].size()) {
        position = 0;
        ++index;
      }
    }
    if (driven.results.size() >= dot_products.size()) ++quiet;
  }
  return driven;
}

std::string to_text(const Beats& beats) {
  std::ostringstream out;
  write_dot_product(out, {beats, 0});
  return out.str();
}

std::string to_text(const MacResult& result) {
  std::ostringstream out;
  out << "0x" << std::hex << std::uppercase << result.bits << (result.nan ? " nan" : "")
      << (result.overflow ? " overflow" : "");
  return out.str();
}

}  // namespace if4::testing
