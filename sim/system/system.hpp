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
  Wave wave;  ///< waveform of the array's signals; kRtl only
  /// Called now and then with the number of tiles done and of all tiles. What it throws ends the run.
  std::function<void(std::uint64_t, std::uint64_t)> progress;
};

struct SystemRun {
  RunStats stats;
  Timeline timeline;
  std::vector<std::uint32_t> results;  ///< [M][N] FP32 bits, as the DRAM holds them at the end
  std::uint64_t nan_results = 0;       ///< results that the array flagged as NaN
  std::uint64_t overflow_results = 0;  ///< results that the array flagged as an overflow
};

/// Simulates the product of [M, K] activations and [N, K] weights. Each run has a SystemC kernel of its own.
/// Throws InputError as Geometry and check_product() do, if the operands are not of the array's format, or if
/// there is no array of that kind and configuration; std::runtime_error if nothing moves any more.
SystemRun run_system(const SystemConfig& config, const QuantizedTensor& activations,
                     const QuantizedTensor& weights, const SystemOptions& options = {});

}  // namespace if4
