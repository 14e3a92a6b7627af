// The trace of the test plan, from the Verilated unit.
#pragma once

#include <cstdint>

#include "sim/mac/mac_unit.hpp"
#include "testbench/faults/trace.hpp"

namespace if4::faults {

/// Drives the plan's vectors through the Verilated unit and writes down its pins; clk_i is 1 in every step. Observed are
/// ready_o and valid_o in every clock without a reset, and the result and its flags in those with valid_o. Throws
/// std::runtime_error where the unit gives a wrong result.
Trace record_plan(const UnitBuild& build, std::uint64_t seed);

}  // namespace if4::faults
