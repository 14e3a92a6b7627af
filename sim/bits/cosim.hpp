// Co-simulation on the bits engine: a matrix product on as many units at once as a vector has bits, every result compared
// with the golden model.
#pragma once

#include "model/core/tensor.hpp"
#include "sim/mac/cosim.hpp"

namespace if4 {

/// What cosimulate() does, on BitsUnits of the default build instead of one Verilated unit. The rows of the operand that
/// has more of them, of the activations where both have as many, are spread over units: each unit multiplies one row with
/// some consecutive rows of the other operand, in order, from a reset on. Each has stalls of its own; units without any
/// stay in step, which is some three times as fast. The golden results come from gemm(), which needs operands that the
/// golden configuration can read, with 16 lanes. options.threads workers share the work, which does not depend on them.
///
/// In the report, `cycles` is the sum over the units, and the clocks of a mismatch are counted from the reset of its unit,
/// whose number is in it. A unit in which neither a beat nor a result moves is given up with its vector after 10,000 clocks
/// in which nothing in that moves. Throws as cosimulate() does, InputError where a waveform is asked for, which the engine
/// does not write, or this program has no netlist of the build, and std::invalid_argument for a golden configuration of
/// other lanes or codes.
CosimReport cosimulate_bits(const QuantizedTensor& activations, const QuantizedTensor& weights,
                            const CosimOptions& options);

}  // namespace if4
