#include "sim/bits/product_run.hpp"

#include <algorithm>

namespace if4 {
namespace {

constexpr std::uint64_t kPatience = 10000;  // clocks in which nothing moves before the units count as stuck
constexpr unsigned kQuietClocks = 8;        // after the last result, in which no other may come
constexpr std::size_t kShownMismatches = 8;
constexpr std::uint64_t kTickInterval = 4096;  // clocks
constexpr int kCodeBits = 64;
constexpr int kScaleBits = 8;
constexpr std::size_t kPlanes = kCodeBits + kScaleBits;  // of a block

bool any(const Mask& mask) {
  return std::any_of(mask.begin(), mask.end(), [](std::uint64_t word) { return word != 0; });
}

// Calls action(unit) for each unit in the mask.
template <class Action>
void for_each_unit(const Mask& mask, const Action& action) {
  for (std::size_t w = 0; w < mask.size(); ++w) {
    for (std::uint64_t left = mask[w]; left != 0; left &= left - 1)
      action(64 * w + static_cast<std::size_t>(__builtin_ctzll(left)));
  }
}

// Each bit of a number as a plane, the same for all units.
void spread(std::uint64_t number, int bits, std::uint64_t* planes, int words) {
  for (int bit = 0; bit < bits; ++bit)
    std::fill_n(planes + bit * words, words, std::uint64_t{0} - (number >> bit & 1));
}

}  // namespace

BitsOperand::BitsOperand(const QuantizedTensor& tensor)
    : rows(tensor.rows()),
      blocks(tensor.blocks_per_row()),
      codes(rows * blocks),
      scales(rows * blocks),
      nan(rows) {
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t b = 0; b < blocks; ++b) {
      const Block block = tensor.block(row, b);
      codes[row * blocks + b] = static_cast<std::uint64_t>(block.codes);
      scales[row * blocks + b] = block.scale;
      if ((block.scale & kScaleMagnitudeMask) == kScaleNaN) nan[row] = true;
    }
  }
}

MacResult BitsProduct::expected(std::size_t streamed_row, std::size_t common_row) const {
  MacResult result;
  result.bits = golden[common_row * streamed.rows + streamed_row];
  result.nan = streamed.nan[streamed_row] || common.nan[common_row];
  result.overflow = result.bits == kResultNaN && !result.nan;
  return result;
}

StallMask::StallMask(unsigned percent, std::uint64_t seed)
    : threshold_((percent * (1U << kBits) + 50) / 100), random_(seed) {}

Mask StallMask::next(int words) {
  Mask mask{};
  if (threshold_ == 0) return mask;
  // From the lowest bit of the threshold up, each bit halves the probability, and adds a half where it is 1.
  for (int bit = __builtin_ctz(threshold_); bit < kBits; ++bit) {
    const bool one = (threshold_ >> bit & 1) != 0;
    for (int w = 0; w < words; ++w) {
      std::uint64_t& word = mask[static_cast<std::size_t>(w)];
      word = one ? word | random_() : word & random_();
    }
  }
  return mask;
}

ProductRun::ProductRun(const BitsProduct& product, const CosimOptions& options, const UnitBuild& build,
                       std::string_view target, std::function<void(std::uint64_t)> tick)
    : product_(product),
      options_(options),
      tick_(std::move(tick)),
      units_(build, target),
      streamed_planes_(product.streamed.blocks * kPlanes, units_.words()),
      places_(static_cast<std::size_t>(units_.units())),
      numbers_(static_cast<std::size_t>(units_.units())) {}

// The planes of the rows that the units have, from which they are lent block by block.
void ProductRun::load_streamed() {
  if (streamed_loaded_ && streamed_loaded_->streamed_first == piece_.streamed_first) return;
  const std::size_t blocks = product_.streamed.blocks;
  for (std::size_t b = 0; b < blocks; ++b) {
    for (int w = 0; w < units_.words(); ++w) {
      std::uint64_t codes[64] = {}, scales[64] = {};
      const std::size_t first = static_cast<std::size_t>(w) * 64;
      for (std::size_t unit = first; unit < std::min(first + 64, piece_.streamed_count); ++unit) {
        codes[unit - first] = product_.streamed.codes[(piece_.streamed_first + unit) * blocks + b];
        scales[unit - first] = product_.streamed.scales[(piece_.streamed_first + unit) * blocks + b];
      }
      std::uint64_t* const planes = streamed_planes_[b * kPlanes];
      numbers_to_planes(codes, kCodeBits, planes, units_.words(), w);
      numbers_to_planes(scales, kScaleBits, planes + kCodeBits * units_.words(), units_.words(), w);
    }
  }
  streamed_loaded_ = piece_;
}

