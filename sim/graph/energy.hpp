// What the cells of an array take in a run of so many cycles, from figures that were counted on its netlist.
#pragma once

#include <string>
#include <vector>

#include "sim/system/stats.hpp"

namespace if4 {

/// What `make energy ARRAY=` counts of an array. All are 0 or more.
struct ArrayEnergy {
  double beat_pj = 0.0;     ///< pJ of a clock in which a beat is accepted, without what results take
  double idle_pj = 0.0;     ///< pJ of any other clock
  double tile_pj = 0.0;     ///< pJ of the results of a tile
  double leakage_mw = 0.0;  ///< mW, all the time
  double clock_mhz = 0.0;   ///< the clock that the critical path allows
};

/// pJ of a run at the clock of `config`: scripts/energy/compose.py, run_pj(), is where this formula is explained.
double energy_pj(const ArrayEnergy& array, const SystemConfig& config, const RunStats& run);

/// The arrays of a file, all in the same cells.
class EnergyTable {
 public:
  /// Reads what `make energy ARRAY=... ENERGY=FILE` wrote. Throws InputError, naming the file and the entry, where it is
  /// something else, where a number is missing or none that a count gives, and where an array is there twice.
  explicit EnergyTable(const std::string& path);

  const std::string& library() const { return library_; }  ///< of cells, on one line
  /// Throws InputError, naming the file and the command that counts it, where the array is not among them.
  const ArrayEnergy& of(const ArrayConfig& array) const;

 private:
  std::string path_, library_;
  std::vector<std::pair<ArrayConfig, ArrayEnergy>> arrays_;
};

}  // namespace if4
