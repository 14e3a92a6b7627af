// Speed of the quantizer: every format and rule, on one core and on all, as GB/s of the FP32 input; next to
// the scalar version, and next to what the memory allows for the same traffic in the same run.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "model/core/parallel.hpp"
#include "model/quantize/fast_quantizer.hpp"
#include "model/quantize/quantizer.hpp"
#include "model/simd/simd_targets.hpp"
#include "model/simd/simd_values.hpp"

namespace {

using namespace if4;

/// The tensor has 256 MB, more than the caches hold.
constexpr std::size_t kRows = 16384;
constexpr std::size_t kColumns = 4096;
constexpr std::size_t kValues = kRows * kColumns;
/// The scalar version, which is slow, takes 4 MB of it.
constexpr std::size_t kScalarRows = 256;

const Tensor& tensor() {
  static const Tensor made = [] {
    Tensor t{{kRows, kColumns}, std::vector<float>(kValues)};
    std::mt19937 random(4);
    std::normal_distribution<float> normal;
    // Only a sixteenth is random, and the rest repeats it with other magnitudes, which takes less time to make.
    const std::size_t part = kValues / 16;
    for (std::size_t i = 0; i < part; ++i) t.values[i] = normal(random);
    for (std::size_t i = part; i < kValues; ++i) {
      t.values[i] = t.values[i - part] * (0.9F + 0.01F * static_cast<float>(i / part));
    }
    return t;
  }();
  return made;
}

struct Output {
  std::vector<std::uint8_t> codes = std::vector<std::uint8_t>(kValues * 6 / 8);
  std::vector<std::uint8_t> scales = std::vector<std::uint8_t>(kValues / 16);
};
Output& output() {
  static Output made;
  return made;
}

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// `errors`: what `if4 quantize` measures meanwhile, or null.
void quantize_once(const QuantizeOptions& options, unsigned threads, ErrorSums* errors = nullptr) {
  const FastQuantizer quantizer(view_of(tensor()), options, threads);
  quantizer.encode(0, quantizer.parts(), output().codes.data(), output().scales.data(), errors);
}

/// The traffic of IF4 and nothing else: all values read, then read again while 4.5 bits a value are written.
void move_memory(unsigned threads) {
  constexpr std::size_t kUnit = 4096;
  constexpr std::size_t kRun = 16;
  const float* const x = tensor().values.data();
  std::vector<std::uint32_t> largest(kValues / kUnit);
  parallel_for(kValues / (kRun * kUnit), threads,
               [&](std::size_t i) { largest[i] = simd_largest(x + i * kRun * kUnit, kRun * kUnit); });
  benchmark::DoNotOptimize(largest.data());
  parallel_for(kValues / (kRun * kUnit), threads, [&](std::size_t run) {
    for (std::size_t i = run * kRun; i < (run + 1) * kRun; ++i) {
      largest[i] = simd_largest(x + i * kUnit, kUnit);
      std::memset(output().codes.data() + i * kUnit / 2, static_cast<int>(largest[i] & 255U), kUnit / 2);
      std::memset(output().scales.data() + i * kUnit / 16, static_cast<int>(largest[i] & 127U), kUnit / 16);
    }
  });
  benchmark::DoNotOptimize(output().codes.data());
  benchmark::ClobberMemory();
}

Tensor scalar_tensor() {
  return {{kScalarRows, kColumns},
          {tensor().values.begin(),
           tensor().values.begin() + static_cast<std::ptrdiff_t>(kScalarRows * kColumns)}};
}

void set_bytes(benchmark::State& state, std::size_t values) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(values * sizeof(float)));
  state.SetLabel(std::string("bytes of the FP32 input, ") + simd_target());
}

void bench_fast(benchmark::State& state, const QuantizeOptions& options, unsigned threads) {
  quantize_once(options, threads);  // the first access to memory is slow
  for (auto _ : state) quantize_once(options, threads);
  set_bytes(state, kValues);
}

/// The same with the errors measured.
void bench_errors(benchmark::State& state, const QuantizeOptions& options, unsigned threads) {
  ErrorSums errors;
  quantize_once(options, threads, &errors);
  for (auto _ : state) quantize_once(options, threads, &errors);
  benchmark::DoNotOptimize(errors);
  set_bytes(state, kValues);
}

void bench_scalar(benchmark::State& state, const QuantizeOptions& options) {
  const Tensor small = scalar_tensor();
  for (auto _ : state) benchmark::DoNotOptimize(quantize(small, options));
  set_bytes(state, small.values.size());
}

void bench_memory(benchmark::State& state, unsigned threads) {
  for (auto _ : state) move_memory(threads);
  set_bytes(state, kValues);
}

/// IF4 by the squared error with one option more, and the time that this takes over that without it.
struct Road {
  std::string name;
  QuantizeOptions options;
  std::vector<double> one;
  std::vector<double> all;
};
std::vector<Road> slow_roads(const QuantizeOptions& plain) {
  std::vector<Road> roads;
  const auto add = [&](const char* name, const std::function<void(QuantizeOptions&)>& change) {
    QuantizeOptions options = plain;
    change(options);
    roads.push_back({name, options, {}, {}});
  };
  add("search", [](QuantizeOptions& o) { o.search = true; });
  add("rotation", [](QuantizeOptions& o) { o.rotate = true; });
  add("transpose", [](QuantizeOptions& o) { o.transpose = true; });
  add("two_d", [](QuantizeOptions& o) { o.square = true; });
  add("stochastic", [](QuantizeOptions& o) { o.seed = 1; });
  return roads;
}

