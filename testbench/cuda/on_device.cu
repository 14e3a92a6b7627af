#include <algorithm>
#include <cstring>

#include "model/cuda/cuda_quantizer.hpp"
#include "model/cuda/device_memory.cuh"
#include "testbench/cuda/on_device.hpp"

namespace if4::testing {
namespace {

/// Device memory whose bytes are 0xA5.
class Memory {
 public:
  explicit Memory(std::size_t bytes) {
    bytes = std::max<std::size_t>(bytes, 16);
    buffer_.reserve(bytes);
    cuda::check(cudaMemset(buffer_.as(), 0xA5, bytes), "cannot set memory");
  }
  std::uint8_t* bytes() const { return buffer_.as(); }

 private:
  cuda::Buffer<true> buffer_;
};

void copy(void* to, const void* from, std::size_t bytes) {
  cuda::check(cudaMemcpy(to, from, bytes, cudaMemcpyDefault), "cannot copy");
}

}  // namespace

QuantizedTensor quantize_on_device(const TensorView& view, const QuantizeOptions& options,
                                   const DeviceRun& run) {
  const CudaQuantizer quantizer(view.shape, view.dtype, options, run.tiled);
  const std::size_t size = dtype_size(view.dtype);
  const cuda::Stream stream;
  const Memory x((quantizer.values() + run.misaligned) * size);
  const Memory codes(quantizer.code_bytes());
  const Memory scales(quantizer.scale_bytes());
  const Memory amax(sizeof(float));
  std::uint8_t* const values = x.bytes() + run.misaligned * size;
  copy(values, view.data, quantizer.values() * size);
  auto* const device_amax = reinterpret_cast<float*>(amax.bytes());
  if (run.amax) copy(device_amax, &*run.amax, sizeof(float));
  cuda::check(cudaDeviceSynchronize(),
              "cannot copy");  // the stream does not wait for what was set and copied
  if (!run.amax) {
    quantizer.find_amax(values, device_amax, stream.get());
  }
  quantizer.encode(values, device_amax, codes.bytes(), scales.bytes(), stream.get());
  cuda::check(cudaStreamSynchronize(stream.get()), "a kernel failed");

  QuantizedTensor result = make_quantized(options.format, quantizer.shape());
  result.scales.resize(quantizer.scale_bytes());
  copy(&result.amax, device_amax, sizeof(float));
  copy(result.codes.data(), codes.bytes(), result.codes.size());
  copy(result.scales.data(), scales.bytes(), result.scales.size());
  if (traits(options.format).scale_code == ScaleCode::kE8M0 && result.amax < 0x1p128F) result.amax = 1.0F;
  return result;
}

ErrorSums errors_on_device(const TensorView& view, const QuantizeOptions& options) {
  const CudaQuantizer quantizer(view.shape, view.dtype, options);
  const Memory x(quantizer.values() * dtype_size(view.dtype));
  const Memory codes(quantizer.code_bytes());
  const Memory scales(quantizer.scale_bytes());
  const Memory amax(sizeof(float));
  const Memory sums(CudaQuantizer::kErrorSums * 2 * sizeof(double));
  copy(x.bytes(), view.data, quantizer.values() * dtype_size(view.dtype));
  auto* const device_amax = reinterpret_cast<float*>(amax.bytes());
  auto* const device_sums = reinterpret_cast<double*>(sums.bytes());
  quantizer.find_amax(x.bytes(), device_amax, nullptr);
  quantizer.encode(x.bytes(), device_amax, codes.bytes(), scales.bytes(), nullptr);
  quantizer.add_errors(x.bytes(), device_amax, codes.bytes(), scales.bytes(), device_sums, nullptr);
  std::vector<double> parts(CudaQuantizer::kErrorSums * 2);
  copy(parts.data(), device_sums, parts.size() * sizeof(double));
  ErrorSums total;
  for (std::size_t i = 0; i < parts.size(); i += 2) {
    total.noise += parts[i];
    total.signal += parts[i + 1];
  }
  return total;
}

}  // namespace if4::testing
