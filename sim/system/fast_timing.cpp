#include "sim/system/fast_timing.hpp"

#include <algorithm>
#include <deque>
#include <limits>

#include "sim/system/schedule.hpp"

namespace if4 {
namespace {

using Cycle = std::uint64_t;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kThousand = 1000;  // dram_bandwidth counts thousandths of a byte

// The cycles in which events of one kind happened, in order, numbered from 0. Events that lie in the past of
// whoever asks can be forgotten: nothing waits for them any more.
class Moments {
 public:
  void add(Cycle when) { times_.push_back(when); }
  // Events so far, forgotten ones included.
  std::uint64_t count() const { return forgotten_ + times_.size(); }
  Cycle last() const { return times_.back(); }
  // The cycle of an event; 0 for a forgotten one.
  Cycle at(std::uint64_t number) const { return number < forgotten_ ? 0 : times_[number - forgotten_]; }
  void forget(Cycle until) {
    for (; !times_.empty() && times_.front() <= until; ++forgotten_) times_.pop_front();
  }

 private:
  std::deque<Cycle> times_;
  std::uint64_t forgotten_ = 0;
};

// The DRAM bus and the DMA. Time is in ticks: a cycle is dram_bandwidth of them, a burst 1000 * dram_burst.
// It is simulated only as far as the next tile asks for, so everything that can compete for the bus until
// then is known.
class Memory {
 public:
  Memory(const SystemConfig& config, const Geometry& geometry, Timeline* timeline)
      : geometry_(geometry),
        loads_(config, geometry),
        cycle_(config.dram_bandwidth),
        burst_(kThousand * config.dram_burst),
        burst_bytes_(config.dram_burst),
        latency_(config.dram_latency),
        timeline_(timeline) {}

  // The first cycle, not before `from`, in which `count` loads of the operand are complete.
  Cycle loaded(Operand operand, std::uint64_t count, Cycle from) {
    return first(usable_[static_cast<std::size_t>(operand)], count, from);
  }
  // The first cycle, not before `from`, in which the results of `count` tiles have left the output buffer.
  Cycle stored(std::uint64_t count, Cycle from) { return first(stored_, count, from); }
  // Adds the next tile: its last beat is accepted in cycle `read`, its last result is taken in cycle `done`.
  void add_tile(const Tile& tile, Cycle read, Cycle done) {
    read_.add(read);
    stores_.push_back({done + 1, bursts(tile.operands[0].rows * tile.operands[1].rows * kResultBytes)});
  }

  void count_bytes(ByteCounts& bytes) const {
    bytes.dram_activations = load_bursts_[0] * burst_bytes_;
    bytes.dram_weights = load_bursts_[1] * burst_bytes_;
    bytes.dram_outputs = store_bursts_ * burst_bytes_;
  }

 private:
  struct Store {
    Cycle ready;  // the first cycle in which it may start
    std::uint64_t bursts;
  };

  std::uint64_t bursts(std::uint64_t bytes) const { return ceil_div(bytes, burst_bytes_); }

  Cycle first(Moments& moments, std::uint64_t count, Cycle from) {
    while (moments.count() < count) step();
    const Cycle when = std::max(from, moments.at(count - 1));
    moments.forget(from);
    return when;
  }

  // One decision of the bus: it serves the whole of a store, or as much of a load as fits before the next
  // store.
  void step() {
    const bool store = !stores_.empty();
    if (remaining_ == 0 && loads_.next(load_)) {
      remaining_ = bursts(load_.rows * geometry_.blocks * geometry_.block_bytes);
      started_ = false;
    }
    const std::uint64_t store_from = store ? stores_.front().ready * cycle_ : kNever;
    std::uint64_t load_from = kNever;
    if (remaining_ != 0 && load_.after <= read_.count())
      load_from = load_.after == 0 ? 0 : (read_.at(load_.after - 1) + 1) * cycle_;

    now_ = std::max(now_, std::min(store_from, load_from));
    if (now_ >= cycle_) read_.forget(now_ / cycle_ - 1);
    if (store_from <= now_) {
      serve_store(stores_.front().bursts);
      stores_.pop_front();
    } else {
      serve_load(store ? std::min(remaining_, ceil_div(store_from - now_, burst_)) : remaining_);
    }
  }

  void serve_store(std::uint64_t count) {
    const std::uint64_t tile = stored_.count();
    if (timeline_ != nullptr) timeline_->tiles[tile].store_begin = now_ / cycle_;
    now_ += count * burst_;
    store_bursts_ += count;
    stored_.add(ceil_div(now_, cycle_));
    if (timeline_ != nullptr) timeline_->tiles[tile].store_end = stored_.last();
  }

