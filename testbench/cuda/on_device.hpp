// Tensors of the tests, quantized on the device through the interface for device pointers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "model/quantize/fast_quantizer.hpp"

namespace if4::testing {

/// What differs from the plain road.
struct DeviceRun {
  bool tiled = false;
  std::optional<float> amax = std::nullopt;  ///< given instead of found
  std::size_t misaligned = 0;                ///< values that stand before the tensor in its memory
};

/// Copies the tensor to the device, finds amax and codes there, and copies the result back. Memory that a kernel should
/// have written and did not holds 0xA5. Throws CudaError and InputError.
QuantizedTensor quantize_on_device(const TensorView& view, const QuantizeOptions& options,
                                   const DeviceRun& run = {});

/// Noise and signal of the same, from CudaQuantizer::add_errors().
ErrorSums errors_on_device(const TensorView& view, const QuantizeOptions& options);

}  // namespace if4::testing
