// The self-test of a unit on an FPGA, as RTL: with the unit as it is, it comes to the signature that the golden model has,
// and with one bit of the signature changed it fails. What it is as a bitstream, `make check-fpga` tests.
#include <fmt/format.h>

#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

#include "testbench/fpga/signature.hpp"
#include "testbench/support/python_testing.hpp"
#include "testbench/support/rtl_testing.hpp"

using namespace if4;
using namespace if4::testing;
using if4::fpga::self_test_signature;

namespace {

constexpr int kResults = 256;  // the parameter of selftest.sv

/// What selftest_tb.sv prints of the unit with that golden signature.
std::string run_self_test(Format format, bool iterative, std::uint64_t golden) {
  const int number = static_cast<int>(format);
  const Simulation simulation = simulate(
      "selftest_tb", fmt::format("-Y.sv -y rtl '-DCHIP=selftest #(.Format({0}))' "
                                 "'-DPARAMETERS=.Format({0}),.Iterative({1})' \"-DGOLDEN=34'h{2:x}\" "
                                 "rtl/if4_pkg.sv testbench/fpga/selftest.sv testbench/fpga/selftest_tb.sv",
                                 number, iterative ? 1 : 0, golden));
  REQUIRE(simulation.status == 0);
  return simulation.text;
}

TEST_CASE("the self-test of an FPGA comes to the golden signature", "[fpga]") {
  std::set<std::uint64_t> signatures;
  for (const auto& [format, iterative] :
       {std::pair{Format::kIF4, true}, std::pair{Format::kIF4, false}, std::pair{Format::kMixFP4, false},
        std::pair{Format::kNVFP4, false}}) {
    CAPTURE(format_name(format), iterative);
    const std::uint64_t golden = self_test_signature(format, kResults);
    CHECK(run_self_test(format, iterative, golden).find(fmt::format("selftest pass {:x} ", golden)) == 0);
    signatures.insert(golden);
  }
  CHECK(signatures.size() == 3);
}

TEST_CASE("the self-test of an FPGA fails with another golden signature", "[fpga]") {
  const std::uint64_t golden = self_test_signature(Format::kNVFP4, kResults);
  for (const int changed : {0, 33}) {
    const std::string said = run_self_test(Format::kNVFP4, false, golden ^ (std::uint64_t{1} << changed));
    CHECK(said.find(fmt::format("selftest fail {:x} ", golden)) == 0);
  }
}

TEST_CASE("signatures of the self-test", "[fpga]") {
  CHECK(self_test_signature(Format::kIF4, 1) != self_test_signature(Format::kIF4, 2));
  CHECK(self_test_signature(Format::kIF4, kResults) < std::uint64_t{1} << if4::fpga::kSignatureBits);
  CHECK_THROWS_AS(self_test_signature(Format::kIF3, 1), std::invalid_argument);
  CHECK_THROWS_AS(self_test_signature(Format::kIF4, 0), std::invalid_argument);
}

TEST_CASE("the scripts of make fpga", "[fpga]") { run_python("testbench/fpga/test_fpga.py", {}); }

}  // namespace
