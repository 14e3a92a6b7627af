// The kernels that code. A thread has a block, since its error is summed in the order of its elements; of 16 x 16 values
// that share a scale, 16 threads have a row each and exchange what they found through shuffles.
#pragma once

#include "model/core/tiled_scales.hpp"
#include "model/cuda/device_values.cuh"
#include "model/cuda/quick_choice.hpp"

namespace if4::cuda {

inline constexpr int kThreads = 256;

/// Threads that share a scale are the 16 of half a warp where blocks are square.
struct HalfWarp {
  bool square;
  unsigned mask;

  __device__ __forceinline__ float largest(float of_thread) const {
    if (!square) return of_thread;
#pragma unroll
    for (int distance = 8; distance != 0; distance /= 2) {
      of_thread = larger(of_thread, __shfl_xor_sync(mask, of_thread, distance, kLanes));
    }
    return of_thread;
  }

  /// The errors of the rows in the order of the rows.
  template <Rule kRule>
  __device__ __forceinline__ float error(float of_thread) const {
    if (!square) return of_thread;
    float total = 0.0F;
#pragma unroll
    for (int row = 0; row < kLanes; ++row) {
      const float of_row = __shfl_sync(mask, of_thread, row, kLanes);
      total = kRule == Rule::kAbsMax ? fmaxf(total, of_row) : total + of_row;
    }
    return total;
  }

