// Directed dot products for every build of the unit: the points of points.txt, each result compared
// with the exact rationals and the golden model.
#include <algorithm>
#include <functional>

#include "testbench/support/catch.hpp"
#include "testbench/support/mac_testing.hpp"
#include "testbench/support/stimuli.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

constexpr std::uint8_t kOne = 0x38;  // s = 1

std::size_t blocks(const MacUnit& unit) {
  return static_cast<std::size_t>(blocks_per_beat(unit.build().mac));
}

// How many clocks the next beat is held back, and how many the next result is refused.
struct Waits {
  std::function<int()> before_beat = [] { return 0; };
  std::function<int()> before_result = [] { return 0; };
};

std::vector<MacResult> run(MacUnit& unit, const std::vector<Beats>& dot_products, const Waits& waits) {
  constexpr int kPatience = 5000;
  std::vector<MacResult> results;
  BeatSource<MacUnit> source(unit, dot_products, blocks(unit));
  int beat_wait = waits.before_beat();
  int result_wait = waits.before_result();
  bool refused = false;
  MacResult held;
  for (int quiet = 0; results.size() < dot_products.size() && quiet < kPatience; ++quiet) {
    source.offer([&] { return beat_wait-- == 0; });
    const bool valid = unit.valid();
    unit.set_ready(result_wait == 0);
    REQUIRE(unit.valid() == valid);
    if (refused) REQUIRE(valid);
    if (refused) REQUIRE(unit.result() == held);
    refused = valid && result_wait > 0;
    held = unit.result();
    if (valid && result_wait == 0) {
      results.push_back(held);
      result_wait = waits.before_result();
      quiet = 0;
    } else if (valid) {
      --result_wait;
    }
    const bool taken = source.moves();
    unit.step();
    if (taken) {
      source.advance();
      beat_wait = waits.before_beat();
      quiet = 0;
    }
  }
  return results;
}

void check_run(MacUnit& unit, const std::vector<Beats>& dot_products, const Waits& waits = {}) {
  const MacConfig& config = unit.build().mac;
  note_stimulus(dot_products);
  count_checks(dot_products.size());
  const std::vector<MacResult> results = run(unit, dot_products, waits);
  INFO(unit.build().name);
  REQUIRE(results.size() == dot_products.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    const MacResult exact = exact_result(dot_products[i], config);
    if (results[i] == exact && results[i] == model_result(dot_products[i], config)) continue;
    INFO("dot product " << i << " of " << dot_products[i].size() << " block pairs\n"
                        << (dot_products[i].size() < 40 ? to_text(dot_products[i], config.format) : ""));
    CHECK(to_text(results[i]) == to_text(exact));
    CHECK(to_text(model_result(dot_products[i], config)) == to_text(exact));
  }
}

// Scale bytes without bit 7, by class; the last one is NaN.
constexpr int kScaleClasses = 5;
std::uint8_t scale_of_class(std::mt19937_64& random, int scale_class) {
  switch (scale_class) {
    case 0:
      return 0x00;
    case 1:
      return static_cast<std::uint8_t>(0x01 + random() % 7);
    case 2:
      return static_cast<std::uint8_t>(0x08 + random() % 0x76);
    case 3:
      return 0x7E;
    default:
      return 0x7F;
  }
}

// Types and scale classes of a block of activations and one of weights.
struct PairClass {
  int types;
  int a_scale, w_scale;
  bool nan() const { return a_scale == kScaleClasses - 1 || w_scale == kScaleClasses - 1; }
};

std::vector<PairClass> pair_classes(bool nan) {
  std::vector<PairClass> classes;
  for (int types = 0; types < 4; ++types) {
    for (int a = 0; a < kScaleClasses; ++a) {
      for (int w = 0; w < kScaleClasses; ++w) {
        if (const PairClass one{types, a, w}; one.nan() == nan) classes.push_back(one);
      }
    }
  }
  return classes;
}

// Dot products in which every pair of types and scale classes meets: those with NaN in few of them.
class CrossedBeats {
 public:
  CrossedBeats(std::mt19937_64& random, const MacConfig& config) : random_(random), config_(config) {}

