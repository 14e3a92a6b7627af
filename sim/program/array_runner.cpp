#include "sim/program/array_runner.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <vector>

#include "model/core/error.hpp"
#include "model/mac/gemm.hpp"
#include "sim/program/operands.hpp"
#include "sim/system/fast_timing.hpp"
#include "sim/system/system.hpp"

namespace if4 {
namespace {

constexpr std::uint64_t kSamples = 1024;  // results of a layer that the fast engine checks

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Roughly the bytes that operands and results take, the activations as the fast product decodes them, and
// what the SystemC system has of its own: the DRAM, and the events of tiles and loads.
std::uint64_t memory_needed(const Geometry& geometry, const GemmShape& shape, bool systemc) {
  constexpr std::uint64_t kDecodedBlock = 37, kTileEvents = 256;
  const std::uint64_t held =
      (shape.m + shape.n) * geometry.blocks * geometry.block_bytes + 4 * shape.m * shape.n;
  return (systemc ? 2 * held + 4 * shape.m * shape.n + kTileEvents * geometry.tiles() : held) +
         kDecodedBlock * shape.m * geometry.blocks;
}

// Whether they are equal.
bool compare(LayerReport& report, std::uint64_t columns, std::uint64_t index, std::uint32_t expected,
             std::uint32_t actual) {
  ++report.checked;
  if (expected == actual) return true;
  ++report.mismatches;
  if (report.first_mismatch.empty()) {
    report.first_mismatch = fmt::format("m {} n {}: expected 0x{:08X}, got 0x{:08X}", index / columns,
                                        index % columns, expected, actual);
  }
  return false;
}

// The cycle in which the last result came of the tile that a result belongs to.
class TileCycles {
 public:
  TileCycles(const Timeline& timeline, const Geometry& geometry)
      : activations_(geometry.sides[0]), weights_(geometry.sides[1]), cycles_(geometry.tiles()) {
    for (const TileEvent& tile : timeline.tiles)
      cycles_[tile.activation_panel * weights_.panels + tile.weight_panel] = tile.last_result;
  }
  std::uint64_t of(std::uint64_t index) const {
    const std::uint64_t m = index / weights_.rows, n = index % weights_.rows;
    return cycles_[m / activations_.panel_rows * weights_.panels + n / weights_.panel_rows];
  }

