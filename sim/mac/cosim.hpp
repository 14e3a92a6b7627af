// Co-simulation: a matrix product on the Verilated MAC unit, every result compared with the golden model.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/core/tensor.hpp"
#include "model/mac/mac.hpp"
#include "sim/verilated/wave_file.hpp"

namespace if4 {

/// Random stalls, the same for the same seed. Each clock decides anew, both sides independently.
struct StallOptions {
  unsigned input_percent = 0;   ///< clocks in which no beat is offered, 0..99
  unsigned output_percent = 0;  ///< clocks in which a result is not taken, 0..99
  std::uint64_t seed = 1;
};

struct CosimOptions {
  StallOptions stalls;
  Wave wave{"", 2000};
  bool compare = true;  ///< false: drive the unit and drop the results (what a benchmark compares with)
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  ///< called now and then, in results
};

/// One result that differs: activations row m, weights row n.
struct CosimMismatch {
  std::size_t m = 0;
  std::size_t n = 0;
  MacResult expected;
  MacResult actual;
};

/// Beats and results by pair of element types: [activations INT4?][weights INT4?].
using PairCounts = std::array<std::array<std::uint64_t, 2>, 2>;

struct CosimReport {
  std::uint64_t results = 0;  ///< compared
  std::uint64_t beats = 0;    ///< taken by the unit
  std::uint64_t mismatches = 0;
  std::uint64_t missing = 0;  ///< results that the unit never gave
  std::uint64_t cycles = 0;   ///< from the first beat offered to the last result taken
  std::uint64_t nan_results = 0;
  std::uint64_t overflow_results = 0;
  PairCounts pair_beats{};
  double seconds = 0.0;                         ///< wall clock of the simulation and the comparison
  std::vector<CosimMismatch> first_mismatches;  ///< at most 8
  std::vector<float> products;  ///< [M, N] results of the unit, row-major; without compare empty

  bool passed() const { return results > 0 && mismatches == 0 && missing == 0; }
};

/// C[m][n] = dot product of row m of the activations and row n of the weights, in the order m, n, block.
/// Throws InputError as check_product does, or if a waveform cannot be written.
/// The unit is given up on, and the rest counted as missing, after 10,000 clocks without a beat or result
/// moving.
CosimReport cosimulate(const QuantizedTensor& activations, const QuantizedTensor& weights,
                       const CosimOptions& options);

}  // namespace if4
