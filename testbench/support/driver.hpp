// Drives any unit with the ports of the MAC unit: dot products in, results out, with random stalls on both
// sides, and a watch on the handshake.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "model/core/format.hpp"

namespace if4::testing {

/// The pairs of blocks of a dot product, activations and weights. A unit of more than 16 lanes takes several
/// a beat; the number of pairs is then a multiple of blocks_per_beat().
using Beats = std::vector<std::pair<Block, Block>>;

/// How often a beat is not offered, or a result not taken, at a clock at which it could be.
struct Stalls {
  unsigned input_percent = 0;
  unsigned output_percent = 0;
  std::uint64_t seed = 0;
};

/// What a driver saw of a unit whose results are of this type.
template <class Result>
struct DrivenUnit {
  std::vector<Result> results;
  std::uint64_t cycles = 0;     ///< from the first beat offered to the last result taken
  std::string protocol_errors;  ///< empty unless the unit broke a rule of its handshake
};

/// Offers the dot products one after the other, `per_beat` pairs of blocks at a time.
template <class Unit>
class BeatSource {
 public:
  BeatSource(Unit& unit, const std::vector<Beats>& dot_products, std::size_t per_beat)
      : unit_(unit), dot_products_(dot_products), per_beat_(per_beat) {
    unit_.drive_idle();
  }

  /// Drives the inputs of a clock: the beat that was not taken yet, or the next one if `now()` says so.
  template <class Now>
  void offer(Now&& now) {
    if (offered_ || index_ == dot_products_.size() || !now()) return;
    const Beats& beats = dot_products_[index_];
    unit_.drive(&beats[position_], position_ + per_beat_ >= beats.size());
    offered_ = true;
  }
  /// Whether the unit takes a beat at the next edge; advance() follows that edge.
  bool moves() { return offered_ && unit_.ready(); }
  void advance() {
    offered_ = false;
    unit_.drive_idle();
    position_ += per_beat_;
    if (position_ < dot_products_[index_].size()) return;
    position_ = 0;
    ++index_;
  }

 private:
  Unit& unit_;
  const std::vector<Beats>& dot_products_;
  std::size_t per_beat_;
  std::size_t index_ = 0;     // of the dot product
  std::size_t position_ = 0;  // of the beat's first pair in it
  bool offered_ = false;
};

/// Runs the dot products through the unit and takes results until there are as many, and for 64 more clocks,
/// in which no other may come. Gives up after 10,000 clocks without progress. A result that is offered must
/// stay as it is until it is taken. `Unit` has the functions of MacUnit.
template <class Unit>
auto drive_unit(Unit& unit, const std::vector<Beats>& dot_products, std::size_t per_beat,
                const Stalls& stalls) {
  using Result = decltype(unit.result());
  constexpr int kPatience = 10000;
  constexpr int kQuietClocks = 64;
  DrivenUnit<Result> driven;
  BeatSource<Unit> source(unit, dot_products, per_beat);
  std::mt19937_64 input_random(stalls.seed);
  std::mt19937_64 output_random(~stalls.seed);
  bool held = false;  // a result was offered in the last clock and not taken
  Result held_result{};
  int idle = 0;
  int quiet = 0;
  for (std::uint64_t cycle = 1; idle < kPatience && quiet < kQuietClocks; ++cycle) {
    source.offer([&] { return input_random() % 100 >= stalls.input_percent; });
    const bool take = output_random() % 100 >= stalls.output_percent;
    unit.set_ready(take);
    const bool valid = unit.valid();
    if (held && !valid) driven.protocol_errors += "a result was withdrawn; ";
    if (held && valid && unit.result() != held_result)
      driven.protocol_errors += "a result changed while stalled; ";
    held = valid && !take;
    if (held) held_result = unit.result();
    ++idle;
    if (valid && take) {
      driven.results.push_back(unit.result());
      driven.cycles = cycle;
      idle = 0;
    }
    const bool taken = source.moves();
    unit.step();
    if (taken) {
      source.advance();
      idle = 0;
    }
    if (driven.results.size() >= dot_products.size()) ++quiet;
  }
  return driven;
}

}  // namespace if4::testing
