// The quantizer on a GPU, on pointers to device memory and on a stream, for whoever has tensors there already. It gives the
// bits of quantize() in model/quantize/quantizer.hpp. Only a build with CUDA=1 has it; this header needs no CUDA.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/core/dtype.hpp"
#include "model/core/error.hpp"
#include "model/core/tensor.hpp"
#include "model/quantize/options.hpp"

struct CUstream_st;

namespace if4 {

namespace cuda {
struct Job;
}

/// A cudaStream_t.
using CudaStream = CUstream_st*;

/// The device cannot do what was asked. what() is one line that says why.
class CudaError : public InputError {
 public:
  enum class Kind : std::uint8_t {
    kNoDevice,           ///< there is no device, or no driver that fits
    kOutOfMemory,        ///< the device has not enough memory
    kWrongArchitecture,  ///< the program has no code for this device
    kOther,
  };
  CudaError(Kind kind, const std::string& message) : InputError(message), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

/// Throws CudaError unless the current device can run the kernels. The first call takes as long as CUDA takes to start.
void require_cuda();

/// What is done to tensors of one shape and type. An object holds no device memory and may be used by several threads.
/// All functions throw CudaError where a kernel cannot be started. None waits for the device, so an error of a kernel
/// itself shows in the next call of CUDA that does.
class CudaQuantizer {
 public:
  /// `dtype`: F32, BF16 or F16. With `tiled` the scales are written in scale tiles (core/tiled_scales.hpp). Throws
  /// InputError where quantize() refuses options, shape or dtype.
  CudaQuantizer(const Shape& shape, DType dtype, const QuantizeOptions& options, bool tiled = false);

  /// The shape of the result, which is transposed if that is an option; its rows, and how many blocks a row has.
  const Shape& shape() const { return shape_; }
  std::size_t rows() const { return rows_; }
  std::size_t blocks_per_row() const { return blocks_per_row_; }
  /// How many values the tensor has, and how many bytes its codes and its scales take.
  std::size_t values() const { return values_; }
  std::size_t code_bytes() const;
  std::size_t scale_bytes() const;

  /// Writes the largest magnitude of the tensor, rotated if that is an option, to *amax: an infinity or a NaN where a
  /// value is not finite, or is beyond the range of BF16 once it is rotated. `x`: values(), row-major, at a multiple of
  /// their size; it is read faster at a multiple of 16.
  void find_amax(const void* x, float* amax, CudaStream stream) const;

  /// Writes code_bytes() bytes of codes, at a multiple of 16, and scale_bytes() bytes of scales, as they are in
  /// QuantizedTensor. *amax is read on the device when the stream comes to it: what find_amax() wrote, or another number,
  /// such as one of a calibration, for which larger values saturate; with 0 all do, to 0. Where amax is not finite, every scale becomes the
  /// NaN, and so does that of a block with a value that is not finite: all of its values are then NaN, and nothing wrong
  /// passes for a number. MXFP4 needs amax too, but stores none.
  void encode(const void* x, const float* amax, std::uint8_t* codes, std::uint8_t* scales,
              CudaStream stream) const;

  /// Brings *amax up to the largest magnitude of `count` values that are not rotated: a part of find_amax(), for tensors
  /// that arrive in parts. *amax must be 0 before the first one.
  static void add_amax(const void* x, DType dtype, std::size_t count, float* amax, CudaStream stream);
  /// Starts to sum the errors of codes and linear scales that encode() wrote. `sums` gets kErrorSums pairs of doubles:
  /// parts of the noise and of the signal of ErrorSums, to be added in order.
  void add_errors(const void* x, const float* amax, const std::uint8_t* codes, const std::uint8_t* scales,
                  double* sums, CudaStream stream) const;
  static constexpr std::size_t kErrorSums = 1024;

 private:
  /// What the kernels are told, but for amax and the results.
  cuda::Job job(const void* x) const;

  QuantizeOptions options_;
  DType dtype_;
  bool tiled_;
  bool flattened_;
  Shape shape_;
  std::size_t rows_, columns_, values_, blocks_per_row_;
};

}  // namespace if4
