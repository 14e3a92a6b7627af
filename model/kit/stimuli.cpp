#include "model/kit/stimuli.hpp"

#include "model/kit/random_pairs.hpp"

namespace if4 {

Stimuli::Stimuli(const MacConfig& config, std::uint64_t seed, LineSink sink)
    : config_(config), seed_(seed), sink_(std::move(sink)) {
  check(config);
}

void Stimuli::testpoint(const std::string& name) {
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  random_.seed(seed_ ^ hash);
  sink_(TestpointLine{name});
}

void Stimuli::beats(const BlockPairs& pairs, bool ends, unsigned idle_clocks) {
  for (std::size_t i = 0; i < pairs.size(); i += blocks()) {
    if (i != 0 && idle_clocks != 0) idle(idle_clocks);
    const auto begin = pairs.begin() + static_cast<std::ptrdiff_t>(i);
    sink_(BeatLine{{begin, begin + static_cast<std::ptrdiff_t>(blocks())},
                   ends && i + blocks() == pairs.size()});
  }
}

void Stimuli::dot_product(BlockPairs pairs) { slow_dot_product(std::move(pairs), 0); }

void Stimuli::slow_dot_product(BlockPairs pairs, unsigned clocks) {
  fill_beat(pairs, config_);
  beats(pairs, true, clocks);
  sink_(ResultLine{if4::dot_product(config_, pairs)});
}

void Stimuli::unfinished(BlockPairs pairs) {
  fill_beat(pairs, config_);
  beats(pairs, false, 0);
}

BlockPairs Stimuli::random_beat() { return random_beats(random_, 1, Mix::kFinite, config_); }

BlockPairs joined(BlockPairs first, const BlockPairs& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace if4
