#include "sim/system/fast_memory.hpp"

#include <algorithm>
#include <limits>

namespace if4 {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kThousand = 1000;  // dram_bandwidth counts thousandths of a byte

}  // namespace

FastMemory::FastMemory(const SystemConfig& config, const Geometry& geometry, Timeline* timeline)
    : geometry_(geometry),
      loads_(config, geometry),
      cycle_(config.dram_bandwidth),
      burst_(kThousand * config.dram_burst),
      burst_bytes_(config.dram_burst),
      latency_(config.dram_latency),
      timeline_(timeline) {}

void FastMemory::add_tile(const Tile& tile, std::uint64_t read, std::uint64_t done) {
  read_.add(read);
  stores_.push_back({done + 1, bursts(tile.operands[0].rows * tile.operands[1].rows * kResultBytes)});
}

void FastMemory::count_bytes(ByteCounts& bytes) const {
  bytes.dram_activations = load_bursts_[0] * burst_bytes_;
  bytes.dram_weights = load_bursts_[1] * burst_bytes_;
  bytes.dram_outputs = store_bursts_ * burst_bytes_;
}

std::uint64_t FastMemory::first(Moments& moments, std::uint64_t count, std::uint64_t from) {
  while (moments.count() < count) step();
  const std::uint64_t when = std::max(from, moments.at(count - 1));
  moments.forget(from);
  return when;
}

void FastMemory::settle(std::uint64_t now) {
  fetch();
  for (Moments* moments : {&usable_[0], &usable_[1], &stored_}) moments->forget(now);
  if (now_ >= cycle_) read_.forget(now_ / cycle_ - 1);
}

std::uint64_t FastMemory::next_load() const {
  if (remaining_ == 0 || load_.after > read_.count()) return kNever;
  return load_.after == 0 ? 0 : (read_.at(load_.after - 1) + 1) * cycle_;
}

void FastMemory::fetch() {
  if (remaining_ != 0 || !loads_.next(load_)) return;
  remaining_ = bursts(load_.rows * geometry_.blocks * geometry_.block_bytes);
  started_ = false;
}

// One decision of the bus: it serves the whole of a store, or as much of a load as fits before the next store.
void FastMemory::step() {
  fetch();
  const bool store = !stores_.empty();
  const std::uint64_t store_from = store ? stores_.front().ready * cycle_ : kNever;
  now_ = std::max(now_, std::min(store_from, next_load()));
  if (now_ >= cycle_) read_.forget(now_ / cycle_ - 1);
  if (store_from <= now_) {
    serve_store(stores_.front().bursts);
    stores_.pop_front();
  } else {
    serve_load(store ? std::min(remaining_, ceil_div(store_from - now_, burst_)) : remaining_);
  }
}

void FastMemory::serve_store(std::uint64_t count) {
  const std::uint64_t tile = stored_.count();
  if (timeline_ != nullptr) timeline_->tiles[tile].store_begin = now_ / cycle_;
  now_ += count * burst_;
  store_bursts_ += count;
  stored_.add(ceil_div(now_, cycle_));
  if (timeline_ != nullptr) timeline_->tiles[tile].store_end = stored_.last();
}

void FastMemory::serve_load(std::uint64_t count) {
  if (!started_) begin_ = now_ / cycle_;
  started_ = true;
  now_ += count * burst_;
  remaining_ -= count;
  const auto side = static_cast<std::size_t>(load_.operand);
  load_bursts_[side] += count;
  if (remaining_ != 0) return;
  const std::uint64_t end = ceil_div(now_, cycle_);
  usable_[side].add(end + latency_);
  if (timeline_ != nullptr)
    timeline_->loads.push_back({load_.operand, load_.panel, begin_, end, end + latency_});
}

}  // namespace if4
