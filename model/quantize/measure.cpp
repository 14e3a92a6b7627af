#include "model/quantize/measure.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "model/core/error.hpp"
#include "model/quantize/simd_errors.hpp"

namespace if4 {

ErrorSums& operator+=(ErrorSums& sums, const ErrorSums& more) {
  sums.noise += more.noise;
  sums.signal += more.signal;
  sums.blocks += more.blocks;
  sums.int_blocks += more.int_blocks;
  return sums;
}

double relative_mse(const ErrorSums& sums) { return sums.noise == 0.0 ? 0.0 : sums.noise / sums.signal; }

double sqnr_db(const ErrorSums& sums) { return 0.0 - 10.0 * std::log10(relative_mse(sums)); }

double int_share(const ErrorSums& sums) {
  return sums.blocks == 0 ? 0.0 : static_cast<double>(sums.int_blocks) / static_cast<double>(sums.blocks);
}

void ErrorMeter::add(const float* x, const std::uint8_t* codes, const std::uint8_t* scales,
                     std::size_t blocks, ErrorSums& sums) const {
  simd_add_errors(format_, values_, x, codes, scales, blocks, sums);
  sums.blocks += blocks;
  if (!mixes_types(format_)) {
    if (element_type(format_, 0) == ElementType::kInt) sums.int_blocks += blocks;
    return;
  }
  unsigned ints = 0;
  for (std::size_t b = 0; b < blocks; ++b) ints += scales[b] >> 7;
  sums.int_blocks += ints;
}

QuantizationError measure(const Tensor& original, const QuantizedTensor& quantized) {
  if (original.shape != quantized.shape) {
    throw InputError("cannot compare a tensor of shape " + to_string(original.shape) + " with one of " +
                     to_string(quantized.shape));
  }
  check_size(original);
  const Format format = quantized.format;
  const std::size_t columns = quantized.columns();
  const std::size_t size = block_size(format);
  const std::size_t whole = columns / size;
  const std::size_t rest = columns % size;
  std::vector<ErrorMeter> meters;  // one for the tensor, or one for each global scale
  if (quantized.global_scale) {
    for (const float value : quantized.global_scale->values)
      meters.emplace_back(format, CodeValues(format, quantized.global_scale->kind, value));
  } else {
    meters.emplace_back(format, quantized.amax);
  }
  const std::size_t rows = std::max<std::size_t>(quantized.rows() / meters.size(), 1);
  ErrorSums sums;
  for (std::size_t row = 0; row < quantized.rows(); ++row) {
    const float* const x = original.values.data() + row * columns;
    const std::size_t first = row * quantized.blocks_per_row();
    const ErrorMeter& meter = meters[row / rows];
    meter.add(x, quantized.codes.data() + first * code_bytes(format), quantized.scales.data() + first, whole,
              sums);
    if (rest == 0) continue;
    // The padding counts for nothing: its values are 0, and its codes are taken for 0.
    std::array<float, 2 * kBlockSize> padded{};
    std::copy_n(x + whole * size, rest, padded.begin());
    Block block = quantized.block(row, whole);
    block.codes &= (Codes{1} << (rest * static_cast<std::size_t>(traits(format).code_bits))) - 1;
    std::array<std::uint8_t, sizeof block.codes> bytes{};
    std::memcpy(bytes.data(), &block.codes, bytes.size());
    meter.add(padded.data(), bytes.data(), &block.scale, 1, sums);
  }
  return {relative_mse(sums), sqnr_db(sums), int_share(sums)};
}

}  // namespace if4
