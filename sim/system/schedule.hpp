// In which order the tiles of a product run, and what must be loaded for them. The sequencer and the DMA each
// walk through it; the fast model does both walks.
#pragma once

#include <cstdint>

#include "sim/system/geometry.hpp"

namespace if4 {

/// Where a panel is in its scratchpad.
struct PanelPlace {
  unsigned half = 0;
  std::uint64_t position = 0;  ///< in the half, in panels
};
inline bool operator==(const PanelPlace& a, const PanelPlace& b) {
  return a.half == b.half && a.position == b.position;
}

/// What a tile needs of one operand.
struct TileOperand {
  std::uint64_t panel = 0;  ///< of the whole operand
  std::uint64_t rows = 0;   ///< of the panel
  PanelPlace place;
  std::uint64_t loads = 0;  ///< so many panels of this operand have been loaded once it is there
  bool first = false;       ///< it is loaded for this tile
  std::uint64_t after = 0;  ///< where first: so many tiles have been read once its half is free
};

struct Tile {
  std::uint64_t index = 0;  ///< in the order of the run
  TileOperand operands[2];  ///< activations, weights

  const TileOperand& operand(Operand which) const { return operands[static_cast<std::size_t>(which)]; }
};

/// The tiles, one after the other.
class TileStream {
 public:
  TileStream(const SystemConfig& config, const Geometry& geometry);
  /// False after the last one.
  bool next(Tile& tile);

 private:
  // A scratchpad: what its halves hold.
  struct Halves {
    struct Half {
      bool used = false;
      std::uint64_t group = 0;
      std::uint64_t base = 0;     // panels of the operand loaded before it
      std::uint64_t loaded = 0;   // panels
      std::uint64_t after = 0;    // tiles read once what was here before is no longer needed
      std::uint64_t readers = 0;  // tiles up to and with the last one that reads it
    };
    Half half[2];
    unsigned current = 1;
    std::uint64_t loads = 0;
  };
  void enter(unsigned side, std::uint64_t group);
  void place(unsigned side, std::uint64_t group, std::uint64_t position, Tile& tile);

  const Geometry geometry_;
  const unsigned outer_;  // the side that stays
  const bool snake_;
  Halves halves_[2];
  std::uint64_t group_[2] = {0, 0};     // outer, inner pass (not yet turned round)
  std::uint64_t position_[2] = {0, 0};  // in the groups: outer, inner
  std::uint64_t index_ = 0;
};

/// One job of the DMA.
struct Load {
  Operand operand = Operand::kActivations;
  std::uint64_t panel = 0;
  std::uint64_t rows = 0;
  PanelPlace place;
  std::uint64_t after = 0;  ///< tiles that must have been read before it may start
};

/// The loads in the order in which the tiles first need them; of one tile the activations first.
class LoadStream {
 public:
  LoadStream(const SystemConfig& config, const Geometry& geometry) : tiles_(config, geometry) {}
  bool next(Load& load);

 private:
  TileStream tiles_;
  Tile tile_;
  unsigned side_ = 2;  // of tile_, to look at next
};

}  // namespace if4
