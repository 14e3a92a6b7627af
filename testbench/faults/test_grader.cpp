// The fault simulator against one fault at a time, evaluated gate by gate in plain C++.
#include <algorithm>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "testbench/faults/grader.hpp"
#include "testbench/support/catch.hpp"

namespace {

using namespace if4;
using namespace if4::faults;

/// A circuit of random gates, as text, with both faults of each node; `states` of its nodes hold a bit.
std::string random_circuit(std::mt19937_64& random, std::size_t inputs, std::size_t states,
                           std::size_t gates) {
  static const char* const kKinds[] = {"buf", "not", "and", "nand", "or", "nor", "xor", "xnor"};
  std::ostringstream text;
  text << "circuit 1\n";
  for (std::size_t i = 0; i < inputs; ++i) text << "input i" << i << '\n';
  for (std::size_t i = 0; i < states; ++i) text << "state\n";
  text << "const 1\n";
  const std::size_t first = inputs + states + 1, nodes = first + gates;
  for (std::size_t n = first; n < nodes; ++n) {
    const std::size_t kind = random() % 8;
    text << kKinds[kind] << ' ' << random() % n;
    if (kind >= 2) text << ' ' << random() % n;
    text << '\n';
  }
  for (std::size_t i = 0; i < 3; ++i) text << "output o" << i << ' ' << nodes - 1 - i << '\n';
  for (std::size_t i = 0; i < states; ++i)
    text << "next " << inputs + i << ' ' << random() % nodes << ' ' << random() % nodes << '\n';
  for (std::size_t n = 0; n < 2 * nodes; ++n) text << "fault " << n << ' ' << n / 2 << ' ' << n % 2 << '\n';
  text << "end " << nodes << ' ' << 2 * nodes << '\n';
  return text.str();
}

bool evaluated(Gate gate, bool a, bool b) {
  switch (gate) {
    case Gate::kBuffer:
      return a;
    case Gate::kNot:
      return !a;
    case Gate::kAnd:
      return a && b;
    case Gate::kNand:
      return !(a && b);
    case Gate::kOr:
      return a || b;
    case Gate::kNor:
      return !(a || b);
    case Gate::kXor:
      return a != b;
    default:
      return a == b;
  }
}

using Bits2 = std::vector<std::vector<bool>>;  ///< a row each step

/// What the outputs show at each step, with a fault or without one; `start`: a bit for each state.
Bits2 response(const Circuit& circuit, const Bits2& inputs, const std::vector<bool>& edges,
               const Fault* fault, unsigned start) {
  std::vector<bool> held;
  for (std::size_t i = 0; i < circuit.states.size(); ++i) held.push_back(((start >> i) & 1U) != 0);
  Bits2 shown;
  for (std::size_t step = 0; step < inputs.size(); ++step) {
    std::vector<bool> values;
    for (const Node& node : circuit.nodes) {
      bool value = node.gate == Gate::kInput      ? inputs[step][node.a]
                   : node.gate == Gate::kState    ? held[node.a]
                   : node.gate == Gate::kConstant ? node.a != 0
                                                  : evaluated(node.gate, values[node.a], values[node.b]);
      if (fault != nullptr && fault->node == values.size()) value = fault->value;
      values.push_back(value);
    }
    shown.emplace_back();
    for (const Port& port : circuit.outputs) shown.back().push_back(values[port.node]);
    for (std::size_t i = 0; i < held.size(); ++i)
      held[i] = values[edges[step] ? circuit.states[i].edge : circuit.states[i].between];
  }
  return shown;
}

Circuit circuit_of(const std::string& text) {
  std::istringstream in(text);
  return read_circuit(in, "text");
}

/// Bits as Trace::add() takes them.
std::string characters(const std::vector<bool>& bits) {
  std::string text;
  for (const bool bit : bits) text += bit ? '1' : '0';
  return text;
}

std::size_t first_difference(const Bits2& shown, const std::vector<std::string>& observed) {
  for (std::size_t step = 0; step < shown.size(); ++step) {
    for (std::size_t i = 0; i < observed[step].size(); ++i) {
      if (observed[step][i] != '-' && observed[step][i] != (shown[step][i] ? '1' : '0')) return step;
    }
  }
  return kNever;
}

}  // namespace

