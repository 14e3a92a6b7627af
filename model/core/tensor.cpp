#include "model/core/tensor.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "model/core/error.hpp"

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

void check_size(const Tensor& tensor) {
  const std::size_t expected = tensor.rows() * tensor.columns();
  if (tensor.values.size() == expected) return;
  throw InputError("tensor of shape " + to_string(tensor.shape) + " has " +
                   std::to_string(tensor.values.size()) + " values, not " + std::to_string(expected));
}

std::string not_finite(std::size_t index, float value) {
  return "value " + std::to_string(index) + (std::isnan(value) ? " is NaN" : " is infinite");
}

Shape transposed(const Shape& shape) {
  Shape result = shape;
  std::swap(result.back(), result[result.size() - 2]);
  return result;
}

Tensor transposed(const Tensor& tensor) {
  Tensor result{transposed(tensor.shape), std::vector<float>(tensor.values.size())};
  const std::size_t columns = tensor.columns();
  const std::size_t rows = result.columns();
  for (std::size_t matrix = 0; matrix < tensor.values.size(); matrix += rows * columns) {
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t column = 0; column < columns; ++column) {
        result.values[matrix + column * rows + row] = tensor.values[matrix + row * columns + column];
      }
    }
  }
  return result;
}

bool flattens(Format format, const Shape& shape) {
  return shape.size() >= 3 && shape.back() < block_size(format);
}

std::size_t QuantizedTensor::columns() const {
  if (!flattened) return column_count(shape);
  std::size_t columns = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) columns *= shape[i];
  return columns;
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
  tensor.flattened = flattens(format, shape);
  const std::size_t blocks = tensor.rows() * tensor.blocks_per_row();
  tensor.codes.resize(blocks * code_bytes(format));
  tensor.scales.resize(blocks);
  return tensor;
}

namespace {

/// What the values of codes are made of, for all tensors of a format: models have many small tensors.
struct FormatValues {
  double elements[256][64];  ///< by scale byte, which says the type, and code
  double scales[256];

  explicit FormatValues(Format format) {
    const double denominator = traits(format).divisor * (1 << traits(format).fraction_bits);
    for (unsigned byte = 0; byte < 256; ++byte) {
      const ElementType type = element_type(format, static_cast<std::uint8_t>(byte));
      scales[byte] = static_cast<double>(scale_value(format, static_cast<std::uint8_t>(byte)));
      for (unsigned code = 0; code < 64; ++code) {
        const bool known = code < 1U << traits(format).code_bits;
        const int numerator = known ? operand(format, type, code) * weight(format, type) : 0;
        elements[byte][code] = numerator / denominator;
      }
    }
  }
};

const FormatValues& format_values(Format format) {
  static const std::vector<FormatValues> all = [] {
    std::vector<FormatValues> tables;
    for (int number = 0; number < kFormatCount; ++number) tables.emplace_back(static_cast<Format>(number));
    return tables;
  }();
  return all[static_cast<std::size_t>(format)];
}

}  // namespace

float scale_step(GlobalScale::Kind kind, float s, float value) {
  return kind == GlobalScale::Kind::kDivisor ? s / value : s * value;
}

CodeValues::CodeValues(Format format, float amax)
    : lines_per_scale_(traits(format).code_bits > 4 ? 4 : 1), lines_(256 * lines_per_scale_) {
  const double step = static_cast<double>(amax) / static_cast<double>(amax_divisor(format));
  const FormatValues& table = format_values(format);
  for (unsigned byte = 0; byte < 256; ++byte) {
    const double scale = table.scales[byte] * step;
    for (std::size_t line = 0; line < lines_per_scale_; ++line) {
      const double* const elements = &table.elements[byte][line * 16];
      float* const values = lines_[byte * lines_per_scale_ + line].values;
      for (int i = 0; i < 16; ++i) values[i] = static_cast<float>(elements[i] * scale);
    }
  }
}

CodeValues::CodeValues(Format format, GlobalScale::Kind kind, float global_scale)
    : lines_per_scale_(traits(format).code_bits > 4 ? 4 : 1), lines_(256 * lines_per_scale_) {
  const FormatValues& table = format_values(format);
  const unsigned sign = 1U << (traits(format).code_bits - 1);
  for (unsigned byte = 0; byte < 256; ++byte) {
    const float step = scale_step(kind, static_cast<float>(table.scales[byte]), global_scale);
    for (unsigned code = 0; code < 16 * lines_per_scale_; ++code) {
      float element = static_cast<float>(table.elements[byte][code]);
      if (kind == GlobalScale::Kind::kDivisor && (code & sign) != 0 && element == 0.0F) element = -0.0F;
      lines_[byte * lines_per_scale_ + code / 16].values[code % 16] = element * step;
    }
  }
}

double value_unit(const QuantizedTensor& tensor) {
  return static_cast<double>(tensor.amax) / static_cast<double>(amax_divisor(tensor.format));
}

std::size_t nan_scales(const QuantizedTensor& tensor) {
  const auto is_nan = [&](std::uint8_t scale) { return std::isnan(scale_value(tensor.format, scale)); };
  return static_cast<std::size_t>(std::count_if(tensor.scales.begin(), tensor.scales.end(), is_nan));
}

namespace {

/// Writes the values of rows that have one amax or global scale.
void dequantize_rows(const QuantizedTensor& tensor, std::size_t begin, std::size_t end,
                     const CodeValues& values, Tensor& result) {
  const std::size_t columns = tensor.columns();
  const int bits = traits(tensor.format).code_bits;
  for (std::size_t row = begin; row < end; ++row) {
    for (std::size_t b = 0; b < tensor.blocks_per_row(); ++b) {
      const Block block = tensor.block(row, b);
      const float* const of_block = values.of(block.scale);
      const std::size_t first = b * block_size(tensor.format);
      const std::size_t count = std::min(columns - first, block_size(tensor.format));
      for (std::size_t i = 0; i < count; ++i) {
        result.values[row * columns + first + i] = of_block[block.code(static_cast<int>(i), bits)];
      }
    }
  }
}

}  // namespace

Tensor dequantize(const QuantizedTensor& tensor) {
  Tensor result{tensor.shape, std::vector<float>(tensor.rows() * tensor.columns())};
  if (!tensor.global_scale) {
    dequantize_rows(tensor, 0, tensor.rows(), CodeValues(tensor.format, tensor.amax), result);
    return result;
  }
  const GlobalScale& global = *tensor.global_scale;
  const std::size_t rows = tensor.rows() / global.values.size();
  for (std::size_t i = 0; i < global.values.size(); ++i) {
    const CodeValues values(tensor.format, global.kind, global.values[i]);
    dequantize_rows(tensor, i * rows, (i + 1) * rows, values, result);
  }
  return result;
}

}  // namespace if4