 private:
  Geometry::Side activations_, weights_;
  std::vector<std::uint64_t> cycles_;
};

// The clock of a waveform of the array in a cycle of the system, whose first clock is in reset too.
std::uint64_t wave_clock(std::uint64_t cycle) { return cycle + 1; }

}  // namespace

void check_layers(const std::vector<Layer>& layers, const SystemConfig& config,
                  const ArrayRunOptions& options) {
  const auto machine = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                       static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
  constexpr Int128 kMost = Int128{1} << 63;
  Int128 all_ticks = 0, all_macs = 0;
  const auto check = [&](const Layer& layer) {
    try {
      const Geometry geometry(config, layer.shape);
      const GemmShape& shape = layer.shape;
      all_ticks += geometry.most_ticks * static_cast<Int128>(layer.count);
      all_macs += static_cast<Int128>(shape.m * shape.n) * static_cast<Int128>(shape.k) *
                  static_cast<Int128>(layer.count);
      if (all_ticks >= kMost || all_macs >= kMost) throw InputError("too large to count its cycles and MACs");
      const std::uint64_t needed = memory_needed(geometry, shape, traits(options.engine).systemc);
      if (!options.timing_only && needed > machine) {
        throw InputError(
            fmt::format("needs {:.1f} GB of memory, and the machine has {:.1f}; --timing-only "
                        "only counts the cycles",
                        static_cast<double>(needed) / 1e9, static_cast<double>(machine) / 1e9));
      }
    } catch (const InputError& error) {
      throw InputError(layer.place + ": " + to_string(layer.shape) + ": " + error.what());
    }
  };
  // A message about a buffer is to name a size that does for all layers.
  for (std::uint64_t BufferNeeds::*buffer : {&BufferNeeds::activations, &BufferNeeds::weights}) {
    check(*std::max_element(layers.begin(), layers.end(), [&](const Layer& a, const Layer& b) {
      return buffer_needs(config, a.shape).*buffer < buffer_needs(config, b.shape).*buffer;
    }));
  }
  all_ticks = all_macs = 0;
  for (const Layer& layer : layers) check(layer);
}

ArrayRunner::ArrayRunner(const SystemConfig& config, const ArrayRunOptions& options)
    : config_(config), options_(options), bar_("array") {
  if (!options.trace.empty()) trace_ = std::make_unique<TraceWriter>(options.trace, config);
}

LayerReport ArrayRunner::run(const Layer& layer, std::size_t index, std::size_t count,
                             const Operands* operands) {
  LayerReport report;
  report.layer = layer;
  // A layer's part of the bar.
  const auto progress = [&](std::uint64_t done, std::uint64_t total) {
    bar_.update(1000 * index + 1000 * done / std::max<std::uint64_t>(total, 1), 1000 * count);
  };
  const bool traced = trace_ != nullptr && trace_->has_room(Geometry(config_, layer.shape).tiles());
  left_out_ = left_out_ || (trace_ != nullptr && !traced);
  Timeline timeline;
  const bool systemc = traits(options_.engine).systemc;
  const auto start = Clock::now();
  if (!systemc) report.stats = timing(layer.shape, traced ? &timeline : nullptr, progress);
  if (options_.timing_only) {
    report.seconds = seconds_since(start);
  } else {
    const Operands random = operands == nullptr ? random_operands(layer, index) : Operands{};
    const Operands& used = operands == nullptr ? random : *operands;
    if (systemc) {
      run_systemc(report, used, timeline, progress);
    } else {
      run_fast(report, used, progress);
    }
  }
  if (traced) trace_->add(layer, report.stats, timeline, begin_);
  if (trace_ != nullptr && !traced) trace_->leave_out(layer, report.stats, begin_);
  begin_ += report.stats.cycles.total() * layer.count;
  return report;
}

void ArrayRunner::commit() {
  if (trace_ != nullptr) trace_->commit();
}

// Layers of one shape take the same cycles.
RunStats ArrayRunner::timing(const GemmShape& shape, Timeline* timeline, const Progress& progress) {
  const auto key = std::make_tuple(shape.m, shape.n, shape.k);
  const auto known = known_.find(key);
  if (known != known_.end() && timeline == nullptr) return known->second;
  return known_[key] = fast_timing(config_, shape, timeline, progress);
}

Operands ArrayRunner::random_operands(const Layer& layer, std::size_t index) const {
  const GemmShape& shape = layer.shape;
  const Format format = config_.array.mac.format;
  const std::uint64_t seed = options_.seed + 2 * index;
  return {random_operand(format, shape.m, shape.k, seed), random_operand(format, shape.n, shape.k, seed + 1)};
}

void ArrayRunner::run_fast(LayerReport& report, const Operands& operands, const Progress& progress) const {
  GemmOptions options;
  options.threads = options_.threads;
  options.progress = progress;
  const auto start = Clock::now();
  const GemmResult result = gemm(config_.array.mac, operands.activations, operands.weights, options);
  report.seconds = seconds_since(start);
  report.nan_results = result.nan;
  report.overflow_results = result.overflow;
  const std::uint64_t columns = report.layer.shape.n;
  std::mt19937_64 random(options_.seed);
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(kSamples, result.bits.size()); ++i) {
    const std::uint64_t at = result.bits.size() <= kSamples ? i : random() % result.bits.size();
    const MacResult expected =
        dot_product(config_.array.mac, operands.activations, at / columns, operands.weights, at % columns);
    compare(report, columns, at, expected.bits, result.bits[at]);
  }
}

void ArrayRunner::run_systemc(LayerReport& report, const Operands& operands, Timeline& timeline,
                              const Progress& progress) const {
  SystemOptions options;
  options.kind = traits(options_.engine).kind;
  options.wave = options_.wave;
  options.progress = progress;
  const auto start = Clock::now();
  SystemRun run = run_system(config_, operands.activations, operands.weights, options);
  report.seconds = seconds_since(start);
  report.stats = run.stats;
  report.nan_results = run.nan_results;
  report.overflow_results = run.overflow_results;
  GemmOptions exact;
  exact.threads = options_.threads;
  const GemmResult expected = gemm(config_.array.mac, operands.activations, operands.weights, exact);
  const TileCycles tile_cycles(run.timeline, Geometry(config_, report.layer.shape));
  std::optional<std::uint64_t> wrong;  // the first cycle in which a tile with a mismatch was complete
  for (std::uint64_t i = 0; i < expected.bits.size(); ++i) {
    if (compare(report, report.layer.shape.n, i, expected.bits[i], run.results[i])) continue;
    const std::uint64_t cycle = tile_cycles.of(i);
    if (!wrong) report.first_mismatch += fmt::format("; the last result of its tile came in cycle {}", cycle);
    wrong = std::min(wrong.value_or(cycle), cycle);
  }
  if (wrong && !options.wave.file.empty()) {
    report.wave_first = wave_around(options.wave, wave_clock(*wrong)).first;
    // A second run shows the cycles that the waveform of the first does not reach.
    options.wave.first = report.wave_first;
    if (options.wave.first != 0) run_system(config_, operands.activations, operands.weights, options);
  }
  const RunStats fast = fast_timing(config_, report.layer.shape, &timeline);
  report.cycles_agree = fast == run.stats && timeline == run.timeline;
  timeline = std::move(run.timeline);
}

}  // namespace if4
