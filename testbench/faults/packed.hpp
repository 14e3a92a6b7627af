// 512 copies of a circuit at once, each bit of a word one of them, and each with a fault of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "testbench/faults/circuit.hpp"

namespace if4::faults {

inline constexpr std::size_t kStreams = 512;
inline constexpr std::size_t kWordParts = kStreams / 64;

/// A bit of each copy.
struct alignas(64) Word {
  std::uint64_t part[kWordParts] = {};

  bool bit(std::size_t stream) const { return ((part[stream / 64] >> (stream % 64)) & 1U) != 0; }
  void set(std::size_t stream, bool value) {
    const std::uint64_t mask = std::uint64_t{1} << (stream % 64);
    part[stream / 64] = value ? part[stream / 64] | mask : part[stream / 64] & ~mask;
  }
};

/// A gate of which all inputs are there: words[out] = a op b.
struct Operation {
  std::uint32_t out, a, b;
};

/// Gates of one kind that do not read each other.
struct Run {
  Gate gate;
  std::size_t begin, end;  ///< in the list of operations
};

/// Carries out runs of operations, on the widest instructions of the machine.
void run_gates(const Run* runs, std::size_t count, const Operation* operations, Word* words);

/// A circuit with a fault in some of the copies. The other copies have none.
class Packed {
 public:
  /// `faults`: a fault of each copy, from copy 0 on; at most kStreams.
  Packed(const Circuit& circuit, const std::vector<Fault>& faults);

  /// A bit that all copies read; inputs in the order of the circuit's.
  void set_input(std::size_t input, bool value);
  /// A bit for each copy.
  void set_input(std::size_t input, const Word& value) { words_[inputs_[input]] = value; }
  /// What copy `stream` holds in a state.
  void set_state(std::size_t state, std::size_t stream, bool value) {
    words_[states_[state].held].set(stream, value);
  }
  bool state(std::size_t state, std::size_t stream) const { return words_[states_[state].held].bit(stream); }

  /// Brings all nodes up to date with inputs and states.
  void settle();
  /// What an output shows, after settle().
  const Word& output(std::size_t output) const { return words_[outputs_[output]]; }
  /// The value of a node, after settle().
  const Word& node(std::size_t node) const { return words_[nodes_[node]]; }
  /// The states after an edge of the clock, or after a change of inputs that is taken back; after settle().
  void step(bool edge);

 private:
  struct Stuck {
    std::uint32_t word;
    std::uint32_t part;
    std::uint64_t mask;
    bool value;
  };
  struct Level {
    std::size_t run_begin, run_end;      ///< in runs_
    std::size_t stuck_begin, stuck_end;  ///< in stuck_: applied after the runs
  };
  struct Held {
    std::uint32_t held, edge, between;  ///< words
  };

  void stick(const Level& level);

  std::vector<Word> words_, after_;
  std::vector<Operation> operations_;
  std::vector<Run> runs_;
  std::vector<Stuck> stuck_;
  std::vector<Level> levels_;
  std::vector<Held> states_;
  std::vector<std::uint32_t> nodes_, inputs_, outputs_;  ///< words
};

}  // namespace if4::faults
