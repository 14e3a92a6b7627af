// Collects the functional points of testbench/coverage/points.txt at the ports of every unit, for `make
// coverage`. Where the environment has IF4_COVERAGE=<folder>, the test program writes the points that it has
// seen to that folder, and Verilator's counts beside them.
#ifndef CATCH_CONFIG_EXTERNAL_INTERFACES
#define CATCH_CONFIG_EXTERNAL_INTERFACES  // Catch2 2 declares its listeners only then
#endif
#include <fmt/format.h>

#include <array>
#include <bitset>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <string>

#include "sim/mac/mac_unit.hpp"
#include "sim/report/version.hpp"
#include "sim/verilated/model.hpp"
#include "testbench/support/catch.hpp"

namespace {

using namespace if4;

using Names = std::vector<std::string>;
const Names kPairs = {"fp-fp", "fp-int", "int-fp", "int-int"};
const Names kScales = {"zero", "subnormal", "normal", "largest", "nan"};
const Names kStalls = {"none", "input", "output", "both"};
const Names kLengths = {"one", "two", "few", "long", "full"};
const Names kCodes = {"zero", "least", "most", "sign", "sign-least", "ones", "other"};
const Names kFlags = {"number", "nan", "overflow"};
constexpr int kPairClasses = 4 * 5 * 5;
constexpr int kElementClasses = 4 * 7 * 7;

std::size_t scale_class(std::uint8_t scale) {
  const int magnitude = scale & kScaleMagnitudeMask;
  return magnitude == 0 ? 0 : magnitude < 8 ? 1 : magnitude < 0x7E ? 2 : magnitude == 0x7E ? 3 : 4;
}

std::size_t code_class(unsigned code, int bits) {
  const unsigned sign = 1U << (bits - 1);
  const unsigned classes[] = {0, 1, sign - 1, sign, sign + 1, 2 * sign - 1};
  for (std::size_t i = 0; i < 6; ++i) {
    if (code == classes[i]) return i;
  }
  return 6;
}

std::size_t length_class(std::uint64_t beats) {
  return beats == 1 ? 0 : beats == 2 ? 1 : beats <= 8 ? 2 : beats < 1024 ? 3 : 4;
}

std::size_t type_pair(const Block& a, const Block& w) {
  return static_cast<std::size_t>((a.scale >> 7) * 2 + (w.scale >> 7));
}

std::string kind_of(const UnitBuild& build) {
  return !build.iterative ? "pipelined" : build.depth == 0 ? "iterative" : "rigid";
}

// The points of one build of the unit, all instances together.
struct Points {
  std::string kind;  // of points.txt
  std::array<std::uint64_t, kElementClasses> elements{};
  std::array<std::array<std::array<std::uint64_t, kPairClasses>, 5>, 4> beats{};  // [stalls][length]
  std::map<std::string, std::uint64_t> others;

  void count(const std::string& group, const std::string& point) { ++others[group + " " + point]; }
};

// What is known of a dot product, from its first beat to its result.
struct DotProduct {
  std::bitset<kPairClasses> classes;
  std::uint64_t beats = 0;
  bool whole = false;  // its last beat is taken
  bool input_stall = false;
  bool output_stall = false;
  bool nan = false;
  int overflow = 0;            // sign of the first partial sum that left the accumulator
  bool products = false;       // a product of two elements was not 0
  bool nonzero_beats = false;  // the sum of a beat was not 0
  Int128 sum = 0;
};

// One unit, clock by clock.
class Watcher {
 public:
  explicit Watcher(const UnitBuild& config, Points& points)
      : config_(config), points_(points), limit_(Int128{1} << (acc_width(config.mac) - 1)) {}

