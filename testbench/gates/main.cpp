// Runs test vectors on the MAC units and compares every result with the golden model. Linked with the
// netlists of gates in place of the Verilated RTL it tests the gates, with the same vectors and, clock for
// clock, the same output. Exit status: 0 all equal, 1 a difference (or nothing compared, or a planted fault
// that no vector finds), 2 bad arguments or an unreadable file.
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/kit/dot_products.hpp"
#include "model/kit/plan.hpp"
#include "model/kit/random_pairs.hpp"
#include "model/kit/stimuli.hpp"
#include "sim/mac/mac_unit.hpp"
#include "sim/mac/vector_driver.hpp"

namespace {

int fault = 0;

}  // namespace

/// Called by netlists with planted faults (scripts/area/gates.py) when a unit starts: the number of the one
/// to show.
extern "C" int if4_fault() { return fault; }

namespace if4 {
namespace {

constexpr std::uint64_t kMostFaults = 1'000'000;

struct Arguments {
  std::vector<std::string> units;
  std::string file;
  std::uint64_t seed = 1;
  std::vector<int> faults;  ///< their numbers in each unit; none: test the units as they are
  bool plan = false;        ///< nothing but the plan's directed testpoints
};

/// Lines that are driven through the unit in one go: a testpoint of the plan, a file, or random ones.
struct Set {
  std::string name;
  std::vector<VectorLine> lines;
  std::uint64_t results = 0;
  std::uint64_t beats = 0;

  void add(const VectorLine& line) {
    if (std::holds_alternative<BeatLine>(line)) ++beats;
    if (std::holds_alternative<ResultLine>(line)) ++results;
    lines.push_back(line);
  }
};

/// The dot products of a file, with the golden model's results.
Set file_set(const std::string& path) {
  Set set{"vector file", {}};
  Stimuli stimuli({}, 0, [&set](const VectorLine& line) { set.add(line); });
  DotProductReader reader(path);
  while (auto next = reader.next()) {
    for (auto& [a, w] : next->beats) {
      if (next->format == Format::kIF4) break;
      if (next->format != Format::kNVFP4) throw InputError(path + ": is not of if4 or nvfp4");
      a.scale &= kScaleMagnitudeMask;
      w.scale &= kScaleMagnitudeMask;
    }
    stimuli.dot_product(std::move(next->beats));
  }
  return set;
}

Set random_set(std::uint64_t seed, const std::string& name, Mix mix, StallLine stalls) {
  Set set{name, {}};
  Stimuli stimuli({}, seed, [&set](const VectorLine& line) { set.add(line); });
  std::mt19937_64 random(seed);
  stimuli.stalls(stalls.input, stalls.output);
  for (int n = 0; n < 600; ++n) stimuli.dot_product(random_beats(random, 1 + random() % 16, mix));
  return set;
}

/// The testpoints of the plan, which is made for IF4 with 16 lanes, as all units that are tested here are.
void add_plan(std::vector<Set>& sets, std::uint64_t seed) {
  write_plan({}, seed, [&sets](const VectorLine& line) {
    if (const auto* testpoint = std::get_if<TestpointLine>(&line)) sets.push_back({testpoint->name, {}});
    sets.back().add(line);
  });
}

std::vector<Set> make_sets(const Arguments& arguments) {
  std::vector<Set> sets;
  const std::uint64_t seed = arguments.seed;
  if (arguments.plan) {
    add_plan(sets, seed);
    const auto is_random = [](const Set& set) { return set.name.rfind("random.", 0) == 0; };
    sets.erase(std::remove_if(sets.begin(), sets.end(), is_random), sets.end());
    // The short ones first, since they find most faults.
    std::stable_sort(sets.begin(), sets.end(), [](const Set& one, const Set& other) {
      return one.results + one.beats < other.results + other.beats;
    });
    return sets;
  }
  if (!arguments.file.empty()) sets.push_back(file_set(arguments.file));
  sets.push_back(random_set(seed, "random", Mix::kFinite, {}));
  sets.push_back(random_set(seed + 1, "random, extreme operands", Mix::kExtreme, {}));
  sets.push_back(random_set(seed + 2, "random, input stalls", Mix::kUniform, {150, 0}));
  sets.push_back(random_set(seed + 3, "random, output stalls", Mix::kUniform, {0, 200}));
  sets.push_back(random_set(seed + 4, "random, both", Mix::kUniform, {80, 80}));
  add_plan(sets, seed);
  return sets;
}

/// Runs one set on the unit. A text that says what is wrong first; empty if nothing is.
std::string run_set(MacUnit& unit, const Set& set, std::uint64_t seed, std::uint64_t& clocks) {
  std::string wrong;
  VectorDriver driver(unit, seed, [&wrong](std::uint64_t result, const std::string& what) {
    if (wrong.empty()) wrong = fmt::format("dot product {}: {}", result, what);
  });
  for (const VectorLine& line : set.lines) driver.line(line);
  driver.finish();
  clocks += driver.clocks();
  return wrong;
}

class Check {
 public:
  explicit Check(const Arguments& arguments) : arguments_(arguments), sets_(make_sets(arguments)) {}

