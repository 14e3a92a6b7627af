// Which faults of a circuit a trace detects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "testbench/faults/circuit.hpp"
#include "testbench/faults/trace.hpp"

namespace if4::faults {

inline constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

/// What the flip-flops hold before the first step: all 0, all 1, a random bit each, and its inverse.
enum class Start { kZeros, kOnes, kRandom, kInverse };
inline constexpr Start kStarts[] = {Start::kZeros, Start::kOnes, Start::kRandom, Start::kInverse};

struct Verdict {
  std::size_t step = kNever;  ///< the first by which the fault is seen from every start
  unsigned starts = 0;        ///< how many of kStarts it is seen from, before one that does not show it
};

/// Drives the trace's inputs through a copy of the circuit for each fault, and compares each observed output of each step
/// with the trace. A fault counts as detected where an observed pin differs at least once from every start. The same is
/// done without a fault, from the first start to the end of the trace; it must not differ. Throws InputError where circuit
/// and trace do not have the same pins, and std::runtime_error where the circuit without a fault differs from the trace. `threads`: 0 for all cores.
std::vector<Verdict> grade(const Circuit& circuit, const Trace& trace, unsigned threads);

/// A number for each node of the circuit, without faults and started from 0, by its values in so many steps of the trace,
/// in pieces of it at even distances: the same for nodes that have the same or inverse values; 0 for one that never changes.
std::vector<std::uint64_t> signatures(const Circuit& circuit, const Trace& trace, std::size_t steps);

}  // namespace if4::faults
