// The DRAM bus and the DMA of the fast model.
#pragma once

#include <cstdint>
#include <deque>

#include "sim/system/schedule.hpp"
#include "sim/system/stats.hpp"

namespace if4 {

/// How a number of the fast model changes when everything that happens is put off by some cycles and tiles.
enum class Shift : std::uint8_t {
  kNone,   ///< It stays as it is.
  kCycle,  ///< It is a cycle.
  kCount,  ///< It counts what has happened, or is compared by itself.
};

/// The cycles in which events of one kind happened, in order, numbered from 0. Events that lie in the past of
/// whoever asks can be forgotten: nothing waits for them any more.
class Moments {
 public:
  void add(std::uint64_t when) { times_.push_back(when); }
  /// Events so far, forgotten ones included.
  std::uint64_t count() const { return forgotten_ + times_.size(); }
  std::uint64_t last() const { return times_.back(); }
  /// The cycle of an event; 0 for a forgotten one.
  std::uint64_t at(std::uint64_t number) const {
    return number < forgotten_ ? 0 : times_[number - forgotten_];
  }
  void forget(std::uint64_t until) {
    for (; !times_.empty() && times_.front() <= until; ++forgotten_) times_.pop_front();
  }
  std::size_t remembered() const { return times_.size(); }

  template <typename Use>
  void each_number(Use use) {
    use(forgotten_, Shift::kCount);
    for (std::uint64_t& time : times_) use(time, Shift::kCycle);
  }

 private:
  std::deque<std::uint64_t> times_;
  std::uint64_t forgotten_ = 0;
};

/// Time is in ticks: a cycle is dram_bandwidth of them, a burst 1000 * dram_burst. The bus is simulated only as far as
/// the next tile asks for, so everything that can compete for it until then is known.
class FastMemory {
 public:
  /// `timeline`, if not null, gets what happens on the bus; both references must outlive the object.
  FastMemory(const SystemConfig& config, const Geometry& geometry, Timeline* timeline);

  /// The first cycle, not before `from`, in which `count` loads of the operand are complete.
  std::uint64_t loaded(Operand operand, std::uint64_t count, std::uint64_t from) {
    return first(usable_[static_cast<std::size_t>(operand)], count, from);
  }
  /// The first cycle, not before `from`, in which the results of `count` tiles have left the output buffer.
  std::uint64_t stored(std::uint64_t count, std::uint64_t from) { return first(stored_, count, from); }
  /// Adds the next tile: its last beat is accepted in cycle `read`, its last result is taken in cycle `done`.
  void add_tile(const Tile& tile, std::uint64_t read, std::uint64_t done);
  void count_bytes(ByteCounts& bytes) const;

  // What skipping needs: see fast_timing.cpp.

  /// Decides which load is next, and forgets what nobody after cycle `now` waits for.
  void settle(std::uint64_t now);
  const LoadStream& loads() const { return loads_; }
  /// Whether no load is left.
  bool loads_ended() const { return remaining_ == 0; }
  /// The tiles that must have been read before the next load may start, if these are more than have been; else 0.
  std::uint64_t blocked_until() const {
    return remaining_ != 0 && load_.after > read_.count() ? load_.after : 0;
  }
  /// The tick in which the next load may start if the bus is free, unless it is blocked.
  std::uint64_t next_load() const;
  /// Whether a panel was loaded that cannot be used yet.
  bool panels_on_their_way() const { return usable_[0].remembered() + usable_[1].remembered() != 0; }
  std::uint64_t now() const { return now_; }
  /// Bursts of the next load that are still to be moved.
  std::uint64_t remaining() const { return remaining_; }
  std::size_t waiting_stores() const { return stores_.size(); }
  /// The first cycle in which the next store may start, if one waits.
  std::uint64_t next_store() const { return stores_.front().ready; }

  /// Calls use(number, shift) with every number of the state, those of the loads' order last.
  template <typename Use>
  void each_number(Use use) {
    use(now_, Shift::kCount);
    use(remaining_, Shift::kNone);
    use(load_.rows, Shift::kNone);
    for (Moments* moments : {&usable_[0], &usable_[1], &read_, &stored_}) {
      std::uint64_t remembered = moments->remembered();
      use(remembered, Shift::kNone);
      moments->each_number(use);
    }
    std::uint64_t waiting = stores_.size();
    use(waiting, Shift::kNone);
    for (Store& store : stores_) {
      use(store.ready, Shift::kCycle);
      use(store.bursts, Shift::kNone);
    }
    for (std::uint64_t* count : {&load_.panel, &load_.place.position, &load_.after, &load_bursts_[0],
                                 &load_bursts_[1], &store_bursts_})
      use(*count, Shift::kCount);
    loads_.each_number([&](std::uint64_t& number) { use(number, Shift::kCount); });
  }

 private:
  struct Store {
    std::uint64_t ready;  // the first cycle in which it may start
    std::uint64_t bursts;
  };

  std::uint64_t bursts(std::uint64_t bytes) const { return ceil_div(bytes, burst_bytes_); }
  std::uint64_t first(Moments& moments, std::uint64_t count, std::uint64_t from);
  void fetch();
  void step();
  void serve_store(std::uint64_t count);
  void serve_load(std::uint64_t count);

  const Geometry& geometry_;
  LoadStream loads_;
  const std::uint64_t cycle_, burst_, burst_bytes_;
  const std::uint64_t latency_;
  Timeline* const timeline_;

  std::uint64_t now_ = 0;  // the tick from which the bus is free
  Load load_;
  std::uint64_t remaining_ = 0;  // bursts of load_ that are still to be moved
  bool started_ = false;         // a burst of load_ was moved
  std::uint64_t begin_ = 0;      // if started_: the cycle of the first one
  Moments usable_[2];            // when panels become usable, by Operand
  Moments read_;                 // when the last beats of tiles are accepted
  std::deque<Store> stores_;     // not yet served
  Moments stored_;               // when the results of tiles have left the output buffer
  std::uint64_t load_bursts_[2] = {0, 0};
  std::uint64_t store_bursts_ = 0;
};

}  // namespace if4
