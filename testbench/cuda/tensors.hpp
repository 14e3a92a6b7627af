// Tensors and options for the tests of the CUDA quantizer, and the comparison of its results.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "model/core/tensor.hpp"
#include "model/quantize/options.hpp"

namespace if4::testing {

/// Blocks of every kind: bells, long tails, exact ties, zeros of both signs, tiny and large magnitudes.
Tensor mixed_tensor(const Shape& shape, std::mt19937_64& rng);

/// Any options that fit some shape; `rotate` only where it is allowed to.
QuantizeOptions random_options(std::mt19937_64& rng);

/// Options as one line, for messages.
std::string text_of(const QuantizeOptions& options);

/// Checks that codes, scales, shape and amax are the same, bit for bit, and says where they differ first.
void check_same(const QuantizedTensor& actual, const QuantizedTensor& expected);

}  // namespace if4::testing
