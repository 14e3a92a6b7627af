// The operands of a product, from files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/files/tensor_file.hpp"
#include "model/quantize/options.hpp"

namespace if4 {

/// An operand: quantized as it came, or here from a plain tensor, which is kept to measure against.
struct ProductOperand {
  std::string name;  ///< FILE:NAME, for messages
  QuantizedTensor quantized;
  std::optional<Tensor> original;
  std::string rule;  ///< as in NamedQuantized: its name, or empty
  bool rotated = false;
};
/// `text`: FILE:NAME. Throws InputError as read_quantized(), read_tensor() and quantize_fast() do.
ProductOperand read_operand(const std::string& text, const QuantizeOptions& options);

/// Throws InputError, naming the operands, unless both have the same K, and both are rotated or neither is: a
/// rotation cancels out of a product only if both operands have it.
void check_product(const ProductOperand& activations, const ProductOperand& weights);

/// A quantized tensor [rows, columns] for a product that nobody reads: uniform codes, and scales of either
/// type within a range of 2^4, as those of real tensors. amax is 0.
QuantizedTensor random_operand(Format format, std::uint64_t rows, std::uint64_t columns, std::uint64_t seed);

}  // namespace if4
