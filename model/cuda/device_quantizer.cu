#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "model/core/parallel.hpp"
#include "model/cuda/cuda_quantizer.hpp"
#include "model/cuda/device_memory.cuh"
#include "model/cuda/device_quantizer.hpp"

namespace if4 {
namespace {

using cuda::check;

/// Bytes of input that are copied at a time, and what a thread reads of them at a time.
constexpr std::size_t kChunk = std::size_t{32} << 20;
constexpr std::size_t kSlice = std::size_t{1} << 20;
/// Chunks that are on their way at a time: one is read from the file while others are copied.
constexpr std::size_t kChunks = 3;
constexpr std::size_t kPartBlocks = std::size_t{1} << 16;

/// What one tensor after the other uses.
struct Memory {
  cuda::Buffer<true> x, codes, scales, numbers;
  std::array<cuda::Buffer<false>, kChunks> chunks;
  std::array<cuda::Event, kChunks> copied;
  std::array<cuda::Buffer<false>, 2> results;
  std::array<cuda::Event, 2> fetched;
  cuda::Buffer<false> host_numbers;
  cuda::Stream in, work, out;
  cuda::Event ready;
};

/// Where amax and the sums of errors are in `numbers`.
constexpr std::size_t kSumsAt = 16;
constexpr std::size_t kNumbers = kSumsAt + 2 * CudaQuantizer::kErrorSums * sizeof(double);

class Quantized final : public DeviceQuantizer {
 public:
  Quantized(Memory& memory, const TensorView& view, const QuantizeOptions& options, unsigned threads)
      : memory_(memory), options_(options), quantizer_(view.shape, view.dtype, options) {
    const std::size_t bytes = quantizer_.values() * dtype_size(view.dtype);
    memory.x.reserve(bytes);
    memory.codes.reserve(quantizer_.code_bytes());
    memory.scales.reserve(quantizer_.scale_bytes());
    memory.numbers.reserve(kNumbers);
    memory.host_numbers.reserve(kNumbers);
    upload(view, bytes, threads);
    auto* const amax = memory.numbers.as<float>();
    if (options.rotate) quantizer_.find_amax(memory.x.as(), amax, memory.work.get());
    check(cudaMemcpyAsync(memory.host_numbers.as(), amax, sizeof amax_, cudaMemcpyDeviceToHost,
                          memory.work.get()),
          "cannot copy");
    check(cudaStreamSynchronize(memory.work.get()), "a kernel or a copy failed");
    std::memcpy(&amax_, memory.host_numbers.as(), sizeof amax_);
    if (!std::isfinite(amax_)) {
      const FastQuantizer says_why(view, options, threads);
      throw InputError("a value of the tensor is not finite");
    }
    code(amax);
  }

  const Shape& shape() const override { return quantizer_.shape(); }
  std::size_t rows() const override { return quantizer_.rows(); }
  float amax() const override {
    return traits(options_.format).scale_code == ScaleCode::kE8M0 ? 1.0F : amax_;
  }
  std::size_t parts() const override { return (quantizer_.scale_bytes() + kPartBlocks - 1) / kPartBlocks; }
  std::size_t scale_bytes(std::size_t first, std::size_t last) const override {
    return blocks_before(last) - blocks_before(first);
  }
  std::size_t code_bytes(std::size_t first, std::size_t last) const override {
    return scale_bytes(first, last) * if4::code_bytes(options_.format);
  }

  void encode(std::size_t first, std::size_t last, std::uint8_t* codes, std::uint8_t* scales,
              ErrorSums* errors) override {
    if (first >= last) return;
    if (first != fetching_first_ || last != fetching_last_) fetch(first, last);
    const std::size_t slot = slot_;
    const std::size_t next = std::min(parts(), last + (last - first));
    fetch(last, next);
    memory_.fetched[slot].wait();
    const std::uint8_t* const from = memory_.results[slot].as();
    std::memcpy(codes, from, code_bytes(first, last));
    std::memcpy(scales, from + code_bytes(first, last), scale_bytes(first, last));
    if (errors == nullptr) return;
    const std::size_t blocks = scale_bytes(first, last);
    errors->blocks += blocks;
    if (!mixes_types(options_.format)) {
      if (element_type(options_.format, 0) == ElementType::kInt) errors->int_blocks += blocks;
    } else {
      for (std::size_t b = 0; b < blocks; ++b) errors->int_blocks += scales[b] >> 7;
    }
    if (first == 0) add_sums(*errors);
  }