  /// Prints a line for each set. Whether all results are right.
  bool unit_is_right(const UnitBuild& config) const {
    std::uint64_t results = 0, beats = 0;
    bool right = true;
    for (const Set& set : sets_) {
      MacUnit unit(config);
      std::uint64_t clocks = 0;
      const std::string wrong = run_set(unit, set, arguments_.seed, clocks);
      fmt::print("  {:24}{:36}{:7} results, {:7} beats, {:8} clocks{}\n", config.name, set.name, set.results,
                 set.beats, clocks, wrong.empty() ? "" : ": WRONG, " + wrong);
      results += set.results;
      beats += set.beats;
      right = right && wrong.empty();
    }
    fmt::print("  {:24}{} results of {} beats: {}\n", config.name, results, beats,
               right ? "all equal to the golden model" : "WRONG");
    return right && results > 0;
  }

  /// Prints a line for each fault that is not found. Whether every fault makes a difference, and none of them
  /// none.
  bool faults_are_found(const UnitBuild& config) const {
    std::size_t found = 0;
    std::vector<int> numbers = arguments_.faults;
    numbers.insert(numbers.begin(), 0);
    for (const int number : numbers) {
      fault = number;
      std::string by;
      for (std::size_t s = 0; s < sets_.size() && by.empty(); ++s) {
        MacUnit unit(config);
        std::uint64_t clocks = 0;
        if (!run_set(unit, sets_[s], arguments_.seed, clocks).empty()) by = sets_[s].name;
        // But for that of the plan the netlist without a fault has been tested as a whole.
        if (fault == 0 && s == 3 && !arguments_.plan) break;
      }
      if (fault == 0 && !by.empty()) {
        fmt::print("  {:24}WRONG without a fault, by '{}'\n", config.name, by);
        return false;
      }
      if (fault == 0) continue;
      found += by.empty() ? 0 : 1;
      if (by.empty()) fmt::print("  {:24}fault {} NOT FOUND\n", config.name, fault);
    }
    fault = 0;
    fmt::print("  {:24}{} of {} planted faults found\n", config.name, found, arguments_.faults.size());
    return found == arguments_.faults.size();
  }

 private:
  Arguments arguments_;
  std::vector<Set> sets_;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 >= argc) throw InputError(argument + " needs a value");
      return argv[++i];
    };
    const auto number = [&](std::uint64_t most) {
      const std::string text = value();
      const auto found = whole_number(text, 0, most);
      if (!found) throw InputError(argument + " is not " + whole_number_range(0, most) + ": '" + text + "'");
      return *found;
    };
    if (argument == "--vectors") {
      arguments.file = value();
    } else if (argument == "--seed") {
      arguments.seed = number(999'999'999'999'999'999);
    } else if (argument == "--plan") {
      arguments.plan = true;
    } else if (argument == "--faults") {
      const auto all = static_cast<int>(number(kMostFaults));
      for (int one = 1; one <= all; ++one) arguments.faults.push_back(one);
    } else if (argument == "--fault") {
      arguments.faults.push_back(static_cast<int>(number(kMostFaults)));
    } else if (argument.rfind("--", 0) == 0) {
      throw InputError("unknown option " + argument);
    } else {
      arguments.units.push_back(argument);
    }
  }
  if (arguments.units.empty())
    throw InputError(
        "usage: gates_check [--vectors FILE] [--plan] [--seed N] [--faults N] [--fault N]... UNIT...");
  return arguments;
}

}  // namespace
}  // namespace if4

int main(int argc, char** argv) {
  using namespace if4;
  try {
    const Arguments arguments = parse(argc, argv);
    const Check check(arguments);
    bool right = true;
    for (const std::string& name : arguments.units) {
      const UnitBuild& config = unit_build(name);
      right =
          (!arguments.faults.empty() ? check.faults_are_found(config) : check.unit_is_right(config)) && right;
      std::fflush(stdout);
    }
    return right ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "gates_check: " << error.what() << '\n';
    return 2;
  }
}
