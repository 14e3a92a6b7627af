// The table of builds, as the simulators of this program have it.
#include <string>

#include "model/mac/mac.hpp"
#include "sim/array/verilated_array.hpp"
#include "sim/mac/verilated_unit.hpp"
#include "testbench/support/catch.hpp"

namespace if4 {
namespace {

TEST_CASE("every build of the table has a Verilated class in the simulators", "[builds]") {
  int units = 0, arrays = 0, cells = 0;
  for (const Build& build : builds()) {
    INFO(build.name);
    if (build.module == "if4_mac") {
      CHECK_NOTHROW(Registry<UnitMaker>::find(build.name));
      ++units;
    } else if (build.module == "if4_array") {
      CHECK_NOTHROW(Registry<ArrayMaker>::find(build.name));
      ++arrays;
    } else {
      // The classes of cells are checked where the grid makes one of each; here only the row.
      CHECK(build.module == "if4_array_cell");
      CHECK_NOTHROW(check(MacConfig{build.format, build.lanes, build.acc_width}));
      ++cells;
    }
  }
  CHECK(unit_builds().size() == static_cast<std::size_t>(units));
  CHECK(array_builds().size() == static_cast<std::size_t>(arrays));
  // Every format has a unit, an array and a cell.
  CHECK(units >= kMacFormatCount);
  CHECK(arrays >= kMacFormatCount);
  CHECK(cells >= kMacFormatCount);
  for (int number = 0; number < kMacFormatCount; ++number) {
    for (const std::string_view module : {"if4_mac", "if4_array", "if4_array_cell"}) {
      INFO(module << " " << format_name(static_cast<Format>(number)));
      bool found = false;
      for (const Build& build : builds())
        found = found || (build.module == module && build.format == static_cast<Format>(number));
      CHECK(found);
    }
  }
}

TEST_CASE("a build that a program was not linked with is named, and how to get it", "[builds]") {
  CHECK_THROWS_WITH(
      Registry<UnitMaker>::find("if4_mac_31"),
      "this program was built without the Verilated if4_mac_31; `make build` makes one that has it");
}

}  // namespace
}  // namespace if4
