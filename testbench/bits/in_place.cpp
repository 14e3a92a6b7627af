// Puts the bits engine in the place of the Verilated classes of all builds of the unit, in a program that has none of them.
#include "sim/bits/units.hpp"
#include "sim/mac/verilated_unit.hpp"

namespace {

const bool k_registered = [] {
  for (const if4::Build& build : if4::builds()) {
    if (build.module == "if4_mac") if4::Registry<if4::UnitMaker>::add(build.name, &if4::make_bits_unit);
  }
  return true;
}();

}  // namespace
