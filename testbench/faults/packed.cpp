#include "testbench/faults/packed.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <tuple>

namespace if4::faults {

namespace {

/// A node that is computed, and after which level all its inputs are there.
struct Placed {
  std::size_t level;
  Gate gate;
  Operation operation;
};

}  // namespace

// A node of its own word is one that is computed or stuck somewhere; a buffer without a fault is its input.
Packed::Packed(const Circuit& circuit, const std::vector<Fault>& faults) {
  if (faults.size() > kStreams) throw std::invalid_argument("more faults than copies");
  std::vector<std::vector<std::size_t>> streams(circuit.nodes.size());
  for (std::size_t stream = 0; stream < faults.size(); ++stream)
    streams[faults[stream].node].push_back(stream);

  std::vector<std::uint32_t> word_of(circuit.nodes.size());
  std::vector<std::size_t> level_of_word;
  std::vector<Placed> placed;
  std::vector<std::pair<std::size_t, Stuck>> stuck;  // with their levels
  std::vector<std::pair<std::uint32_t, bool>> constants;
  inputs_.resize(circuit.inputs.size());
  std::vector<std::uint32_t> held(circuit.states.size());
  for (std::size_t n = 0; n < circuit.nodes.size(); ++n) {
    const Node& node = circuit.nodes[n];
    const bool reads = node.gate >= Gate::kBuffer, reads_two = node.gate >= Gate::kAnd;
    if (node.gate == Gate::kBuffer && streams[n].empty()) {
      word_of[n] = word_of[node.a];
      continue;
    }
    const auto word = static_cast<std::uint32_t>(level_of_word.size());
    std::size_t level = 0;
    if (reads) {
      const Operation operation{word, word_of[node.a], word_of[reads_two ? node.b : node.a]};
      level = 1 + std::max(level_of_word[operation.a], level_of_word[operation.b]);
      placed.push_back({level, node.gate, operation});
    } else if (node.gate == Gate::kInput) {
      inputs_[node.a] = word;
    } else if (node.gate == Gate::kState) {
      held[node.a] = word;
    } else {
      constants.emplace_back(word, node.a != 0);
    }
    word_of[n] = word;
    level_of_word.push_back(level);
    for (const std::size_t stream : streams[n])
      stuck.push_back({level,
                       {word, static_cast<std::uint32_t>(stream / 64), std::uint64_t{1} << (stream % 64),
                        faults[stream].value}});
  }

  std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return std::tie(a.level, a.gate) < std::tie(b.level, b.gate);
  });
  std::stable_sort(stuck.begin(), stuck.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  const std::size_t last = placed.empty() ? 0 : placed.back().level;
  std::size_t p = 0, s = 0;
  for (std::size_t level = 0; level <= last; ++level) {
    Level made{runs_.size(), 0, stuck_.size(), 0};
    for (; p < placed.size() && placed[p].level == level; ++p) {
      if (runs_.size() == made.run_begin || runs_.back().gate != placed[p].gate)
        runs_.push_back({placed[p].gate, operations_.size(), operations_.size()});
      operations_.push_back(placed[p].operation);
      runs_.back().end = operations_.size();
    }
    for (; s < stuck.size() && stuck[s].first == level; ++s) stuck_.push_back(stuck[s].second);
    made.run_end = runs_.size();
    made.stuck_end = stuck_.size();
    levels_.push_back(made);
  }

  words_.resize(level_of_word.size());
  for (const auto& [word, value] : constants)
    std::fill(std::begin(words_[word].part), std::end(words_[word].part), value ? ~std::uint64_t{0} : 0);
  for (std::size_t i = 0; i < circuit.states.size(); ++i)
    states_.push_back({held[i], word_of[circuit.states[i].edge], word_of[circuit.states[i].between]});
  for (const Port& port : circuit.outputs) outputs_.push_back(word_of[port.node]);
  after_.resize(states_.size());
  nodes_ = std::move(word_of);
}

void Packed::set_input(std::size_t input, bool value) {
  Word& word = words_[inputs_[input]];
  std::fill(std::begin(word.part), std::end(word.part), value ? ~std::uint64_t{0} : 0);
}

void Packed::stick(const Level& level) {
  for (std::size_t i = level.stuck_begin; i < level.stuck_end; ++i) {
    const Stuck& stuck = stuck_[i];
    std::uint64_t& part = words_[stuck.word].part[stuck.part];
    part = stuck.value ? part | stuck.mask : part & ~stuck.mask;
  }
}

void Packed::settle() {
  for (const Level& level : levels_) {
    run_gates(runs_.data() + level.run_begin, level.run_end - level.run_begin, operations_.data(),
              words_.data());
    stick(level);
  }
}

void Packed::step(bool edge) {
  for (std::size_t i = 0; i < states_.size(); ++i)
    after_[i] = words_[edge ? states_[i].edge : states_[i].between];
  for (std::size_t i = 0; i < states_.size(); ++i) words_[states_[i].held] = after_[i];
}

}  // namespace if4::faults
