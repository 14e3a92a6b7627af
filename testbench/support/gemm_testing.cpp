#include "testbench/support/gemm_testing.hpp"

#include <algorithm>
#include <cstdlib>

namespace if4::testing {

std::uint64_t pick(std::mt19937_64& random, std::uint64_t least, std::uint64_t most) {
  return std::uniform_int_distribution<std::uint64_t>(least, most)(random);
}

QuantizedTensor random_operand(std::mt19937_64& random, Format format, std::uint64_t rows,
                               std::uint64_t columns, Values values) {
  QuantizedTensor tensor = make_quantized(format, {rows, columns});
  const int bits = traits(format).code_bits;
  const bool two_types = element_type(format, 0) != element_type(format, kScaleIntBit);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t b = 0; b < tensor.blocks_per_row(); ++b) {
      Block block;
      do {
        block.scale = static_cast<std::uint8_t>(random() & (two_types ? 0xFF : 0x7F));
        if (values == Values::kLargest)
          block.scale = static_cast<std::uint8_t>((block.scale & kScaleIntBit) | (kScaleNaN - 1));
      } while (values != Values::kNaN && decode_scale(block.scale).nan);
      // The code of the largest magnitude, with either sign.
      const ElementType type = element_type(format, block.scale);
      unsigned largest = 0;
      for (unsigned code = 0; code < 1U << bits; ++code)
        if (std::abs(operand(format, type, code)) > std::abs(operand(format, type, largest))) largest = code;
      const std::size_t count = std::min<std::size_t>(kBlockSize, columns - b * kBlockSize);
      for (std::size_t i = 0; i < count; ++i) {
        const Codes code = values == Values::kLargest ? largest : random() & ((1U << bits) - 1);
        block.codes |= code << (static_cast<std::size_t>(bits) * i);
      }
      tensor.set_block(row, b, block);
    }
  }
  return tensor;
}

std::vector<MacResult> golden_product(const MacConfig& mac, const QuantizedTensor& a,
                                      const QuantizedTensor& w) {
  std::vector<MacResult> results;
  for (std::size_t m = 0; m < a.rows(); ++m) {
    for (std::size_t n = 0; n < w.rows(); ++n) results.push_back(dot_product(mac, a, m, w, n));
  }
  return results;
}

std::vector<std::uint32_t> bits_of(const std::vector<MacResult>& results) {
  std::vector<std::uint32_t> bits;
  for (const MacResult& result : results) bits.push_back(result.bits);
  return bits;
}

}  // namespace if4::testing