// What the outputs show from every start without a fault is observed. A fault that shows from every start is detected, at the
// first step by which all have shown it; one that does not from all 0 or all 1 is not.
TEST_CASE("faults: the simulator against one fault at a time", "[faults]") {
  std::mt19937_64 random(test_seed() + 7100);
  std::size_t detected = 0, hidden = 0;
  for (std::size_t n = 0; n < 16; ++n) {
    const std::size_t states = n % 4;
    const unsigned starts = 1U << states;
    const Circuit circuit = circuit_of(random_circuit(random, 6, states, n < 8 ? 30 : 300));
    Bits2 inputs;
    std::vector<bool> edges;
    for (std::size_t step = 0; step < 100; ++step) {
      edges.push_back(random() % 8 != 0);
      inputs.emplace_back();
      for (std::size_t i = 0; i < 6; ++i) inputs.back().push_back(random() % 2 != 0);
    }
    std::vector<std::string> observed;
    for (const auto& shown : response(circuit, inputs, edges, nullptr, 0))
      observed.push_back(characters(shown));
    for (unsigned start = 1; start < starts; ++start) {
      const Bits2 shown = response(circuit, inputs, edges, nullptr, start);
      for (std::size_t step = 0; step < shown.size(); ++step) {
        for (std::size_t i = 0; i < 3; ++i) {
          if (observed[step][i] != (shown[step][i] ? '1' : '0')) observed[step][i] = '-';
        }
      }
    }
    Trace trace({"i0", "i1", "i2", "i3", "i4", "i5"}, {"o0", "o1", "o2"});
    for (std::size_t step = 0; step < inputs.size(); ++step)
      trace.add(edges[step], characters(inputs[step]), observed[step]);

    const std::vector<Verdict> verdicts = grade(circuit, trace, 2);
    REQUIRE(verdicts.size() == circuit.faults.size());
    for (std::size_t fault = 0; fault < verdicts.size(); ++fault) {
      INFO("circuit " << n << ", fault " << fault);
      std::size_t last = 0;
      bool from_ends = true;
      for (unsigned start = 0; start < starts; ++start) {
        const std::size_t step =
            first_difference(response(circuit, inputs, edges, &circuit.faults[fault], start), observed);
        last = std::max(last, step);
        if (start == 0 || start + 1 == starts) from_ends = from_ends && step != kNever;
      }
      if (last != kNever) REQUIRE(verdicts[fault].step <= last);
      if (last != kNever && states == 0) REQUIRE(verdicts[fault].step == last);
      if (!from_ends) REQUIRE(verdicts[fault].step == kNever);
      ++(verdicts[fault].step == kNever ? hidden : detected);
    }
  }
  CHECK(detected > 500);
  CHECK(hidden > 100);
}

TEST_CASE("faults: a circuit that differs from the trace without a fault is refused", "[faults]") {
  const Circuit circuit = circuit_of("circuit 1\ninput i\nnot 0\noutput o 1\nend 2 0\n");
  Trace right({"i"}, {"o"}), wrong({"i"}, {"o"}), other({"j"}, {"o"});
  right.add(true, "0", "1");
  wrong.add(true, "0", "0");
  CHECK_NOTHROW(grade(circuit, right, 1));
  CHECK_THROWS_WITH(grade(circuit, wrong, 1), "the circuit without a fault differs from the trace at step 0");
  CHECK_THROWS_AS(grade(circuit, other, 1), InputError);
}

TEST_CASE("faults: malformed circuits and traces", "[faults]") {
  for (const char* text :
       {"", "circuit 2\nend 0 0\n", "circuit 1\n", "circuit 1\nand 0 0\nend 1 0\n",
        "circuit 1\ninput\nend 1 0\n", "circuit 1\nstate\nend 1 0\n", "circuit 1\nconst 2\nend 1 0\n",
        "circuit 1\nconst 1\nend 2 0\n", "circuit 1\nconst 1\nfault 1 0 0\nend 1 1\n",
        "circuit 1\nconst 1\nfault 0 1 0\nend 1 1\n", "circuit 1\nconst 1 1\nend 1 0\n",
        "circuit 1\nmux 0 0\nend 1 0\n"}) {
    INFO(text);
    CHECK_THROWS_AS(circuit_of(text), InputError);
  }
  for (const char* text :
       {"", "in a\nout b\n", "out b\nin a\nclock 0 0\n", "in a\nout b\nclock 0\n",
        "in a\nout b\nclock 00 0\n", "in a\nout b\nclock - 0\n", "in a\nout b\ntick 0 0\n"}) {
    INFO(text);
    std::istringstream in(text);
    CHECK_THROWS_AS(read_trace(in, "text"), InputError);
  }
}
