// Co-simulation: a matrix product on the Verilated MAC unit, every result compared with the golden model.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/core/tensor.hpp"
#include "model/mac/mac.hpp"
#include "sim/verilated/wave_file.hpp"

namespace if4 {

/// Random stalls, the same ones for the same seed. They are drawn anew in every clock, for either side.
struct StallOptions {
  unsigned input_percent = 0;   ///< clocks in which no beat is offered, 0..99
  unsigned output_percent = 0;  ///< clocks in which a result is not taken, 0..99
  std::uint64_t seed = 1;
};

struct CosimOptions {
  StallOptions stalls;
  Wave wave{"", 2000};
  bool scaled = false;  ///< on the unit whose results leave out the factor 1/49
  /// What the results are compared with. Another than the unit's makes mismatches, which tests want.
  MacConfig golden;
  unsigned threads = 0;  ///< workers of cosimulate_bits(); 0: one a core. cosimulate() has one.
  bool compare = true;   ///< If false, results are dropped unseen; a benchmark measures the comparison by it.
  /// Called now and then with the number of results done and of all results. What it throws ends the run.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

/// A result that differs: the dot product of row m of the activations and row n of the weights.
struct CosimMismatch {
  std::size_t m = 0;
  std::size_t n = 0;
  std::uint64_t clock = 0;  ///< in which it was taken, counted from 0 after the reset
  MacResult expected;
  MacResult actual;
  std::optional<std::size_t> unit = std::nullopt;  ///< of the bits engine: its number in its vector
};

/// Counts by pair of element types: [1 if the activations are INT4][1 if the weights are INT4].
using PairCounts = std::array<std::array<std::uint64_t, 2>, 2>;

struct CosimReport {
  std::string engine;            ///< empty: one Verilated unit; else what cosimulate_bits() ran on
  std::uint64_t results = 0;     ///< results that the unit gave
  std::uint64_t beats = 0;       ///< beats that the unit took
  std::uint64_t mismatches = 0;  ///< results that differ, and results that nothing asked for
  std::uint64_t missing = 0;     ///< results that the unit never gave
  std::uint64_t cycles = 0;      ///< clocks from the first beat offered to the last result taken
  std::uint64_t nan_results = 0;
  std::uint64_t overflow_results = 0;
  PairCounts pair_beats{};
  double seconds = 0.0;                         ///< wall-clock time of the simulation and the comparison
  std::vector<CosimMismatch> first_mismatches;  ///< at most 8
  std::uint64_t last_moved_clock = 0;           ///< in which a beat or a result was taken
  /// The clock of the first mismatch; if there is none but results are missing, last_moved_clock.
  std::optional<std::uint64_t> first_wrong_clock;
  std::uint64_t wave_first = 0;  ///< the clock that the waveform begins with
  std::vector<float> products;   ///< results of the unit [M, N], row-major; empty without `compare`

  bool passed() const { return results > 0 && mismatches == 0 && missing == 0; }
};

/// Computes C[m][n], the dot product of row m of the activations and row n of the weights, on the Verilated
/// cosim_unit(). The beats are offered in the order m, n, block. Throws InputError as check_product() does, and
/// if the waveform cannot be written. After 10,000 clocks in which neither a beat nor a result moved, the
/// unit is given up and the results that it still owes count as missing. A waveform that ends too early to show
/// what went wrong first is written anew by a second run, and then shows the clocks around it.
CosimReport cosimulate(const QuantizedTensor& activations, const QuantizedTensor& weights,
                       const CosimOptions& options);

}  // namespace if4
