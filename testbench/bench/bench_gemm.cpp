// Speed of the exact product against a plain loop over the same blocks in the same run, and of the fast
// model's cycles against the SystemC system.
#include <benchmark/benchmark.h>

#include <chrono>
#include <random>
#include <stdexcept>

#include "model/mac/gemm.hpp"
#include "sim/system/fast_timing.hpp"
#include "sim/system/system.hpp"

namespace {

if4::QuantizedTensor random_operand(std::size_t rows, std::size_t columns, unsigned seed) {
  std::mt19937_64 random(seed);
  if4::QuantizedTensor tensor = if4::make_quantized(if4::Format::kIF4, {rows, columns});
  for (auto& code : tensor.codes) code = static_cast<std::uint8_t>(random());
  for (auto& scale : tensor.scales) {
    const std::uint64_t bits = random();
    scale = static_cast<std::uint8_t>((bits & 0x80) | (0x30 + bits % 32));
  }
  return tensor;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The plain loop: the golden MAC for one result after the other.
double plain_macs_per_second(const if4::QuantizedTensor& a, const if4::QuantizedTensor& w,
                             const std::vector<std::uint32_t>& expected) {
  constexpr std::size_t kRows = 2;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t m = 0; m < kRows; ++m) {
    for (std::size_t n = 0; n < w.rows(); ++n) {
      if (if4::dot_product({}, a, m, w, n).bits != expected[m * w.rows() + n])
        throw std::runtime_error("the product is wrong");
    }
  }
  return static_cast<double>(kRows * w.rows() * a.columns()) / seconds_since(start);
}

void exact_product(benchmark::State& state) {
  const std::size_t m = static_cast<std::size_t>(state.range(0)), n = 2048, k = 4096;
  const if4::QuantizedTensor a = random_operand(m < 2 ? 2 : m, k, 1), w = random_operand(n, k, 2);
  std::vector<std::uint32_t> results;
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) results = if4::gemm({}, a, w).bits;
  const double macs = static_cast<double>(state.iterations()) * static_cast<double>(a.rows() * n * k);
  const double rate = macs / seconds_since(start);
  state.counters["MACs/s"] = rate;
  state.counters["times_plain_loop"] = rate / plain_macs_per_second(a, w, results);
}
BENCHMARK(exact_product)->Arg(512)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

void cycles_of_a_product(benchmark::State& state) {
  if4::SystemConfig config;
  const if4::GemmShape shape{64, 64, 1024};
  const if4::QuantizedTensor a = random_operand(shape.m, shape.k, 1), w = random_operand(shape.n, shape.k, 2);
  const auto systemc_start = std::chrono::steady_clock::now();
  const if4::SystemRun systemc = if4::run_system(config, a, w);
  const double systemc_rate =
      static_cast<double>(systemc.stats.cycles.total()) / seconds_since(systemc_start);
  if4::RunStats stats;
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) stats = if4::fast_timing(config, shape);
  const double rate = static_cast<double>(state.iterations()) * static_cast<double>(stats.cycles.total()) /
                      seconds_since(start);
  if (!(stats == systemc.stats)) throw std::runtime_error("the models do not agree");
  state.counters["cycles/s"] = rate;
  state.counters["systemc_cycles/s"] = systemc_rate;
  state.counters["times_systemc"] = rate / systemc_rate;
}
BENCHMARK(cycles_of_a_product)->Unit(benchmark::kMicrosecond);

}  // namespace
