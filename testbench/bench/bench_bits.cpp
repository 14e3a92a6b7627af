// Speed of the checked co-simulation on the bits engine next to that on the Verilated unit.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/quantize/fast_quantizer.hpp"
#include "sim/bits/cosim.hpp"
#include "sim/bits/kernel.hpp"
#include "sim/mac/cosim.hpp"
#include "testbench/support/tensor_testing.hpp"

namespace {

constexpr std::size_t kRows = 1024;  // two vectors of the widest kind
constexpr std::size_t kColumns = 512;

const if4::QuantizedTensor& operand(unsigned number) {
  static const if4::QuantizedTensor both[] = {
      if4::quantize_fast(if4::view_of(if4::testing::two_kinds_of_blocks(kRows, kColumns, 1)), {}),
      if4::quantize_fast(if4::view_of(if4::testing::two_kinds_of_blocks(kRows, kColumns, 2)), {})};
  return both[number];
}

if4::QuantizedTensor first_rows(const if4::QuantizedTensor& tensor, std::size_t rows) {
  if4::QuantizedTensor some = if4::make_quantized(tensor.format, {rows, kColumns});
  std::copy_n(tensor.codes.begin(), some.codes.size(), some.codes.begin());
  std::copy_n(tensor.scales.begin(), some.scales.size(), some.scales.begin());
  return some;
}

/// Checked beats a second, all in: the golden results, planes and comparison. Of one worker they are counted over the time
/// of the processor, so that other programs on the machine do not count; of two, over that of the clock.
struct Rate {
  double cpu, wall;
};

template <class Run>
Rate measure(const Run& run) {
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t cpu = std::clock();
  const if4::CosimReport report = run();
  const double cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (!report.passed() || report.beats != report.results * (kColumns / if4::kBlockSize))
    throw std::runtime_error("the co-simulation fails");
  const auto beats = static_cast<double>(report.beats);
  return {beats / cpu_seconds, beats / seconds.count()};
}

Rate bits(std::string_view target, unsigned threads, unsigned stalls = 0) {
  if4::CosimOptions options;
  options.threads = threads;
  options.stalls.input_percent = options.stalls.output_percent = stalls;
  if4::BitsChoice choice;
  choice.target = target;
  return measure([&] { return if4::cosimulate_bits(operand(0), operand(1), options, choice); });
}

Rate verilated() {
  static const if4::QuantizedTensor a = first_rows(operand(0), 48), w = first_rows(operand(1), 48);
  return measure([] { return if4::cosimulate(a, w, {}); });
}

/// An iteration is one run of each, so that a machine that slows down meanwhile slows all. The best of each counts, since
/// another program on the machine can only take time away.
void bench_bits(benchmark::State& state) {
  operand(0);
  const auto& kernels = if4::bits_netlist("if4_mac").kernels;
  double two = 0, one = 0, stalled = 0, rtl = 0;
  std::vector<double> rates(kernels.size());
  const auto keep = [](double& best, double rate) { best = std::max(best, rate); };
  for (auto _ : state) {
    keep(rtl, verilated().cpu);
    for (std::size_t i = 0; i < kernels.size(); ++i) keep(rates[i], bits(kernels[i].target, 1).cpu);
    keep(stalled, bits({}, 1, 20).cpu);
    keep(one, bits({}, 1).wall);
    keep(two, bits({}, 2).wall);
  }
  state.counters["verilated_beats/s"] = rtl;
  for (std::size_t i = 0; i < kernels.size(); ++i)
    state.counters[std::string(kernels[i].target) + "_beats/s"] = rates[i];
  state.counters["stalled_beats/s"] = stalled;
  state.counters["over_verilated"] = rates[0] / rtl;
  state.counters["two_workers"] = two / one;
}
BENCHMARK(bench_bits)->Name("CosimBits")->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(5);

}  // namespace
