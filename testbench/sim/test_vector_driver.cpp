// The driver that vectors run on the Verilated unit with: it must notice whatever is wrong.
#include <algorithm>
#include <string>
#include <vector>

#include "model/kit/sums.hpp"
#include "sim/mac/vector_driver.hpp"
#include "testbench/support/catch.hpp"

namespace if4 {
namespace {

const MacResult kOne{0x3F800000, false, false};

/// The product 1 * 1, with or without an end of the dot product.
BeatLine beat(bool last) {
  const Block one{2, 0x38};
  return {{{one, one}}, last};
}

struct Driven {
  std::vector<std::string> wrong;
  std::uint64_t right, missing, dropped, clocks;
  bool passed;
};

Driven driven(const std::vector<VectorLine>& lines, const char* build = "if4_mac") {
  MacUnit unit(unit_build(build));
  Driven result{};
  VectorDriver driver(unit, 5, [&result](std::uint64_t number, const std::string& what) {
    result.wrong.push_back(std::to_string(number) + ": " + what);
  });
  for (const VectorLine& line : lines) driver.line(line);
  driver.finish();
  result.right = driver.right();
  result.missing = driver.missing();
  result.dropped = driver.dropped();
  result.clocks = driver.clocks();
  result.passed = driver.passed();
  CHECK(driver.right() + driver.wrong() + driver.missing() + driver.dropped() ==
        static_cast<std::uint64_t>(std::count_if(lines.begin(), lines.end(), [](const VectorLine& line) {
          return std::holds_alternative<ResultLine>(line);
        })));
  return result;
}

using Wrong = std::vector<std::string>;

}  // namespace

TEST_CASE("the driver of vectors takes right results", "[unit]") {
  for (const char* build : {"if4_mac", "if4_mac_iterative"}) {
    const Driven all = driven({beat(true), ResultLine{kOne}, beat(false), beat(true),
                               ResultLine{{0x40000000, false, false}}, WaitLine{5}},
                              build);
    CHECK(all.passed);
    CHECK(all.right == 2);
  }
}

TEST_CASE("the driver of vectors notices what is wrong", "[unit]") {
  const ResultLine one{kOne};
  const auto wrong = [](const std::vector<VectorLine>& lines) {
    const Driven all = driven(lines);
    CHECK(all.passed == all.wrong.empty());
    return all.wrong;
  };
  CHECK(wrong({beat(true), one, beat(true), ResultLine{{0x3F800001, false, false}}}) ==
        Wrong{"2: the unit gives 0x3F800000, not 0x3F800001"});
  BeatLine nan = beat(true);
  nan.blocks[0].second.scale = 0xFF;
  CHECK(wrong({nan, ResultLine{{kResultNaN, false, true}}}) ==
        Wrong{"1: the unit gives 0x7FC00000 nan, not 0x7FC00000 overflow"});
  CHECK(wrong({beat(true), one, beat(true)}) ==
        Wrong{"2: the unit gives a result that no dot product has, 0x3F800000"});
  CHECK(wrong({beat(false), one}) == Wrong{"1: the unit gives no result for 10000 clocks"});
  // A result before the reset that need not come, and one after it that must.
  CHECK(wrong({beat(true), one, beat(false), ResetLine{false, 1}, beat(true), one}).empty());
  CHECK(wrong({beat(true), one, beat(false), ResetLine{true, 1}, beat(true), one}).empty());
  CHECK(wrong({beat(false), ResetLine{true, 1}, beat(true), ResultLine{{0x40000000, false, false}}}).size() ==
        1);
}

TEST_CASE("the driver of vectors stalls, waits, holds and pauses as the lines say", "[unit]") {
  const ResultLine one{kOne};
  std::vector<VectorLine> lines;
  for (int n = 0; n < 50; ++n) lines.insert(lines.end(), {beat(true), one});
  const auto clocks = [&](const std::vector<VectorLine>& before) {
    std::vector<VectorLine> all = before;
    all.insert(all.end(), lines.begin(), lines.end());
    const Driven result = driven(all);
    CHECK(result.passed);
    CHECK(result.right == 50);
    return result.clocks;
  };
  const std::uint64_t free = clocks({});
  CHECK(clocks({IdleLine{70}}) == free + 70);
  CHECK(clocks({WaitLine{30}}) == free + 30);
  CHECK(clocks({HoldLine{40}}) == free + 40);
  CHECK(clocks({StallLine{200, 0}}) > free + 100);
  CHECK(clocks({StallLine{0, 200}}) > free + 100);
  const Driven dropped = driven({HoldLine{1000}, beat(true), one, ResetLine{true, 90}, beat(true), one});
  CHECK(dropped.passed);
  CHECK(dropped.right == 1);
  CHECK(dropped.dropped == 1);
}

}  // namespace if4
