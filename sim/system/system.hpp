// The whole system in SystemC: DRAM, DMA, scratchpads, sequencer, array, output writer.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/core/tensor.hpp"
#include "sim/array/module.hpp"
#include "sim/system/stats.hpp"

namespace if4 {

struct SystemOptions {
  ArrayKind kind = ArrayKind::kModel;
  Wave wave;  ///< of the array's signals, kRtl only
  /// Called now and then with the tiles done and their number. What it throws ends the run.
  std::function<void(std::uint64_t, std::uint64_t)> progress;
};

struct SystemRun {
  RunStats stats;
  Timeline timeline;
  std::vector<std::uint32_t> results;  ///< [M][N] FP32 bits, as the DRAM holds them at the end
  std::uint64_t nan_results = 0;       ///< flagged by the array
  std::uint64_t overflow_results = 0;  ///< likewise
};

/// Simulates the product of [M, K] activations and [N, K] weights, each run in a SystemC kernel of its own.
/// Throws InputError as Geometry does, where the operands differ in K or are not of the array's format, or
/// where that kind of array has no such configuration; std::runtime_error if nothing moves any more.
SystemRun run_system(const SystemConfig& config, const QuantizedTensor& activations,
                     const QuantizedTensor& weights, const SystemOptions& options = {});

}  // namespace if4
