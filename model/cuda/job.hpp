// What the kernels are told of a tensor, and where its values and its results are.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/core/dtype.hpp"
#include "model/cuda/block_choice.hpp"

struct CUstream_st;

namespace if4::cuda {

/// The order in which the values of a result are in memory.
enum class Order : std::uint8_t {
  kRows,        ///< row after row
  kTransposed,  ///< each matrix of matrix_rows rows column after column
  kGathered,    ///< rows of several small matrices, each column after column
};

struct Job {
  const void* x;
  DType dtype;
  const float* amax;  ///< on the device
  std::uint8_t* codes;
  std::uint8_t* scales;

  std::uint64_t rows;     ///< of the result
  std::uint64_t columns;  ///< of the result, without padding
  std::uint64_t blocks_per_row;
  std::uint64_t matrix_rows;    ///< no 16 x 16 values reach from one matrix of so many rows into the next
  std::uint64_t width, height;  ///< of the small matrices, in the result
  Order order;
  bool vectors;  ///< every block begins at a multiple of 16 bytes, and is whole
  bool square;
  bool rotate;
  bool tiled;
  Rule rule;
  bool search;
  Choices choices;
};

/// Sums of an error: those of ErrorSums that depend on values.
struct PartSums {
  double noise;
  double signal;
};
/// How many sums launch_errors() writes, whatever the device is, so that every device adds in the same order.
inline constexpr int kPartSums = 1024;

/// 0, or the number of a cudaError_t.
using Status = int;

/// Starts the kernel that writes codes and scales.
template <Format kFormat>
Status launch_coding(const Job& job, CUstream_st* stream);
/// Starts the kernel that compares the values, rotated if that is an option, with what codes and linear scales stand for.
template <Format kFormat>
Status launch_errors(const Job& job, PartSums* sums, CUstream_st* stream);

/// Starts the kernel that brings *amax up to the largest magnitude of `count` values at `x`: an infinity or a NaN where
/// one is. *amax must hold a number >= 0 before.
Status launch_amax(const void* x, DType dtype, std::uint64_t count, float* amax, CUstream_st* stream);
/// The same for all values of a job once they are rotated.
Status launch_rotated_amax(const Job& job, float* amax, CUstream_st* stream);

/// Whether the program has code for the current device; loads it.
Status find_code();

}  // namespace if4::cuda
