// Runs a test on every instruction set that the model is compiled for and this machine has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/simd/simd_targets.hpp"
#include "model/simd/simd_values.hpp"
#include "testbench/support/catch.hpp"

namespace if4::testing {

/// Chooses one instruction set after the other, and at the end the one that the program chooses by itself.
class EachTarget {
 public:
  EachTarget() {
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) targets_.push_back(target);
  }
  ~EachTarget() { hwy::SetSupportedTargetsForTest(0); }
  template <class Action>
  void run(const Action& action) const {
    REQUIRE_FALSE(targets_.empty());
    for (const std::int64_t target : targets_) {
      CAPTURE(hwy::TargetName(target));
      hwy::SetSupportedTargetsForTest(target);
      REQUIRE(std::string(simd_target()) == hwy::TargetName(target));
      action();
    }
    hwy::SetSupportedTargetsForTest(0);
  }

 private:
  std::vector<std::int64_t> targets_;
};

}  // namespace if4::testing
