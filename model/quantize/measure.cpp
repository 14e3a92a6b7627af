#include "model/quantize/measure.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "model/core/error.hpp"

namespace if4 {

QuantizationError measure(const Tensor& original, const QuantizedTensor& quantized) {
  if (original.shape != quantized.shape) {
    throw InputError("cannot compare a tensor of shape " + to_string(original.shape) + " with one of " +
                     to_string(quantized.shape));
  }
  const Tensor restored = dequantize(quantized);
  double noise = 0.0;
  double signal = 0.0;
  for (std::size_t i = 0; i < original.values.size(); ++i) {
    const double x = original.values[i];
    const double error = x - static_cast<double>(restored.values[i]);
    noise += error * error;
    signal += x * x;
  }
  std::size_t int_blocks = 0;
  for (const std::uint8_t scale : quantized.scales) {
    if (element_type(quantized.format, scale) == ElementType::kInt) ++int_blocks;
  }

  QuantizationError result;
  result.relative_mse = noise == 0.0 ? 0.0 : noise / signal;
  result.sqnr_db = -10.0 * std::log10(result.relative_mse);
  if (!quantized.scales.empty()) {
    result.int_share = static_cast<double>(int_blocks) / static_cast<double>(quantized.scales.size());
  }
  return result;
}

}  // namespace if4
