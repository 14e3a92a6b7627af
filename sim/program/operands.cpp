#include "sim/program/operands.hpp"

#include <algorithm>
#include <random>

#include "model/core/error.hpp"
#include "model/mac/gemm.hpp"
#include "model/quantize/fast_quantizer.hpp"

namespace if4 {

ProductOperand read_operand(const std::string& text, const QuantizeOptions& options) {
  const TensorRef ref = parse_tensor_ref(text);
  if (has_quantized(ref)) {
    NamedQuantized named = read_quantized(ref);
    return {to_string(ref), std::move(named.tensor), std::nullopt, named.rule, named.rotated};
  }
  Tensor tensor = read_tensor(ref);
  QuantizedTensor quantized = quantize_fast(view_of(tensor), options);
  if (quantized.flattened) tensor.shape = {quantized.rows(), quantized.columns()};
  return {to_string(ref), std::move(quantized), std::move(tensor),
          uses_rule(options) ? std::string(rule_name(options.rule)) : "", options.rotate};
}

void check_product(const ProductOperand& activations, const ProductOperand& weights) {
  check_product(activations.quantized, weights.quantized);
  if (activations.rotated == weights.rotated) return;
  const ProductOperand& rotated = activations.rotated ? activations : weights;
  const ProductOperand& other = activations.rotated ? weights : activations;
  throw InputError(rotated.name + " is rotated (--rht) and " + other.name +
                   " is not; a product needs both, or neither");
}

QuantizedTensor random_operand(Format format, std::uint64_t rows, std::uint64_t columns, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  QuantizedTensor tensor = make_quantized(format, {rows, columns});
  for (std::size_t i = 0; i < tensor.codes.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t word = random();
    for (std::size_t b = i; b < std::min(i + sizeof word, tensor.codes.size()); ++b, word >>= 8)
      tensor.codes[b] = static_cast<std::uint8_t>(word);
  }
  for (std::uint8_t& scale : tensor.scales) {
    const std::uint64_t word = random();
    scale = static_cast<std::uint8_t>((mixes_types(format) ? word & kScaleIntBit : 0) | (0x40 + word % 32));
  }
  // Codes beyond the end of a row are zero.
  const std::uint64_t used = columns % kBlockSize;
  if (used != 0) {
    const int bits = traits(format).code_bits * static_cast<int>(used);
    for (std::uint64_t row = 0; row < rows; ++row) {
      Block block = tensor.block(row, tensor.blocks_per_row() - 1);
      block.codes &= (Codes{1} << bits) - 1;
      tensor.set_block(row, tensor.blocks_per_row() - 1, block);
    }
  }
  return tensor;
}

}  // namespace if4
