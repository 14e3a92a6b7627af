#include "sim/system/fast_timing.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

#include "sim/system/fast_memory.hpp"

namespace if4 {
namespace {

// The loops that the tiles run in, from the outermost: over the groups of the outer operand, over those of the inner
// one, over the panels of the outer group, and over those of the inner group.
constexpr std::size_t kLoops = 4;
constexpr std::size_t kKey = 5;  // see FastRun::key()

// A run is stepped through tile by tile until a loop repeats itself. At the beginning of two of its rounds, with an
// even number of rounds between them because the halves of the scratchpads alternate, the state is compared. If all
// that is yet to come is the same but for being some cycles later, every further round takes as many cycles as those
// between the two did, and what they count is added without stepping through them. The rounds at either end of a loop
// may differ from the others, since the last group and the last panel may be smaller and what a scratchpad holds
// comes from the loop before, so those are always stepped through.
class FastRun {
 public:
  FastRun(const SystemConfig& config, const GemmShape& shape, Timeline* timeline)
      : geometry_(config, shape),
        ticks_(config.dram_bandwidth),
        interval_(static_cast<std::uint64_t>(tile_interval(config.array))),
        latency_(static_cast<std::uint64_t>(result_latency(config.array, {0, config.array.columns - 1}))),
        has_memory_(!config.ideal_memory),
        outer_(config.order == LoopOrder::kMN ? 0 : 1),
        timeline_(timeline),
        memory_(config, geometry_, timeline),
        tiles_(config, geometry_) {}

  RunStats run(const std::function<void(std::uint64_t, std::uint64_t)>& progress, std::uint64_t* stepped);

 private:
  struct Number {
    std::uint64_t value;
    Shift shift;
  };
  // The state at the beginning of a round.
  struct Saved {
    bool used = false;
    std::uint64_t round = 0;
    std::uint64_t patience = 2;  // rounds after which another one is saved: a period may be long
    std::uint64_t tile = 0, cycle = 0;
    std::array<std::uint64_t, kKey> key{};
    std::vector<Number> numbers;
    GroupPair pair, load_pair;
    std::uint64_t load_position = 0;
    bool loads_ended = false;
    std::uint64_t blocked_until = 0, next_load = 0;
  };

  void step(const Tile& tile);
  void skip();
  std::array<std::uint64_t, kLoops> rounds(const GroupPair& pair) const;
  std::uint64_t rounds_of(std::size_t loop) const;
  std::uint64_t gain(std::size_t loop, std::uint64_t round) const;
  bool skip_rounds(std::size_t loop);
  void save(Saved& saved, std::uint64_t round);
  bool repeats(const Saved& saved);
  std::uint64_t repetitions(const Saved& saved, std::size_t loop) const;
  std::uint64_t loads_allow(const Saved& saved, std::size_t loop) const;
  void repeat(const Saved& saved, std::uint64_t times);
  // What most often differs between two states, counted from the last beat; comparing all of them takes long.
  std::array<std::uint64_t, kKey> key() const;

  // Calls use(number, shift) with every number of the state, always in the same order.
  template <typename Use>
  void each_number(Use use) {
    use(last_beat_, Shift::kCycle);
    use(issued_, Shift::kCycle);
    use(last_result_, Shift::kCycle);
    if (has_memory_) memory_.each_number(use);
    tiles_.each_number([&](std::uint64_t& number) { use(number, Shift::kCount); });
    for (const auto& count : kCycleCounts) use(stats_.cycles.*count.member, Shift::kCount);
    for (const auto& count : kByteCounts) use(stats_.bytes.*count.member, Shift::kCount);
  }

