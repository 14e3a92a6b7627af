// What the cells of a netlist go through: how often the pins of each change from one set of values to another.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "testbench/faults/circuit.hpp"
#include "testbench/faults/packed.hpp"

namespace if4::energy {

/// Pins of one cell that are looked at together.
inline constexpr std::size_t kMostPins = 8;

/// The nodes of a circuit that the pins of a cell are; at least one, at most kMostPins.
using CellPins = std::vector<std::uint32_t>;

/// Reads `cells 1`, then `cell NODE...` for each cell in their order, then `end CELLS`. Throws InputError "NAME:LINE: ..."
/// where the text is none, ends early, or names a node that is not below `nodes`.
std::vector<CellPins> read_cells(std::istream& in, const std::string& name, std::size_t nodes);

/// The transitions of all cells in all copies of a circuit. A transition is the values of a cell's pins, settled, in one
/// clock and in the next; that nothing changes is one too.
class Activity {
 public:
  explicit Activity(std::vector<CellPins> cells);

  /// Takes the settled values of a clock. `counted`: the transitions from the clock before to this one count.
  void look(const faults::Packed& packed, bool counted);

  std::size_t cells() const { return cells_.size(); }
  /// Clocks that counted.
  std::uint64_t clocks() const { return clocks_; }
  /// How often a cell made each transition, of all copies: that of the values `before` to the values `after`, a bit a pin
  /// and the first pin the lowest, is number before + (after << pins).
  const std::vector<std::uint64_t>& transitions(std::size_t cell) const { return cells_[cell].counts; }

 private:
  struct Cell {
    std::vector<std::uint32_t> slots;
    std::vector<std::uint64_t> counts;
  };

  void count(Cell& cell);

  std::vector<Cell> cells_;
  std::vector<std::uint32_t> nodes_;          // of each slot
  std::vector<faults::Word> before_, after_;  // the values of the slots
  std::uint64_t clocks_ = 0;
  bool looked_ = false;
};

/// A number for each node, by its values in all copies and clocks that were looked at: the same for nodes that have the
/// same or inverse values, 0 for one that never changes nor differs between copies.
class Signatures {
 public:
  explicit Signatures(std::size_t nodes) : marks_(nodes), inverted_(nodes) {}

  void look(const faults::Packed& packed);
  const std::vector<std::uint64_t>& marks() const { return marks_; }

 private:
  std::vector<std::uint64_t> marks_;
  std::vector<bool> inverted_;
  std::uint64_t clocks_ = 0;
};

}  // namespace if4::energy
