// The kernels that find the largest magnitude of a tensor. Magnitudes are compared as the bits that hold them: finite
// numbers are in order, above them is infinity, and above that is NaN.
#include "model/cuda/device_values.cuh"
#include "model/cuda/grid.cuh"

namespace if4::cuda {
namespace {

constexpr int kThreads = 256;

/// Brings *amax up to the largest of what the threads of a block have found.
__device__ __forceinline__ void publish(std::uint32_t largest, float* amax) {
  __shared__ std::uint32_t of_warps[kThreads / 32];
  largest = __reduce_max_sync(0xFFFFFFFFU, largest);
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = largest;
  __syncthreads();
  if (threadIdx.x >= 32) return;
  largest = __reduce_max_sync(0xFFFFFFFFU, threadIdx.x < kThreads / 32 ? of_warps[threadIdx.x] : 0U);
  if (threadIdx.x == 0) atomicMax(reinterpret_cast<unsigned*>(amax), largest);
}

/// The larger one of two magnitudes of each kind: those of 32 bits, or the two of 16 bits in a word.
template <DType kType>
struct Largest {
  std::uint32_t low = 0;
  std::uint32_t high = 0;

  __device__ __forceinline__ void take(std::uint32_t word) {
    if (kType == DType::kF32) {
      low = max(low, word & 0x7FFFFFFFU);
      return;
    }
    low = max(low, word & 0x7FFFU);
    high = max(high, word & 0x7FFF0000U);
  }
  /// As FP32 bits.
  __device__ __forceinline__ std::uint32_t bits() const {
    if (kType == DType::kF32) return low;
    if (kType == DType::kBF16) return max(low << 16, high);
    return bits_of(half_value(max(low, high >> 16)));
  }
};

/// `head` values stand before the first multiple of 16 bytes, then come `vectors` of 16 bytes, and then the rest. A warp
/// reads four vectors of each thread before it looks at any.
template <DType kType>
__global__ void __launch_bounds__(kThreads)
    find_amax(const std::uint8_t* x, std::uint64_t head, std::uint64_t vectors, std::uint64_t rest,
              float* amax) {
  constexpr std::uint64_t kBytes = kType == DType::kF32 ? 4 : 2;
  constexpr int kAtOnce = 4;
  Largest<kType> largest;
  const std::uint64_t thread = static_cast<std::uint64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const std::uint64_t stride = static_cast<std::uint64_t>(gridDim.x) * kThreads;
  const auto* const body = reinterpret_cast<const uint4*>(x + head * kBytes);
  std::uint64_t i = thread;
  for (; i + (kAtOnce - 1) * stride < vectors; i += kAtOnce * stride) {
    uint4 v[kAtOnce];
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) v[k] = __ldg(body + i + k * stride);
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) {
      largest.take(v[k].x);
      largest.take(v[k].y);
      largest.take(v[k].z);
      largest.take(v[k].w);
    }
  }
  for (; i < vectors; i += stride) {
    const uint4 v = __ldg(body + i);
    largest.take(v.x);
    largest.take(v.y);
    largest.take(v.z);
    largest.take(v.w);
  }
  if (thread < head + rest) {
    const std::uint8_t* const at = x + (thread < head ? thread : thread + vectors * (16 / kBytes)) * kBytes;
    largest.take(kType == DType::kF32 ? __ldg(reinterpret_cast<const std::uint32_t*>(at))
                                      : __ldg(reinterpret_cast<const unsigned short*>(at)));
  }
  publish(largest.bits(), amax);
}

/// The same of rotated values, 16 of a row of the result for each thread.
__global__ void __launch_bounds__(kThreads) find_rotated_amax(const __grid_constant__ Job job, float* amax) {
  std::uint32_t largest = 0;
  const std::uint64_t pieces_per_row = job.columns / kLanes;
  const std::uint64_t count = job.rows * pieces_per_row;
  for (std::uint64_t turn = static_cast<std::uint64_t>(blockIdx.x) * kThreads + threadIdx.x; turn < count;
       turn += static_cast<std::uint64_t>(gridDim.x) * kThreads) {
    std::uint64_t row = quotient(turn, pieces_per_row);
    std::uint64_t piece = turn - row * pieces_per_row;
    if (job.order == Order::kTransposed) {  // neighbours in memory are threads side by side
      const std::uint64_t column = quotient(turn, job.matrix_rows);
      const std::uint64_t matrix = quotient(column, pieces_per_row);
      piece = column - matrix * pieces_per_row;
      row = matrix * job.matrix_rows + (turn - column * job.matrix_rows);
    }
    float x[1][kLanes];
    fetch_block<1>(job, row, piece, x);
#pragma unroll
    for (int i = 0; i < kLanes; ++i) largest = max(largest, bits_of(x[0][i]) & 0x7FFFFFFFU);
  }
  publish(largest, amax);
}

template <DType kType>
Status launch(const void* x, std::uint64_t count, float* amax, cudaStream_t stream) {
  static Grid grid;
  constexpr std::uint64_t kBytes = kType == DType::kF32 ? 4 : 2;
  const std::uint64_t before = (16 - reinterpret_cast<std::uintptr_t>(x) % 16) % 16 / kBytes;
  const std::uint64_t head = before < count ? before : count;
  const std::uint64_t vectors = (count - head) * kBytes / 16;
  const std::uint64_t rest = count - head - vectors * (16 / kBytes);
  const int blocks = grid.blocks(find_amax<kType>, vectors < 32 ? 32 : vectors);
  find_amax<kType>
      <<<blocks, kThreads, 0, stream>>>(static_cast<const std::uint8_t*>(x), head, vectors, rest, amax);
  return cudaGetLastError();
}

}  // namespace

Status find_code() {
  cudaFuncAttributes attributes{};
  return cudaFuncGetAttributes(&attributes, find_amax<DType::kF32>);
}

Status launch_amax(const void* x, DType dtype, std::uint64_t count, float* amax, CUstream_st* stream) {
  if (dtype == DType::kF32) return launch<DType::kF32>(x, count, amax, stream);
  if (dtype == DType::kBF16) return launch<DType::kBF16>(x, count, amax, stream);
  return launch<DType::kF16>(x, count, amax, stream);
}

Status launch_rotated_amax(const Job& job, float* amax, CUstream_st* stream) {
  static Grid grid;
  const std::uint64_t threads = job.rows * (job.columns / kLanes);
  if (threads == 0) return cudaSuccess;
  find_rotated_amax<<<grid.blocks(find_rotated_amax, threads), kThreads, 0, stream>>>(job, amax);
  return cudaGetLastError();
}

}  // namespace if4::cuda
