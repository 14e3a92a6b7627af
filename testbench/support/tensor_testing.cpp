#include "testbench/support/tensor_testing.hpp"

#include <random>

namespace if4::testing {

Tensor two_kinds_of_blocks(std::size_t rows, std::size_t columns, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> bell;
  std::uniform_real_distribution<float> even(-2.0F, 2.0F);
  Tensor tensor{{rows, columns}, {}};
  for (std::size_t i = 0; i < rows * columns; ++i) {
    tensor.values.push_back(i / kBlockSize % 2 == 0 ? bell(random) : even(random));
  }
  return tensor;
}

}  // namespace if4::testing
