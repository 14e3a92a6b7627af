// Dot products for the tests of the golden MAC and of the RTL: random ones, ones with a given exact sum,
// their exact results, and a driver with random stalls that watches the handshake.
#pragma once

#include <gmpxx.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "sim/mac/mac_unit.hpp"
#include "testbench/support/driver.hpp"

namespace if4::testing {

/// The accumulator's unit: 1 over the square of the common denominators of all element values and of all
/// scales of the format, as testbench/support/rational.hpp has them. IF4: 2^-20 / 49.
mpq_class sum_unit(Format format = Format::kIF4);
/// The exact sum in that unit, from the text of the formats. Scales must not be NaN.
mpz_class exact_sum(const Beats& beats, Format format = Format::kIF4);
/// The value of a dot product in exact rationals: exact_sum() * sum_unit().
mpq_class exact_value(const Beats& beats, Format format = Format::kIF4);
/// A beat of largest magnitude without a NaN scale, in units.
mpz_class exact_largest_beat(const MacConfig& config);
/// One such beat.
Beats one_largest_beat(const MacConfig& config);
/// The narrowest two's complement accumulator that holds 1,024 of them.
int exact_default_width(const MacConfig& config);
/// What the MAC must give: exact_value() rounded once; NaN where a scale is NaN, or where the sum after a
/// beat is not within +-2^(width-1) of the accumulator.
MacResult exact_result(const Beats& beats, const MacConfig& config = {});

mpz_class to_mpz(Int128 value);

/// What the golden MAC gives.
MacResult model_result(const Beats& beats, const MacConfig& config = {});

/// What random_beats() draws from. Every byte is possible in every mode.
enum class Mix {
  kUniform,  ///< all codes and scale bytes alike; one scale in 128 is NaN
  kFinite,   ///< the same without NaN scales
  kExtreme,  ///< the codes of largest magnitude, -0 (or the most negative integer) and 0; scales at both ends
};
/// `count` beats, that is count * blocks_per_beat() pairs.
Beats random_beats(std::mt19937_64& random, std::size_t count, Mix mix, const MacConfig& config = {});

/// Beats whose exact sum is `sum` units. No partial sum is further from 0, but for one that is small. At most
/// a few pairs of blocks, unless |sum| is above one largest block product: then as many more as such products
/// fit.
Beats beats_with_sum(Int128 sum, const MacConfig& config = {});

using Driven = DrivenUnit<MacResult>;

/// drive_unit() for a MAC unit.
Driven drive(MacUnit& unit, const std::vector<Beats>& dot_products, const Stalls& stalls);

/// The inputs of a dot product as a vector file names them, for failures.
std::string to_text(const Beats& beats, Format format = Format::kIF4);
std::string to_text(const MacResult& result);

}  // namespace if4::testing
