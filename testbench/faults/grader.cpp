#include "testbench/faults/grader.hpp"

#include <algorithm>
#include <numeric>
#include <random>
#include <stdexcept>
#include <unordered_map>

#include "model/core/error.hpp"
#include "model/core/parallel.hpp"
#include "testbench/faults/packed.hpp"

namespace if4::faults {

namespace {

// Faults that are easy to see are gone after a few steps, so that the first pieces of the trace are short. After each,
// what is left is packed anew.
constexpr std::size_t kFirstPiece = 32, kLongestPiece = 4096;
constexpr std::size_t kGood = kStreams - 1;  // the copy without a fault in each batch

using Bits = std::vector<std::uint64_t>;

std::vector<std::size_t> numbers_of(const std::vector<std::string>& names, const std::vector<Port>& ports) {
  std::unordered_map<std::string, std::size_t> numbers;
  for (std::size_t i = 0; i < ports.size(); ++i) numbers[ports[i].name] = i;
  std::vector<std::size_t> found;
  for (const std::string& name : names) {
    const auto number = numbers.find(name);
    if (number == numbers.end()) throw InputError("the circuit has no port " + name);
    found.push_back(number->second);
  }
  if (numbers.size() != names.size()) throw InputError("the circuit has ports that the trace does not name");
  return found;
}

bool bit_of(const Bits& bits, std::size_t i) { return ((bits[i / 64] >> (i % 64)) & 1U) != 0; }

class Grader {
 public:
  Grader(const Circuit& circuit, const Trace& trace, unsigned threads)
      : circuit_(circuit),
        trace_(trace),
        threads_(threads),
        inputs_(numbers_of(trace.inputs(), circuit.inputs)),
        outputs_(numbers_of(trace.outputs(), circuit.outputs)),
        verdicts_(circuit.faults.size()) {}

  std::vector<Verdict> grade() {
    std::vector<std::size_t> left(circuit_.faults.size());
    std::iota(left.begin(), left.end(), 0);
    for (const Start start : kStarts) {
      seen_.assign(circuit_.faults.size(), kNever);
      grade_from(start, left);
      for (const std::size_t fault : left) {
        Verdict& verdict = verdicts_[fault];
        if (seen_[fault] == kNever) continue;
        verdict.step = verdict.starts == 0 ? seen_[fault] : std::max(verdict.step, seen_[fault]);
        ++verdict.starts;
      }
      // What one start does not show is not detected, whatever the others do.
      left.erase(
          std::remove_if(left.begin(), left.end(), [&](std::size_t fault) { return seen_[fault] == kNever; }),
          left.end());
    }
    for (Verdict& verdict : verdicts_) {
      if (verdict.starts != std::size(kStarts)) verdict.step = kNever;
    }
    return verdicts_;
  }

 private:
  void grade_from(Start start, std::vector<std::size_t> left) {
    const Bits first = start_bits(start);
    good_ = first;
    states_.assign(circuit_.faults.size(), first);
    std::size_t length = kFirstPiece;
    // Without a fault the whole trace is run once, and the others as far as there is something to see.
    for (std::size_t step = 0; step < trace_.steps() && (start == kStarts[0] || !left.empty());
         step += length) {
      if (step > 0) length = std::min(2 * length, kLongestPiece);
      const std::size_t end = std::min(step + length, trace_.steps());
      run_piece(left, step, end);
      left.erase(
          std::remove_if(left.begin(), left.end(), [&](std::size_t fault) { return seen_[fault] != kNever; }),
          left.end());
    }
  }

  Bits start_bits(Start start) const {
    std::mt19937_64 random(1);
    Bits bits(circuit_.states.size() / 64 + 1);
    for (std::uint64_t& part : bits) {
      const std::uint64_t drawn = random();
      part = start == Start::kZeros    ? 0
             : start == Start::kOnes   ? ~std::uint64_t{0}
             : start == Start::kRandom ? drawn
                                       : ~drawn;
    }
    return bits;
  }

  // The batches of one piece. The first of them also gives what the circuit without a fault holds at its end.
  void run_piece(const std::vector<std::size_t>& left, std::size_t begin, std::size_t end) {
    const std::size_t batches = std::max<std::size_t>(1, (left.size() + kGood - 1) / kGood);
    Bits good_after;
    parallel_for(batches, threads_, [&](std::size_t batch) {
      const auto from = left.begin() + static_cast<std::ptrdiff_t>(batch * kGood);
      const auto to = left.begin() + static_cast<std::ptrdiff_t>(std::min(left.size(), (batch + 1) * kGood));
      Bits after = run_batch({from, to}, begin, end);
      if (batch == 0) good_after = std::move(after);
    });
    good_ = std::move(good_after);
  }

