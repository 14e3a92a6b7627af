// Co-simulation on the bits engine: a matrix product on as many units at once as a vector has bits, every result compared
// with the golden model.
#pragma once

#include <string_view>

#include "model/core/tensor.hpp"
#include "sim/mac/cosim.hpp"
#include "sim/mac/mac_unit.hpp"

namespace if4 {

/// Which units cosimulate_bits() makes.
struct BitsChoice {
  UnitBuild build = unit_builds().front();  ///< one of 16 lanes and 4-bit codes
  std::string_view target = {};             ///< of bits_kernel()
};

/// What cosimulate() does, on BitsUnits instead of one Verilated unit. The rows of the operand that has more of them, of
/// the activations where both have as many, are spread over units: each unit multiplies one row with some consecutive rows
/// of the other operand, in order, from a reset on. Each has stalls of its own; units without any stay in step, which is
/// some six times as fast. The golden results come from gemm(). options.threads workers share the work, which does not
/// depend on how many there are.
///
/// In the report, `cycles` is the sum over the units, and the clocks of a mismatch are counted from the reset of its unit,
/// whose number in its vector is in it. Units that still owe results are given up after 10,000 clocks in which no beat and
/// no result of their vector moved. `products` is empty unless all results are right. Throws as cosimulate() does,
/// InputError where a waveform is asked for, which the engine does not write, or this program has no netlist of the build,
/// and std::invalid_argument for a golden configuration of other lanes or codes than those of the unit. Whether results are
/// scaled is what choice.build says, not options.scaled.
CosimReport cosimulate_bits(const QuantizedTensor& activations, const QuantizedTensor& weights,
                            const CosimOptions& options, const BitsChoice& choice = {});

}  // namespace if4
