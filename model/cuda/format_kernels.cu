// The kernels of one format, the one with the number IF4_CUDA_FORMAT: the makefile compiles this file once for each.
#include "model/cuda/coding.cuh"
#include "model/cuda/grid.cuh"

namespace if4::cuda {
namespace {

template <Format kFormat, Rule kRule, DType kType, bool kSearch>
Status code_plainly(const Job& job, cudaStream_t stream) {
  static Grid grid;
  const std::uint64_t threads = job.rows * job.blocks_per_row;
  const int blocks = grid.blocks(code_plain<kFormat, kRule, kType, kSearch>, threads);
  if (blocks > 0) code_plain<kFormat, kRule, kType, kSearch><<<blocks, kThreads, 0, stream>>>(job);
  return cudaGetLastError();
}

template <Format kFormat, Rule kRule, bool kSearch>
Status code_by_type(const Job& job, cudaStream_t stream) {
  if (job.dtype == DType::kF32) return code_plainly<kFormat, kRule, DType::kF32, kSearch>(job, stream);
  if (job.dtype == DType::kBF16) return code_plainly<kFormat, kRule, DType::kBF16, kSearch>(job, stream);
  return code_plainly<kFormat, kRule, DType::kF16, kSearch>(job, stream);
}

template <Format kFormat, Rule kRule, bool kNoise>
Status code_generally(const Job& job, cudaStream_t stream) {
  static Grid grid;
  const std::uint64_t rows =
      job.square ? (job.matrix_rows + kLanes - 1) / kLanes * kLanes * (job.rows / job.matrix_rows) : job.rows;
  const int blocks = grid.blocks(code_general<kFormat, kRule, kNoise>, rows * job.blocks_per_row);
  if (blocks > 0) code_general<kFormat, kRule, kNoise><<<blocks, kThreads, 0, stream>>>(job);
  return cudaGetLastError();
}

/// `plain`: for code_plain(). Searches by other rules than mse are left to code_general(), so that there is less to compile.
template <Format kFormat, Rule kRule>
Status code_by_rule(const Job& job, bool plain, cudaStream_t stream) {
  if constexpr (kRule == Rule::kMse || Ways<kFormat>::kCount == 2) {
    if (plain && !job.search) return code_by_type<kFormat, kRule, false>(job, stream);
  }
  if constexpr (kRule == Rule::kMse) {
    if (plain) return code_by_type<kFormat, kRule, true>(job, stream);
  }
  if (job.choices.stochastic) return code_generally<kFormat, kRule, true>(job, stream);
  return code_generally<kFormat, kRule, false>(job, stream);
}

}  // namespace

template <Format kFormat>
Status launch_coding(const Job& job, CUstream_st* stream) {
  const bool few = job.rows * job.blocks_per_row < (std::uint64_t{1} << 31);
  const bool plain = few && job.vectors && !job.square && !job.rotate && !job.choices.stochastic;
  // Where a block has one candidate and scales are not searched, every rule gives the same.
  const bool any_rule = Ways<kFormat>::kCount == 1 && !job.search;
  if (job.rule == Rule::kMse || any_rule) return code_by_rule<kFormat, Rule::kMse>(job, plain, stream);
  if (job.rule == Rule::kMae) return code_by_rule<kFormat, Rule::kMae>(job, plain, stream);
  return code_by_rule<kFormat, Rule::kAbsMax>(job, plain, stream);
}

template <Format kFormat>
Status launch_errors(const Job& job, PartSums* sums, CUstream_st* stream) {
  sum_errors<kFormat><<<kPartSums, kThreads, 0, stream>>>(job, sums);
  return cudaGetLastError();
}

template Status launch_coding<static_cast<Format>(IF4_CUDA_FORMAT)>(const Job&, CUstream_st*);
template Status launch_errors<static_cast<Format>(IF4_CUDA_FORMAT)>(const Job&, PartSums*, CUstream_st*);

}  // namespace if4::cuda
