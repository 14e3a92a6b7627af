#include "testbench/energy/activity.hpp"

#include <algorithm>
#include <array>
#include <istream>
#include <sstream>
#include <unordered_map>

#include "model/core/error.hpp"
#include "model/core/text.hpp"

namespace if4::energy {

using faults::kStreams;
using faults::kWordParts;
using faults::Packed;
using faults::Word;

namespace {

/// Byte k of entry b is bit k of b.
constexpr std::array<std::uint64_t, 256> spread_table() {
  std::array<std::uint64_t, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit)
      table[byte] |= static_cast<std::uint64_t>((byte >> bit) & 1U) << (8 * bit);
  }
  return table;
}
constexpr std::array<std::uint64_t, 256> kSpread = spread_table();

/// splitmix64: any two different inputs give outputs that have nothing in common.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

}  // namespace

std::vector<CellPins> read_cells(std::istream& in, const std::string& name, std::size_t nodes) {
  std::vector<CellPins> cells;
  std::string text;
  for (std::size_t line = 1; std::getline(in, text); ++line) {
    const auto fail = [&](const std::string& what) {
      throw InputError(name + ":" + std::to_string(line) + ": " + what);
    };
    std::istringstream words(text);
    std::string key, word;
    words >> key;
    std::vector<std::uint64_t> numbers;
    while (words >> word) {
      const auto number = whole_number(word, 0, 1U << 30U);
      if (!number) fail("'" + word + "' is no number");
      numbers.push_back(*number);
    }
    if (line == 1) {
      if (key != "cells" || numbers != std::vector<std::uint64_t>{1})
        fail("is no list of cells of version 1");
    } else if (key == "end") {
      if (numbers != std::vector<std::uint64_t>{cells.size()}) fail("cells are missing");
      return cells;
    } else if (key != "cell" || numbers.empty() || numbers.size() > kMostPins) {
      fail("is no cell of 1 to " + std::to_string(kMostPins) + " pins");
    } else {
      CellPins pins;
      for (const std::uint64_t node : numbers) {
        if (node >= nodes) fail("the circuit has no node " + std::to_string(node));
        pins.push_back(static_cast<std::uint32_t>(node));
      }
      cells.push_back(std::move(pins));
    }
  }
  throw InputError(name + ": the file ends without an end line");
}

Activity::Activity(std::vector<CellPins> cells) {
  std::unordered_map<std::uint32_t, std::uint32_t> slot_of;
  for (const CellPins& pins : cells) {
    Cell cell;
    for (const std::uint32_t node : pins) {
      const auto [found, isnew] = slot_of.emplace(node, static_cast<std::uint32_t>(nodes_.size()));
      if (isnew) nodes_.push_back(node);
      cell.slots.push_back(found->second);
    }
    cell.counts.resize(std::size_t{1} << (2 * pins.size()));
    cells_.push_back(std::move(cell));
  }
  before_.resize(nodes_.size());
  after_.resize(nodes_.size());
}

void Activity::look(const Packed& packed, bool counted) {
  std::swap(before_, after_);
  for (std::size_t slot = 0; slot < nodes_.size(); ++slot) after_[slot] = packed.node(nodes_[slot]);
  if (counted && looked_) {
    for (Cell& cell : cells_) count(cell);
    ++clocks_;
  }
  looked_ = true;
}

// Eight copies at a time: byte k of `before` and of `after` has the values of the pins in one of them.
void Activity::count(Cell& cell) {
  const std::size_t pins = cell.slots.size();
  for (std::size_t part = 0; part < kWordParts; ++part) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
      std::uint64_t before = 0, after = 0;
      for (std::size_t pin = 0; pin < pins; ++pin) {
        const std::uint32_t slot = cell.slots[pin];
        before |= kSpread[(before_[slot].part[part] >> shift) & 255U] << pin;
        after |= kSpread[(after_[slot].part[part] >> shift) & 255U] << pin;
      }
      for (unsigned copy = 0; copy < 64; copy += 8)
        ++cell.counts[((before >> copy) & 255U) | (((after >> copy) & 255U) << pins)];
    }
  }
}

void Signatures::look(const Packed& packed) {
  for (std::size_t node = 0; node < marks_.size(); ++node) {
    const Word& word = packed.node(node);
    if (clocks_ == 0) inverted_[node] = word.bit(0);
    for (std::size_t part = 0; part < kWordParts; ++part) {
      const std::uint64_t seen = inverted_[node] ? ~word.part[part] : word.part[part];
      const std::uint64_t place = mixed(clocks_ * kWordParts + part);
      if (seen != 0) marks_[node] += mixed(seen ^ place);
    }
  }
  ++clocks_;
}

}  // namespace if4::energy