  __device__ __forceinline__ float quick_error(float of_thread) const {
    if (!square) return of_thread;
#pragma unroll
    for (int distance = 8; distance != 0; distance /= 2) {
      of_thread += __shfl_xor_sync(mask, of_thread, distance, kLanes);
    }
    return of_thread;
  }
  __device__ __forceinline__ float rows() const { return square ? 16.0F : 1.0F; }
};

/// Writes the codes and the scale of a block, `number` of the result; row and block are looked at where scales are tiled.
template <Format kFormat>
__device__ __forceinline__ void store_block(const Job& job, std::uint64_t number, std::uint64_t row,
                                            std::uint64_t block, const Coded<kFormat>& coded) {
  using N = Numbers<kFormat>;
  const auto& w = coded.pieces[0].w;
  std::uint8_t* const to = job.codes + number * N::kCodeBytes;
  if constexpr (N::kPieces == 2) {
    const auto& more = coded.pieces[1].w;
    *reinterpret_cast<uint4*>(to) = make_uint4(w[0], w[1], more[0], more[1]);
  } else if constexpr (N::kBits == 4) {
    *reinterpret_cast<uint2*>(to) = make_uint2(w[0], w[1]);
  } else if constexpr (N::kBits == 3) {
    auto* const halves = reinterpret_cast<unsigned short*>(to);
    halves[0] = static_cast<unsigned short>(w[0]);
    halves[1] = static_cast<unsigned short>(w[0] >> 16);
    halves[2] = static_cast<unsigned short>(w[1]);
  } else {
    auto* const words = reinterpret_cast<std::uint32_t*>(to);
    for (int i = 0; i < 3; ++i) words[i] = w[i];
  }
  const std::uint64_t at = job.tiled ? tiled_position(row, block, job.blocks_per_row) : number;
  job.scales[at] = static_cast<std::uint8_t>(coded.scale);
}

/// The amax of a tensor that has nothing to code: all values are 0, or one is not finite. Then every block gets zeros for
/// codes and the scale 0 or the NaN, and true is returned.
template <Format kFormat>
__device__ __forceinline__ bool nothing_to_code(float amax, Coded<kFormat>& coded) {
  if (amax > 0.0F && amax <= 0x1.FFFFFEp127F) return false;
  coded = Coded<kFormat>{};
  coded.scale = amax == 0.0F ? 0U : Numbers<kFormat>::kNaNScale;
  return true;
}

/// Keeps the compiler from computing a number again in every turn of a loop.
__device__ __forceinline__ void keep(float& number) { asm volatile("" : "+f"(number)); }

/// Whole aligned blocks that follow each other in memory, fewer than 2^31, without noise, rotation and square blocks.
/// The next block of a thread is on its way while it codes one. Blocks are coded from the last one on, as the second cache
/// still has what the kernel before this one, which found amax, has read last.
template <Format kFormat, Rule kRule, DType kType, bool kSearch>
__global__ void __launch_bounds__(kThreads, kType == DType::kF32 ? 2 : 3)
    code_plain(const __grid_constant__ Job job) {
  using N = Numbers<kFormat>;
  const auto count = static_cast<std::uint32_t>(job.rows * job.blocks_per_row);
  const std::uint32_t stride = gridDim.x * kThreads;
  const std::uint32_t turn = blockIdx.x * kThreads + threadIdx.x;
  if (turn >= count) return;
  std::uint32_t number = count - 1 - turn;
  Raw<kType, N::kPieces> next;
  next.fetch(job.x, number);
  const float amax = __ldg(job.amax);
  Coded<kFormat> coded;
  const bool nothing = nothing_to_code(amax, coded);
  TensorNumbers tensor = tensor_numbers<kFormat>(amax);
  keep(tensor.normalize);
  keep(tensor.encode);
  keep(tensor.decode);
  while (true) {
    Raw<kType, N::kPieces> raw = next;
    const bool last = number < stride;
    if (!last) next.fetch(job.x, number - stride);
    if (!nothing) {
      raw.normalize(tensor.normalize);
      float x[N::kPieces][kLanes];
      raw.expand(x);
      bool done = false;
      if constexpr (!N::kPowerScale && quick_rule(kRule) && (kSearch || Ways<kFormat>::kCount == 2)) {
        const std::uint32_t signs[2] = {raw.nibble_signs(x[0], 0), raw.nibble_signs(x[0], 1)};
        const float largest = raw.largest(x[0]);
        if constexpr (kSearch) {
          done = search_quickly<kFormat, kRule>(x[0], signs, largest, tensor, job.choices, Alone{}, coded);
        } else {
          done = code_quickly<kFormat, kRule>(x[0], signs, largest, tensor, coded);
        }
      }
      if (!done) code_block<kFormat, kRule, false, kSearch>(x, tensor, job.choices, Alone{}, 0, coded);
    }
    std::uint32_t row = 0;
    const auto per_row = static_cast<std::uint32_t>(job.blocks_per_row);
    if (job.tiled) row = number / per_row;
    store_block(job, number, row, number - row * per_row, coded);
    if (last) return;
    number -= stride;
  }
}

/// Any options and any layout.
template <Format kFormat, Rule kRule, bool kNoise>
__global__ void __launch_bounds__(kThreads) code_general(const __grid_constant__ Job job) {
  using N = Numbers<kFormat>;
  const std::uint64_t bands_per_matrix = (job.matrix_rows + kLanes - 1) / kLanes;
  const std::uint64_t bands = job.rows / job.matrix_rows * bands_per_matrix;
  const std::uint64_t count =
      job.square ? bands * job.blocks_per_row * kLanes : job.rows * job.blocks_per_row;
  const std::uint64_t stride = static_cast<std::uint64_t>(gridDim.x) * kThreads;
  const float amax = __ldg(job.amax);
  Coded<kFormat> coded;
  const bool nothing = nothing_to_code(amax, coded);
  const TensorNumbers tensor = tensor_numbers<kFormat>(amax);
  const HalfWarp threads{job.square, 0xFFFFU << (threadIdx.x & kLanes)};
  for (std::uint64_t turn = static_cast<std::uint64_t>(blockIdx.x) * kThreads + threadIdx.x; turn < count;
       turn += stride) {
    std::uint64_t row;
    std::uint64_t block;
    bool inside = true;
    if (job.square) {
      const std::uint64_t column = turn / kLanes;
      const std::uint64_t band = quotient(column, job.blocks_per_row);
      const std::uint64_t matrix = quotient(band, bands_per_matrix);
      const std::uint64_t in_matrix = (band - matrix * bands_per_matrix) * kLanes + turn % kLanes;
      block = column - band * job.blocks_per_row;
      row = matrix * job.matrix_rows + in_matrix;
      inside = in_matrix < job.matrix_rows;
    } else if (job.order == Order::kTransposed) {  // neighbours in memory are threads side by side
      const std::uint64_t column = quotient(turn, job.matrix_rows);
      const std::uint64_t matrix = quotient(column, job.blocks_per_row);
      block = column - matrix * job.blocks_per_row;
      row = matrix * job.matrix_rows + (turn - column * job.matrix_rows);
    } else {
      row = quotient(turn, job.blocks_per_row);
      block = turn - row * job.blocks_per_row;
    }
    const std::uint64_t number = row * job.blocks_per_row + block;
    if (!nothing) {
      float x[N::kPieces][kLanes] = {};
      if (inside) fetch_block<N::kPieces>(job, row, block, x);
#pragma unroll
      for (int i = 0; i < N::kPieces * kLanes; ++i) {
        float& value = x[i / kLanes][i % kLanes];
        value = fmaf(value, tensor.normalize, 0.0F);  // -0 becomes +0
      }
      code_block<kFormat, kRule, kNoise, true>(x, tensor, job.choices, threads,
                                               number * (N::kPieces * kLanes), coded);
    }
    if (inside) store_block(job, number, row, block, coded);
  }
}

/// Errors of blocks, summed by the threads of a grid of kPartSums blocks.
template <Format kFormat>
__global__ void __launch_bounds__(kThreads) sum_errors(const __grid_constant__ Job job, PartSums* sums) {
  using N = Numbers<kFormat>;
  __shared__ double elements[2][64];
  __shared__ double all[2][kThreads];
  if (threadIdx.x < 128) {
    const bool ints = threadIdx.x >= 64 ? N::kHasInts : !N::kHasFloats;
    elements[threadIdx.x / 64][threadIdx.x % 64] =
        element_of<kFormat>(ints ? ElementType::kInt : ElementType::kFloat, threadIdx.x % 64);
  }
  __syncthreads();
  const double amax = N::kPowerScale ? 1.0 : static_cast<double>(__ldg(job.amax));
  constexpr double kDivisor = static_cast<double>(amax_divisor(kFormat));
  const double step = amax / kDivisor;
  double noise = 0;
  double signal = 0;
  const std::uint64_t count = job.rows * job.blocks_per_row;
  for (std::uint64_t number = static_cast<std::uint64_t>(blockIdx.x) * kThreads + threadIdx.x; number < count;
       number += static_cast<std::uint64_t>(gridDim.x) * kThreads) {
    const std::uint64_t row = quotient(number, job.blocks_per_row);
    float x[N::kPieces][kLanes];
    fetch_block<N::kPieces>(job, row, number - row * job.blocks_per_row, x);
    const std::uint32_t byte = job.scales[number];
    const double* const of_type = elements[byte >> 7];
    const float s = N::kPowerScale ? float_of(byte << 23) : float_of((byte & 0x7FU) << 20) * 0x1p120F;
    const double scale = static_cast<double>(s) * step;
    const std::uint8_t* const codes = job.codes + number * N::kCodeBytes;
    std::uint32_t bits = 0;
    int have = 0;
#pragma unroll
    for (int i = 0; i < N::kPieces * kLanes; ++i) {
      if (have < N::kBits) {
        bits |= static_cast<std::uint32_t>(codes[(i * N::kBits + have) / 8]) << have;
        have += 8;
      }
      const double value = x[i / kLanes][i % kLanes];
      const double lost =
          value - static_cast<double>(static_cast<float>(of_type[bits & (2 * N::kTop + 1)] * scale));
      noise += lost * lost;
      signal += value * value;
      bits >>= N::kBits;
      have -= N::kBits;
    }
  }
  all[0][threadIdx.x] = noise;
  all[1][threadIdx.x] = signal;
  for (int half = kThreads / 2; half != 0; half /= 2) {
    __syncthreads();
    if (static_cast<int>(threadIdx.x) >= half) continue;
    all[0][threadIdx.x] += all[0][threadIdx.x + half];
    all[1][threadIdx.x] += all[1][threadIdx.x + half];
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = {all[0][0], all[1][0]};
}

}  // namespace if4::cuda
