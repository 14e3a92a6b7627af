// The scripts that fetch and convert a network's package.
#include "testbench/support/shell_testing.hpp"

TEST_CASE("packages that are not the published one are refused", "[network]") {
  const if4::testing::Outcome outcome =
      if4::testing::run_shell(".", "python3 -B testbench/network/test_package.py");
  INFO(outcome.text);
  CHECK(outcome.status == 0);
  if4::testing::check_contains(outcome.text, "\nOK\n");
}
