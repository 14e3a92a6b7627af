// Checks of a Verilated MAC unit of any configuration: dot products through it, every result compared.
#pragma once

#include <cstddef>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "testbench/support/catch.hpp"
#include "testbench/support/mac_testing.hpp"

namespace if4::testing {

/// What a result of the RTL is compared with.
enum class Against {
  kRationals,  ///< exact_result()
  kModel,      ///< model_result(), which the tests of the model compare with the rationals
};

/// Runs the dot products through the unit. Requires that it kept to its handshake, gave one result for each,
/// in order, and that all are as expected. A failure names the unit, the inputs, both results, and the seed.
Driven check_driven(MacUnit& unit, const std::vector<Beats>& dot_products, Against against,
                    const Stalls& stalls = {});

/// The same as a text, empty where all is as required. For loops on several threads, where Catch2's macros must
/// not be used.
std::string failure_of(MacUnit& unit, const std::vector<Beats>& dot_products, Against against,
                       const Stalls& stalls = {});

/// Calls test(build, random) once for every unit, on all cores: units take seconds each in the long tests. The
/// text that it returns is a failure, unless empty. `random` starts at `seed` and the unit's number.
void check_units(std::uint64_t seed,
                 const std::function<std::string(const UnitBuild&, std::mt19937_64&)>& test);

/// So many random dot products of 1 to `longest` beats.
std::vector<Beats> random_dot_products(std::mt19937_64& random, std::size_t count, std::size_t longest,
                                       Mix mix, const MacConfig& config = {});

/// How many beats they have together; a beat is blocks_per_beat() pairs.
std::size_t count_beats(const std::vector<Beats>& dot_products, const MacConfig& config);

/// A beat with one product: these codes in that lane, and zeros in all others. Both scales are 1, with these
/// bits 7.
Beats one_product(const MacConfig& config, int lane, unsigned a_code, bool a_bit7, unsigned w_code,
                  bool w_bit7);

/// For the INFO of a loop over units: which one it is, and how to repeat the run.
std::string unit_text(const UnitBuild& config);

/// The builds with a pipelined output stage, and those with an iterative one.
std::vector<UnitBuild> pipelined_units();
std::vector<UnitBuild> iterative_units();

/// What Icarus Verilog said, and its exit status: 0 where all went well.
struct Simulation {
  int status;
  std::string text;
};
/// Compiles and runs a module. `arguments`: files, -y and a folder of modules, and parameters as
/// -PTOP.NAME=VALUE.
Simulation simulate(const std::string& top, const std::string& arguments);

}  // namespace if4::testing
