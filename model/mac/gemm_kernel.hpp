// The inner loop of gemm(), by instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace if4 {

/// Rows and columns of the result that a kernel computes at once.
inline constexpr std::size_t kGemmRows = 4;
inline constexpr std::size_t kGemmColumns = 16;

/// Operands of kGemmRows rows and kGemmColumns columns. Every element is times its weight and significand.
struct GemmTile {
  std::size_t blocks;
  const std::int16_t* a[kGemmRows];           ///< [blocks][16]
  const std::uint8_t* a_exponent[kGemmRows];  ///< [blocks], 0..14
  const std::int16_t* w;           ///< [blocks][8][kGemmColumns][2]: pairs of elements, column by column
  const std::uint8_t* w_exponent;  ///< [blocks][kGemmColumns]
};

/// sums[r * kGemmColumns + c] = sum over blocks of (dot product << exponents).
using GemmKernel = void (*)(const GemmTile& tile, std::int64_t* sums);

struct NamedGemmKernel {
  std::string_view name;  ///< "avx512", "avx2", "portable"
  GemmKernel kernel;
};
/// Those that this machine runs, the fastest first; the last is the portable one.
std::vector<NamedGemmKernel> gemm_kernels();

}  // namespace if4
