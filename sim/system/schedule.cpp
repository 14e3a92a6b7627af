#include "sim/system/schedule.hpp"

namespace if4 {

TileStream::TileStream(const SystemConfig& config, const Geometry& geometry)
    : geometry_(geometry), outer_(config.order == LoopOrder::kMN ? 0 : 1), snake_(config.snake) {}

// Makes `group` the one that is read. If one of the halves holds it, nothing is loaded; otherwise it replaces
// the group in the half that is not read now.
void TileStream::enter(unsigned side, std::uint64_t group) {
  Halves& halves = halves_[side];
  for (const unsigned candidate : {halves.current, 1 - halves.current}) {
    if (halves.half[candidate].used && halves.half[candidate].group == group) {
      halves.current = candidate;
      return;
    }
  }
  halves.current = 1 - halves.current;
  Halves::Half& half = halves.half[halves.current];
  half = {true, group, halves.loads, 0, half.readers, half.readers};
}

void TileStream::place(unsigned side, std::uint64_t group, std::uint64_t position, Tile& tile) {
  enter(side, group);
  Halves& halves = halves_[side];
  Halves::Half& half = halves.half[halves.current];
  TileOperand& operand = tile.operands[side];
  operand.panel = group * geometry_.sides[side].per_group + position;
  operand.rows = geometry_.sides[side].rows_of(operand.panel);
  operand.place = {halves.current, position};
  operand.loads = half.base + position + 1;
  operand.first = position == half.loaded;
  operand.after = half.after;
  if (operand.first) {
    ++half.loaded;
    ++halves.loads;
  }
  half.readers = index_ + 1;
}

bool TileStream::next(Tile& tile) {
  const unsigned inner = 1 - outer_;
  const Geometry::Side& outer_side = geometry_.sides[outer_];
  const Geometry::Side& inner_side = geometry_.sides[inner];
  if (group_[0] == outer_side.groups) return false;
  const bool backwards = snake_ && group_[0] % 2 == 1;
  const std::uint64_t inner_group = backwards ? inner_side.groups - 1 - group_[1] : group_[1];

  tile.index = index_;
  place(outer_, group_[0], position_[0], tile);
  place(inner, inner_group, position_[1], tile);
  ++index_;

  if (++position_[1] < inner_side.panels_of(inner_group)) return true;
  position_[1] = 0;
  if (++position_[0] < outer_side.panels_of(group_[0])) return true;
  position_[0] = 0;
  if (++group_[1] < inner_side.groups) return true;
  group_[1] = 0;
  ++group_[0];
  return true;
}

bool LoadStream::next(Load& load) {
  for (;; ++side_) {
    if (side_ == 2) {
      if (!tiles_.next(tile_)) return false;
      side_ = 0;
    }
    const TileOperand& operand = tile_.operands[side_];
    if (!operand.first) continue;
    load = {static_cast<Operand>(side_), operand.panel, operand.rows, operand.place, operand.after};
    ++side_;
    return true;
  }
}

}  // namespace if4
