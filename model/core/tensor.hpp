// Tensors in memory: plain FP32, and block-quantized.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/core/format.hpp"

namespace if4 {

/// Sizes of the dimensions, outermost first. A scalar has none.
using Shape = std::vector<std::size_t>;

/// Product of all dimensions but the last (1 for a vector or a scalar).
std::size_t row_count(const Shape& shape);
/// The last dimension, along which blocks are cut (1 for a scalar).
std::size_t column_count(const Shape& shape);
/// "[64, 256]", for messages and reports.
std::string to_string(const Shape& shape);

/// Row-major FP32 values; values.size() is the product of the shape.
struct Tensor {
  Shape shape;
  std::vector<float> values;

  std::size_t rows() const { return row_count(shape); }
  std::size_t columns() const { return column_count(shape); }
};

/// A tensor cut along its last dimension into blocks of 16 (MXFP4: 32), the last one padded with zero codes.
struct QuantizedTensor {
  Format format = Format::kIF4;
  Shape shape;  ///< the true shape, without padding
  /// rows x blocks_per_row x code_bytes(format) bytes. The codes of a block in order, lowest bits first: of
  /// 4-bit codes the even element of a pair is the low nibble.
  std::vector<std::uint8_t> codes;
  std::vector<std::uint8_t> scales;  ///< rows x blocks_per_row bytes
  float amax = 0.0F;                 ///< largest magnitude of the tensor before quantization; 1 for MXFP4

  std::size_t rows() const { return row_count(shape); }
  std::size_t columns() const { return column_count(shape); }
  std::size_t blocks_per_row() const { return (columns() + block_size(format) - 1) / block_size(format); }
  Block block(std::size_t row, std::size_t index) const;
  void set_block(std::size_t row, std::size_t index, const Block& block);
};

/// A quantized tensor of that shape with every code, scale and amax zero.
QuantizedTensor make_quantized(Format format, const Shape& shape);

/// The FP32 values that a quantized tensor stands for, true shape. Computed in double and rounded once:
/// code value * factor * s * amax / amax_divisor(format). A NaN scale makes its 16 values NaN.
Tensor dequantize(const QuantizedTensor& tensor);

}  // namespace if4