void ProductRun::start(const BitsPiece& piece, std::uint64_t number) {
  piece_ = piece;
  load_streamed();
  report_ = {};
  const StallOptions& stalls = options_.stalls;
  std::seed_seq seeds{stalls.seed, stalls.seed >> 32, number};
  std::uint32_t seed[4];
  seeds.generate(seed, seed + 4);
  input_stalls_ = StallMask(stalls.input_percent, std::uint64_t{seed[0]} << 32 | seed[1]);
  output_stalls_ = StallMask(stalls.output_percent, std::uint64_t{seed[2]} << 32 | seed[3]);
  active_ = offered_ = stale_ = {};
  for (std::size_t unit = 0; unit < piece.streamed_count; ++unit)
    active_[unit / 64] |= std::uint64_t{1} << (unit % 64);
  step_ = {};
  std::fill(places_.begin(), places_.end(), Place{});
  in_step_ = true;
  clock_ = finished_ = 0;
  std::fill_n(units_.planes(BitsInput::kValid), units_.words(), 0);
  units_.reset();
  if (stalls.input_percent != 0 || stalls.output_percent != 0) leave_step();
}

void ProductRun::drive_in_step() {
  const bool offers = step_.beats < beats_of_unit();
  offered_ = offers ? active_ : Mask{};
  if (!offers) return;
  const std::size_t block = step_.beats % product_.common.blocks;
  const std::size_t at =
      (piece_.common_first + step_.beats / product_.common.blocks) * product_.common.blocks + block;
  units_.lend(streamed_codes(), streamed_planes_[block * kPlanes]);
  units_.lend(streamed_scale(), streamed_planes_[block * kPlanes + kCodeBits]);
  spread(product_.common.codes[at], kCodeBits, units_.planes(common_codes()), units_.words());
  spread(product_.common.scales[at], kScaleBits, units_.planes(common_scale()), units_.words());
  spread(block + 1 == product_.common.blocks ? 1 : 0, 1, units_.planes(BitsInput::kLast), units_.words());
}

// From now on every unit has a place and planes of its own.
void ProductRun::leave_step() {
  in_step_ = false;
  std::fill(places_.begin(), places_.end(), step_);
  finished_ = step_.results >= piece_.common_count ? piece_.streamed_count : 0;
  units_.lend(streamed_codes(), nullptr);
  units_.lend(streamed_scale(), nullptr);
  stale_ = offered_;
}

void ProductRun::drive_apart() {
  const Mask stalled = input_stalls_.next(units_.words());
  for (int w = 0; w < units_.words(); ++w) {
    const auto word = static_cast<std::size_t>(w);
    std::uint64_t free = active_[word] & ~offered_[word] & ~stalled[word];
    for (std::uint64_t left = free; left != 0; left &= left - 1) {
      const int bit = __builtin_ctzll(left);
      if (places_[64 * word + static_cast<std::size_t>(bit)].beats == beats_of_unit())
        free &= ~(std::uint64_t{1} << bit);
    }
    offered_[word] |= free;
    stale_[word] |= free;
    if (stale_[word] != 0) fetch(w);
    stale_[word] = 0;
  }
}

