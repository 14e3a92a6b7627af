// The scripts around a network: its package, and the page of a run.
#include "testbench/support/program_testing.hpp"
#include "testbench/support/shell_testing.hpp"

namespace {

void passes(const std::string& script) {
  const if4::testing::Outcome outcome = if4::testing::run_shell(
      ".", "IF4_PROGRAM='" + if4::testing::Sandbox::program() + "' python3 -B testbench/network/" + script);
  INFO(outcome.text);
  CHECK(outcome.status == 0);
  if4::testing::check_contains(outcome.text, "\nOK\n");
}

}  // namespace

TEST_CASE("packages that are not the published one are refused", "[network]") { passes("test_package.py"); }
TEST_CASE("the page of a network's run has its similarities", "[cli][network]") {
  passes("test_similarities.py");
}
