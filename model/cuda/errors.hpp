// What the numbers of CUDA's errors mean to a user.
#pragma once

#include <string>

#include "model/cuda/cuda_quantizer.hpp"

namespace if4::cuda {

/// Throws CudaError unless `status`, a cudaError_t, is success. `doing` says what was tried: "cannot start a kernel".
void check(int status, const std::string& doing);

}  // namespace if4::cuda
