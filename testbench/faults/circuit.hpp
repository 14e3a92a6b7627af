// A circuit of gates of one or two inputs with the faults to try in it, as scripts/faults/circuit.py writes it of a netlist.
//
// Text, a node a line, numbered from 0 in their order; A and B are nodes above:
//
//   circuit 1
//   input NAME | state | const 0|1 | buf A | not A | and A B | nand A B | or A B | nor A B | xor A B | xnor A B
//   output NAME A            what a port shows
//   next STATE EDGE BETWEEN  of each state: the nodes that give what it holds after an edge of the clock, and after inputs
//                            were applied and taken away without one, as a reset may be
//   fault NUMBER A 0|1       node A is stuck; numbers count from 0
//   end NODES FAULTS         how many there are of both
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace if4::faults {

enum class Gate : std::uint8_t {
  kInput,
  kState,
  kConstant,
  kBuffer,
  kNot,
  kAnd,
  kNand,
  kOr,
  kNor,
  kXor,
  kXnor
};

struct Node {
  Gate gate = Gate::kConstant;
  std::uint32_t a = 0;  ///< a node; of an input or a state its number among them, of a constant its value
  std::uint32_t b = 0;  ///< a node, where the gate has two inputs
};

struct Port {
  std::string name;
  std::uint32_t node = 0;
};

struct State {
  std::uint32_t node = 0;  ///< of what it holds
  std::uint32_t edge = 0;  ///< of what it holds after an edge
  std::uint32_t between =
      0;  ///< of what it holds after a change of inputs that was taken back before an edge
};

/// A node that is stuck.
struct Fault {
  std::uint32_t node = 0;
  bool value = false;
};

struct Circuit {
  std::vector<Node> nodes;
  std::vector<Port> inputs, outputs;
  std::vector<State> states;
  std::vector<Fault> faults;
};

/// Reads a circuit. Throws InputError "NAME:LINE: ..." where the text is none, or ends early.
Circuit read_circuit(std::istream& in, const std::string& name);

}  // namespace if4::faults
