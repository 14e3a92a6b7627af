// What stands in for device_quantizer.cu in a program without CUDA. One with it has that file's function on its link line
// before the library, and never takes this one.
#include "model/core/error.hpp"
#include "model/cuda/device_quantizer.hpp"

namespace if4 {

std::unique_ptr<Device> open_cuda_device() {
  throw InputError("CUDA: this program was built without it; make CUDA=1 builds build/cuda/if4 with it");
}

}  // namespace if4
