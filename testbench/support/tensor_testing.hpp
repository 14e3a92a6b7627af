// Tensors of random values for tests of the program and for benchmarks.
#pragma once

#include <cstddef>

#include "model/core/tensor.hpp"

namespace if4::testing {

/// Blocks of normal values and blocks of evenly spread ones in turn, so that a format of two element types uses
/// both.
Tensor two_kinds_of_blocks(std::size_t rows, std::size_t columns, unsigned seed);

}  // namespace if4::testing
