// Tensors in memory or in a mapped file, quantized on a device: the part of FastQuantizer's interface that whole models
// need. This header needs no CUDA, and every build has what it declares; without CUDA=1 the one function says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "model/quantize/fast_quantizer.hpp"

namespace if4 {

/// A tensor that was quantized on a device, whose result is fetched in parts, each a number of blocks, in the order of the
/// result. The meaning of all functions is that of FastQuantizer, and so are the bits; sums of errors may differ in the
/// last digits of a double.
class DeviceQuantizer {
 public:
  virtual ~DeviceQuantizer() = default;
  virtual const Shape& shape() const = 0;
  virtual std::size_t rows() const = 0;
  virtual float amax() const = 0;
  virtual std::size_t parts() const = 0;
  virtual std::size_t code_bytes(std::size_t first, std::size_t last) const = 0;
  virtual std::size_t scale_bytes(std::size_t first, std::size_t last) const = 0;
  /// While the caller has these parts, as many that follow them are on their way. The errors of values are added with
  /// part 0, all at once.
  virtual void encode(std::size_t first, std::size_t last, std::uint8_t* codes, std::uint8_t* scales,
                      ErrorSums* errors = nullptr) = 0;
};

/// A device and its memory.
class Device {
 public:
  virtual ~Device() = default;
  /// Reads the values, on `threads` threads (0: on all cores) while they are copied and amax is found, and starts to code
  /// them. The object must be gone before the next one is made. Throws InputError where FastQuantizer does, and CudaError
  /// where the device cannot: it must hold the whole tensor and its result.
  virtual std::unique_ptr<DeviceQuantizer> quantize(const TensorView& view, const QuantizeOptions& options,
                                                    unsigned threads) = 0;
};

/// The current CUDA device. Throws CudaError where there is none that can run the kernels, and InputError in a build
/// without CUDA.
std::unique_ptr<Device> open_cuda_device();

}  // namespace if4
