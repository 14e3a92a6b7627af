#include "model/kit/plan.hpp"

#include <stdexcept>

#include "model/kit/random_pairs.hpp"
#include "model/kit/stimuli.hpp"

namespace if4 {

void write_plan(const MacConfig& config, std::uint64_t seed, const LineSink& sink) {
  if (beats_held(config) < 1) throw std::invalid_argument("acc_width cannot hold one beat");
  Stimuli stimuli(config, seed, sink);
  // What is simple comes first: the first failure is the one to look at.
  for (const auto add : {add_codes, add_scales, add_blocks, add_flow, add_powers, add_ties, add_cancellation,
                         add_nan, add_stalls, add_resets, add_ends, add_random})
    add(stimuli);
}

bool plan_reaches_ends(const MacConfig& config) { return beats_held(config) <= kMostBeatsToEnd; }

int widest_reached(MacConfig config) {
  config.acc_width = default_acc_width(config);
  while (plan_reaches_ends(config)) ++config.acc_width;
  return config.acc_width - 1;
}

// In formats of one type bit 7 of the scale bytes is 0, as in their tensors.
void write_random(const MacConfig& config, std::uint64_t seed, std::uint64_t dot_products, std::size_t beats,
                  const LineSink& sink) {
  Stimuli stimuli(config, seed, sink);
  stimuli.testpoint("random.vectors");
  const std::uint8_t used = mixes_types(config.format) ? 0xFF : kScaleMagnitudeMask;
  for (std::uint64_t n = 0; n < dot_products; ++n) {
    BlockPairs pairs = random_beats(stimuli.random(), beats, Mix::kFinite, config);
    for (auto& [a, w] : pairs) {
      a.scale &= used;
      w.scale &= used;
    }
    stimuli.dot_product(std::move(pairs));
  }
}

}  // namespace if4
