// Dot products for the tests of the golden MAC and of the RTL: random ones, ones with a given exact sum,
// their exact results, and a driver with random stalls that watches the handshake.
#pragma once

#include <gmpxx.h>

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "sim/mac_unit.hpp"

namespace if4::testing {

using Beats = std::vector<std::pair<Block, Block>>;

/// The value of a dot product in exact rationals, from the text of the formats (testbench/rational.hpp).
mpq_class exact_value(const Beats& beats);
/// What the MAC must give: exact_value() rounded once, NaN where a scale is NaN.
MacResult exact_result(const Beats& beats);
/// The accumulator's unit, 2^-20 / 49.
mpq_class sum_unit();

/// What random_beats() draws from. Every byte is possible in every mode.
enum class Mix {
  kUniform,  ///< all codes and scale bytes alike; one scale in 128 is NaN
  kFinite,   ///< the same without NaN scales
  kExtreme,  ///< codes 0x7, 0x8, 0x9, 0xF, 0x0 and scales at both ends
};
Beats random_beats(std::mt19937_64& random, std::size_t count, Mix mix);

/// Beats whose exact sum is `sum` units. At most a few, unless |sum| is above 2^49: then up to 1,200.
Beats beats_with_sum(std::int64_t sum);

/// Where a beat or a result cannot move, and how often.
struct Stalls {
  unsigned input_percent = 0;
  unsigned output_percent = 0;
  std::uint64_t seed = 0;
};

struct Driven {
  std::vector<MacResult> results;
  std::uint64_t cycles = 0;     ///< from the first beat offered to the last result taken
  std::string protocol_errors;  ///< empty unless the unit broke a rule of its handshake
};

/// Runs the dot products through the unit and takes results until there are as many, plus 64 clocks in which
/// no other may come. Gives up after 10,000 clocks without progress. Watches that a result offered stays as
/// it is until taken.
Driven drive(MacUnit& unit, const std::vector<Beats>& dot_products, const Stalls& stalls);

/// A line that names the inputs of a dot product as a vector file does, for failures.
std::string to_text(const Beats& beats);
std::string to_text(const MacResult& result);

}  // namespace if4::testing
