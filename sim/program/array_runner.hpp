// Runs the layers of `if4 array`: each on the engine that was chosen, its results and cycles checked.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>

#include "model/core/tensor.hpp"
#include "sim/array/module.hpp"
#include "sim/report/array_report.hpp"
#include "sim/report/array_trace.hpp"
#include "sim/terminal/progress.hpp"

namespace if4 {

/// What runs the products. Each has a row of kArrayEngines.
enum class ArrayEngine : std::uint8_t { kFast, kSystemcModel, kSystemcGrid, kSystemcRtl };

struct ArrayEngineTraits {
  ArrayEngine engine;
  std::string_view name;  ///< on the command line and in reports
  bool systemc;    ///< the SystemC system runs; if not, results are by SIMD and cycles by the fast model
  ArrayKind kind;  ///< the array in that system
};
/// By number.
inline constexpr std::array<ArrayEngineTraits, 4> kArrayEngines = {{
    {ArrayEngine::kFast, "fast", false, ArrayKind::kModel},
    {ArrayEngine::kSystemcModel, "systemc-model", true, ArrayKind::kModel},
    {ArrayEngine::kSystemcGrid, "systemc-grid", true, ArrayKind::kGrid},
    {ArrayEngine::kSystemcRtl, "systemc-rtl", true, ArrayKind::kRtl},
}};
constexpr const ArrayEngineTraits& traits(ArrayEngine engine) {
  return kArrayEngines[static_cast<std::size_t>(engine)];
}

/// Both operands of a product.
struct Operands {
  QuantizedTensor activations, weights;
};

struct ArrayRunOptions {
  ArrayEngine engine = ArrayEngine::kFast;
  bool timing_only = false;  ///< count cycles and compute no results; kFast only
  unsigned threads = 0;      ///< of the exact results; 0: one for each core
  std::uint64_t seed = 1;    ///< of random operands, and of which results the fast engine checks
  std::string trace;         ///< timeline to write; empty: none
  Wave wave;                 ///< what the array is to write; kSystemcRtl only
};

/// Throws InputError, naming the layer, unless every layer fits the system and, with results, the memory of
/// this machine: so none is found impossible after an hour.
void check_layers(const std::vector<Layer>& layers, const SystemConfig& config,
                  const ArrayRunOptions& options);

/// A run of all layers, one after the other.
class ArrayRunner {
 public:
  /// Throws InputError if the timeline cannot be created. Both arguments must outlive the runner.
  ArrayRunner(const SystemConfig& config, const ArrayRunOptions& options);

  /// Runs layer `index` of `count`. `operands`: those of the only layer, or null for random ones.
  LayerReport run(const Layer& layer, std::size_t index, std::size_t count, const Operands* operands);

  /// Finishes the timeline.
  void commit();
  /// Whether layers are missing in the timeline because they would make it too long.
  bool left_out() const { return left_out_; }

 private:
  using Progress = std::function<void(std::uint64_t, std::uint64_t)>;

  RunStats timing(const GemmShape& shape, Timeline* timeline, const Progress& progress);
  Operands random_operands(const Layer& layer, std::size_t index) const;
  void run_fast(LayerReport& report, const Operands& operands, const Progress& progress) const;
  void run_systemc(LayerReport& report, const Operands& operands, Timeline& timeline,
                   const Progress& progress) const;

  const SystemConfig& config_;
  const ArrayRunOptions& options_;
  ProgressBar bar_;
  std::unique_ptr<TraceWriter> trace_;
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>, RunStats> known_;  // by shape
  std::uint64_t begin_ = 0;  // cycle in which the next layer begins
  bool left_out_ = false;
};

}  // namespace if4