  // `length()` is called for the number of beats of each.
  std::vector<Beats> dot_products(const std::function<std::size_t()>& length) {
    std::vector<Beats> result;
    for (const bool nan : {false, true}) {
      std::vector<PairClass> classes = pair_classes(nan);
      std::shuffle(classes.begin(), classes.end(), random_);
      while (!classes.empty()) {
        // A NaN hides what else is in its dot product, so the short ones have one beat of them.
        const std::size_t beats = length();
        std::size_t most = nan && beats <= 8 ? 1 : beats;
        Beats one;
        for (std::size_t i = 0; i < beats; ++i) {
          const bool chosen = !classes.empty() && most > 0;
          append(one, chosen ? classes.back() : finite_[random_() % finite_.size()]);
          if (chosen) classes.pop_back();
          most -= chosen ? 1 : 0;
        }
        result.push_back(one);
      }
    }
    return result;
  }

 private:
  void append(Beats& beats, const PairClass& first) {
    Beats beat = random_beats(random_, 1, Mix::kFinite, config_);
    beat[0].first.scale =
        static_cast<std::uint8_t>((first.types & 2) << 6 | scale_of_class(random_, first.a_scale));
    beat[0].second.scale =
        static_cast<std::uint8_t>((first.types & 1) << 7 | scale_of_class(random_, first.w_scale));
    std::swap(beat[0], beat[random_() % beat.size()]);
    beats.insert(beats.end(), beat.begin(), beat.end());
  }

  std::mt19937_64& random_;
  const MacConfig& config_;
  const std::vector<PairClass> finite_ = pair_classes(false);
};

// A beat with this pair of blocks first; all other blocks are 0.
Beats single(const MacConfig& config, const Block& a, const Block& w) {
  Beats beats(static_cast<std::size_t>(blocks_per_beat(config)));
  beats[0] = {a, w};
  return beats;
}

