// The error of a product of two quantized matrices, in any format, against the product of the matrices themselves.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "model/core/tensor.hpp"
#include "model/quantize/measure.hpp"
#include "model/quantize/options.hpp"

namespace if4 {

/// The errors of both operands, and of the results c' of their product against the results c of the product of the
/// unquantized matrices: noise = sum((c - c')^2), signal = sum(c^2). `product` has no blocks. Where the signal of a
/// product is 0 and its noise is not, relative_mse() is infinite.
struct ProductAccuracy {
  ErrorSums activations, weights, product;
};

/// An operand, and what messages call it.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

class ProductReference {
 public:
  /// Activations [M, K] and weights [N, K]. A tensor of more dimensions is the matrix of its rows, as
  /// QuantizedTensor cuts them for IF4, in every format. Computes the M x N results in FP64: each product of two values
  /// is exact, and the sum over K is rounded K times. Throws InputError, naming the operands, where the lengths of the rows
  /// differ and where a value is not finite. `threads`: 0 means as many as there are cores.
  ProductReference(NamedTensor activations, NamedTensor weights, unsigned threads = 0);

  std::size_t m() const { return activations_.tensor.rows(); }
  std::size_t n() const { return weights_.tensor.rows(); }
  std::size_t k() const { return activations_.tensor.columns(); }
  /// [M][N]
  const std::vector<double>& results() const { return results_; }

  /// Quantizes both operands and multiplies them. In formats of the MAC units the results are those of the golden MAC
  /// with its widest accumulator, which nothing overflows: exact sums, rounded once to FP32, times both units(). In other
  /// formats they are products in FP64 of what dequantize() gives. The noise of stochastic rounding has the seed of the
  /// options for the activations and the next one for the weights, so that the errors of the two are independent.
  /// Throws InputError, naming the operand, as quantize_fast() does, and where the options transpose.
  ProductAccuracy measure(const QuantizeOptions& options) const;

 private:
  NamedTensor activations_, weights_;
  unsigned threads_;
  std::vector<double> results_;
};

}  // namespace if4