  Bits run_batch(const std::vector<std::size_t>& batch, std::size_t begin, std::size_t end) {
    std::vector<Fault> faults;
    for (const std::size_t fault : batch) faults.push_back(circuit_.faults[fault]);
    Packed packed(circuit_, faults);
    for (std::size_t state = 0; state < circuit_.states.size(); ++state) {
      for (std::size_t stream = 0; stream < kStreams; ++stream)
        packed.set_state(state, stream,
                         bit_of(stream < batch.size() ? states_[batch[stream]] : good_, state));
    }
    for (std::size_t step = begin; step < end; ++step) {
      for (std::size_t i = 0; i < inputs_.size(); ++i) packed.set_input(inputs_[i], trace_.input(step, i));
      packed.settle();
      look(packed, batch, step);
      packed.step(trace_.edge(step));
    }
    for (std::size_t stream = 0; stream < batch.size(); ++stream)
      states_[batch[stream]] = held(packed, stream);
    return held(packed, kGood);
  }

  void look(const Packed& packed, const std::vector<std::size_t>& batch, std::size_t step) {
    Word differ;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (!trace_.observed(step, i)) continue;
      const std::uint64_t expected = trace_.output(step, i) ? ~std::uint64_t{0} : 0;
      const Word& shown = packed.output(outputs_[i]);
      for (std::size_t part = 0; part < kWordParts; ++part) differ.part[part] |= shown.part[part] ^ expected;
    }
    if (differ.bit(kGood))
      throw std::runtime_error("the circuit without a fault differs from the trace at step " +
                               std::to_string(step));
    for (std::size_t part = 0; part < kWordParts; ++part) {
      for (std::uint64_t bits = differ.part[part]; bits != 0; bits &= bits - 1) {
        const std::size_t stream = 64 * part + static_cast<std::size_t>(__builtin_ctzll(bits));
        if (stream < batch.size() && seen_[batch[stream]] == kNever) seen_[batch[stream]] = step;
      }
    }
  }

  Bits held(const Packed& packed, std::size_t stream) const {
    Bits bits(circuit_.states.size() / 64 + 1);
    for (std::size_t state = 0; state < circuit_.states.size(); ++state)
      bits[state / 64] |= std::uint64_t{packed.state(state, stream)} << (state % 64);
    return bits;
  }

  const Circuit& circuit_;
  const Trace& trace_;
  unsigned threads_;
  std::vector<std::size_t> inputs_, outputs_;  // of the trace's pins, in the circuit
  std::vector<Verdict> verdicts_;
  std::vector<std::size_t> seen_;  // the step at which a fault is seen from the present start
  std::vector<Bits> states_;       // what the flip-flops hold with each fault at the end of the last piece
  Bits good_;                      // without one
};

}  // namespace

std::vector<Verdict> grade(const Circuit& circuit, const Trace& trace, unsigned threads) {
  return Grader(circuit, trace, threads).grade();
}

std::vector<std::uint64_t> signatures(const Circuit& circuit, const Trace& trace, std::size_t steps) {
  const std::vector<std::size_t> inputs = numbers_of(trace.inputs(), circuit.inputs);
  Packed packed(circuit, {});
  std::vector<std::uint64_t> marks(circuit.nodes.size());
  std::vector<bool> first(circuit.nodes.size());
  std::mt19937_64 random(1);
  constexpr std::size_t kWindows = 16;
  const std::size_t window = std::max<std::size_t>(1, trace.steps() / kWindows);
  for (std::size_t step = 0; step < trace.steps(); ++step) {
    if (step % window >= steps / kWindows) continue;
    for (std::size_t i = 0; i < inputs.size(); ++i) packed.set_input(inputs[i], trace.input(step, i));
    packed.settle();
    const std::uint64_t weight = random();
    for (std::size_t node = 0; node < marks.size(); ++node) {
      const bool value = packed.node(node).bit(0);
      if (step == 0) first[node] = value;
      if (value != first[node]) marks[node] += weight;
    }
    packed.step(trace.edge(step));
  }
  return marks;
}

}  // namespace if4::faults