// The planes of what 64 units are offered.
void ProductRun::fetch(int word) {
  std::uint64_t streamed[64] = {}, common[64] = {}, scales[64] = {};
  const std::size_t blocks = product_.common.blocks;
  const auto first = static_cast<std::size_t>(word) * 64;
  std::uint64_t last = 0;
  for (std::uint64_t left = offered_[static_cast<std::size_t>(word)]; left != 0; left &= left - 1) {
    const auto bit = static_cast<std::size_t>(__builtin_ctzll(left));
    const std::size_t beats = places_[first + bit].beats, block = beats % blocks;
    const std::size_t from = (piece_.streamed_first + first + bit) * blocks + block;
    const std::size_t with = piece_.common_first * blocks + beats;
    streamed[bit] = product_.streamed.codes[from];
    common[bit] = product_.common.codes[with];
    scales[bit] = product_.streamed.scales[from] | std::uint64_t{product_.common.scales[with]} << kScaleBits;
    if (block + 1 == blocks) last |= std::uint64_t{1} << bit;
  }
  const int words = units_.words();
  numbers_to_planes(streamed, kCodeBits, units_.planes(streamed_codes()), words, word);
  numbers_to_planes(common, kCodeBits, units_.planes(common_codes()), words, word);
  transpose(scales);
  for (int bit = 0; bit < kScaleBits; ++bit) {
    units_.planes(streamed_scale())[bit * words + word] = scales[bit];
    units_.planes(common_scale())[bit * words + word] = scales[kScaleBits + bit];
  }
  units_.planes(BitsInput::kLast)[word] = last;
}

// A result of one unit.
void ProductRun::take_one(std::size_t unit, Place& place, std::uint32_t bits) {
  const auto flag = [&](BitsOutput output) {
    return (units_.before_step(output)[unit / 64] >> (unit % 64) & 1) != 0;
  };
  const MacResult actual{bits, flag(BitsOutput::kNaN), flag(BitsOutput::kOverflow)};
  const std::size_t index = place.results++;
  if (place.results == piece_.common_count) {
    place.clocks = clock_ + 1;
    ++finished_;
  }
  if (product_.golden.empty()) return;
  if (actual.nan) ++report_.nan_results;
  if (actual.overflow) ++report_.overflow_results;
  const bool asked_for = index < place.beats / product_.common.blocks;
  const std::size_t streamed = piece_.streamed_first + unit, common = piece_.common_first + index;
  if (asked_for && actual == product_.expected(streamed, common)) return;
  ++report_.mismatches;
  if (!report_.first_wrong_clock) report_.first_wrong_clock = clock_;
  if (!asked_for || report_.first_mismatches.size() == kShownMismatches) return;
  const std::size_t m = product_.weights_streamed ? common : streamed;
  const std::size_t n = product_.weights_streamed ? streamed : common;
  report_.first_mismatches.push_back({m, n, clock_, product_.expected(streamed, common), actual, unit});
}

// A result of all units that have a row, which is the same one for all.
void ProductRun::take_in_step() {
  const std::size_t index = step_.results;
  const bool asked_for = index < step_.beats / product_.common.blocks;
  bool same = product_.golden.empty();
  if (!same && asked_for && !product_.golden_has_nan) {
    const std::uint32_t* const golden =
        &product_.golden[(piece_.common_first + index) * product_.streamed.rows + piece_.streamed_first];
    same = std::equal(golden, golden + piece_.streamed_count, numbers_.begin());
    for (int w = 0; w < units_.words(); ++w) {
      const auto flags =
          units_.before_step(BitsOutput::kNaN)[w] | units_.before_step(BitsOutput::kOverflow)[w];
      same = same && (flags & active_[static_cast<std::size_t>(w)]) == 0;
    }
  }
  if (!same) {
    for (std::size_t unit = 0; unit < piece_.streamed_count; ++unit) {
      Place place = step_;
      take_one(unit, place, numbers_[unit]);
    }
  }
  if (++step_.results == piece_.common_count) step_.clocks = clock_ + 1;
}

void ProductRun::take_results(const Mask& given) {
  planes_to_numbers(units_.before_step(BitsOutput::kResult), units_.words(), numbers_.data());
  if (in_step_ && given != active_) leave_step();
  if (in_step_) return take_in_step();
  for_each_unit(given, [&](std::size_t unit) { take_one(unit, places_[unit], numbers_[unit]); });
}

