#include "testbench/faults/circuit.hpp"

#include <array>
#include <istream>
#include <sstream>
#include <string_view>

#include "model/core/error.hpp"

namespace if4::faults {

namespace {

struct GateName {
  std::string_view name;
  Gate gate;
  unsigned inputs;
};
constexpr std::array<GateName, 8> kGates = {{{"buf", Gate::kBuffer, 1},
                                             {"not", Gate::kNot, 1},
                                             {"and", Gate::kAnd, 2},
                                             {"nand", Gate::kNand, 2},
                                             {"or", Gate::kOr, 2},
                                             {"nor", Gate::kNor, 2},
                                             {"xor", Gate::kXor, 2},
                                             {"xnor", Gate::kXnor, 2}}};

class Reader {
 public:
  Reader(std::istream& in, const std::string& name) : in_(in), name_(name) {}

  Circuit read() {
    std::string text;
    while (!ended_ && std::getline(in_, text)) {
      ++line_;
      words_ = std::istringstream(text);
      read_line(word("a word"));
      std::string more;
      if (words_ >> more) fail("'" + more + "' is too much");
    }
    if (!ended_) fail("the file ends without an end line");
    return std::move(circuit_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw InputError(name_ + ":" + std::to_string(line_) + ": " + what);
  }

  std::string word(const char* what) {
    std::string text;
    if (!(words_ >> text)) fail(std::string(what) + " is missing");
    return text;
  }

  std::uint32_t number(std::size_t below, const char* what) {
    const std::string text = word(what);
    if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos ||
        std::stoul(text) >= below)
      fail(std::string(what) + " is '" + text + "', not a number below " + std::to_string(below));
    return static_cast<std::uint32_t>(std::stoul(text));
  }

  std::uint32_t node() { return number(circuit_.nodes.size(), "a node"); }

  void read_line(const std::string& key) {
    if (line_ == 1) {
      if (key != "circuit" || number(2, "the version") != 1) fail("is no circuit of version 1");
    } else if (key == "input") {
      circuit_.inputs.push_back({word("a name"), static_cast<std::uint32_t>(circuit_.nodes.size())});
      circuit_.nodes.push_back({Gate::kInput, static_cast<std::uint32_t>(circuit_.inputs.size() - 1), 0});
    } else if (key == "state") {
      circuit_.nodes.push_back({Gate::kState, static_cast<std::uint32_t>(states_++), 0});
    } else if (key == "const") {
      circuit_.nodes.push_back({Gate::kConstant, number(2, "a constant"), 0});
    } else if (key == "output") {
      const std::string name = word("a name");
      circuit_.outputs.push_back({name, node()});
    } else if (key == "next") {
      next();
    } else if (key == "fault") {
      if (number(circuit_.faults.size() + 1, "a fault") != circuit_.faults.size())
        fail("a fault comes twice");
      const std::uint32_t stuck = node();
      circuit_.faults.push_back({stuck, number(2, "a value") == 1});
    } else if (key == "end") {
      end();
    } else {
      gate(key);
    }
  }

  void next() {
    const State state{node(), node(), node()};
    const Node& held = circuit_.nodes[state.node];
    if (held.gate != Gate::kState || held.a != circuit_.states.size())
      fail("the states are not in their order");
    circuit_.states.push_back(state);
  }

  void gate(const std::string& key) {
    for (const GateName& known : kGates) {
      if (known.name != key) continue;
      const std::uint32_t a = node();
      circuit_.nodes.push_back({known.gate, a, known.inputs == 2 ? node() : 0});
      return;
    }
    fail("'" + key + "' is not known");
  }

  void end() {
    if (number(1U << 30U, "a count") != circuit_.nodes.size() ||
        number(1U << 30U, "a count") != circuit_.faults.size())
      fail("nodes or faults are missing");
    if (circuit_.states.size() != states_) fail("a state has no next line");
    ended_ = true;
  }

  std::istream& in_;
  std::string name_;
  std::istringstream words_;
  std::size_t line_ = 0, states_ = 0;
  bool ended_ = false;
  Circuit circuit_;
};

}  // namespace

Circuit read_circuit(std::istream& in, const std::string& name) { return Reader(in, name).read(); }

}  // namespace if4::faults
