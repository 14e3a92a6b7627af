// Products of quantized tensors with the bits that ExactMac gives, but fast, by SIMD and threads.
//
// An element times its weight and the significand of its scale is an integer of 16 bits. The product of two
// blocks is therefore a sum of 16 products in 32 bits, which is shifted left by the exponents of both scales
// and added to a sum of 64 bits. Nothing is rounded before the end, so the order of the sums does not matter.
// Where 16, 32 or 64 bits could be too few (IF6, or very long rows of large scales), the sums have 128 bits.
// Where the accumulator itself could overflow, ExactMac computes the result.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "model/core/tensor.hpp"
#include "model/mac/mac.hpp"

namespace if4 {

struct GemmOptions {
  unsigned threads = 0;     ///< 0 means as many as the machine has cores
  std::string_view kernel;  ///< a name of gemm_kernels() in gemm_kernel.hpp; empty means the fastest
  /// Called now and then on the calling thread, with a number of columns of the result that are done and the
  /// number of all. An exception that it throws ends the product and is thrown by gemm().
  std::function<void(std::uint64_t, std::uint64_t)> progress;
};

struct GemmResult {
  std::vector<std::uint32_t> bits;  ///< [M][N], FP32; kResultNaN where a flag of MacResult would be set
  std::uint64_t nan = 0;            ///< how many results have a NaN scale
  std::uint64_t overflow = 0;       ///< in how many results the accumulator overflowed
};

/// How the sums of a product are computed.
enum class GemmPath : std::uint8_t {
  kNarrow,       ///< 64 bits, by a SIMD kernel
  kWide,         ///< 128 bits
  kAccumulator,  ///< by ExactMac, as the accumulator may overflow
};
/// The fastest of them that is exact for all results of these operands.
GemmPath gemm_path(const MacConfig& config, const QuantizedTensor& activations,
                   const QuantizedTensor& weights);

/// Throws InputError unless both have the same K, the length of a row.
void check_product(const QuantizedTensor& activations, const QuantizedTensor& weights);

/// C[m][n] = dot product of row m of the activations and row n of the weights on an ExactMac of `config`.
/// Throws std::invalid_argument where the operands differ in K, where one is not in the format of `config`,
/// and where this machine does not have the kernel.
GemmResult gemm(const MacConfig& config, const QuantizedTensor& activations, const QuantizedTensor& weights,
                const GemmOptions& options = {});

}  // namespace if4