void ProductRun::take_beats(const Mask& taken) {
  if (in_step_ && taken != active_) leave_step();
  if (in_step_) {
    ++step_.beats;
    return;
  }
  for_each_unit(taken, [&](std::size_t unit) { ++places_[unit].beats; });
  for (std::size_t w = 0; w < offered_.size(); ++w) {
    offered_[w] &= ~taken[w];
    stale_[w] &= ~taken[w];
  }
}

bool ProductRun::done() const {
  return in_step_ ? step_.results >= piece_.common_count : finished_ == piece_.streamed_count;
}

void ProductRun::clock() {
  in_step_ ? drive_in_step() : drive_apart();
  const int words = units_.words();
  std::copy_n(offered_.begin(), words, units_.planes(BitsInput::kValid));
  const Mask stalled = output_stalls_.next(words);
  std::uint64_t* const ready = units_.planes(BitsInput::kReady);
  for (int w = 0; w < words; ++w) ready[w] = ~stalled[static_cast<std::size_t>(w)];
  units_.step();
  Mask taken{}, given{};
  for (int w = 0; w < words; ++w) {
    const auto word = static_cast<std::size_t>(w);
    taken[word] = offered_[word] & units_.before_step(BitsOutput::kReady)[w];
    given[word] = active_[word] & ~stalled[word] & units_.before_step(BitsOutput::kValid)[w];
  }
  const bool takes = any(taken), gives = any(given);
  if (gives) take_results(given);
  if (takes) take_beats(taken);
  moved_ = takes || gives;
}

// The types of the beats that the units took.
void ProductRun::count_pairs() {
  const std::size_t blocks = product_.common.blocks;
  const auto is_int = [](const BitsOperand& operand, std::size_t at) {
    return (operand.scales[at] & kScaleIntBit) != 0 ? std::size_t{1} : std::size_t{0};
  };
  std::vector<std::uint64_t> common_ints(blocks);  // in the rows that a unit multiplies with, by block
  for (std::size_t beat = 0; beat < beats_of_unit(); ++beat)
    common_ints[beat % blocks] += is_int(product_.common, piece_.common_first * blocks + beat);
  const auto count = [this](std::size_t streamed, std::size_t common, std::uint64_t beats) {
    report_.pair_beats[product_.weights_streamed ? common : streamed]
                      [product_.weights_streamed ? streamed : common] += beats;
  };
  for (std::size_t unit = 0; unit < piece_.streamed_count; ++unit) {
    const std::size_t from = (piece_.streamed_first + unit) * blocks, beats = places_[unit].beats;
    const bool all = beats == beats_of_unit();
    for (std::size_t b = 0; all && b < blocks; ++b) {
      const std::size_t type = is_int(product_.streamed, from + b);
      count(type, 1, common_ints[b]);
      count(type, 0, piece_.common_count - common_ints[b]);
    }
    for (std::size_t beat = 0; !all && beat < beats; ++beat)
      count(is_int(product_.streamed, from + beat % blocks),
            is_int(product_.common, piece_.common_first * blocks + beat), 1);
  }
}

void ProductRun::finish() {
  if (in_step_) leave_step();
  for (std::size_t unit = 0; unit < piece_.streamed_count; ++unit) {
    const Place& place = places_[unit];
    report_.results += place.results;
    report_.beats += place.beats;
    report_.missing += piece_.common_count - std::min(piece_.common_count, place.results);
    report_.cycles += place.results >= piece_.common_count ? place.clocks : clock_;
  }
  if (!product_.golden.empty()) count_pairs();
  if (report_.missing != 0 && !report_.first_wrong_clock)
    report_.first_wrong_clock = report_.last_moved_clock;
}

CosimReport ProductRun::run(const BitsPiece& piece, std::uint64_t number) {
  start(piece, number);
  std::uint64_t idle = 0;
  for (unsigned quiet = 0; quiet < kQuietClocks && idle < kPatience; ++clock_) {
    clock();
    if (done()) ++quiet;
    idle = moved_ ? 0 : idle + 1;
    if (moved_) report_.last_moved_clock = clock_;
    if (clock_ % kTickInterval == kTickInterval - 1) tick_(0);
  }
  finish();
  tick_(report_.results);
  return report_;
}

}  // namespace if4