  void serve_load(std::uint64_t count) {
    if (!started_) begin_ = now_ / cycle_;
    started_ = true;
    now_ += count * burst_;
    remaining_ -= count;
    const auto side = static_cast<std::size_t>(load_.operand);
    load_bursts_[side] += count;
    if (remaining_ != 0) return;
    const Cycle end = ceil_div(now_, cycle_);
    usable_[side].add(end + latency_);
    if (timeline_ != nullptr)
      timeline_->loads.push_back({load_.operand, load_.panel, begin_, end, end + latency_});
  }

  const Geometry& geometry_;
  LoadStream loads_;
  const std::uint64_t cycle_, burst_, burst_bytes_;
  const Cycle latency_;
  Timeline* const timeline_;

  std::uint64_t now_ = 0;  // the tick from which the bus is free
  Load load_;
  std::uint64_t remaining_ = 0;  // bursts of load_ that are still to be moved
  bool started_ = false;         // a burst of load_ was moved
  Cycle begin_ = 0;              // if started_: the cycle of the first one
  Moments usable_[2];            // when panels become usable, by Operand
  Moments read_;                 // when the last beats of tiles are accepted
  std::deque<Store> stores_;     // not yet served
  Moments stored_;               // when the results of tiles have left the output buffer
  std::uint64_t load_bursts_[2] = {0, 0};
  std::uint64_t store_bursts_ = 0;
};

}  // namespace

RunStats fast_timing(const SystemConfig& config, const GemmShape& shape, Timeline* timeline,
                     const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  const Geometry geometry(config, shape);
  const auto interval = static_cast<std::uint64_t>(tile_interval(config.array));
  const auto latency =
      static_cast<std::uint64_t>(result_latency(config.array, {0, config.array.columns - 1}));
  const bool memory_counts = !config.ideal_memory;
  if (timeline != nullptr) *timeline = {};
  Memory memory(config, geometry, timeline);
  RunStats stats;
  CycleCounts& cycles = stats.cycles;

  TileStream tiles(config, geometry);
  Tile tile;
  Cycle last_beat = 0, issued = 0, last_result = 0;
  while (tiles.next(tile)) {
    const bool first = tile.index == 0;
    const Cycle from = first ? 0 : last_beat + geometry.tile_gap;
    TileEvent event{tile.operands[0].panel, tile.operands[1].panel, from, 0, 0, 0, 0, 0};
    if (memory_counts) {
      const Cycle activations = memory.loaded(Operand::kActivations, tile.operands[0].loads, from);
      const Cycle weights = memory.loaded(Operand::kWeights, tile.operands[1].loads, activations);
      event.offered = weights;
      if (tile.index >= geometry.output_slots)
        event.offered = memory.stored(tile.index + 1 - geometry.output_slots, weights);
      cycles.activations += activations - from;
      cycles.weights += weights - activations;
      cycles.output += event.offered - weights;
    }
    event.first_beat = first ? event.offered : std::max(event.offered, issued);
    event.last_beat = event.first_beat + (geometry.beats - 1) * geometry.beat_gap;
    cycles.interval += event.first_beat - event.offered;
    cycles.beats += geometry.beats;
    cycles.banks += (geometry.beats - 1) * (geometry.beat_gap - 1);
    if (!first) {
      cycles.banks += geometry.beat_gap - 1;
      cycles.fill_drain += geometry.tile_gap - geometry.beat_gap;
    }
    issued = first ? event.last_beat + 1 : std::max(event.last_beat + 1, issued + interval);
    last_beat = event.last_beat;
    event.last_result = last_result = issued + latency;
    if (timeline != nullptr) timeline->tiles.push_back(event);
    if (memory_counts) memory.add_tile(tile, event.last_beat, event.last_result);

    ByteCounts& bytes = stats.bytes;
    bytes.buffer_activations += tile.operands[0].rows * geometry.blocks * geometry.block_bytes;
    bytes.buffer_weights += tile.operands[1].rows * geometry.blocks * geometry.block_bytes;
    bytes.buffer_outputs += tile.operands[0].rows * tile.operands[1].rows * kResultBytes;
    if (progress && tile.index % 65536 == 0) progress(tile.index, geometry.tiles());
  }
  stats.tiles = geometry.tiles();
  cycles.fill_drain += last_result - last_beat;
  if (memory_counts) {
    cycles.output +=
        memory.stored(stats.tiles, last_result + 1) - (last_result + 1);  // the last store comes after it
    memory.count_bytes(stats.bytes);
  }
  return stats;
}

}  // namespace if4
