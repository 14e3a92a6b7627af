// Tensors of random values for tests and benchmarks, options of the quantizers, and the comparison of their results.
#pragma once

#include <cstddef>
#include <limits>
#include <random>
#include <string>

#include "model/core/tensor.hpp"
#include "model/quantize/options.hpp"

namespace if4::testing {

/// Blocks of normal values and blocks of evenly spread ones in turn, so that a format of two element types uses
/// both.
Tensor two_kinds_of_blocks(std::size_t rows, std::size_t columns, unsigned seed);

/// Blocks of every kind: bells, long tails, exact ties, zeros of both signs, tiny and large magnitudes.
Tensor mixed_tensor(const Shape& shape, std::mt19937_64& rng);

/// A tensor of few values, the largest of them `amax`, which is one of kExtremes: others have both signs, are zero or tiny.
Tensor extreme_tensor(float amax);
inline constexpr float kTiniest = std::numeric_limits<float>::denorm_min();
inline constexpr float kExtremes[] = {
    std::numeric_limits<float>::max(), 0x1p127F, 1.0F, 1e-38F, 3 * kTiniest, kTiniest, 0.0F};

/// Any options that fit some shape; `rotate` only where it is allowed to.
QuantizeOptions random_options(std::mt19937_64& rng);

/// Options as one line, for messages.
std::string text_of(const QuantizeOptions& options);

/// Where codes, scales, shape or amax differ first, or nothing where they are the same, bit for bit.
std::string difference(const QuantizedTensor& actual, const QuantizedTensor& expected);

}  // namespace if4::testing