  void clock(const PortValues& ports) {
    if (ports.in_reset) {
      reset(ports);
      return;
    }
    in_reset_ = false;
    const bool beat_taken = ports.valid_i && ports.ready_o;
    const bool result_taken = ports.valid_o && ports.ready_i;
    const bool result_refused = ports.valid_o && !ports.ready_i;
    const std::string kind = config_.iterative ? "flow-iterative" : "flow-pipelined";
    if (result_refused) {
      ++held_;
      for (DotProduct& one : flying_) one.output_stall = true;
      if (ports.valid_i && !ports.ready_o) points_.count("flow", "refused");
    }
    if (config_.iterative && ports.valid_i && !ports.ready_o && !ports.valid_o) points_.count(kind, "busy");
    if (!ports.valid_i) {
      idle_since_last_ = true;
      if (open()) points_.count("flow", "bubble");
    }
    if (!config_.iterative && result_taken) {
      const bool full =
          flying_.size() >= static_cast<std::size_t>(latency(config_));  // one-beat dot products
      if (full && beat_taken) points_.count(kind, "resume");
      if (result_before_) points_.count(kind, "stream");
    }
    if (result_taken) take_result(ports.result);
    if (beat_taken) take_beat(ports, result_refused);
    result_before_ = result_taken;
    last_before_ = beat_taken && ports.last_i;
    refused_before_ = result_refused;
  }

 private:
  bool open() const { return !flying_.empty() && !flying_.back().whole; }

  void reset(const PortValues& ports) {
    if (!in_reset_) {
      std::size_t whole = 0;
      bool nan = false;
      bool overflow = false;
      for (const DotProduct& one : flying_) {
        whole += one.whole ? 1 : 0;
        nan |= one.nan;
        overflow |= one.overflow != 0;
      }
      if (started_ && flying_.empty()) points_.count("reset", "idle");
      if (open()) points_.count("reset", "open");
      if (whole > (refused_before_ ? 1U : 0U)) points_.count("reset", "whole");
      if (refused_before_) points_.count("reset", "refused");
      if (nan) points_.count("reset", "nan");
      if (overflow) points_.count("reset", "overflow");
    }
    if (ports.valid_i) points_.count("reset", "offered");
    flying_.clear();
    started_ = in_reset_ = true;
    idle_since_last_ = result_before_ = last_before_ = refused_before_ = false;
    flags_before_ = -1;
    held_ = 0;
  }

  void take_beat(const PortValues& ports, bool result_refused) {
    if (!open()) {
      flying_.emplace_back();
      if (last_before_) points_.count("flow-elastic", "back-to-back");
    }
    DotProduct& one = flying_.back();
    Int128 beat = 0;
    for (int b = 0; b < blocks_per_beat(config_.mac); ++b) {
      const auto& [a, w] = ports.blocks[b];
      const std::size_t pair = type_pair(a, w);
      const std::size_t a_scale = scale_class(a.scale);
      const std::size_t w_scale = scale_class(w.scale);
      one.classes.set((pair * 5 + a_scale) * 5 + w_scale);
      one.nan |= a_scale == 4 || w_scale == 4;
      one.products |= count_elements(a, w, pair) && a_scale != 0 && w_scale != 0;
      beat += block_product(config_.mac.format, a, w);
    }
    one.nonzero_beats |= beat != 0;
    one.sum += beat;
    if (one.overflow == 0 && (one.sum < -limit_ || one.sum >= limit_)) one.overflow = one.sum < 0 ? -1 : 1;
    one.output_stall |= result_refused;
    ++one.beats;
    one.whole = ports.last_i;
    if (one.whole) {
      one.input_stall = idle_since_last_;
      idle_since_last_ = false;
    }
  }

  // Whether one of the products is not 0.
  bool count_elements(const Block& a, const Block& w, std::size_t pair) {
    const Format format = config_.mac.format;
    const int bits = traits(format).code_bits;
    bool nonzero = false;
    for (int i = 0; i < kBlockSize; ++i) {
      const unsigned a_code = a.code(i, bits);
      const unsigned w_code = w.code(i, bits);
      ++points_.elements[(pair * 7 + code_class(a_code, bits)) * 7 + code_class(w_code, bits)];
      nonzero |= operand(format, element_type(format, a.scale), a_code) != 0 &&
                 operand(format, element_type(format, w.scale), w_code) != 0;
    }
    return nonzero;
  }

