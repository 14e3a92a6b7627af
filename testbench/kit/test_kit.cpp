// The kit that verifies anybody's MAC: what of its tests takes seconds. `make check-kit` runs all.
#include "testbench/support/catch.hpp"
#include "testbench/support/python_testing.hpp"

namespace if4::testing {
namespace {

TEST_CASE("the kit finds wrong MACs and refuses what is none, in Icarus Verilog",
          "[verify][.handoff][long]") {
  run_python("testbench/kit/test_verify.py",
             {"Verdicts", "Kinds", "Page", "Operands", "Hanging", "BadPorts", "Arguments"});
}

}  // namespace
}  // namespace if4::testing