Beats operator+(Beats first, const Beats& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

TEST_CASE("types, scale classes, stalls and lengths, crossed", "[rtl][coverage]") {
  std::mt19937_64 random(test_seed() + 601);
  for (const UnitBuild& config : unit_builds()) {
    CrossedBeats crossed(random, config.mac);
    MacUnit unit(config);
    const std::function<std::size_t()> lengths[] = {[] { return 1; }, [] { return 2; },
                                                    [&] { return 3 + random() % 6; },
                                                    [&] { return 9 + random() % 40; }, [] { return 1024; }};
    const auto wait = [&] { return static_cast<int>(1 + random() % 3); };
    for (const bool input : {false, true}) {
      for (const bool output : {false, true}) {
        Waits waits;
        if (input) waits.before_beat = wait;
        if (output) waits.before_result = wait;
        // The first dot product after a reset has no idle clock before it.
        unit.drive_idle();
        unit.reset();
        std::vector<Beats> dot_products;
        for (const auto& length : lengths) {
          for (Beats& one : crossed.dot_products(length)) dot_products.push_back(std::move(one));
        }
        check_run(unit, dot_products, waits);
      }
    }
  }
}

TEST_CASE("codes of every class meet in every lane", "[rtl][coverage]") {
  std::mt19937_64 random(test_seed() + 602);
  for (const UnitBuild& config : unit_builds()) {
    const int bits = traits(config.mac.format).code_bits;
    const unsigned sign = 1U << (bits - 1);
    const unsigned codes[] = {0, 1, sign - 1, sign, sign + 1, 2 * sign - 1, 2};
    std::vector<Beats> dot_products;
    for (unsigned types = 0; types < 4; ++types) {
      for (unsigned pair = 0; pair < 49; ++pair) {
        Block a{0, static_cast<std::uint8_t>((types & 2) << 6 | kOne)};
        Block w{0, static_cast<std::uint8_t>((types & 1) << 7 | kOne)};
        const auto lane = static_cast<int>(random() % kBlockSize);
        a.codes = Codes{codes[pair / 7]} << (lane * bits);
        w.codes = Codes{codes[pair % 7]} << (lane * bits);
        Beats beat = single(config.mac, a, w);
        std::swap(beat[0], beat[random() % beat.size()]);
        dot_products.push_back(beat);
        // The same pair in all lanes.
        for (int i = 0; i < kBlockSize; ++i) {
          a.codes |= Codes{codes[pair / 7]} << (i * bits);
          w.codes |= Codes{codes[pair % 7]} << (i * bits);
        }
        dot_products.emplace_back(beat.size(), std::pair(a, w));
      }
    }
    MacUnit unit(config);
    check_run(unit, dot_products);
  }
}

TEST_CASE("every kind of rounding and every end of the accumulator", "[rtl][coverage]") {
  std::mt19937_64 random(test_seed() + 603);
  for (const UnitBuild& config : unit_builds()) {
    const MacConfig& mac = config.mac;
    const int width = acc_width(mac);
    const Int128 square = sum_divisor(mac);
    const Int128 most = (Int128{1} << (width - 1)) - 1;
    int free_bits = 0;  // of the accumulator, beside a significand of 25 bits times r^2
    while (((square << 25) << free_bits) < most) ++free_bits;

    std::vector<Beats> dot_products;
    const auto both_signs = [&](Int128 sum) {
      dot_products.push_back(beats_with_sum(sum, mac));
      dot_products.push_back(beats_with_sum(-sum, mac));
    };
    for (const Int128 significand :
         {Int128{1} << 23, (Int128{1} << 23) + 1, (Int128{1} << 24) - 2, (Int128{1} << 24) - 1}) {
      for (int place = 0; place < free_bits; place += 1 + static_cast<int>(random() % 5)) {
        both_signs((square * (2 * significand)) << place);
        const Int128 tie = (square * (2 * significand + 1)) << place;
        for (int delta = -1; delta <= 1; ++delta) both_signs(tie + delta);
      }
    }
    // Sums of every size, the smallest and the largest too.
    for (int bit = 0; bit < width - 1; ++bit) both_signs((Int128{1} << bit) + (random() % 2 == 0 ? 1 : 0));
    both_signs(1);
    both_signs(most);
    const Beats zeros = single(mac, Block{}, Block{});
    const Beats lowest = beats_with_sum(-most - 1, mac);
    const Beats over = beats_with_sum(most, mac) + beats_with_sum(1, mac);
    const Beats under = lowest + beats_with_sum(-1, mac);
    const Beats nan = single(mac, Block{0, 0x7F}, Block{0, kOne});
    dot_products.push_back(lowest);
    // Products that cancel within a block.
    const int bits = traits(mac.format).code_bits;
    const Codes minus = mac.format == Format::kNVINT4 ? 0xF : (1U << (bits - 1)) + 1;
    dot_products.push_back(single(mac, Block{1 | minus << bits, kOne}, Block{1 | Codes{1} << bits, kOne}));
    // Beats that cancel.
    dot_products.push_back(beats_with_sum(square << 4, mac) + beats_with_sum(-(square << 4), mac));
    // A result of every kind after one of every other kind.
    for (const Beats* one : {&zeros, &nan, &zeros, &over, &nan, &nan, &under, &over, &zeros})
      dot_products.push_back(*one);
    dot_products.push_back(over + beats_with_sum(-1, mac));
    dot_products.push_back(over + nan);
    MacUnit unit(config);
    check_run(unit, dot_products);
  }
}

TEST_CASE("a unit whose results wait fills up, and moves on when they are taken", "[rtl][coverage]") {
  std::mt19937_64 random(test_seed() + 604);
  for (const UnitBuild& config : unit_builds()) {
    std::vector<Beats> dot_products;
    for (int i = 0; i < 64; ++i) dot_products.push_back(random_beats(random, 1, Mix::kFinite, config.mac));
    for (int i = 0; i < 64; ++i) {
      dot_products.push_back(random_beats(random, 1 + random() % 4, Mix::kUniform, config.mac));
    }
    MacUnit unit(config);
    int clocks = 40;  // that every 70th result waits, the first one included
    int results = 0;
    Waits waits;
    waits.before_result = [&] { return results++ % 70 == 0 ? clocks : 0; };
    check_run(unit, dot_products, waits);
    waits.before_beat = [&] { return static_cast<int>(random() % 3); };
    check_run(unit, dot_products, waits);
  }
}

// A bit that does not wait with its sum is seen where it decides the rounding. Every lower half of a fraction is all ones, so
// that the rounding carries into the upper one.
TEST_CASE("ties and sums beside them wait in a full unit, bit by bit", "[rtl][coverage]") {
  std::mt19937_64 random(test_seed() + 606);
  for (const UnitBuild& config : unit_builds()) {
    const MacConfig& mac = config.mac;
    const Int128 square = sum_divisor(mac);
    const Int128 most = std::min((Int128{1} << (acc_width(mac) - 1)) - 1, 2 * largest_beat(mac));
    int places = 1;
    while ((square << 25) << places < most) ++places;
    std::vector<Beats> dot_products;
    for (int i = 0; i < 96; ++i) {
      const auto significand = static_cast<Int128>((std::uint64_t{1} << 23) | random() % (1U << 23) | 0xFFF);
      const auto place = static_cast<int>(random() % static_cast<std::uint64_t>(places));
      Int128 sum = (square * (2 * significand + 1)) << place;
      if (i % 2 != 0 && place > 0) sum += (Int128{1} << i / 4 % place) * (i % 4 < 2 ? 1 : -1);
      dot_products.push_back(beats_with_sum(random() % 2 != 0 ? -sum : sum, mac));
    }
    MacUnit unit(config);
    Waits waits;
    waits.before_result = [&] { return static_cast<int>(random() % 48); };
    check_run(unit, dot_products, waits);
  }
}

TEST_CASE("a reset in any state drops everything and leaves nothing behind", "[rtl][coverage]") {
  std::mt19937_64 random(test_seed() + 605);
  for (const UnitBuild& config : unit_builds()) {
    const MacConfig& mac = config.mac;
    const Beats over = beats_with_sum((Int128{1} << (acc_width(mac) - 1)) - 1, mac) + beats_with_sum(1, mac);
    const Beats nan = single(mac, Block{0, 0x7F}, Block{0, kOne});
    MacUnit unit(config);
    const auto send = [&](const Beats& beats, bool whole) {
      for (std::size_t i = 0; i < beats.size(); i += blocks(unit)) {
        unit.drive(&beats[i], whole && i + blocks(unit) == beats.size());
        for (int waited = 0; !unit.ready() && waited < 1000; ++waited) unit.step();
        REQUIRE(unit.ready());
        unit.step();
      }
      unit.drive_idle();
    };
    const auto idle = [&](int clocks) {
      for (int i = 0; i < clocks; ++i) unit.step();
    };
    const auto one = [&] { return random_beats(random, 1, Mix::kFinite, mac); };
    const int shown = latency(config) + 1;
    const std::function<void()> states[] = {
        [&] { idle(3); },
        [&] { send(one() + one(), false); },
        [&] { send(one(), true); },
        [&] { send(one(), true), idle(shown); },
        [&] { send(one(), true), idle(shown), send(one() + one(), false); },
        [&] { send(nan, false); },
        [&] { send(nan, true), idle(2); },
        [&] { send(over, false), idle(8); },
        [&] { send(over, true), idle(2); },
        [&] { send(one(), false), unit.drive(one().data(), true); },
    };
    for (const auto& state : states) {
      INFO(config.name << ", state " << &state - states);
      unit.set_ready(false);
      state();
      unit.reset();
      unit.drive_idle();
      REQUIRE_FALSE(unit.valid());
      REQUIRE(unit.ready());
      // Whatever the reset left behind would give a result too many, or a wrong first one.
      check_run(unit, {one(), one() + one()});
      unit.set_ready(true);
      for (int i = 0; i < shown; ++i) {
        REQUIRE_FALSE(unit.valid());
        unit.step();
      }
    }
  }
}
