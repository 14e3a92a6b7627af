// Runs test vectors on the MAC units and compares every result with the golden model. Linked with the
// netlists of gates in place of the Verilated RTL it tests the gates, with the same vectors and, clock for
// clock, the same output. Exit status: 0 all equal, 1 a difference (or nothing compared, or a planted fault
// that no vector finds), 2 bad arguments or an unreadable file.
#include <fmt/format.h>

#include <array>
#include <exception>
#include <iostream>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "model/files/vectors.hpp"
#include "testbench/support/mac_testing.hpp"

namespace {

int fault = 0;

}  // namespace

/// Called by netlists with planted faults (scripts/area/gates.py) when a unit starts: the number of the one
/// to show.
extern "C" int if4_fault() { return fault; }

namespace if4::testing {
namespace {

/// Dot products that are driven through the unit in one go.
struct Set {
  std::string name;
  std::vector<Beats> dot_products;
  Stalls stalls;
  int resets = 0;  ///< so many times, beats are left in flight first and the unit is reset
};

constexpr std::uint8_t kOne = 0x38;  // s = 1

std::uint8_t scale_of(bool is_int, unsigned magnitude) {
  return static_cast<std::uint8_t>((is_int ? kScaleIntBit : 0) | magnitude);
}

Set file_set(const std::string& path) {
  Set set{"vector file", {}, {}};
  VectorReader reader(path);
  while (auto next = reader.next()) {
    if (next->format == Format::kNVFP4) {
      for (auto& [a, w] : next->beats) {
        a.scale &= kScaleMagnitudeMask;
        w.scale &= kScaleMagnitudeMask;
      }
    } else if (next->format != Format::kIF4) {
      throw InputError(path + ": is not of if4 or nvfp4");
    }
    set.dot_products.push_back(std::move(next->beats));
  }
  return set;
}

/// Every pair of codes and types in every lane, while the other lanes multiply zeros. A dot product is one
/// code of one lane times all others, so its sum is small and exact in FP32.
Set code_set() {
  Set set{"pairs of codes in each lane", {}, {}};
  for (int types = 0; types < 4; ++types) {
    for (int lane = 0; lane < kBlockSize; ++lane) {
      for (unsigned a = 0; a < 16; ++a) {
        Beats beats;
        for (unsigned w = 0; w < 16; ++w) {
          beats.emplace_back(Block{Codes{a} << 4 * lane, scale_of(types & 1, kOne)},
                             Block{Codes{w} << 4 * lane, scale_of(types & 2, kOne)});
        }
        set.dot_products.push_back(std::move(beats));
      }
    }
  }
  return set;
}

/// Every pair of scale bytes, with one product of 1/2 * 1/2 or 6/7 * 6/7. Pairs of one exponent share dot
/// products, so that the rounding loses no bit of them. A NaN has a dot product of its own.
Set scale_set() {
  Set set{"pairs of scale bytes", {}, {}};
  std::map<int, Beats> by_exponent;
  const auto exponent = [](unsigned scale) { return std::max(1U, (scale >> 3) & 15U); };
  for (unsigned a = 0; a < 256; ++a) {
    for (unsigned w = 0; w < 256; ++w) {
      const std::pair<Block, Block> pair(Block{1, static_cast<std::uint8_t>(a)},
                                         Block{1, static_cast<std::uint8_t>(w)});
      if ((a & 0x7F) == 0x7F || (w & 0x7F) == 0x7F) {
        if (a % 16 == 15 || w % 16 == 15) set.dot_products.push_back({pair});
        continue;
      }
      Beats& beats = by_exponent[static_cast<int>(exponent(a) + exponent(w))];
      beats.push_back(pair);
      if (beats.size() == 32) set.dot_products.push_back(std::exchange(beats, {}));
    }
  }
  for (auto& [sum, beats] : by_exponent) {
    if (!beats.empty()) set.dot_products.push_back(std::move(beats));
  }
  return set;
}

/// Sums around powers of two, and around ties of the rounding in every binade.
Set rounding_set(std::mt19937_64& random) {
  Set set{"sums around ties and powers of two", {}, {}};
  const auto add = [&](std::int64_t sum) {
    set.dot_products.push_back(beats_with_sum(sum));
    set.dot_products.push_back(beats_with_sum(-sum));
  };
  for (int exponent = 0; exponent < 49; ++exponent) {
    for (std::int64_t delta = -1; delta <= 1; ++delta) add((std::int64_t{1} << exponent) + delta);
  }
  for (int j = 0; j <= 32; ++j) {
    for (int n = 0; n < 4; ++n) {
      const std::int64_t significand =
          n == 0 ? (1 << 24) - 1 : (1 << 23) + static_cast<std::int64_t>(random() >> 41);
      const std::int64_t tie = (49 * (2 * significand + 1)) << j;
      for (const std::int64_t delta :
           {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{1} << j / 2})
        add(tie + delta);
    }
  }
  return set;
}

/// Sums at both ends of the accumulator and one unit beyond, and the dot products after them.
Set end_set() {
  Set set{"ends of the accumulator", {}, {}};
  const Beats one = {{Block{0x1, 0x01}, Block{0x1, 0x01}}};  // 49 units
  const Beats minus_one = {{Block{0x9, 0x01}, Block{0x1, 0x01}}};
  for (const bool upper : {true, false}) {
    const Beats end = beats_with_sum(upper ? std::numeric_limits<std::int64_t>::max()
                                           : std::numeric_limits<std::int64_t>::min());
    Beats over = end;
    over.push_back((upper ? one : minus_one)[0]);
    // A beat that leaves no accumulator: that the one before did must not be forgotten over it.
    Beats kept = over;
    kept.emplace_back();
    Beats back = over;
    back.push_back((upper ? minus_one : one)[0]);
    Beats nan = over;
    nan[0].first.scale |= 0x7F;
    for (const Beats& beats : {end, one, over, one, kept, one, back, minus_one, nan, one})
      set.dot_products.push_back(beats);
  }
  return set;
}

Set random_set(std::mt19937_64& random, std::string name, Mix mix, Stalls stalls, int resets = 0) {
  Set set{std::move(name), {}, stalls, resets};
  for (int n = 0; n < 600; ++n) set.dot_products.push_back(random_beats(random, 1 + random() % 16, mix));
  return set;
}

std::vector<Set> make_sets(std::uint64_t seed, const std::string& file) {
  std::mt19937_64 random(seed);
  std::vector<Set> sets;
  if (!file.empty()) sets.push_back(file_set(file));
  sets.push_back(random_set(random, "random", Mix::kFinite, {}));
  sets.push_back(random_set(random, "random, extreme operands", Mix::kExtreme, {}));
  sets.push_back(random_set(random, "random, input stalls", Mix::kUniform, {60, 0, random()}));
  sets.push_back(random_set(random, "random, output stalls", Mix::kUniform, {0, 80, random()}));
  sets.push_back(random_set(random, "random, both, resets in flight", Mix::kUniform, {30, 30, random()}, 50));
  sets.push_back(end_set());
  sets.push_back(rounding_set(random));
  sets.push_back(code_set());
  sets.push_back(scale_set());
  return sets;
}

/// Offers random beats, which the unit need not take, then resets it: across an edge of the clock or, where a
/// register that takes the reset only at an edge would show, between two.
void reset_in_flight(MacUnit& unit, std::mt19937_64& random, bool between_edges) {
  unit.set_ready(random() % 2 == 0);
  const auto clocks = static_cast<std::uint64_t>(latency(unit.build())) + 6;
  for (std::uint64_t left = random() % clocks; left > 0; --left) {
    const Beats beats = random_beats(random, 1, Mix::kUniform);
    unit.drive({beats[0].first, beats[0].second, random() % 3 == 0});
    unit.step();
  }
  unit.drive_idle();
  between_edges ? unit.reset_between_edges() : unit.reset();
}

/// A text that says what is wrong with the results; empty if nothing is.
std::string difference(const Driven& driven, const std::vector<Beats>& dot_products,
                       const std::vector<MacResult>& expected) {
  if (!driven.protocol_errors.empty()) return driven.protocol_errors;
  if (driven.results.size() != dot_products.size()) {
    return fmt::format("{} results of {} dot products", driven.results.size(), dot_products.size());
  }
  for (std::size_t i = 0; i < dot_products.size(); ++i) {
    if (driven.results[i] == expected[i]) continue;
    return fmt::format("dot product {}: {}, golden model {}{}{}", i, to_text(driven.results[i]),
                       to_text(expected[i]), dot_products[i].size() < 40 ? "\n" : "",
                       dot_products[i].size() < 40 ? to_text(dot_products[i]) : "");
  }
  return "";
}

/// Runs one set on the unit. The same kind of text.
std::string run_set(MacUnit& unit, const Set& set, const std::vector<MacResult>& expected,
                    std::uint64_t& clocks) {
  std::mt19937_64 random(set.stalls.seed);
  const auto resets = static_cast<std::size_t>(set.resets);
  const std::size_t rounds = resets == 0 ? 1 : resets;
  for (std::size_t round = 0; round < rounds; ++round) {
    if (resets != 0) reset_in_flight(unit, random, round % 2 == 1);
    const std::size_t begin = round * set.dot_products.size() / rounds;
    const std::size_t end = (round + 1) * set.dot_products.size() / rounds;
    using Offset = std::ptrdiff_t;
    const std::vector<Beats> part(set.dot_products.begin() + static_cast<Offset>(begin),
                                  set.dot_products.begin() + static_cast<Offset>(end));
    const std::vector<MacResult> wanted(expected.begin() + static_cast<Offset>(begin),
                                        expected.begin() + static_cast<Offset>(end));
    const Driven driven = drive(unit, part, set.stalls);
    clocks += driven.cycles;
    std::string wrong = difference(driven, part, wanted);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

struct Arguments {
  std::vector<std::string> units;
  std::string file;
  std::uint64_t seed = 1;
  int faults = 0;  ///< of each unit; 0: test the units as they are
};

class Check {
 public:
  explicit Check(const Arguments& arguments)
      : arguments_(arguments), sets_(make_sets(arguments.seed, arguments.file)) {
    for (const Set& set : sets_) {
      expected_.emplace_back();
      for (const Beats& beats : set.dot_products) expected_.back().push_back(model_result(beats));
    }
  }

  /// Prints a line for each set. Whether all results are right.
  bool unit_is_right(const UnitBuild& config) const {
    std::uint64_t results = 0, beats = 0;
    bool right = true;
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      MacUnit unit(config);
      std::uint64_t clocks = 0;
      const std::string wrong = run_set(unit, sets_[s], expected_[s], clocks);
      std::uint64_t set_beats = 0;
      for (const Beats& dot_product : sets_[s].dot_products) set_beats += dot_product.size();
      fmt::print("  {:16}{:36}{:7} results, {:7} beats, {:8} clocks{}\n", config.name, sets_[s].name,
                 sets_[s].dot_products.size(), set_beats, clocks, wrong.empty() ? "" : ": WRONG\n" + wrong);
      results += sets_[s].dot_products.size();
      beats += set_beats;
      right = right && wrong.empty();
    }
    fmt::print("  {:16}{} results of {} beats: {}\n", config.name, results, beats,
               right ? "all equal to the golden model" : "WRONG");
    return right && results > 0;
  }

  /// Prints a line for each fault that is not found. Whether every fault makes a difference, and none of them
  /// none.
  bool faults_are_found(const UnitBuild& config) const {
    int found = 0;
    for (fault = 0; fault <= arguments_.faults; ++fault) {
      std::string by;
      for (std::size_t s = 0; s < sets_.size() && by.empty(); ++s) {
        MacUnit unit(config);
        std::uint64_t clocks = 0;
        if (!run_set(unit, sets_[s], expected_[s], clocks).empty()) by = sets_[s].name;
        if (fault == 0 && s == 3) break;  // the netlist without a fault has been tested as a whole
      }
      if (fault == 0 && !by.empty()) {
        fmt::print("  {:16}WRONG without a fault, by '{}'\n", config.name, by);
        return false;
      }
      if (fault == 0) continue;
      found += by.empty() ? 0 : 1;
      if (by.empty()) fmt::print("  {:16}fault {} NOT FOUND\n", config.name, fault);
    }
    fault = 0;
    fmt::print("  {:16}{} of {} planted faults found\n", config.name, found, arguments_.faults);
    return arguments_.faults > 0 && found == arguments_.faults;
  }

 private:
  Arguments arguments_;
  std::vector<Set> sets_;
  std::vector<std::vector<MacResult>> expected_;  // of each set
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 >= argc) throw InputError(argument + " needs a value");
      return argv[++i];
    };
    const auto number = [&](const std::string& text) {
      if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos)
        throw InputError(argument + " needs a number, not '" + text + "'");
      return std::stoull(text);
    };
    if (argument == "--vectors") {
      arguments.file = value();
    } else if (argument == "--seed") {
      arguments.seed = number(value());
    } else if (argument == "--faults") {
      arguments.faults = static_cast<int>(number(value()));
    } else if (argument.rfind("--", 0) == 0) {
      throw InputError("unknown option " + argument);
    } else {
      arguments.units.push_back(argument);
    }
  }
  if (arguments.units.empty())
    throw InputError("usage: gates_check [--vectors FILE] [--seed N] [--faults N] UNIT...");
  return arguments;
}

}  // namespace
}  // namespace if4::testing

int main(int argc, char** argv) {
  using namespace if4::testing;
  try {
    const Arguments arguments = parse(argc, argv);
    const Check check(arguments);
    bool right = true;
    for (const std::string& name : arguments.units) {
      const if4::UnitBuild& config = if4::unit_build(name);
      right = (arguments.faults > 0 ? check.faults_are_found(config) : check.unit_is_right(config)) && right;
      std::fflush(stdout);
    }
    return right ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "gates_check: " << error.what() << '\n';
    return 2;
  }
}
