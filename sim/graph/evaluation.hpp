// A network in several formats on the same sentences, each against FP32: what it gives, and what it takes on the array.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/graph/energy.hpp"
#include "sim/graph/run.hpp"
#include "sim/graph/similarity.hpp"
#include "sim/system/stats.hpp"

namespace if4 {

/// An operation that the array computes, for all sentences.
struct LayerResult {
  std::string name;
  OpKind kind = OpKind::kLinear;
  ProductCounts counts;
  std::uint64_t products = 0, macs = 0;
  RunStats stats;      ///< of its products, one after the other; all 0 in FP32
  double error = 0.0;  ///< |result - result in FP32| / |result in FP32|, bias included
  /// Of an engine that ran its products again.
  std::uint64_t engine_results = 0, engine_mismatches = 0;
  std::string engine_mismatch;
  bool cycles_agree = true;
};

struct FormatResult {
  std::string name;       ///< of the format
  bool quantized = true;  ///< false: FP32, which the array does not compute
  SystemConfig config;
  std::vector<LayerResult> layers;
  std::vector<float> output;
  Agreement agreement;                ///< with FP32
  std::optional<ArrayEnergy> energy;  ///< of the array, where it is known

  RunStats total() const;
  std::uint64_t macs() const;
  /// pJ of the array for a run of these counts; `energy` is known.
  double energy_pj(const RunStats& run) const { return if4::energy_pj(*energy, config, run); }
  /// Share of the blocks of all operands that are integers: 0 to 1.
  double int_share() const;
  /// Whether nothing differed from the golden MAC, and something was compared if it is quantized.
  bool passed() const;
};

class Evaluation {
 public:
  /// Runs the network in FP32. All must outlive the object.
  Evaluation(const Network& network, const Batch& batch, unsigned threads);
  const FormatResult& plain() const { return plain_; }

  /// The system with buffers that hold every product. Throws InputError where one does not fit the sizes that were chosen.
  SystemConfig fitted(SystemConfig config) const;

  /// Runs it with products of `config`, which is fitted(), and operands quantized as `options` say, in the format of
  /// `config`. `watch`: as QuantizedMultiplier::watch().
  FormatResult run(const std::string& name, const SystemConfig& config, QuantizeOptions options,
                   const QuantizedMultiplier::Watch& watch = {}) const;

 private:
  std::vector<LayerResult> layers(const Multiplier& multiplier) const;

  const Network& network_;
  const Batch& batch_;
  unsigned threads_;
  FormatResult plain_;
  std::vector<std::vector<float>> results_;  // in FP32, of products; empty for other operations
};

}  // namespace if4