 private:
  std::size_t blocks_before(std::size_t part) const {
    return std::min(part * kPartBlocks, quantizer_.scale_bytes());
  }

  /// Copies the values to the device through pinned memory, a chunk at a time: while one is read, those before it are
  /// copied, and amax is found in those before them.
  void upload(const TensorView& view, std::size_t bytes, unsigned threads) {
    auto* const amax = memory_.numbers.as<float>();
    check(cudaMemsetAsync(amax, 0, sizeof *amax, memory_.work.get()), "cannot set memory");
    const auto* const from = static_cast<const std::uint8_t*>(view.data);
    for (std::size_t at = 0, i = 0; at < bytes; at += kChunk, ++i) {
      const std::size_t size = std::min(kChunk, bytes - at);
      const std::size_t slot = i % kChunks;
      memory_.chunks[slot].reserve(kChunk);
      memory_.copied[slot].wait();
      std::uint8_t* const chunk = memory_.chunks[slot].as();
      parallel_for((size + kSlice - 1) / kSlice, threads, [&](std::size_t slice) {
        const std::size_t first = slice * kSlice;
        std::memcpy(chunk + first, from + at + first, std::min(kSlice, size - first));
      });
      std::uint8_t* const to = memory_.x.as() + at;
      check(cudaMemcpyAsync(to, chunk, size, cudaMemcpyHostToDevice, memory_.in.get()), "cannot copy");
      memory_.copied[slot].record(memory_.in);
      memory_.copied[slot].hold(memory_.work);
      if (options_.rotate) continue;
      CudaQuantizer::add_amax(to, view.dtype, size / dtype_size(view.dtype), amax, memory_.work.get());
    }
  }

  void code(const float* amax) {
    auto* const sums = reinterpret_cast<double*>(memory_.numbers.as() + kSumsAt);
    quantizer_.encode(memory_.x.as(), amax, memory_.codes.as(), memory_.scales.as(), memory_.work.get());
    memory_.ready.record(memory_.work);
    memory_.ready.hold(memory_.out);
    if (amax_ == 0.0F) return;
    quantizer_.add_errors(memory_.x.as(), amax, memory_.codes.as(), memory_.scales.as(), sums,
                          memory_.work.get());
    check(cudaMemcpyAsync(memory_.host_numbers.as() + kSumsAt, sums, kNumbers - kSumsAt,
                          cudaMemcpyDeviceToHost, memory_.work.get()),
          "cannot copy");
  }

  /// Starts to copy parts to the slot that is not in use.
  void fetch(std::size_t first, std::size_t last) {
    fetching_first_ = first;
    fetching_last_ = last;
    slot_ = 1 - slot_;
    if (first >= last) return;
    memory_.results[slot_].reserve(code_bytes(first, last) + scale_bytes(first, last));
    std::uint8_t* const to = memory_.results[slot_].as();
    check(cudaMemcpyAsync(to, memory_.codes.as() + code_bytes(0, first), code_bytes(first, last),
                          cudaMemcpyDeviceToHost, memory_.out.get()),
          "cannot copy");
    check(cudaMemcpyAsync(to + code_bytes(first, last), memory_.scales.as() + scale_bytes(0, first),
                          scale_bytes(first, last), cudaMemcpyDeviceToHost, memory_.out.get()),
          "cannot copy");
    memory_.fetched[slot_].record(memory_.out);
  }

  void add_sums(ErrorSums& errors) const {
    if (amax_ == 0.0F) return;
    check(cudaStreamSynchronize(memory_.work.get()), "a kernel or a copy failed");
    const auto* const sums = reinterpret_cast<const double*>(memory_.host_numbers.as() + kSumsAt);
    for (std::size_t i = 0; i < CudaQuantizer::kErrorSums; ++i) {
      errors.noise += sums[2 * i];
      errors.signal += sums[2 * i + 1];
    }
  }

  Memory& memory_;
  QuantizeOptions options_;
  CudaQuantizer quantizer_;
  float amax_ = 0.0F;
  std::size_t fetching_first_ = 1;  ///< no parts
  std::size_t fetching_last_ = 0;
  std::size_t slot_ = 0;
};

class CudaDevice final : public Device {
 public:
  std::unique_ptr<DeviceQuantizer> quantize(const TensorView& view, const QuantizeOptions& options,
                                            unsigned threads) override {
    return std::make_unique<Quantized>(memory_, view, options, threads);
  }

 private:
  Memory memory_;
};

}  // namespace

std::unique_ptr<Device> open_cuda_device() {
  require_cuda();
  return std::make_unique<CudaDevice>();
}

}  // namespace if4
