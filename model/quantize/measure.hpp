// How much a quantized tensor lost. Every figure of an error that the program prints comes from here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/core/tensor.hpp"

namespace if4 {

/// Sums over values x and the values x' that dequantize() gives for them. x - x' is computed in double, where
/// it is exact, and so are the squares and the sums.
struct ErrorSums {
  double noise = 0.0;            ///< sum((x - x')^2)
  double signal = 0.0;           ///< sum(x^2)
  std::uint64_t blocks = 0;      ///< blocks that the values are in
  std::uint64_t int_blocks = 0;  ///< those of them that are integers
};
ErrorSums& operator+=(ErrorSums& sums, const ErrorSums& more);

/// noise / signal, and 0 where both are 0.
double relative_mse(const ErrorSums& sums);
/// -10 log10(relative_mse()): infinity where nothing was lost.
double sqnr_db(const ErrorSums& sums);
/// int_blocks / blocks, from 0 to 1; 0 where there are no blocks.
double int_share(const ErrorSums& sums);

/// Adds up the errors of any parts of one tensor. All instruction sets give the same bits; the sums over the
/// same values in other parts may differ in the last digits of a double.
class ErrorMeter {
 public:
  /// `amax` is that of QuantizedTensor.
  ErrorMeter(Format format, float amax) : format_(format), values_(format, amax) {}
  ErrorMeter(Format format, CodeValues values) : format_(format), values_(std::move(values)) {}

  /// Adds `blocks` blocks that follow each other in memory: `x` has block_size() finite values for each, at
  /// any address, `codes` code_bytes() bytes, and `scales` a byte.
  void add(const float* x, const std::uint8_t* codes, const std::uint8_t* scales, std::size_t blocks,
           ErrorSums& sums) const;

 private:
  Format format_;
  CodeValues values_;
};

/// The three figures of a tensor.
struct QuantizationError {
  double relative_mse = 0.0;
  double sqnr_db = 0.0;
  double int_share = 0.0;
};

/// `original` must hold finite values. Throws InputError where the shapes differ.
QuantizationError measure(const Tensor& original, const QuantizedTensor& quantized);

}  // namespace if4
