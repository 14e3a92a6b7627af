// Testpoints of what has no number as its result: NaN scales, and sums beyond the accumulator's ends.
#include <array>

#include "model/kit/plan.hpp"
#include "model/kit/random_pairs.hpp"
#include "model/kit/stimuli.hpp"

namespace if4 {

namespace {

BlockPairs random_dot_product(Stimuli& stimuli, std::size_t beats) {
  return random_beats(stimuli.random(), beats, Mix::kFinite, stimuli.config());
}

// Dot products of `beats` beats whose beat `at` has the NaN in each of its blocks in turn, each with one without after it.
void add_nan_at(Stimuli& stimuli, bool activations, std::uint8_t nan, std::size_t beats, std::size_t at) {
  for (std::size_t block = 0; block < stimuli.blocks(); ++block) {
    BlockPairs pairs = random_dot_product(stimuli, beats);
    auto& [a, w] = pairs[at * stimuli.blocks() + block];
    (activations ? a : w).scale = nan;
    stimuli.dot_product(std::move(pairs));
    stimuli.dot_product(random_dot_product(stimuli, 1));
  }
}

void add_nan_positions(Stimuli& stimuli) {
  constexpr std::array<const char*, 3> kPositions = {"first", "middle", "last"};
  for (const bool activations : {true, false}) {
    for (const std::uint8_t nan : {std::uint8_t{0x7F}, std::uint8_t{0xFF}}) {
      for (std::size_t at = 0; at < kPositions.size(); ++at) {
        stimuli.testpoint(std::string("nan.") + (activations ? "activations" : "weights") +
                          (nan == 0xFF ? "_ff_" : "_7f_") + kPositions[at]);
        add_nan_at(stimuli, activations, nan, 3, at);
        add_nan_at(stimuli, activations, nan, 2 * at + 1, at);
      }
    }
  }
}

// The pair of blocks with one of the four pairs of NaN scales, or with two.
void set_nan(std::pair<Block, Block>& pair, unsigned choice) {
  if (choice % 3 != 0) pair.first.scale = choice % 2 != 0 ? 0x7F : 0xFF;
  if (choice % 3 != 1) pair.second.scale = choice % 2 != 0 ? 0xFF : 0x7F;
}

}  // namespace

void add_nan(Stimuli& stimuli) {
  const Format format = stimuli.format();
  add_nan_positions(stimuli);

  stimuli.testpoint("nan.zero_operands");
  for (unsigned n = 0; n < 12; ++n) {
    // No product but 0: the codes of both blocks, of the other block alone, or the other scale.
    BlockPairs pairs(stimuli.blocks());
    auto& pair = pairs[n % stimuli.blocks()];
    if (n % 4 != 0) pair.first = uniform_block(format, 1, 0);
    if (n % 4 == 2) pair.second = uniform_block(format, 1, 0);
    set_nan(pair, n);
    stimuli.dot_product(std::move(pairs));
    stimuli.dot_product(random_dot_product(stimuli, 1));
  }

  stimuli.testpoint("nan.alternating");
  for (unsigned n = 0; n < 24; ++n) {
    BlockPairs pairs = stimuli.random_beat();
    if (n % 3 != 0) set_nan(pairs[n % stimuli.blocks()], n);
    stimuli.dot_product(std::move(pairs));
  }

  // All bits but one of NaN's, with the largest codes and with random ones.
  stimuli.testpoint("nan.neighbours");
  for (unsigned bit = 0; bit < 7; ++bit) {
    for (const unsigned bit7 : {0U, 0x80U}) {
      BlockPairs pairs = stimuli.random_beat();
      for (auto& [a, w] : pairs) {
        (bit % 2 != 0 ? a : w).scale = static_cast<std::uint8_t>(bit7 | (0x7FU ^ 1U << bit));
        (bit % 2 != 0 ? w : a).scale = static_cast<std::uint8_t>(bit7 | (0x7FU ^ 1U << (6 - bit)));
      }
      stimuli.dot_product(std::move(pairs));
    }
  }
}

void add_ends(Stimuli& stimuli) {
  const MacConfig& config = stimuli.config();
  if (!plan_reaches_ends(config)) return;
  const TypePair types = type_pairs(config.format)[0];
  const Int128 limit = Int128{1} << (acc_width(config) - 1);
  const Int128 unit = type_unit(config.format, types);
  const auto sum = [&](Int128 units) { return beats_with_sum(units, config); };
  const auto beat = [&](Int128 multiple) {
    BlockPairs pairs = pairs_with_sum(config.format, types, multiple);
    fill_beat(pairs, config);
    return pairs;
  };
  const auto add = [&](const std::string& name, const BlockPairs& pairs, const BlockPairs& after) {
    stimuli.testpoint(name);
    stimuli.dot_product(pairs);
    stimuli.dot_product(after);
  };
  const BlockPairs zero = beat(0), one = sum(1), minus_one = sum(-1);
  // The last beat of these takes the sum one unit beyond the end.
  const BlockPairs above = joined(sum(limit - unit), beat(1)),
                   below = joined(sum(-limit - 1 + unit), beat(-1));
  add("end.upper", sum(limit - 1), one);
  add("end.lower", sum(-limit), minus_one);
  add("overflow.upper_last", above, one);
  add("overflow.lower_last", below, minus_one);
  // Zeros add nothing to a sum that has wrapped: that it left the accumulator must not be forgotten.
  add("overflow.middle", joined(sum(limit - 1), joined(one_largest_beat(config), zero)), one);
  add("overflow.back_in_range", joined(below, joined(beat(5), zero)), minus_one);

  BlockPairs nan_first = above;
  nan_first[0].second.scale |= kScaleNaN;
  BlockPairs nan_beat = zero;
  nan_beat.back().first.scale |= kScaleNaN;
  add("nan.before_overflow", nan_first, one);
  add("nan.after_overflow", joined(below, joined(nan_beat, beat(5))), minus_one);

  stimuli.testpoint("reset.after_overflow");
  stimuli.unfinished(joined(above, one));
  stimuli.reset(false, 12);
  stimuli.dot_product(one);
  if (stimuli.blocks() == 1) return;
  // Only the sum after a whole beat counts: the blocks of one beat may go beyond the end and come back.
  BlockPairs inside = beat(3);
  inside[1] = beat(-3)[0];
  add("end.within_beat", joined(sum(limit - 1), inside), one);
}

}  // namespace if4