  const Geometry geometry_;
  const std::uint64_t ticks_, interval_, latency_;
  const bool has_memory_;
  const unsigned outer_;
  Timeline* const timeline_;
  FastMemory memory_;
  TileStream tiles_;
  RunStats stats_;
  std::uint64_t last_beat_ = 0, issued_ = 0, last_result_ = 0;
  Saved saved_[kLoops];
};

void FastRun::step(const Tile& tile) {
  CycleCounts& cycles = stats_.cycles;
  const bool first = tile.index == 0;
  const std::uint64_t from = first ? 0 : last_beat_ + geometry_.tile_gap;
  TileEvent event{tile.operands[0].panel, tile.operands[1].panel, from, 0, 0, 0, 0, 0};
  if (has_memory_) {
    const std::uint64_t activations = memory_.loaded(Operand::kActivations, tile.operands[0].loads, from);
    const std::uint64_t weights = memory_.loaded(Operand::kWeights, tile.operands[1].loads, activations);
    event.offered = weights;
    if (tile.index >= geometry_.output_slots)
      event.offered = memory_.stored(tile.index + 1 - geometry_.output_slots, weights);
    cycles.activations += activations - from;
    cycles.weights += weights - activations;
    cycles.output += event.offered - weights;
  }
  event.first_beat = first ? event.offered : std::max(event.offered, issued_);
  event.last_beat = event.first_beat + (geometry_.beats - 1) * geometry_.beat_gap;
  cycles.interval += event.first_beat - event.offered;
  cycles.beats += geometry_.beats;
  cycles.banks += (geometry_.beats - 1) * (geometry_.beat_gap - 1);
  if (!first) {
    cycles.banks += geometry_.beat_gap - 1;
    cycles.fill_drain += geometry_.tile_gap - geometry_.beat_gap;
  }
  issued_ = first ? event.last_beat + 1 : std::max(event.last_beat + 1, issued_ + interval_);
  last_beat_ = event.last_beat;
  event.last_result = last_result_ = issued_ + latency_;
  if (timeline_ != nullptr) timeline_->tiles.push_back(event);
  if (has_memory_) memory_.add_tile(tile, event.last_beat, event.last_result);

  ByteCounts& bytes = stats_.bytes;
  bytes.buffer_activations += tile.operands[0].rows * geometry_.blocks * geometry_.block_bytes;
  bytes.buffer_weights += tile.operands[1].rows * geometry_.blocks * geometry_.block_bytes;
  bytes.buffer_outputs += tile.operands[0].rows * tile.operands[1].rows * kResultBytes;
}

// The round that each loop is in at a pair of groups; a backward pass counts up too.
std::array<std::uint64_t, kLoops> FastRun::rounds(const GroupPair& pair) const {
  return {pair.rounds[0], pair.rounds[1], tiles_.positions()[0], tiles_.positions()[1]};
}

// The rounds of the instance of a loop that the next tile is in.
std::uint64_t FastRun::rounds_of(std::size_t loop) const {
  const unsigned side = loop % 2 == 0 ? outer_ : 1 - outer_;
  return loop < 2 ? geometry_.sides[side].groups : tiles_.pair().panels[side];
}

// Between two tiles. A loop whose round begins is one that all inner loops are at the beginning of.
void FastRun::skip() {
  if (timeline_ != nullptr || tiles_.ended()) return;
  const std::array<std::uint64_t, kLoops> round = rounds(tiles_.pair());
  std::size_t outermost = kLoops - 1;
  while (outermost > 0 && round[outermost] == 0) --outermost;
  // A loop further out that is skipped leaves those further in at their beginnings.
  for (std::size_t loop = outermost; loop < kLoops; ++loop) skip_rounds(loop);
}

std::array<std::uint64_t, kKey> FastRun::key() const {
  if (!has_memory_) return {issued_ - last_beat_};
  return {issued_ - last_beat_, memory_.now() - last_beat_ * ticks_, memory_.waiting_stores(),
          memory_.remaining(), memory_.waiting_stores() == 0 ? 0 : memory_.next_store() - last_beat_};
}

// The tiles of the rounds that are left in a loop: skipping them is of use if these are more than the state has
// numbers.
std::uint64_t FastRun::gain(std::size_t loop, std::uint64_t round) const {
  std::uint64_t tiles = rounds_of(loop) - round;
  for (std::size_t inner = loop + 1; inner < kLoops; ++inner) tiles *= rounds_of(inner);
  return tiles;
}

bool FastRun::skip_rounds(std::size_t loop) {
  Saved& saved = saved_[loop];
  const std::uint64_t round = rounds(tiles_.pair())[loop];
  // Rounds whose scratchpads hold what an earlier loop left there differ from the later ones.
  const std::uint64_t earliest = loop < 2 ? 3 : 1;
  if (round < earliest) {
    saved.used = false;
    saved.patience = 2;
    return false;
  }
  if (has_memory_ && tiles_.index() < geometry_.output_slots) return false;
  if (gain(loop, round) < memory_.waiting_stores()) return false;
  if (has_memory_) memory_.settle(last_beat_);
  if (saved.used && (round - saved.round) % 2 == 0 && repeats(saved)) {
    const std::uint64_t times = repetitions(saved, loop);
    if (times > 0) repeat(saved, times);
    saved.used = false;
    return times > 0;
  }
  if (!saved.used || round - saved.round >= saved.patience) {
    if (saved.used) saved.patience *= 2;
    save(saved, round);
  }
  return false;
}

void FastRun::save(Saved& saved, std::uint64_t round) {
  saved.used = true;
  saved.round = round;
  saved.tile = tiles_.index();
  saved.cycle = last_beat_;
  saved.key = key();
  saved.numbers.clear();
  each_number([&](std::uint64_t number, Shift shift) { saved.numbers.push_back({number, shift}); });
  saved.pair = tiles_.pair();
  saved.load_pair = memory_.loads().pair();
  saved.load_position = memory_.loads().position();
  saved.loads_ended = memory_.loads_ended();
  saved.blocked_until = memory_.blocked_until();
  saved.next_load = memory_.next_load();
}

// Whether the state is that of `saved`, only later.
bool FastRun::repeats(const Saved& saved) {
  if (key() != saved.key) return false;
  const std::uint64_t later = last_beat_ - saved.cycle;
  if (has_memory_) {
    if (memory_.loads_ended() != saved.loads_ended ||
        (memory_.blocked_until() == 0) != (saved.blocked_until == 0))
      return false;
    if (!saved.loads_ended && saved.blocked_until == 0) {
      const std::uint64_t now = memory_.now();
      if (std::max(memory_.next_load(), now) - now !=
          std::max(saved.next_load, now - later * ticks_) - (now - later * ticks_))
        return false;
    }
  }
  std::size_t number = 0;
  bool same = true;
  each_number([&](std::uint64_t value, Shift shift) {
    if (!same || number == saved.numbers.size()) {
      same = false;
      return;
    }
    const std::uint64_t by = value - saved.numbers[number++].value;
    same = shift == Shift::kCount || by == (shift == Shift::kCycle ? later : 0);
  });
  return same && number == saved.numbers.size();
}

// How often the rounds since `saved` can be repeated before anything about them changes.
std::uint64_t FastRun::repetitions(const Saved& saved, std::size_t loop) const {
  const std::uint64_t round = rounds(tiles_.pair())[loop];
  const std::uint64_t last = rounds_of(loop) - 1;
  const GroupPair& pair = tiles_.pair();
  for (int side = 0; side < 2; ++side) {
    if (pair.fresh[side] != saved.pair.fresh[side] || pair.halves[side] != saved.pair.halves[side] ||
        pair.panels[side] != saved.pair.panels[side])
      return 0;
  }
  if (round + 1 >= last) return 0;
  std::uint64_t times = (last - 1 - round) / (round - saved.round);
  if (has_memory_) times = std::min(times, loads_allow(saved, loop));
  return times;
}

// The same for the loads, which run ahead of the tiles. They may have gone on by as many rounds as the tiles, or wait
// for a tile that is still to come, or have ended.
std::uint64_t FastRun::loads_allow(const Saved& saved, std::size_t loop) const {
  constexpr std::uint64_t kAny = ~std::uint64_t{0};
  const GroupPair& pair = memory_.loads().pair();
  const std::uint64_t position = memory_.loads().position();
  const std::uint64_t period = rounds(tiles_.pair())[loop] - saved.round;
  const std::uint64_t tiles = tiles_.index() - saved.tile;
  const std::uint64_t moved[2] = {pair.rounds[0] - saved.load_pair.rounds[0],
                                  pair.rounds[1] - saved.load_pair.rounds[1]};
  const bool same_pair = moved[0] == 0 && moved[1] == 0;
  if (same_pair && position == saved.load_position) {
    if (memory_.panels_on_their_way()) return 0;
    if (saved.loads_ended) return kAny;
    const std::uint64_t until = memory_.blocked_until();
    return until > tiles_.index() ? (until - 1 - tiles_.index()) / tiles : 0;
  }
  // How many rounds the loads have gone on, which one they are in, and which is the last one.
  std::uint64_t round = 0, last = 0;
  if (loop < 2) {
    const bool other_same = moved[1 - loop] == 0 && (loop == 0 || pair.rounds[0] == tiles_.pair().rounds[0]);
    if (!other_same || moved[loop] != period || position != saved.load_position) return 0;
    for (int side = 0; side < 2; ++side) {
      if (pair.fresh[side] != saved.load_pair.fresh[side] ||
          pair.halves[side] != saved.load_pair.halves[side] ||
          pair.panels[side] != saved.load_pair.panels[side])
        return 0;
    }
    if (saved.load_pair.rounds[loop] < 2) return 0;
    const bool waits = saved.blocked_until != 0;
    if (waits && memory_.blocked_until() - saved.blocked_until != tiles) return 0;
    round = pair.rounds[loop];
    last = rounds_of(loop) - 1;
  } else {
    const unsigned side = loop == 2 ? outer_ : 1 - outer_;
    const bool here =
        same_pair && pair.rounds[0] == tiles_.pair().rounds[0] && pair.rounds[1] == tiles_.pair().rounds[1];
    if (!here || !pair.fresh[side] || position - saved.load_position != period) return 0;
    // Of a fresh pair the loads are the first panels of both operands, the inner panels, and the outer panels.
    const std::uint64_t before = loop == 2 && pair.fresh[1 - side]   ? pair.panels[1 - side]
                                 : loop == 3 && pair.fresh[1 - side] ? 1
                                                                     : 0;
    if (saved.load_position < before + 2) return 0;
    round = position - before;
    last = pair.panels[side] - 1;
  }
  return round + 1 >= last ? 0 : (last - 1 - round) / period;
}

void FastRun::repeat(const Saved& saved, std::uint64_t times) {
  std::size_t number = 0;
  each_number([&](std::uint64_t& value, Shift) { value += times * (value - saved.numbers[number++].value); });
}

RunStats FastRun::run(const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                      std::uint64_t* stepped) {
  constexpr std::uint64_t kReport = 65536;  // tiles between reports of progress
  if (timeline_ != nullptr) *timeline_ = {};
  Tile tile;
  std::uint64_t steps = 0;
  while (tiles_.next(tile)) {
    step(tile);
    if (steps++ % kReport == 0 && progress) progress(tile.index, geometry_.tiles());
    skip();
  }
  if (stepped != nullptr) *stepped = steps;
  stats_.tiles = geometry_.tiles();
  stats_.cycles.fill_drain += last_result_ - last_beat_;
  if (has_memory_) {
    stats_.cycles.output += memory_.stored(stats_.tiles, last_result_ + 1) -
                            (last_result_ + 1);  // the last store comes after the last result
    memory_.count_bytes(stats_.bytes);
  }
  return stats_;
}

}  // namespace

RunStats fast_timing(const SystemConfig& config, const GemmShape& shape, Timeline* timeline,
                     const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                     std::uint64_t* stepped) {
  return FastRun(config, shape, timeline).run(progress, stepped);
}

}  // namespace if4
