#include <string>

#include "model/core/tiled_scales.hpp"
#include "model/cuda/cuda_quantizer.hpp"
#include "model/cuda/errors.hpp"
#include "model/cuda/job.hpp"
#include "model/quantize/candidates.hpp"

namespace if4 {
namespace {

static_assert(CudaQuantizer::kErrorSums == cuda::kPartSums);

/// Calls `work` with the format as a constant.
template <int kNumber = 0, class Work>
auto in_format(Format format, const Work& work) {
  constexpr auto kFormat = static_cast<Format>(kNumber);
  if constexpr (kNumber + 1 < kFormatCount) {
    if (format != kFormat) return in_format<kNumber + 1>(format, work);
  }
  return work(std::integral_constant<Format, kFormat>{});
}

void check_alignment(const void* pointer, std::size_t size, const char* what) {
  if (reinterpret_cast<std::uintptr_t>(pointer) % size == 0) return;
  throw InputError("CUDA: the address of the " + std::string(what) + " is no multiple of " +
                   std::to_string(size));
}

}  // namespace

CudaQuantizer::CudaQuantizer(const Shape& shape, DType dtype, const QuantizeOptions& options, bool tiled)
    : options_(options), dtype_(dtype), tiled_(tiled), shape_(shape) {
  check_options(shape, options);
  if (dtype != DType::kF32 && dtype != DType::kBF16 && dtype != DType::kF16) {
    throw InputError("a tensor of " + std::string(dtype_name(dtype)) +
                     " cannot be quantized, only F32, BF16 and F16");
  }
  if (options.transpose) shape_ = transposed(shape);
  QuantizedTensor result;  // only its rows are asked for
  result.format = options.format;
  result.shape = shape_;
  result.flattened = flattened_ = flattens(options.format, shape_);
  rows_ = result.rows();
  columns_ = result.columns();
  values_ = rows_ * columns_;
  blocks_per_row_ = result.blocks_per_row();
}

std::size_t CudaQuantizer::code_bytes() const {
  return rows_ * blocks_per_row_ * if4::code_bytes(options_.format);
}

std::size_t CudaQuantizer::scale_bytes() const {
  return tiled_ ? tiled_size(rows_, blocks_per_row_) : rows_ * blocks_per_row_;
}

cuda::Job CudaQuantizer::job(const void* x) const {
  cuda::Job job{};
  job.x = x;
  job.dtype = dtype_;
  job.rows = rows_;
  job.columns = columns_;
  job.blocks_per_row = blocks_per_row_;
  const bool stacked = (options_.transpose || options_.square) && !flattened_ && shape_.size() > 2;
  job.matrix_rows = stacked ? shape_[shape_.size() - 2] : rows_;
  job.order = !options_.transpose ? cuda::Order::kRows
              : flattened_        ? cuda::Order::kGathered
                                  : cuda::Order::kTransposed;
  if (flattened_) {
    job.width = shape_[shape_.size() - 1];
    job.height = shape_[shape_.size() - 2];
  }
  job.vectors = job.order == cuda::Order::kRows && columns_ % block_size(options_.format) == 0 &&
                reinterpret_cast<std::uintptr_t>(x) % 16 == 0;
  job.square = options_.square;
  job.rotate = options_.rotate;
  job.tiled = tiled_;
  job.rule = options_.rule;
  job.search = options_.search;
  if (options_.search) {
    for (const SearchStep& step : search_steps(options_.format)) {
      job.choices.neighbours[job.choices.neighbour_count++] = {static_cast<std::int8_t>(step.candidate),
                                                               static_cast<std::int8_t>(step.codes)};
    }
  }
  job.choices.stochastic = options_.seed.has_value();
  if (options_.seed) job.choices.key = noise_key(*options_.seed);
  return job;
}

void CudaQuantizer::add_amax(const void* x, DType dtype, std::size_t count, float* amax, CudaStream stream) {
  check_alignment(x, dtype_size(dtype), "values");
  if (count != 0) cuda::check(cuda::launch_amax(x, dtype, count, amax, stream), "cannot start a kernel");
}

void CudaQuantizer::find_amax(const void* x, float* amax, CudaStream stream) const {
  check_alignment(x, dtype_size(dtype_), "values");
  cuda::check(cudaMemsetAsync(amax, 0, sizeof *amax, stream), "cannot set the memory of amax");
  if (values_ == 0) return;
  if (!options_.rotate) return add_amax(x, dtype_, values_, amax, stream);
  cuda::Job job = this->job(x);
  job.blocks_per_row = columns_ / kBlockSize;  // 16 values at a time, whatever the format
  cuda::check(cuda::launch_rotated_amax(job, amax, stream), "cannot start a kernel");
}

void CudaQuantizer::encode(const void* x, const float* amax, std::uint8_t* codes, std::uint8_t* scales,
                           CudaStream stream) const {
  check_alignment(x, dtype_size(dtype_), "values");
  check_alignment(codes, 16, "codes");
  cuda::Job job = this->job(x);
  job.amax = amax;
  job.codes = codes;
  job.scales = scales;
  // The tiles that a matrix does not fill are filled up with zeros.
  if (tiled_ && scale_bytes() != rows_ * blocks_per_row_) {
    cuda::check(cudaMemsetAsync(scales, 0, scale_bytes(), stream), "cannot set the memory of the scales");
  }
  if (values_ == 0) return;
  const auto launch = [&](auto format) { return cuda::launch_coding<format.value>(job, stream); };
  cuda::check(in_format(options_.format, launch), "cannot start a kernel");
}

void CudaQuantizer::add_errors(const void* x, const float* amax, const std::uint8_t* codes,
                               const std::uint8_t* scales, double* sums, CudaStream stream) const {
  cuda::Job job = this->job(x);
  job.amax = amax;
  job.codes = const_cast<std::uint8_t*>(codes);  // which the kernel reads
  job.scales = const_cast<std::uint8_t*>(scales);
  const auto launch = [&](auto format) {
    return cuda::launch_errors<format.value>(job, reinterpret_cast<cuda::PartSums*>(sums), stream);
  };
  cuda::check(in_format(options_.format, launch), "cannot start a kernel");
}

void require_cuda() {
  int count = 0;
  cuda::check(cudaGetDeviceCount(&count), "cannot count the devices");
  if (count == 0) cuda::check(cudaErrorNoDevice, "");
  cuda::check(cuda::find_code(), "cannot look for a kernel");
}

}  // namespace if4
