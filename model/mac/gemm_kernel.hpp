// The inner loop of gemm(): one kernel for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace if4 {

/// A kernel computes kGemmRows x kGemmColumns results at once.
inline constexpr std::size_t kGemmRows = 4;
inline constexpr std::size_t kGemmColumns = 16;

/// The operands of a kernel. Every element has been multiplied by its weight and the significand
/// of its scale.
///
///   a[r]: a row of activations, block after block
///
///     block 0                   block 1
///     e0 e1  e2 e3 ... e14 e15  e0 e1  e2 e3 ... e14 e15  ...
///     pair 0 pair 1    pair 7
///
///   w: 16 rows of weights, a pair of every row before the next pair
///
///     block 0, pair 0:  w0e0  w0e1   w1e0  w1e1   ...  w15e0  w15e1
///              pair 1:  w0e2  w0e3   w1e2  w1e3   ...  w15e2  w15e3
///              ...
///              pair 7:  w0e14 w0e15  w1e14 w1e15  ...  w15e14 w15e15
///     block 1, pair 0:  ...
///
/// (w3e2 is element 2 of the block of row 3 of the weights.) One instruction multiplies pair p of a row of
/// activations, repeated for every column, with the pairs p of all 16 columns, and adds the two products of
/// each column to its sum of 32 bits.
struct GemmTile {
  std::size_t blocks;                         ///< in a row
  const std::int16_t* a[kGemmRows];           ///< [blocks][16]
  const std::uint8_t* a_exponent[kGemmRows];  ///< [blocks], 0..14
  const std::int16_t* w;                      ///< [blocks][8 pairs][kGemmColumns][2]
  const std::uint8_t* w_exponent;             ///< [blocks][kGemmColumns], 0..14
};

/// Sets sums[r * kGemmColumns + c] to the sum over the blocks of (sum of the 16 products << sum
/// of both exponents).
using GemmKernel = void (*)(const GemmTile& tile, std::int64_t* sums);

struct NamedGemmKernel {
  std::string_view name;  ///< "avx512", "avx2", "portable"
  GemmKernel kernel;
};
/// The kernels that this machine can run, the fastest first. The last is the portable one.
std::vector<NamedGemmKernel> gemm_kernels();

}  // namespace if4
