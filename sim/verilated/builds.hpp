// The builds that the simulators can run, and the classes that Verilator has made of them.
//
// rtl/builds.txt lists the builds. scripts/builds.py makes of it the source of builds() below, which is part
// of every program, and a source for each build, which adds its class to the Registry of its module in the
// programs that it is linked into. So a program may hold only some of the classes, and everything else of it
// is the same.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/core/error.hpp"
#include "model/core/format.hpp"

namespace if4 {

/// A row of rtl/builds.txt. The members after `module` are the module's parameters; one that a module does
/// not have keeps its default.
struct Build {
  std::string_view name;    ///< "if4_mac", "if4_array_8x8", ...
  std::string_view module;  ///< "if4_mac", "if4_array" or "if4_array_cell"
  Format format = Format::kIF4;
  int lanes = 16;
  int acc_width = 0;           ///< in bits; 0 is the default of format and lanes
  bool iterative = false;      ///< of if4_mac: the output stage
  int depth = 0;               ///< 1: the fast one, with more stages
  bool scaled = false;         ///< of if4_mac: results leave out the factor 1 / r^2
  int rows = 8;                ///< of if4_array
  int columns = 8;             ///< of if4_array
  bool shared_output = false;  ///< of if4_array
  bool traced = false;         ///< its class writes waveforms
};

/// All builds of the simulators, in the order of the table.
const std::vector<Build>& builds();

/// The Verilated classes of one module in this program: a function that makes a model, by the name of the
/// build.
template <class Maker>
class Registry {
 public:
  /// Called before main(), by the sources that scripts/builds.py makes.
  static void add(std::string_view build, Maker maker) { makers().emplace(build, maker); }
  /// Whether this program has a class of that build.
  static bool has(std::string_view build) { return makers().find(build) != makers().end(); }
  /// Throws InputError where this program has no class of that build.
  static Maker find(std::string_view build) {
    const auto found = makers().find(build);
    if (found != makers().end()) return found->second;
    throw InputError("this program was built without the Verilated " + std::string(build) +
                     "; `make build` makes one that has it");
  }

 private:
  // In a function, since other sources add to it before main().
  static std::map<std::string_view, Maker>& makers() {
    static std::map<std::string_view, Maker> all;
    return all;
  }
};

}  // namespace if4
