// Products of quantized tensors, exact as ExactMac computes them, and fast: SIMD on the integers, and
// threads.
//
// An element times its weight and its block's significand is an integer of 16 bits, so the product of two
// blocks is a sum of 16 products in 32 bits, shifted left by the exponents of both scales into a sum of 64
// bits. Nothing is rounded before the end, so the order of the sums does not matter. Where 16, 32 or 64 bits
// could be too few (IF6, very long rows of large scales), the sums have 128 bits; where the accumulator
// itself could overflow, ExactMac computes the result.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "model/core/tensor.hpp"
#include "model/mac/mac.hpp"

namespace if4 {

struct GemmOptions {
  unsigned threads = 0;     ///< 0: as many as the machine has cores
  std::string_view kernel;  ///< of gemm_kernels() in gemm_kernel.hpp; empty: the fastest of this machine
  /// Called now and then with the columns of the result done and their number. What it throws ends the
  /// product.
  std::function<void(std::uint64_t, std::uint64_t)> progress;
};

struct GemmResult {
  std::vector<std::uint32_t> bits;  ///< [M][N], FP32; kResultNaN where a flag of MacResult would be set
  std::uint64_t nan = 0;            ///< results with a NaN scale
  std::uint64_t overflow = 0;       ///< results whose accumulator overflowed
};

/// How the sums of a product are computed.
enum class GemmPath : std::uint8_t { kNarrow, kWide, kAccumulator };
/// Which of them suits the operands: 64 bits, 128 bits, or a model of the accumulator.
GemmPath gemm_path(const MacConfig& config, const QuantizedTensor& activations,
                   const QuantizedTensor& weights);

/// Throws InputError unless both have the same K, the length of a row.
void check_product(const QuantizedTensor& activations, const QuantizedTensor& weights);

/// C[m][n] = dot product of row m of the activations and row n of the weights on an ExactMac of `config`.
/// Throws std::invalid_argument unless both have the same K and the format of `config`, and this machine
/// has the kernel.
GemmResult gemm(const MacConfig& config, const QuantizedTensor& activations, const QuantizedTensor& weights,
                const GemmOptions& options = {});

}  // namespace if4