/// The speed of IF4 with rule mse over that of the memory and of the scalar version, and what each option costs. They
/// run in turns, so that a machine that slows down meanwhile slows all. The counters are medians of the ratios.
void bench_ratios(benchmark::State& state) {
  const QuantizeOptions plain{Format::kIF4, Rule::kMse};
  const Tensor small = scalar_tensor();
  const double share = static_cast<double>(kScalarRows) / static_cast<double>(kRows);
  const unsigned all = thread_count(0);
  std::vector<Road> roads = slow_roads(plain);
  std::vector<double> of_memory_all, of_memory_one, to_scalar, limit;
  move_memory(all);
  quantize_once(plain, all);
  for (auto _ : state) {
    const double memory_all = seconds([&] { move_memory(all); });
    const double fast_all = seconds([&] { quantize_once(plain, all); });
    const double memory_one = seconds([&] { move_memory(1); });
    const double fast_one = seconds([&] { quantize_once(plain, 1); });
    const double scalar = seconds([&] { benchmark::DoNotOptimize(quantize(small, plain)); }) / share;
    limit.push_back(static_cast<double>(kValues) * sizeof(float) / memory_all / 1e9);
    of_memory_all.push_back(memory_all / fast_all);
    of_memory_one.push_back(memory_one / fast_one);
    to_scalar.push_back(scalar / fast_one);
    for (Road& road : roads) {
      const double before_one = seconds([&] { quantize_once(plain, 1); });
      road.one.push_back(seconds([&] { quantize_once(road.options, 1); }) / before_one);
      const double before_all = seconds([&] { quantize_once(plain, all); });
      road.all.push_back(seconds([&] { quantize_once(road.options, all); }) / before_all);
    }
  }
  state.counters["limit_all_GB/s"] = median(limit);
  state.counters["share_of_limit_all"] = median(of_memory_all);
  state.counters["share_of_limit_one"] = median(of_memory_one);
  state.counters["times_scalar_one"] = median(to_scalar);
  for (const Road& road : roads) {
    state.counters[road.name + "_cost_all"] = median(road.all);
    state.counters[road.name + "_cost_one"] = median(road.one);
  }
}

/// The shares of bench_ratios() with the instructions of AVX2, on a processor that has more.
void bench_avx2(benchmark::State& state) {
  const QuantizeOptions plain{Format::kIF4, Rule::kMse};
  const unsigned all = thread_count(0);
  std::vector<double> shares[2];
  hwy::SetSupportedTargetsForTest(HWY_AVX2);
  for (auto _ : state) {
    for (const unsigned threads : {all, 1U}) {
      const double memory = seconds([&] { move_memory(threads); });
      shares[threads == 1].push_back(memory / seconds([&] { quantize_once(plain, threads); }));
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  state.counters["share_of_limit_avx2_all"] = median(shares[0]);
  state.counters["share_of_limit_avx2_one"] = median(shares[1]);
}

void add(const std::string& name, const QuantizeOptions& options) {
  const auto fast = [&](const std::string& cores, unsigned threads) {
    benchmark::RegisterBenchmark(
        (name + "/" + cores).c_str(),
        [options, threads](benchmark::State& state) { bench_fast(state, options, threads); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime()
        ->MinTime(0.2);
  };
  fast("one", 1);
  fast("all", 0);
}

bool register_all() {
  benchmark::RegisterBenchmark("QuantizerRatios", bench_ratios)
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime()
      ->Iterations(7);
  const std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  if (std::find(targets.begin(), targets.end(), HWY_AVX2) != targets.end()) {
    benchmark::RegisterBenchmark("QuantizerRatios/avx2", bench_avx2)
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime()
        ->Iterations(7);
  }
  for (const unsigned threads : {1U, 0U}) {
    benchmark::RegisterBenchmark(threads == 1 ? "MemoryTrafficOfIF4/one" : "MemoryTrafficOfIF4/all",
                                 [threads](benchmark::State& state) { bench_memory(state, threads); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
  for (const Format format : {Format::kIF4, Format::kIF3, Format::kIF6E2M3}) {
    for (const unsigned threads : {1U, 0U}) {
      benchmark::RegisterBenchmark(
          ("QuantizeAndMeasure/" + std::string(format_name(format)) + (threads == 1 ? "/one" : "/all"))
              .c_str(),
          [format, threads](benchmark::State& state) {
            bench_errors(state, {format, Rule::kMse}, threads);
          })
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime()
          ->MinTime(0.2);
    }
  }
  for (int number = 0; number < kFormatCount; ++number) {
    QuantizeOptions options;
    options.format = static_cast<Format>(number);
    const std::string name = "Quantize/" + std::string(format_name(options.format));
    for (const Rule rule : {Rule::kMse, Rule::kMae, Rule::kAbsMax}) {
      options.rule = rule;
      if (!uses_rule(options) && rule != Rule::kMse) continue;
      add(name + (uses_rule(options) ? "/" + std::string(rule_name(rule)) : ""), options);
    }
    options.rule = Rule::kMse;
    benchmark::RegisterBenchmark(("Scalar/" + std::string(format_name(options.format))).c_str(),
                                 [options](benchmark::State& state) { bench_scalar(state, options); })
        ->Unit(benchmark::kMillisecond)
        ->MinTime(0.1);
    options.search = true;
    add(name + "/search", options);
  }
  const auto with = [](const char* name, const std::function<void(QuantizeOptions&)>& change) {
    QuantizeOptions options;
    change(options);
    add(std::string("Quantize/if4/") + name, options);
  };
  with("2d", [](QuantizeOptions& o) { o.square = true; });
  with("rht", [](QuantizeOptions& o) { o.rotate = true; });
  with("transpose", [](QuantizeOptions& o) { o.transpose = true; });
  with("stochastic", [](QuantizeOptions& o) { o.seed = 1; });
  return true;
}
const bool kRegistered = register_all();

}  // namespace
