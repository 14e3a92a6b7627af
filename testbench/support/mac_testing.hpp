// For the tests of the golden MAC and of the RTL: exact results of dot products, which model/kit makes, and a driver with
// random stalls that watches the handshake.
#pragma once

#include <gmpxx.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/kit/random_pairs.hpp"
#include "model/kit/sums.hpp"
#include "sim/mac/mac_unit.hpp"
#include "testbench/support/driver.hpp"

namespace if4::testing {

/// The accumulator's unit: 1 over the square of the common denominators of all element values and of all
/// scales of the format, as testbench/support/rational.hpp has them. IF4: 2^-20 / 49.
mpq_class sum_unit(Format format = Format::kIF4);
/// What a sum of 1 is in the result of a unit: sum_unit(), and for a scaled unit that without its odd part.
mpq_class result_unit(const MacConfig& config);
/// The exact sum in that unit, from the text of the formats. Scales must not be NaN.
mpz_class exact_sum(const Beats& beats, Format format = Format::kIF4);
/// The value of a dot product in exact rationals: exact_sum() * sum_unit().
mpq_class exact_value(const Beats& beats, Format format = Format::kIF4);
/// A beat of largest magnitude without a NaN scale, in units.
mpz_class exact_largest_beat(const MacConfig& config);
/// The narrowest two's complement accumulator that holds 1,024 of them.
int exact_default_width(const MacConfig& config);
/// What the MAC must give: exact_sum() * result_unit() rounded once; NaN where a scale is NaN, or where the sum after a
/// beat is not within +-2^(width-1) of the accumulator.
MacResult exact_result(const Beats& beats, const MacConfig& config = {});

mpz_class to_mpz(Int128 value);

/// What the golden MAC gives.
MacResult model_result(const Beats& beats, const MacConfig& config = {});

using Driven = DrivenUnit<MacResult>;

/// drive_unit() for a MAC unit.
Driven drive(MacUnit& unit, const std::vector<Beats>& dot_products, const Stalls& stalls);

/// The inputs of a dot product as a vector file names them, for failures.
std::string to_text(const Beats& beats, Format format = Format::kIF4);
std::string to_text(const MacResult& result);

}  // namespace if4::testing
