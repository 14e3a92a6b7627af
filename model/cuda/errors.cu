#include "model/core/text.hpp"
#include "model/cuda/errors.hpp"

namespace if4::cuda {
namespace {

/// The device as a message names it: "NVIDIA H100 80GB HBM3 (sm_90)".
std::string device_text() {
  int device = 0;
  cudaDeviceProp properties{};
  if (cudaGetDevice(&device) != cudaSuccess || cudaGetDeviceProperties(&properties, device) != cudaSuccess) {
    return "the device";
  }
  return one_line(properties.name) + " (sm_" + std::to_string(properties.major) +
         std::to_string(properties.minor) + ")";
}

}  // namespace

void check(int status, const std::string& doing) {
  const auto error = static_cast<cudaError_t>(status);
  if (error == cudaSuccess) return;
  using Kind = CudaError::Kind;
  // An error stays until it is asked for: the next call must not find this one.
  cudaGetLastError();
  const std::string reason = cudaGetErrorString(error);
  switch (error) {
    case cudaErrorNoDevice:
    case cudaErrorInsufficientDriver:
    case cudaErrorSystemDriverMismatch:
    case cudaErrorDevicesUnavailable:
    case cudaErrorInitializationError:
    case cudaErrorStubLibrary:
    case cudaErrorSystemNotReady:
      throw CudaError(Kind::kNoDevice, "CUDA: there is no device to use: " + reason);
    case cudaErrorMemoryAllocation:
      throw CudaError(Kind::kOutOfMemory, "CUDA: " + doing + ": out of memory");
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorInvalidDeviceFunction:
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorInvalidPtx:
    case cudaErrorInvalidKernelImage:
      throw CudaError(Kind::kWrongArchitecture, "CUDA: the program has no code for " + device_text() +
                                                    ", but for " + IF4_CUDA_ARCH +
                                                    "; make CUDA=1 CUDA_ARCH=... builds it");
    default:
      throw CudaError(Kind::kOther, "CUDA: " + doing + ": " + reason);
  }
}

}  // namespace if4::cuda
