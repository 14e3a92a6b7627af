// Tensors in memory: plain FP32, and block-quantized.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/core/format.hpp"

namespace if4 {

/// The sizes of the dimensions, outermost first. A scalar has none.
using Shape = std::vector<std::size_t>;

/// The product of all dimensions but the last; 1 for a vector or a scalar.
std::size_t row_count(const Shape& shape);
/// The last dimension, along which blocks are cut; 1 for a scalar.
std::size_t column_count(const Shape& shape);
/// The shape as text, for messages and reports: "[64, 256]".
std::string to_string(const Shape& shape);

/// Row-major FP32 values; values.size() is the product of the shape.
struct Tensor {
  Shape shape;
  std::vector<float> values;

  std::size_t rows() const { return row_count(shape); }
  std::size_t columns() const { return column_count(shape); }
};

/// Throws InputError unless tensor.values has as many values as the shape says.
void check_size(const Tensor& tensor);
/// "value 17 is NaN" or "value 17 is infinite", for messages. `value` must be one of the two.
std::string not_finite(std::size_t index, float value);

/// The shape with its last two dimensions exchanged. It must have two or more.
Shape transposed(const Shape& shape);
/// Each matrix of the last two dimensions transposed by itself: [experts, n, k] becomes [experts, k, n].
Tensor transposed(const Tensor& tensor);

/// Whether the rows in which a tensor is cut into blocks are all its dimensions but the first, flattened, and
/// not its last dimension. It is so where there are three or more dimensions and the last is smaller than a
/// block, as in the weights of a convolution: each row of 3 or 7 values would be padded to a block.
bool flattens(Format format, const Shape& shape);

/// What other tools keep in place of amax. They decode a block in FP32, and every operation is rounded: first its
/// scale, s * value or s / value, and then each code times that. The bits of an element depend on that order.
struct GlobalScale {
  enum class Kind : std::uint8_t {
    kMultiplier,  ///< of ModelOpt, whose decoder has +0 for the code 0x8
    kDivisor,     ///< of compressed-tensors, whose decoder has -0 for the code 0x8
  };
  Kind kind = Kind::kMultiplier;
  std::vector<float>
      values;  ///< one for the tensor, or one for each of its matrices of the last two dimensions
};

/// s times or by the global scale, in FP32.
float scale_step(GlobalScale::Kind kind, float s, float value);

/// A tensor cut into rows, which are its last dimension unless they are flattened, and these into blocks of 16
/// codes (MXFP4: 32). Where a row ends inside a block, the rest of the block has zero codes.
struct QuantizedTensor {
  Format format = Format::kIF4;
  Shape shape;             ///< the true shape, without padding
  bool flattened = false;  ///< a row is all dimensions but the first: see flattens()
  /// rows x blocks_per_row x code_bytes(format) bytes. The codes of a block follow each other from the lowest
  /// bits up, so that of two 4-bit codes in a byte the even element is the low nibble.
  std::vector<std::uint8_t> codes;
  std::vector<std::uint8_t> scales;  ///< rows x blocks_per_row bytes
  float amax = 0.0F;                 ///< largest magnitude before quantization; 1 for MXFP4
  /// Where there is one, the values follow from it, and amax is what a tensor with that scale can hold at most.
  std::optional<GlobalScale> global_scale = std::nullopt;

  std::size_t rows() const { return flattened ? shape.front() : row_count(shape); }
  std::size_t columns() const;
  std::size_t blocks_per_row() const { return (columns() + block_size(format) - 1) / block_size(format); }
  Block block(std::size_t row, std::size_t index) const;
  void set_block(std::size_t row, std::size_t index, const Block& block);
};

/// A quantized tensor of that shape whose codes, scales and amax are all zero. It is flattened where
/// flattens() says so.
QuantizedTensor make_quantized(Format format, const Shape& shape);

/// amax / amax_divisor(format), in double: what is left of the value of an element when the code, the factor of its type
/// and its scale are taken out. A result of a MAC unit times those of both operands is the value of the dot product.
double value_unit(const QuantizedTensor& tensor);

/// What the codes of a tensor stand for: code value * factor * s * amax / amax_divisor(format), computed in
/// double and rounded to FP32 once. This is the one C++ definition of the value of a code in a tensor.
class CodeValues {
 public:
  CodeValues(Format format, float amax);
  /// The same of a tensor with a global scale, in the order of operations of its tool.
  CodeValues(Format format, GlobalScale::Kind kind, float global_scale);
  /// The values of all codes in a block with that scale byte, by code. There are 16 of 3- and 4-bit codes
  /// (those beyond the last code are not used) and 64 of 6-bit codes. A NaN scale makes all of them NaN.
  const float* of(std::uint8_t scale) const { return lines_[scale * lines_per_scale_].values; }

 private:
  struct alignas(64) Line {  // a line of the cache, and a vector of the widest SIMD
    float values[16] = {};
  };
  std::size_t lines_per_scale_;
  std::vector<Line> lines_;
};

/// How many blocks have a NaN scale, which makes all their values NaN.
std::size_t nan_scales(const QuantizedTensor& tensor);

/// The FP32 values that a quantized tensor stands for, without the padding.
Tensor dequantize(const QuantizedTensor& tensor);

}  // namespace if4
