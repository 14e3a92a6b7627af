// The scripts of `make regress` and of `make explore`: what of `make check-regress` and `make check-explore` a run of the
// suite can ask for.
#include "testbench/support/catch.hpp"
#include "testbench/support/python_testing.hpp"

namespace if4::testing {
namespace {

TEST_CASE("a regression finds what fails, ends what hangs, and goes on where it was stopped",
          "[.regress][long]") {
  for (const char* script : {"regress/test_records.py", "regress/test_plan.py", "regress/test_regress.py",
                             "regress/test_local.py", "regress/test_stop.py", "slurm/test_engine.py"})
    run_python(std::string("testbench/") + script, {});
}

TEST_CASE("the report of a regression says what its records say", "[.regress][long]") {
  run_python("testbench/page/test_page.py", {});
  for (const char* script : {"page", "junit", "runs", "coverage"})
    run_python(std::string("testbench/regress/test_report_") + script + ".py", {});
}

TEST_CASE("an exploration takes every axis, file and unit for what it is", "[.explore][long]") {
  run_python("testbench/explore/test_parts.py", {});
}

}  // namespace
}  // namespace if4::testing
