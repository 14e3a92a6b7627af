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

/// A group of either operand, and with them the tiles that read both, which follow each other in the run.
struct GroupPair {
  std::uint64_t rounds[2] = {
      0, 0};  ///< of the outer and the inner loop over groups; a backward pass counts up too
  std::uint64_t groups[2] = {0, 0};  ///< numbers of the groups in the operands, by Operand
  std::uint64_t panels[2] = {0, 0};  ///< panels in each
  unsigned halves[2] = {0, 0};       ///< which half of its scratchpad each is in
  bool fresh[2] = {false, false};    ///< The group is loaded for this pair; it was not there before.
  std::uint64_t base[2] = {0, 0};    ///< loads of the operand before the first one of the group
  std::uint64_t after[2] = {0, 0};   ///< tiles that must have been read before the group may be loaded
  std::uint64_t first_tile = 0;      ///< number of the pair's first tile in the order of the run

  /// Calls use() with every number that grows from one round of a loop to the next.
  template <typename Use>
  void each_number(Use use) {
    for (auto* numbers : {rounds, groups, base, after})
      for (int side = 0; side < 2; ++side) use(numbers[side]);
    use(first_tile);
  }
};

/// The pairs of groups in the order of the run, which sim/system/README.md states.
class GroupStream {
 public:
  GroupStream(const SystemConfig& config, const Geometry& geometry);
  /// Sets `pair` to the next one. Returns false, and leaves it, after the last one.
  bool next(GroupPair& pair);
  unsigned outer() const { return outer_; }  ///< the operand of the outer loop, the one that stays

  template <typename Use>
  void each_number(Use use) {
    for (std::uint64_t& round : rounds_) use(round);
    use(tiles_);
    for (Halves& halves : halves_) {
      use(halves.loads);
      for (Halves::Half& half : halves.half)
        for (std::uint64_t* number : {&half.group, &half.base, &half.readers}) use(*number);
    }
  }

 private:
  // What the two halves of a scratchpad hold at this point of the walk.
  struct Halves {
    struct Half {
      bool used = false;
      std::uint64_t group = 0;
      std::uint64_t base = 0;     // loads of the operand before the first one of this group
      std::uint64_t readers = 0;  // number of tiles up to and including the last one that read this group
    };
    Half half[2];
    unsigned current = 1;     // the half that the tiles now read
    std::uint64_t loads = 0;  // loads of the operand so far
  };
  void enter(unsigned side, GroupPair& pair);

  Geometry geometry_;
  unsigned outer_;
  bool snake_;
  Halves halves_[2];
  std::uint64_t rounds_[2] = {0, 0};  // of the outer and the inner loop; a backward pass counts up too
  std::uint64_t tiles_ = 0;           // of the pairs so far
};

/// The tiles in the order of the run.
class TileStream {
 public:
  TileStream(const SystemConfig& config, const Geometry& geometry);
  /// Sets `tile` to the next one. Returns false, and leaves it, after the last one.
  bool next(Tile& tile);

  /// The pair of the next tile, if there is one; and how many tiles came before it.
  const GroupPair& pair() const { return pair_; }
  std::uint64_t index() const { return index_; }
  bool ended() const { return ended_; }
  /// The position of the next tile's panels in their groups: that of the outer operand, that of the inner one.
  const std::uint64_t (&positions() const)[2] { return position_; }

  template <typename Use>
  void each_number(Use use) {
    groups_.each_number(use);
    pair_.each_number(use);
    for (std::uint64_t& position : position_) use(position);
    use(index_);
  }

 private:
  void place(unsigned side, std::uint64_t position, bool first, Tile& tile) const;

  Geometry geometry_;
  GroupStream groups_;
  GroupPair pair_;
  bool ended_;
  std::uint64_t position_[2] = {0, 0};
  std::uint64_t index_ = 0;
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
  LoadStream(const SystemConfig& config, const Geometry& geometry);
  /// Sets `load` to the next one. Returns false after the last one.
  bool next(Load& load);

  /// The pair that the load before the next one is for, and how many of its loads there were.
  const GroupPair& pair() const { return pair_; }
  std::uint64_t position() const { return position_; }

  template <typename Use>
  void each_number(Use use) {
    groups_.each_number(use);
    pair_.each_number(use);
    use(position_);
  }

 private:
  Geometry geometry_;
  GroupStream groups_;
  GroupPair pair_;
  std::uint64_t position_ = 0;
};

}  // namespace if4
