// Testpoints of the sum and of its rounding: ties, powers of two, cancellation.
#include <algorithm>
#include <numeric>

#include "model/kit/random_pairs.hpp"
#include "model/kit/stimuli.hpp"

namespace if4 {

namespace {

constexpr int kSignificandBits = 24;  // of FP32

// What sums of a few beats reach.
Int128 reach(const MacConfig& config) {
  constexpr int kBeats = 8;
  return std::min((Int128{1} << (acc_width(config) - 1)) - 1, kBeats * largest_beat(config));
}

// The sums of dot products of one type pair are multiples of its unit. A sum is a tie where its quotient by what sums are
// divided by is (2s + 1) * 2^binade with a significand s of 24 bits.
class Ties {
 public:
  Ties(const MacConfig& config, std::int64_t unit) : divisor_(sum_divisor(config)) {
    for (; unit % 2 == 0; unit /= 2) ++least_;
    odd_ = unit / std::gcd(unit, divisor_);
    while (reach(config) >> (most_ + 1) >= divisor_ << (kSignificandBits + 1)) ++most_;
  }

  // The binades that have ties, from least() to most(). There may be none.
  int least() const { return least_; }
  int most() const { return most_; }

  // The first tie from that significand on whose lowest bit is `odd`.
  Int128 tie(std::int64_t significand, bool odd, int binade) const {
    while ((2 * significand + 1) % odd_ != 0 || (significand % 2 != 0) != odd) ++significand;
    return Int128{divisor_ * (2 * significand + 1)} << binade;
  }
  // The middle between the largest significand and the power of two above it.
  Int128 carry(int binade) const {
    return Int128{divisor_ * ((std::int64_t{1} << (kSignificandBits + 1)) - 1)} << binade;
  }

