#include "sim/system/schedule.hpp"

namespace if4 {

GroupStream::GroupStream(const SystemConfig& config, const Geometry& geometry)
    : geometry_(geometry), outer_(config.order == LoopOrder::kMN ? 0 : 1), snake_(config.snake) {}

// Makes the pair's group of that side the one that is read. If one of the halves holds it, nothing is loaded;
// otherwise it replaces the group in the half that is not read now.
void GroupStream::enter(unsigned side, GroupPair& pair) {
  Halves& halves = halves_[side];
  const std::uint64_t group = pair.groups[side];
  pair.panels[side] = geometry_.sides[side].panels_of(group);
  pair.fresh[side] = true;
  for (const unsigned candidate : {halves.current, 1 - halves.current}) {
    if (!halves.half[candidate].used || halves.half[candidate].group != group) continue;
    halves.current = candidate;
    pair.fresh[side] = false;
    break;
  }
  if (pair.fresh[side]) {
    halves.current = 1 - halves.current;
    Halves::Half& half = halves.half[halves.current];
    pair.after[side] = half.readers;
    half = {true, group, halves.loads, half.readers};
    halves.loads += pair.panels[side];
  }
  pair.halves[side] = halves.current;
  pair.base[side] = halves.half[halves.current].base;
}

bool GroupStream::next(GroupPair& pair) {
  const unsigned inner = 1 - outer_;
  const std::uint64_t inner_groups = geometry_.sides[inner].groups;
  if (rounds_[0] == geometry_.sides[outer_].groups) return false;
  const bool backwards = snake_ && rounds_[0] % 2 == 1;
  for (const int loop : {0, 1}) pair.rounds[loop] = rounds_[loop];
  pair.groups[outer_] = rounds_[0];
  pair.groups[inner] = backwards ? inner_groups - 1 - rounds_[1] : rounds_[1];
  pair.first_tile = tiles_;
  for (const unsigned side : {0U, 1U}) enter(side, pair);
  tiles_ += pair.panels[0] * pair.panels[1];
  for (Halves& halves : halves_) halves.half[halves.current].readers = tiles_;
  if (++rounds_[1] == inner_groups) {
    rounds_[1] = 0;
    ++rounds_[0];
  }
  return true;
}

TileStream::TileStream(const SystemConfig& config, const Geometry& geometry)
    : geometry_(geometry), groups_(config, geometry), ended_(!groups_.next(pair_)) {}

void TileStream::place(unsigned side, std::uint64_t position, bool first, Tile& tile) const {
  TileOperand& operand = tile.operands[side];
  operand.panel = pair_.groups[side] * geometry_.sides[side].per_group + position;
  operand.rows = geometry_.sides[side].rows_of(operand.panel);
  operand.place = {pair_.halves[side], position};
  operand.loads = pair_.base[side] + position + 1;
  operand.first = first && pair_.fresh[side];
  operand.after = pair_.after[side];
}

bool TileStream::next(Tile& tile) {
  if (ended_) return false;
  const unsigned outer = groups_.outer(), inner = 1 - outer;
  tile.index = index_;
  place(outer, position_[0], position_[1] == 0, tile);
  place(inner, position_[1], position_[0] == 0, tile);
  ++index_;
  if (++position_[1] < pair_.panels[inner]) return true;
  position_[1] = 0;
  if (++position_[0] < pair_.panels[outer]) return true;
  position_[0] = 0;
  ended_ = !groups_.next(pair_);
  return true;
}

LoadStream::LoadStream(const SystemConfig& config, const Geometry& geometry)
    : geometry_(geometry), groups_(config, geometry) {}

// The first tile of a pair needs the first panel of both, the other tiles of its first row a panel of the
// inner operand each, and the first tiles of the other rows a panel of the outer one.
bool LoadStream::next(Load& load) {
  const unsigned outer = groups_.outer(), inner = 1 - outer;
  const auto loads = [&](unsigned side) { return pair_.fresh[side] ? pair_.panels[side] : 0; };
  while (position_ == loads(0) + loads(1)) {
    if (!groups_.next(pair_)) return false;
    position_ = 0;
  }
  unsigned side = inner;
  std::uint64_t panel = position_;
  if (!pair_.fresh[inner]) {
    side = outer;
  } else if (pair_.fresh[outer]) {
    if (position_ < 2) {
      side = static_cast<unsigned>(position_);
      panel = 0;
    } else if (position_ <= pair_.panels[inner]) {
      panel = position_ - 1;
    } else {
      side = outer;
      panel = position_ - pair_.panels[inner];
    }
  }
  ++position_;
  const std::uint64_t number = pair_.groups[side] * geometry_.sides[side].per_group + panel;
  load = {static_cast<Operand>(side),
          number,
          geometry_.sides[side].rows_of(number),
          {pair_.halves[side], panel},
          pair_.after[side]};
  return true;
}

}  // namespace if4
