// The counter of transitions and the marks of nodes against plain loops over all copies.
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "testbench/energy/activity.hpp"
#include "testbench/support/catch.hpp"

namespace {

using namespace if4;
using namespace if4::energy;
using faults::Circuit;
using faults::Packed;
using faults::read_circuit;
using faults::Word;

/// Some inputs, a gate of each kind, and a flip-flop that takes the last gate.
Circuit small_circuit() {
  std::istringstream text(
      "circuit 1\ninput a\ninput b\ninput c\nstate\nand 0 1\nxor 4 3\nnot 5\nnor 6 2\nor 7 0\nbuf 8\n"
      "output o 9\nnext 3 9 9\nend 10 0\n");
  return read_circuit(text, "small");
}

Word random_word(std::mt19937_64& random) {
  Word word;
  for (std::uint64_t& part : word.part) part = random();
  return word;
}

unsigned values(const Packed& packed, const CellPins& pins, std::size_t copy) {
  unsigned bits = 0;
  for (std::size_t pin = 0; pin < pins.size(); ++pin)
    bits |= static_cast<unsigned>(packed.node(pins[pin]).bit(copy)) << pin;
  return bits;
}

}  // namespace

TEST_CASE("transitions are counted for each cell in every copy", "[energy]") {
  const Circuit circuit = small_circuit();
  const std::vector<CellPins> cells = {{0}, {0, 1}, {4, 3}, {2, 6, 5}, {8, 7, 6, 5, 4, 3, 1, 0}};
  Activity activity(cells);
  Packed packed(circuit, {});
  std::mt19937_64 random(GENERATE(1U, 2U));
  std::vector<std::map<std::size_t, std::uint64_t>> seen(cells.size());
  std::vector<std::vector<unsigned>> before(cells.size(), std::vector<unsigned>(faults::kStreams));
  std::uint64_t clocks = 0;
  for (int clock = 0; clock < 20; ++clock) {
    for (std::size_t input = 0; input < 3; ++input) packed.set_input(input, random_word(random));
    packed.settle();
    const bool counted = clock != 7 && clock != 0;
    activity.look(packed, counted);
    clocks += counted ? 1 : 0;
    for (std::size_t cell = 0; cell < cells.size(); ++cell) {
      for (std::size_t copy = 0; copy < faults::kStreams; ++copy) {
        const unsigned after = values(packed, cells[cell], copy);
        if (counted) ++seen[cell][before[cell][copy] + (std::size_t{after} << cells[cell].size())];
        before[cell][copy] = after;
      }
    }
    packed.step(true);
  }
  CHECK(activity.clocks() == clocks);
  for (std::size_t cell = 0; cell < cells.size(); ++cell) {
    const std::vector<std::uint64_t>& counts = activity.transitions(cell);
    REQUIRE(counts.size() == std::size_t{1} << (2 * cells[cell].size()));
    std::size_t wrong = 0;
    for (std::size_t number = 0; number < counts.size(); ++number) {
      const auto found = seen[cell].find(number);
      wrong += counts[number] != (found == seen[cell].end() ? 0 : found->second) ? 1 : 0;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("the first clock that is looked at counts no transition", "[energy]") {
  const Circuit circuit = small_circuit();
  Packed packed(circuit, {});
  packed.settle();
  Activity activity({{0, 1}});
  activity.look(packed, true);
  CHECK(activity.clocks() == 0);
  activity.look(packed, true);
  CHECK(activity.clocks() == 1);
  CHECK(activity.transitions(0)[0] == faults::kStreams);
}

TEST_CASE("marks are those of the values or their inverse, and 0 of what never changes", "[energy]") {
  std::istringstream text("circuit 1\ninput a\ninput b\nnot 0\nbuf 0\nconst 1\nand 0 1\nnand 0 1\nend 7 0\n");
  const Circuit circuit = read_circuit(text, "marks");
  Packed packed(circuit, {});
  Signatures signatures(circuit.nodes.size());
  std::mt19937_64 random(1);
  const Word once = random_word(random);
  for (int clock = 0; clock < 5; ++clock) {
    packed.set_input(0, random_word(random));
    packed.set_input(1, clock < 4 ? once : random_word(random));
    packed.settle();
    signatures.look(packed);
  }
  const std::vector<std::uint64_t>& marks = signatures.marks();
  CHECK(marks[0] != 0);
  CHECK(marks[0] == marks[2]);
  CHECK(marks[0] == marks[3]);
  CHECK(marks[4] == 0);
  CHECK(marks[5] == marks[6]);
  CHECK(marks[5] != marks[0]);
  CHECK(marks[1] != marks[0]);
}

TEST_CASE("marks tell the clocks apart", "[energy]") {
  std::istringstream text("circuit 1\ninput a\ninput b\nand 0 1\nend 3 0\n");
  const Circuit circuit = read_circuit(text, "clocks");
  Packed packed(circuit, {});
  Signatures signatures(circuit.nodes.size());
  Word words[2];
  words[0].part[1] = 5;
  words[1].part[1] = 9;
  for (const std::size_t clock : {std::size_t{0}, std::size_t{1}}) {
    packed.set_input(0, words[clock]);
    packed.set_input(1, words[1 - clock]);
    packed.settle();
    signatures.look(packed);
  }
  CHECK(signatures.marks()[0] != signatures.marks()[1]);
}

TEST_CASE("a list of cells that is none is refused", "[energy]") {
  const auto read = [](const std::string& text) {
    std::istringstream in(text);
    return read_cells(in, "list", 10);
  };
  CHECK(read("cells 1\ncell 1 2\ncell 3\nend 2\n") == std::vector<CellPins>{{1, 2}, {3}});
  for (const char* text : {"", "cells 2\nend 0\n", "cells 1\ncell 10\nend 1\n", "cells 1\ncell\nend 1\n",
                           "cells 1\ncell 1\nend 2\n", "cells 1\ncell x\nend 1\n", "cells 1\ncell 1\n",
                           "cells 1\ncell 1 1 1 1 1 1 1 1 1\nend 1\n"})
    CHECK_THROWS_AS(read(text), InputError);
}