  void take_result(const MacResult& result) {
    if (flying_.empty() || !flying_.front().whole) {
      points_.count("sum", "nobody-asked");  // No line of points.txt has this name, so the run fails.
      return;
    }
    const DotProduct one = flying_.front();
    flying_.pop_front();
    points_.count("flow", held_ == 0 ? "at-once" : held_ < 8 ? "held" : "held-long");
    held_ = 0;
    const int flags = result.nan ? 1 : result.overflow ? 2 : 0;
    if (flags_before_ >= 0) {
      points_.count("flags", kFlags[static_cast<std::size_t>(flags_before_)] + " " +
                                 kFlags[static_cast<std::size_t>(flags)]);
    }
    flags_before_ = flags;
    auto& beats =
        points_.beats[(one.input_stall ? 1U : 0U) + (one.output_stall ? 2U : 0U)][length_class(one.beats)];
    for (std::size_t i = 0; i < kPairClasses; ++i) beats[i] += one.classes[i] ? 1 : 0;
    classify(one, result);
  }

  // Counts what the result should be, if the unit gave just that. A wrong one is for the tests to find, and
  // is no point.
  void classify(const DotProduct& one, const MacResult& result) {
    if (one.nan) {
      if (!result.nan) return points_.count("sum", "wrong");
      points_.count("sum", "nan");
      if (one.overflow != 0) points_.count("sum", "nan-and-overflow");
    } else if (one.overflow != 0) {
      if (!result.overflow) return points_.count("sum", "wrong");
      points_.count("sum", one.overflow > 0 ? "overflow-above" : "overflow-below");
      if (one.sum >= -limit_ && one.sum < limit_) points_.count("sum", "overflow-back");
    } else {
      if (result != MacResult{round_sum(config_.mac, one.sum)}) return points_.count("sum", "wrong");
      if (one.sum == 0) {
        points_.count("sum", one.nonzero_beats ? "cancel-over-beats"
                             : one.products    ? "cancel-in-beat"
                                               : "zeros");
        return;
      }
      if (one.sum == 1) points_.count("sum", "least-plus");
      if (one.sum == -1) points_.count("sum", "least-minus");
      if (one.sum == limit_ - 1) points_.count("sum", "most-plus");
      if (one.sum == -limit_) points_.count("sum", "most-minus");
      count_rounding(one.sum);
    }
  }

  // Divides |sum| by what the unit divides by to 25 bits, the last of which is the first that FP32 has no room for, and a rest.
  void count_rounding(Int128 sum) {
    const std::string sign = sum < 0 ? " minus" : " plus";
    Int128 dividend = sum < 0 ? -sum : sum;
    Int128 divisor = sum_divisor(config_.mac);
    while (dividend / divisor < (Int128{1} << 24)) dividend <<= 1;
    while (dividend / divisor >= (Int128{1} << 25)) divisor <<= 1;
    const Int128 quotient = dividend / divisor;
    const bool rest = dividend % divisor != 0;
    const bool half = (quotient & 1) != 0;
    const bool odd = (quotient & 2) != 0;
    const bool up = half && (rest || odd);
    points_.count("rounding", (half   ? rest  ? "above-half"
                                        : odd ? "tie-up"
                                              : "tie-down"
                               : rest ? "below-half"
                                      : "exact") +
                                  sign);
    if (up && quotient == (Int128{1} << 25) - 1) points_.count("rounding", "carry" + sign);
  }

