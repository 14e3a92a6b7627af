#include "model/core/tensor.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace if4 {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "codes are copied without swapping bytes");

std::size_t row_count(const Shape& shape) {
  std::size_t rows = 1;
  for (std::size_t i = 0; i + 1 < shape.size(); ++i) rows *= shape[i];
  return rows;
}

std::size_t column_count(const Shape& shape) { return shape.empty() ? 1 : shape.back(); }

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (const std::size_t dimension : shape) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(dimension);
  }
  return text + "]";
}

Block QuantizedTensor::block(std::size_t row, std::size_t index) const {
  const std::size_t position = row * blocks_per_row() + index;
  const std::size_t bytes = code_bytes(format);
  Block block;
  std::memcpy(&block.codes, codes.data() + position * bytes, bytes);
  block.scale = scales[position];
  return block;
}

void QuantizedTensor::set_block(std::size_t row, std::size_t index, const Block& block) {
  const std::size_t position = row * blocks_per_row() + index;
  const std::size_t bytes = code_bytes(format);
  std::memcpy(codes.data() + position * bytes, &block.codes, bytes);
  scales[position] = block.scale;
}

QuantizedTensor make_quantized(Format format, const Shape& shape) {
  QuantizedTensor tensor;
  tensor.format = format;
  tensor.shape = shape;
  const std::size_t blocks = tensor.rows() * tensor.blocks_per_row();
  tensor.codes.resize(blocks * code_bytes(format));
  tensor.scales.resize(blocks);
  return tensor;
}

Tensor dequantize(const QuantizedTensor& tensor) {
  const std::size_t columns = tensor.columns();
  Tensor result{tensor.shape, std::vector<float>(tensor.rows() * columns)};
  const FormatTraits& format = traits(tensor.format);
  const double step = static_cast<double>(tensor.amax) / static_cast<double>(amax_divisor(tensor.format));
  const double denominator = format.divisor * (1 << format.fraction_bits);
  for (std::size_t row = 0; row < tensor.rows(); ++row) {
    for (std::size_t b = 0; b < tensor.blocks_per_row(); ++b) {
      const Block block = tensor.block(row, b);
      const ElementType type = element_type(tensor.format, block.scale);
      const double scale = static_cast<double>(scale_value(tensor.format, block.scale)) * step;
      const std::size_t first = b * block_size(tensor.format);
      const std::size_t count = std::min(columns - first, block_size(tensor.format));
      for (std::size_t i = 0; i < count; ++i) {
        const unsigned code = block.code(static_cast<int>(i), format.code_bits);
        const int numerator = operand(tensor.format, type, code) * weight(tensor.format, type);
        result.values[row * columns + first + i] = static_cast<float>(numerator / denominator * scale);
      }
    }
  }
  return result;
}

}  // namespace if4
