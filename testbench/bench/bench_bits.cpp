// Speed of the checked co-simulation on the bits engine next to that on the Verilated unit.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
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

/// Checked beats a second, all in: the golden results, planes and comparison. Throws unless every beat was checked.
double beats_per_second(const if4::CosimReport& report, std::chrono::steady_clock::time_point start) {
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (!report.passed() || report.beats != report.results * (kColumns / if4::kBlockSize))
    throw std::runtime_error("the co-simulation fails");
  return static_cast<double>(report.beats) / seconds.count();
}

double bits(std::string_view target, unsigned threads, unsigned stalls = 0) {
  if4::CosimOptions options;
  options.threads = threads;
  options.stalls.input_percent = options.stalls.output_percent = stalls;
  if4::BitsChoice choice;
  choice.target = target;
  const auto start = std::chrono::steady_clock::now();
  return beats_per_second(if4::cosimulate_bits(operand(0), operand(1), options, choice), start);
}

double verilated() {
  static const if4::QuantizedTensor a = first_rows(operand(0), 48), w = first_rows(operand(1), 48);
  const auto start = std::chrono::steady_clock::now();
  return beats_per_second(if4::cosimulate(a, w, {}), start);
}

/// An iteration is one run of each, so that a machine that slows down meanwhile slows all. The best of each counts, since
/// another program on the machine can only take time away.
void bench_bits(benchmark::State& state) {
  operand(0);
  double one = 0, two = 0, stalled = 0, rtl = 0;
  std::vector<double> narrower;
  const auto& kernels = if4::bits_netlist("if4_mac").kernels;
  narrower.resize(kernels.size());
  for (auto _ : state) {
    rtl = std::max(rtl, verilated());
    one = std::max(one, bits({}, 1));
    two = std::max(two, bits({}, 2));
    stalled = std::max(stalled, bits({}, 1, 20));
    for (std::size_t i = 1; i < kernels.size(); ++i)
      narrower[i] = std::max(narrower[i], bits(kernels[i].target, 1));
  }
  state.counters["verilated_beats/s"] = rtl;
  state.counters[std::string(kernels[0].target) + "_beats/s"] = one;
  for (std::size_t i = 1; i < kernels.size(); ++i)
    state.counters[std::string(kernels[i].target) + "_beats/s"] = narrower[i];
  state.counters["stalled_beats/s"] = stalled;
  state.counters["over_verilated"] = one / rtl;
  state.counters["two_workers"] = two / one;
}
BENCHMARK(bench_bits)->Name("CosimBits")->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(5);

}  // namespace
