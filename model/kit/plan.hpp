// The test plan: the testpoints that every mistake of a MAC unit is to be found by, for any unit.
// testbench/kit/testplan says in words what each is for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "model/kit/vector_line.hpp"

namespace if4 {

/// Gives all lines of the plan to the sink. `seed` chooses operands where any would do. Throws std::invalid_argument as
/// check() does, and where the accumulator cannot hold one beat.
void write_plan(const MacConfig& config, std::uint64_t seed, const LineSink& sink);

/// Whether the plan has dot products that reach the accumulator's ends: those of a wide one would take too long.
bool plan_reaches_ends(const MacConfig& config);
/// The width of the widest accumulator whose ends the plan reaches.
int widest_reached(MacConfig config);

/// One testpoint "random.vectors" of so many dot products of `beats` beats: uniform codes, and uniform scale bytes
/// without NaN.
void write_random(const MacConfig& config, std::uint64_t seed, std::uint64_t dot_products, std::size_t beats,
                  const LineSink& sink);

}  // namespace if4
