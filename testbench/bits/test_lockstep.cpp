// The bits engine in lock-step with Verilated units: every unit of a vector beside a Verilated one of its own, every output
// in every clock.
#include <algorithm>
#include <memory>

#include "sim/bits/units.hpp"
#include "testbench/support/rtl_testing.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

// What one pair of units is driven with; each pair has habits of its own.
class Habits {
 public:
  explicit Habits(std::uint64_t seed, const MacConfig& mac) : random_(seed), mac_(mac) {
    constexpr unsigned kPercent[] = {0, 0, 10, 50, 90};
    input_stalls_ = kPercent[random_() % 5];
    output_stalls_ = kPercent[random_() % 5];
    longest_ = 1U << (random_() % 6);
    resets_ = random_() % 2 != 0;
  }
  bool percent(unsigned chance) { return random_() % 100 < chance; }
  bool offers() { return !percent(input_stalls_); }
  bool takes() { return !percent(output_stalls_); }
  // A reset that a rising edge sees, and one between two edges.
  bool resets() { return resets_ && random_() % 400 == 0; }
  bool last() { return random_() % longest_ == 0; }
  Beats beat() { return random_beats(random_, 1, random_() % 4 == 0 ? Mix::kExtreme : Mix::kUniform, mac_); }

 private:
  std::mt19937_64 random_;
  MacConfig mac_;
  unsigned input_stalls_ = 0, output_stalls_ = 0;
  std::uint64_t longest_ = 1;
  bool resets_ = false;
};

// One of the bits engine and the Verilated unit beside it.
struct Pair {
  Pair(const UnitBuild& build, std::uint64_t seed) : verilated(build), habits(seed, build.mac) {}
  MacUnit verilated;
  Habits habits;
  Beats offer;  // empty: none
  bool ready = false;
};

class LockStep {
 public:
  LockStep(const UnitBuild& build, std::string_view target, std::uint64_t seed) : bits_(build, target) {
    for (int unit = 0; unit < bits_.units(); ++unit)
      pairs_.push_back(std::make_unique<Pair>(build, seed + static_cast<std::uint64_t>(unit)));
  }

  // Runs until the units together have taken so many beats, or two outputs differ. What differs, or empty.
  std::string run(std::uint64_t beats) {
    for (std::uint64_t clock = 0; beats_ < beats; ++clock) {
      drive();
      for (int unit = 0; unit < bits_.units(); ++unit) {
        const std::string wrong = difference(unit);
        if (!wrong.empty())
          return "unit " + std::to_string(unit) + ", clock " + std::to_string(clock) + ": " + wrong;
      }
      step();
    }
    return {};
  }
  std::uint64_t results() const { return results_; }
  std::uint64_t resets() const { return resets_; }

 private:
  void drive() {
    bool between_edges = false;
    for (int unit = 0; unit < bits_.units(); ++unit) {
      Pair& pair = *pairs_[static_cast<std::size_t>(unit)];
      if (!pair.habits.resets()) continue;
      ++resets_;
      pair.verilated.reset_between_edges();
      bits_.set_reset(unit, true);
      between_edges = true;
    }
    if (between_edges) bits_.reset_between_edges();
    for (int unit = 0; unit < bits_.units(); ++unit) {
      Pair& pair = *pairs_[static_cast<std::size_t>(unit)];
      if (pair.offer.empty() && pair.habits.offers()) {
        pair.offer = pair.habits.beat();
        const bool last = pair.habits.last();
        pair.verilated.drive(pair.offer.data(), last);
        bits_.drive(unit, pair.offer.data(), last);
      }
      pair.ready = pair.habits.takes();
      pair.verilated.set_ready(pair.ready);
      bits_.set_ready(unit, pair.ready);
    }
  }

  std::string difference(int unit) {
    const MacUnit& verilated = pairs_[static_cast<std::size_t>(unit)]->verilated;
    const auto shown = [](bool ready, bool valid, const MacResult& result) {
      return std::string("ready_o ") + (ready ? "1" : "0") + ", valid_o " + (valid ? "1" : "0") + ", " +
             to_text(result);
    };
    const bool same = bits_.ready(unit) == verilated.ready() && bits_.valid(unit) == verilated.valid() &&
                      bits_.result(unit) == verilated.result();
    if (same) return {};
    return "Verilated " + shown(verilated.ready(), verilated.valid(), verilated.result()) + "; bits " +
           shown(bits_.ready(unit), bits_.valid(unit), bits_.result(unit));
  }

  void step() {
    std::vector<int> in_reset;
    for (int unit = 0; unit < bits_.units(); ++unit) {
      Pair& pair = *pairs_[static_cast<std::size_t>(unit)];
      const bool taken = !pair.offer.empty() && pair.verilated.ready();
      results_ += pair.ready && pair.verilated.valid() ? 1 : 0;
      if (pair.habits.resets()) {
        ++resets_;
        in_reset.push_back(unit);
        bits_.set_reset(unit, true);
        pair.verilated.reset();
      } else {
        pair.verilated.step();
      }
      if (!taken) continue;
      ++beats_;
      pair.offer.clear();
      pair.verilated.drive_idle();
    }
    bits_.step();
    for (int unit = 0; unit < bits_.units(); ++unit) {
      if (pairs_[static_cast<std::size_t>(unit)]->offer.empty()) bits_.drive_idle(unit);
    }
    for (const int unit : in_reset) bits_.set_reset(unit, false);
  }

  BitsUnits bits_;
  std::vector<std::unique_ptr<Pair>> pairs_;
  std::uint64_t beats_ = 0, results_ = 0, resets_ = 0;
};

std::vector<UnitBuild> bits_builds() {
  std::vector<UnitBuild> builds;
  for (const UnitBuild& build : unit_builds()) {
    if (has_bits_netlist(build.name)) builds.push_back(build);
  }
  return builds;
}

// `beats`: on the widest kernel that this machine has; on the others `fewer`.
void check_lockstep(std::uint64_t seed, std::uint64_t beats, std::uint64_t fewer) {
  REQUIRE_FALSE(bits_builds().empty());
  for (const UnitBuild& build : bits_builds()) {
    const std::vector<BitsKernel>& kernels = bits_netlist(build.name).kernels;
    for (const BitsKernel& kernel : kernels) {
      INFO(unit_text(build) << ", " << kernel.target << ", seed " << seed);
      LockStep lockstep(build, kernel.target, seed);
      const std::string wrong = lockstep.run(&kernel == &kernels.front() ? beats : fewer);
      CHECK(wrong == "");
      CHECK(lockstep.results() > 0);
      CHECK(lockstep.resets() > 0);
    }
  }
}

}  // namespace

TEST_CASE("the bits engine and Verilated units show the same in every clock", "[bits]") {
  check_lockstep(test_seed() + 700, 30000, 30000);
}

TEST_CASE("the bits engine and Verilated units show the same over a million beats", "[.][lockstep][long]") {
  check_lockstep(test_seed() + 701, 1000000, 100000);
}
