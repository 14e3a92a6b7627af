// Speed of the checked co-simulation next to the same Verilated unit without a golden model, and of the
// golden model alone.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <vector>

#include "model/mac/mac.hpp"
#include "model/quantize/quantizer.hpp"
#include "sim/mac/cosim.hpp"
#include "testbench/support/tensor_testing.hpp"

namespace {

constexpr std::size_t kRows = 32;
constexpr std::size_t kColumns = 512;

struct Operands {
  if4::QuantizedTensor activations = if4::quantize(if4::testing::two_kinds_of_blocks(kRows, kColumns, 1), {});
  if4::QuantizedTensor weights = if4::quantize(if4::testing::two_kinds_of_blocks(kRows, kColumns, 2), {});
};

const Operands& operands() {
  static const Operands both;
  return both;
}

/// Runs one co-simulation without stalls. Throws if it failed or did not check every beat.
if4::CosimReport simulate(bool compare) {
  if4::CosimOptions options;
  options.compare = compare;
  if4::CosimReport report = if4::cosimulate(operands().activations, operands().weights, options);
  if (!report.passed() || report.beats != kRows * kRows * (kColumns / if4::kBlockSize)) {
    throw std::runtime_error("the co-simulation fails");
  }
  return report;
}

double beats_per_second(bool compare) {
  const auto start = std::chrono::steady_clock::now();
  const if4::CosimReport report = simulate(compare);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return static_cast<double>(report.beats) / seconds.count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2.0;
}

void set_beats(benchmark::State& state, std::uint64_t beats) {
  state.SetItemsProcessed(static_cast<std::int64_t>(beats));
  state.SetLabel("items are beats");
}

void bench_cosim(benchmark::State& state, bool compare) {
  operands();
  std::uint64_t beats = 0;
  for (auto _ : state) beats += simulate(compare).beats;
  set_beats(state, beats);
}
BENCHMARK_CAPTURE(bench_cosim, bare, false)->Name("CosimBare")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(bench_cosim, checked, true)
    ->Name("CosimChecked")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// An iteration is one run of each, so that a machine that slows down meanwhile slows both.
void bench_ratio(benchmark::State& state) {
  operands();
  std::vector<double> bare, checked, ratio;
  for (auto _ : state) {
    bare.push_back(beats_per_second(false));
    checked.push_back(beats_per_second(true));
    ratio.push_back(checked.back() / bare.back());
  }
  state.counters["bare_beats/s"] = median(bare);
  state.counters["checked_beats/s"] = median(checked);
  state.counters["ratio"] = median(ratio);
}
BENCHMARK(bench_ratio)->Name("CosimRatio")->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(15);

void bench_exact_mac(benchmark::State& state) {
  const Operands& both = operands();
  std::uint64_t beats = 0;
  if4::ExactMac mac;
  for (auto _ : state) {
    for (std::size_t row = 0; row < kRows; ++row) {
      for (std::size_t b = 0; b < both.activations.blocks_per_row(); ++b) {
        mac.beat(both.activations.block(row, b), both.weights.block(row, b));
        ++beats;
      }
      benchmark::DoNotOptimize(mac.finish());
    }
  }
  set_beats(state, beats);
}
BENCHMARK(bench_exact_mac)->Name("ExactMac");

}  // namespace

BENCHMARK_MAIN();
