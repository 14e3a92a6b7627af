#include "sim/mac/cosim.hpp"

#include <chrono>
#include <deque>
#include <limits>
#include <random>

#include "model/core/float_bits.hpp"
#include "model/mac/gemm.hpp"
#include "sim/mac/mac_unit.hpp"

namespace if4 {
namespace {

constexpr std::uint64_t kPatience = 10000;  // clocks without progress before the unit counts as stuck
constexpr std::size_t kShownMismatches = 8;
constexpr std::uint64_t kProgressInterval = 256;  // results

std::vector<Block> all_blocks(const QuantizedTensor& tensor) {
  std::vector<Block> blocks;
  blocks.reserve(tensor.rows() * tensor.blocks_per_row());
  for (std::size_t row = 0; row < tensor.rows(); ++row) {
    for (std::size_t b = 0; b < tensor.blocks_per_row(); ++b) blocks.push_back(tensor.block(row, b));
  }
  return blocks;
}

std::size_t is_int(const Block& block) { return (block.scale & kScaleIntBit) != 0 ? 1 : 0; }

// What a waveform shows beside the signals: where in the matrix product the beat at the input is, and the
// result at the output.
struct Indices {
  std::uint32_t m = 0, n = 0, k = 0, result_m = 0, result_n = 0;

  std::vector<WaveNumber> numbers() const {
    return {{"m", &m}, {"n", &n}, {"k", &k}, {"result_m", &result_m}, {"result_n", &result_n}};
  }
};

// Walks through the beats of the matrix product.
class BeatSource {
 public:
  BeatSource(const QuantizedTensor& a, const QuantizedTensor& w)
      : a_(all_blocks(a)),
        w_(all_blocks(w)),
        m_count_(a.rows()),
        n_count_(w.rows()),
        k_count_(a.blocks_per_row()) {}

  bool done() const { return m_ == m_count_; }
  void tell(Indices& indices) const {
    indices.m = static_cast<std::uint32_t>(m_);
    indices.n = static_cast<std::uint32_t>(n_);
    indices.k = static_cast<std::uint32_t>(k_);
  }
  Beat beat() const { return Beat{a_[m_ * k_count_ + k_], w_[n_ * k_count_ + k_], k_ + 1 == k_count_}; }
  void next() {
    if (++k_ < k_count_) return;
    k_ = 0;
    if (++n_ < n_count_) return;
    n_ = 0;
    ++m_;
  }

 private:
  std::vector<Block> a_, w_;
  std::size_t m_count_, n_count_, k_count_;
  std::size_t m_ = 0, n_ = 0, k_ = 0;
};

class StallGenerator {
 public:
  StallGenerator(unsigned percent, std::uint64_t seed) : percent_(percent), random_(seed) {}
  bool stall() { return percent_ != 0 && random_() % 100 < percent_; }

 private:
  unsigned percent_;
  std::mt19937_64 random_;
};

void check(CosimReport& report, std::size_t columns, std::uint64_t clock, const MacResult& expected,
           const MacResult& actual) {
  if (actual.nan) ++report.nan_results;
  if (actual.overflow) ++report.overflow_results;
  if (expected != actual) {
    if (report.first_mismatches.size() < kShownMismatches) {
      report.first_mismatches.push_back(
          {report.results / columns, report.results % columns, clock, expected, actual});
    }
    ++report.mismatches;
    if (!report.first_wrong_clock) report.first_wrong_clock = clock;
  }
  report.products.push_back(float_from_bits(actual.bits));
}

// A run of at most so many clocks.
CosimReport run(const QuantizedTensor& activations, const QuantizedTensor& weights,
                const CosimOptions& options, std::uint64_t most_clocks) {
  CosimReport report;
  const std::uint64_t total = static_cast<std::uint64_t>(activations.rows()) * weights.rows();
  if (options.compare) report.products.reserve(total);

  BeatSource source(activations, weights);
  StallGenerator input_stalls(options.stalls.input_percent, options.stalls.seed);
  StallGenerator output_stalls(options.stalls.output_percent, ~options.stalls.seed);
  ExactMac golden(options.golden);
  std::deque<MacResult> expected;  // results of the dot products of which the unit has taken all beats

  const auto start = std::chrono::steady_clock::now();
  Indices indices;
  Wave wave = options.wave;
  wave.numbers = indices.numbers();
  MacUnit unit(cosim_unit(options.scaled), wave);
  bool offered = false;  // a beat is offered; it stays until it is taken
  std::uint64_t idle = 0;
  while (report.results < total && idle < kPatience && unit.cycles() < most_clocks) {
    if (!offered && !source.done() && !input_stalls.stall()) {
      unit.drive(source.beat());
      offered = true;
    }
    const bool take = !output_stalls.stall();
    unit.set_ready(take);

    const bool beat_taken = offered && unit.ready();
    const bool result_taken = take && unit.valid();
    source.tell(indices);
    indices.result_m = static_cast<std::uint32_t>(report.results / weights.rows());
    indices.result_n = static_cast<std::uint32_t>(report.results % weights.rows());
    ++idle;
    if (result_taken) {
      idle = 0;
      if (options.compare) {
        if (expected.empty()) {
          ++report.mismatches;  // a result that nothing asked for
          if (!report.first_wrong_clock) report.first_wrong_clock = unit.cycles();
        } else {
          check(report, weights.rows(), unit.cycles(), expected.front(), unit.result());
          expected.pop_front();
        }
      }
      ++report.results;
      if (options.progress && report.results % kProgressInterval == 0)
        options.progress(report.results, total);
    }
    if (beat_taken) {
      idle = 0;
      const Beat beat = source.beat();
      ++report.beats;
      if (options.compare) {
        ++report.pair_beats[is_int(beat.a)][is_int(beat.w)];
        golden.beat(beat.a, beat.w);
        if (beat.last) expected.push_back(golden.finish());
      }
      source.next();
      offered = false;
    }
    if (idle == 0) report.last_moved_clock = unit.cycles();
    unit.step();
    if (beat_taken) unit.drive_idle();
  }
  report.cycles = unit.cycles();
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report.missing = total - report.results;
  if (report.missing != 0 && !report.first_wrong_clock) report.first_wrong_clock = report.last_moved_clock;
  return report;
}

}  // namespace

CosimReport cosimulate(const QuantizedTensor& activations, const QuantizedTensor& weights,
                       const CosimOptions& options) {
  check_product(activations, weights);
  CosimReport report = run(activations, weights, options, std::numeric_limits<std::uint64_t>::max());
  if (options.wave.file.empty() || !report.first_wrong_clock) return report;
  CosimOptions again = options;
  again.wave = wave_around(options.wave, *report.first_wrong_clock);
  report.wave_first = again.wave.first;
  if (report.wave_first != 0) run(activations, weights, again, report.wave_first + again.wave.cycles);
  return report;
}

}  // namespace if4
