// How much a quantized tensor lost.
#pragma once

#include "model/core/tensor.hpp"

namespace if4 {

/// x are the original values and x' those of dequantize(); all sums in double.
struct QuantizationError {
  double relative_mse = 0.0;  ///< sum((x - x')^2) / sum(x^2); 0 where both are 0
  double sqnr_db = 0.0;       ///< -10 log10(relative_mse); infinity where nothing was lost
  double int_share = 0.0;     ///< integer blocks / all blocks, 0..1; 0 for a tensor without blocks
};

/// `original` must hold finite values. Throws InputError where the shapes differ.
QuantizationError measure(const Tensor& original, const QuantizedTensor& quantized);

}  // namespace if4