  const UnitBuild config_;
  Points& points_;
  const Int128 limit_;
  std::deque<DotProduct> flying_;
  std::uint64_t held_ = 0;  // clocks that the offered result has been refused
  bool started_ = false;    // there was a reset
  bool in_reset_ = false;
  bool idle_since_last_ = false;  // a clock without a beat offered since the last beat of a dot product
  bool result_before_ = false;    // a result was taken in the clock before
  bool last_before_ = false;      // the last beat of a dot product was taken in the clock before
  bool refused_before_ = false;   // a result was refused in the clock before
  int flags_before_ = -1;         // index in kFlags of the result before; -1 for none
};

class Collector {
 public:
  void clock(const PortValues& ports) {
    auto found = watchers_.find(ports.unit);
    if (found == watchers_.end()) {
      Points& points = points_[std::string(ports.build->name)];
      points.kind = kind_of(*ports.build);
      found = watchers_.try_emplace(ports.unit, *ports.build, points).first;
    }
    found->second.clock(ports);
  }

  nlohmann::ordered_json report() const {
    nlohmann::ordered_json all = nlohmann::ordered_json::object();
    for (const auto& [unit, points] : points_) {
      nlohmann::ordered_json counts = nlohmann::ordered_json::object();
      for (std::size_t stalls = 0; stalls < 4; ++stalls) {
        for (std::size_t length = 0; length < 5; ++length) {
          for (std::size_t i = 0; i < kPairClasses; ++i) {
            const std::uint64_t count = points.beats[stalls][length][i];
            if (count == 0) continue;
            counts["beat " + kPairs[i / 25] + " " + kScales[i / 5 % 5] + " " + kScales[i % 5] + " " +
                   kStalls[stalls] + " " + kLengths[length]] = count;
          }
        }
      }
      for (std::size_t i = 0; i < kElementClasses; ++i) {
        if (points.elements[i] == 0) continue;
        counts["element " + kPairs[i / 49] + " " + kCodes[i / 7 % 7] + " " + kCodes[i % 7]] =
            points.elements[i];
      }
      for (const auto& [name, count] : points.others) counts[name] = count;
      all[unit] = {{"kind", points.kind}, {"points", counts}};
    }
    return all;
  }

 private:
  std::map<std::string, Points> points_;
  std::map<const void*, Watcher> watchers_;
};

Collector& collector() {
  static Collector one;
  return one;
}

#if __has_include(<catch2/catch_all.hpp>)
using ListenerBase = Catch::EventListenerBase;
#else
using ListenerBase = Catch::TestEventListenerBase;
#endif

class CoverageListener : public ListenerBase {
 public:
  using ListenerBase::ListenerBase;

  void testRunStarting(const Catch::TestRunInfo&) override {
    if (folder() == nullptr) return;
    start_counting();
    observe_ports([](const PortValues& ports) { collector().clock(ports); });
  }
  void testRunEnded(const Catch::TestRunStats&) override {
    if (folder() == nullptr) return;
    observe_ports(nullptr);
    try {
      write_counts(folder());
      write("points.json", collector().report());
      // Last: where it is, all of the others are whole.
      write("build.json",
            {{"build", generator()}, {"run", run_number()}, {"files", 2 * kept_models().size()}});
    } catch (const std::exception& error) {
      std::fprintf(stderr, "IF4_COVERAGE: %s\n", error.what());
      std::exit(2);
    }
  }

 private:
  static const char* folder() { return std::getenv("IF4_COVERAGE"); }
  static void write(const std::string& name, const nlohmann::ordered_json& values) {
    const std::string path = std::string(folder()) + "/" + name;
    std::ofstream file(path);
    file << values.dump(1) << '\n';
    if (!file.flush()) throw std::runtime_error("cannot write " + path);
  }
  // Tells two runs apart, so that nobody adds up the same one twice. No seed: two runs of one seed differ too.
  static std::string run_number() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}", random(), random());
  }
};
CATCH_REGISTER_LISTENER(CoverageListener)

}  // namespace
