// The order in which the tiles of a product run, and the loads that they need. The sequencer and the DMA each
// walk through it; the fast model does both walks.
#pragma once

#include <cstdint>
#include <tuple>

#include "sim/system/geometry.hpp"

namespace if4 {

/// Where a panel is in its scratchpad.
struct PanelPlace {
  unsigned half = 0;           ///< which half of the scratchpad: 0 or 1
  std::uint64_t position = 0;  ///< number of the panel in that half, from 0

  auto members() const { return std::tie(half, position); }
};
inline bool operator==(const PanelPlace& a, const PanelPlace& b) { return a.members() == b.members(); }

/// What a tile needs of one operand.
struct TileOperand {
  std::uint64_t panel = 0;  ///< number of the panel in the operand, from 0
  std::uint64_t rows = 0;   ///< rows of that panel
  PanelPlace place;
  std::uint64_t loads = 0;  ///< Loads of this operand that are complete when this panel becomes usable.
  bool first = false;  ///< The panel is loaded for this tile; no tile before it in the half's time used it.
  std::uint64_t after =
      0;  ///< If `first`: tiles that must have been read before its half may be overwritten.
};

/// A tile, as the sequencer and the output writer need to know it.
struct Tile {
  std::uint64_t index = 0;  ///< number in the order of the run, from 0
  TileOperand operands[2];  ///< indexed by Operand

  const TileOperand& operand(Operand which) const { return operands[static_cast<std::size_t>(which)]; }
};

/// The tiles in the order of the run, which sim/system/README.md states.
class TileStream {
 public:
  TileStream(const SystemConfig& config, const Geometry& geometry);
  /// Sets `tile` to the next one. Returns false, and leaves it, after the last one.
  bool next(Tile& tile);

 private:
  // What the two halves of a scratchpad hold at this point of the walk.
  struct Halves {
    struct Half {
      bool used = false;
      std::uint64_t group = 0;
      std::uint64_t base = 0;     // loads of the operand before the first one of this group
      std::uint64_t loaded = 0;   // panels of this group loaded so far
      std::uint64_t after = 0;    // tiles that must have been read before this group may be loaded
      std::uint64_t readers = 0;  // number of tiles up to and including the last one that read this group
    };
    Half half[2];
    unsigned current = 1;     // the half that the tile now reads
    std::uint64_t loads = 0;  // loads of the operand so far
  };
  void enter(unsigned side, std::uint64_t group);
  void place(unsigned side, std::uint64_t group, std::uint64_t position, Tile& tile);

  const Geometry geometry_;
  const unsigned outer_;  // the operand of the outer loop, the one that stays
  const bool snake_;
  Halves halves_[2];
  std::uint64_t group_[2] = {0, 0};  // groups of the outer and the inner loop; a backward pass counts up too
  std::uint64_t position_[2] = {0, 0};  // panels in those groups
  std::uint64_t index_ = 0;             // of the next tile
};

/// The load of a panel, a job of the DMA.
struct Load {
  Operand operand = Operand::kActivations;
  std::uint64_t panel = 0;
  std::uint64_t rows = 0;
  PanelPlace place;
  std::uint64_t after = 0;  ///< Tiles that must have been read before the load may start.
};

/// The loads in the order in which the tiles first need them. If a tile needs both its panels loaded, the
/// activations come first.
class LoadStream {
 public:
  LoadStream(const SystemConfig& config, const Geometry& geometry) : tiles_(config, geometry) {}
  /// Sets `load` to the next one. Returns false after the last one.
  bool next(Load& load);

 private:
  TileStream tiles_;
  Tile tile_;
  unsigned side_ = 2;  // the operand of tile_ to look at next; 2: none is left
};

}  // namespace if4
