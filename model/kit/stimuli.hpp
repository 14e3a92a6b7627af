// How testpoints are written: dot products with their expected results, and what happens around them.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "model/kit/sums.hpp"
#include "model/kit/vector_line.hpp"

namespace if4 {

/// Makes lines of calls and gives them to a sink. Results are those of the golden MAC.
class Stimuli {
 public:
  /// Throws std::invalid_argument as check() does.
  Stimuli(const MacConfig& config, std::uint64_t seed, LineSink sink);

  const MacConfig& config() const { return config_; }
  Format format() const { return config_.format; }
  std::size_t blocks() const { return static_cast<std::size_t>(blocks_per_beat(config_)); }
  /// Random numbers that depend on the seed and on the name of the testpoint alone.
  std::mt19937_64& random() { return random_; }

  void testpoint(const std::string& name);
  /// A dot product and its result. A last beat that lacks pairs gets pairs of Block{}.
  void dot_product(BlockPairs pairs);
  /// Beats of a dot product that the next reset drops.
  void unfinished(BlockPairs pairs);
  /// The same dot product with `clocks` clocks without a beat before each but the first beat.
  void slow_dot_product(BlockPairs pairs, unsigned clocks);
  void stalls(unsigned input, unsigned output) { sink_(StallLine{input, output}); }
  void reset(bool between_edges, unsigned clocks) { sink_(ResetLine{between_edges, clocks}); }
  void wait(unsigned clocks) { sink_(WaitLine{clocks}); }
  void hold(unsigned clocks) { sink_(HoldLine{clocks}); }
  void idle(unsigned clocks) { sink_(IdleLine{clocks}); }

  /// A beat of random operands without NaN.
  BlockPairs random_beat();

 private:
  void beats(const BlockPairs& pairs, bool ends, unsigned idle_clocks);

  MacConfig config_;
  std::uint64_t seed_;
  std::mt19937_64 random_;
  LineSink sink_;
};

/// One dot product after the other.
BlockPairs joined(BlockPairs first, const BlockPairs& second);

// The testpoints of a part of the plan, in their order.
void add_codes(Stimuli& stimuli);
void add_scales(Stimuli& stimuli);
void add_blocks(Stimuli& stimuli);
void add_ties(Stimuli& stimuli);
void add_powers(Stimuli& stimuli);
void add_cancellation(Stimuli& stimuli);
void add_nan(Stimuli& stimuli);
void add_ends(Stimuli& stimuli);
void add_flow(Stimuli& stimuli);
void add_stalls(Stimuli& stimuli);
void add_resets(Stimuli& stimuli);
void add_random(Stimuli& stimuli);

/// The most beats that a dot product may take to reach an end of the accumulator.
inline constexpr Int128 kMostBeatsToEnd = 10000;

}  // namespace if4
