// The dot products of the plan, by testpoint.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/kit/plan.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/mac_testing.hpp"

namespace if4::testing {

/// A dot product and the result that the plan has of it.
struct Expected {
  Beats beats;
  MacResult result;
};
using Testpoints = std::map<std::string, std::vector<Expected>>;

/// Those of a plan of the run's seed, without what a reset drops.
inline Testpoints plan_of(const MacConfig& config) {
  Testpoints all;
  std::string name;
  Beats beats;
  write_plan(config, test_seed(), [&](const VectorLine& line) {
    if (const auto* testpoint = std::get_if<TestpointLine>(&line)) name = testpoint->name;
    if (const auto* beat = std::get_if<BeatLine>(&line))
      beats.insert(beats.end(), beat->blocks.begin(), beat->blocks.end());
    if (std::holds_alternative<ResetLine>(line)) beats.clear();
    if (const auto* result = std::get_if<ResultLine>(&line))
      all[name].push_back({std::exchange(beats, {}), result->result});
  });
  return all;
}

}  // namespace if4::testing