 private:
  std::int64_t divisor_;  // of sums
  std::int64_t odd_ = 1;
  int least_ = 0;
  int most_ = -1;
};

std::int64_t random_significand(Stimuli& stimuli) {
  // Not the largest, so that ties of a given divisor are found above it in the same binade.
  return (std::int64_t{1} << (kSignificandBits - 1)) +
         static_cast<std::int64_t>(stimuli.random()() % 8000000);
}

void add_type_ties(Stimuli& stimuli, TypePair types) {
  const Format format = stimuli.format();
  const std::int64_t unit = type_unit(format, types);
  const Ties ties(stimuli.config(), unit);
  const auto add = [&](Int128 multiple) { stimuli.dot_product(pairs_with_sum(format, types, multiple)); };
  for (int binade = ties.least(); binade <= ties.most(); ++binade) {
    const bool odd = binade % 2 != 0;
    const int sign = binade / 2 % 2 != 0 ? -1 : 1;
    const Int128 multiple = sign * ties.tie(random_significand(stimuli), odd, binade) / unit;
    for (int delta = -1; delta <= 1; ++delta) add(multiple + delta);
    add(-sign * ties.tie(random_significand(stimuli), !odd, binade) / unit);
  }
  for (int binade = ties.least(); binade <= ties.most(); binade += 5) {
    // The least multiple at or above the middle rounds up into the next binade, and the largest one below does not.
    const Int128 multiple = (ties.carry(binade) + unit - 1) / unit;
    for (const int sign : {1, -1}) {
      add(sign * multiple);
      add(sign * (multiple - 1));
    }
  }
}

// A tie in the highest binade, and each place below it set alone: the rounding looks at all of them.
void add_places_below(Stimuli& stimuli) {
  const Format format = stimuli.format();
  const TypePair types = type_pairs(format)[0];
  const std::int64_t unit = type_unit(format, types);
  const Ties ties(stimuli.config(), unit);
  stimuli.testpoint("ties.places_below");
  for (int place = 0; place < ties.most(); ++place) {
    // An even significand: it stays as it is unless the place is seen.
    const Int128 multiple =
        ties.tie(random_significand(stimuli), false, ties.most()) / unit + (Int128{1} << place);
    stimuli.dot_product(pairs_with_sum(format, types, place % 2 != 0 ? -multiple : multiple));
  }
}

// The same in a few binades, with places of the sum itself: how far a sum is shifted decides which of its places are dropped
// where.
void add_places_in_binades(Stimuli& stimuli) {
  const Ties ties(stimuli.config(), 1);
  stimuli.testpoint("ties.places_in_binades");
  for (int down = 0, sign = 1; down <= 24; down += 4) {
    const int binade = ties.most() - down;
    for (int place = 0; place < binade; ++place, sign = -sign) {
      const Int128 tie = ties.tie(random_significand(stimuli), false, binade);
      stimuli.dot_product(beats_with_sum(sign * (tie + (Int128{1} << place)), stimuli.config()));
    }
  }
}

// Sums of both types: every unit to either side of a tie can be had.
void add_mixed_ties(Stimuli& stimuli) {
  const Ties ties(stimuli.config(), 1);
  stimuli.testpoint("ties.mixed");
  for (int binade = ties.least(); binade <= ties.most(); binade += 3) {
    const int sign = binade % 2 != 0 ? -1 : 1;
    const Int128 tie = sign * ties.tie(random_significand(stimuli), binade % 4 < 2, binade);
    for (int delta = -1; delta <= 1; ++delta)
      stimuli.dot_product(beats_with_sum(tie + delta, stimuli.config()));
  }
}

// A tie of the least sums that have one, and each remainder that the division can leave: any bit of it must be seen.
void add_remainders(Stimuli& stimuli) {
  const Ties ties(stimuli.config(), 1);
  const std::int64_t divisor = sum_divisor(stimuli.config());
  stimuli.testpoint("ties.remainders");
  for (std::int64_t remainder = 1; remainder < divisor; ++remainder) {
    for (const int binade : {0, 1}) {
      for (const int sign : {1, -1}) {
        const Int128 tie = ties.tie(random_significand(stimuli), false, binade);
        stimuli.dot_product(beats_with_sum(sign * (tie + remainder), stimuli.config()));
      }
    }
  }
}

// Ties and the places beside them in a unit that is full, since most of the time results are refused: a stage that waits and
// does not hold one of its bits takes that of the sum behind, and sums like these let no wrong bit pass. In every fourth tie
// the lower half of the fraction is all ones, and what rounds it carries into the upper one.
void add_stalled_ties(Stimuli& stimuli) {
  const Ties ties(stimuli.config(), 1);
  if (ties.most() < ties.least()) return;
  stimuli.testpoint("ties.stalled");
  stimuli.stalls(0, 248);
  for (int n = 0, binade = ties.most(); n < 96; ++n) {
    const std::int64_t ones = n % 4 == 0 ? 0xFFF : 0;
    Int128 sum = ties.tie(random_significand(stimuli) | ones, n % 4 < 2, binade);
    if (n % 2 != 0 && binade > 0) sum += (Int128{1} << n / 2 % binade) * (n % 8 < 4 ? 1 : -1);
    stimuli.dot_product(beats_with_sum(n % 3 != 0 ? -sum : sum, stimuli.config()));
    binade = binade > ties.least() ? binade - 1 : ties.most();
  }
  stimuli.stalls(0, 0);
  stimuli.wait(16);
}

Int128 random_sum(Stimuli& stimuli, int bits) {
  const Int128 sum = static_cast<Int128>(stimuli.random()()) << 56 ^ static_cast<Int128>(stimuli.random()());
  const Int128 top = Int128{1} << (bits - 1);
  return top | (sum & (top - 1));
}

// Sums of 2^exponent * factor and one unit to either side.
void add_powers_of_two(Stimuli& stimuli, Int128 factor) {
  for (int exponent = 0; factor << exponent < reach(stimuli.config()); ++exponent) {
    for (int delta = -1; delta <= 1; ++delta) {
      const int sign = (exponent + delta) % 2 != 0 ? -1 : 1;
      stimuli.dot_product(beats_with_sum(sign * ((factor << exponent) + delta), stimuli.config()));
    }
  }
}

// One unit above a tie that is as large as `sum`.
Int128 above_tie_at(const MacConfig& config, Int128 sum) {
  Int128 place = 2 * sum_divisor(config);  // of the significand's lowest bit
  while (sum / place >= Int128{1} << kSignificandBits) place *= 2;
  return (sum / (2 * place) * 2) * place + place / 2 + 1;
}

// Sums that take many beats, one of each size up to the accumulator's.
void add_large_sums(Stimuli& stimuli) {
  const MacConfig& config = stimuli.config();
  int bits = 2;
  while (Int128{1} << (bits - 1) <= reach(config)) ++bits;
  if (bits < acc_width(config)) stimuli.testpoint("powers.large");
  for (; bits < acc_width(config) && Int128{1} << bits <= kMostBeatsToEnd * largest_beat(config); ++bits) {
    const int sign = bits % 2 != 0 ? -1 : 1;
    stimuli.dot_product(beats_with_sum(sign * above_tie_at(config, random_sum(stimuli, bits)), config));
  }
}

}  // namespace

void add_ties(Stimuli& stimuli) {
  for (const TypePair types : type_pairs(stimuli.format())) {
    stimuli.testpoint("ties." + type_pair_name(types));
    add_type_ties(stimuli, types);
  }
  add_places_below(stimuli);
  add_places_in_binades(stimuli);
  if (mixes_types(stimuli.format())) add_mixed_ties(stimuli);
  if (sum_divisor(stimuli.config()) != 1) add_remainders(stimuli);
  add_stalled_ties(stimuli);
}

void add_powers(Stimuli& stimuli) {
  const Int128 divisor = sum_divisor(stimuli.config());
  stimuli.testpoint("powers.sum");
  add_powers_of_two(stimuli, 1);
  if (divisor != 1) {
    stimuli.testpoint("powers.result");
    add_powers_of_two(stimuli, divisor);
  }
  add_large_sums(stimuli);
}

void add_cancellation(Stimuli& stimuli) {
  const MacConfig& config = stimuli.config();
  const auto beats = [&](Int128 sum) { return beats_with_sum(sum, config); };

  // Sums of all sizes up to one of largest products, and back to 0, from both sides; results of other sums between them.
  stimuli.testpoint("cancel.zero");
  int most = 1;
  while (Int128{1} << (most + 1) <= largest_beat(config)) ++most;
  for (int width = 4, sign = 1; width <= most; width += 3, sign = -sign) {
    const Int128 sum = sign * random_sum(stimuli, width);
    stimuli.dot_product(joined(beats(sum), beats(-sum)));
    if (width % 2 == 0) stimuli.dot_product(beats(-sign));
  }
  for (const TypePair types : type_pairs(config.format)) {
    // Within a beat: the same product with both signs.
    BlockPairs pairs = pairs_with_sum(config.format, types, 3);
    const int code_bits = traits(config.format).code_bits;
    auto& [a, w] = pairs[0];
    const auto opposite = pairs_with_sum(config.format, types, -3)[0];
    a.codes |= opposite.first.codes << (8 * code_bits);
    w.codes |= opposite.second.codes << (8 * code_bits);
    stimuli.dot_product(pairs);
  }
  stimuli.dot_product({});

  // A large sum, a small one, and the large one back: whatever rounds before the end loses the small one.
  stimuli.testpoint("cancel.wide");
  for (int n = 0; n < 16; ++n) {
    const Int128 large = (n % 2 != 0 ? -1 : 1) * random_sum(stimuli, most - n % 4);
    const Int128 small = (n % 3 != 0 ? -1 : 1) * random_sum(stimuli, 2 + n * (most - 6) / 20);
    stimuli.dot_product(joined(joined(beats(large), beats(small)), beats(-large)));
  }
}

}  // namespace if4
