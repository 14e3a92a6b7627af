// The inner loop of ErrorMeter, compiled for every instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/quantize/measure.hpp"

namespace if4 {

/// Adds the noise and the signal of `blocks` blocks to `sums`: see ErrorMeter::add(). Element i of 16 values
/// is added to partial sum i, and the 16 partial sums are added in order at the end, so that every
/// instruction set gives the same bits.
void simd_add_errors(Format format, const CodeValues& values, const float* x, const std::uint8_t* codes,
                     const std::uint8_t* scales, std::size_t blocks, ErrorSums& sums);

}  // namespace if4
