// Matrix products for the tests of the array, and drivers: of a core by itself, and of all three kinds in
// lock-step under SystemC.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "sim/array/core.hpp"
#include "testbench/support/mac_testing.hpp"

namespace if4::testing {

/// The blocks of one beat at all edges of the array, as ArrayCore::drive() takes them.
struct TileBeat {
  std::vector<Block> a, w;
  bool last = false;
};

/// A GEMM of [m, k] activations and [n, k] weights cut into tiles, the columns of tiles innermost.
struct Gemm {
  ArrayConfig config;
  std::size_t m = 0, n = 0, k = 0;
  std::vector<TileBeat> beats;
  /// What the golden MAC gives for every output, in the order of the results.
  std::vector<std::vector<MacResult>> results;
  std::size_t tiles() const;
};
/// `scale_bits`: the bits of a scale byte that may be 1.
Gemm random_gemm(std::mt19937_64& random, const ArrayConfig& config, std::size_t m, std::size_t n,
                 std::size_t k, Mix mix, std::uint8_t scale_bits = 0xFF);
std::string to_text(const ArrayConfig& config);
std::string to_text(const Gemm& gemm);

/// What a driver saw.
struct ArrayRun {
  std::uint64_t cycles = 0;  ///< from the first beat offered to the last result taken
  std::string error;         ///< the first disagreement with another core, the golden model or the handshake
};

/// Runs a GEMM on one core, each output always ready. `overlap` as in array_cycles().
ArrayRun run_gemm(ArrayCore& core, const Gemm& gemm, bool overlap);

/// The three kinds of an array of one configuration, driven with the same inputs.
class LockStep {
 public:
  explicit LockStep(const ArrayConfig& config);
  ~LockStep();
  /// Compares every signal of the three in every cycle, and all results with the golden model.
  ArrayRun run(const Gemm& gemm, const Stalls& stalls);
  /// Drives random inputs for so many cycles, compares as run() does, then resets. The first disagreement.
  std::string disturb_and_reset(std::mt19937_64& random, int cycles);

 private:
  class Impl;
  Impl* impl_;
};

}  // namespace if4::testing
