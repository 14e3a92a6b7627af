// Drives the Verilated unit by the lines of vectors, and compares what it gives.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <string>

#include "model/kit/vector_line.hpp"
#include "sim/mac/mac_unit.hpp"

namespace if4 {

/// Does what the lines say, one after the other, and watches the handshake: every result must be the next one that is
/// expected, stay as it is until it is taken, and come within 10,000 clocks.
class VectorDriver {
 public:
  /// What is wrong at a result, whose number is counted from 1 over all ResultLines.
  using Report = std::function<void(std::uint64_t result, const std::string& what)>;

  /// The unit must outlive the driver, and nobody else may drive it. `seed`: of the stalls.
  VectorDriver(MacUnit& unit, std::uint64_t seed, Report report);
  void line(const VectorLine& line);
  /// Waits for all results, and for some clocks in which no other may come.
  void finish();

  /// Results that were taken and right, or wrong, those that have not been taken, and those that a reset dropped.
  std::uint64_t right() const { return right_; }
  std::uint64_t wrong() const { return wrong_; }
  std::uint64_t missing() const { return expected_.size(); }
  std::uint64_t dropped() const { return dropped_; }
  /// Whether nothing was wrong.
  bool passed() const { return passed_; }
  /// Clocks so far.
  std::uint64_t clocks() const { return clocks_; }

 private:
  void drive(const TestpointLine&) {}
  void drive(const BeatLine& line);
  void drive(const ResultLine& line);
  void drive(const StallLine& line) { stalls_ = line; }
  void drive(const ResetLine& line);
  void drive(const WaitLine& line);
  void drive(const HoldLine& line) { hold_ = line.clocks; }
  void drive(const IdleLine& line) { idle(line.clocks); }
  bool clock();
  void idle(unsigned clocks);
  void take(const MacResult& result);
  void fail(const std::string& what);

  MacUnit& unit_;
  Report report_;
  std::mt19937_64 input_random_, output_random_;
  StallLine stalls_;
  unsigned hold_ = 0;               ///< clocks that a result must still be offered before one is taken
  std::deque<MacResult> expected_;  ///< of results that have not been taken
  std::uint64_t results_ = 0;       ///< ResultLines so far
  bool offered_ = false;            ///< a result was offered in the last clock and not taken
  MacResult offer_;                 ///< that result
  bool given_up_ = false;
  bool passed_ = true;
  std::uint64_t right_ = 0, wrong_ = 0, dropped_ = 0, clocks_ = 0;
};

/// A result as failures show it.
std::string result_text(const MacResult& result);

}  // namespace if4
