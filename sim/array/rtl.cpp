// The Verilated arrays of this program.
#include <stdexcept>

#include "sim/array/core.hpp"
#include "sim/array/verilated_array.hpp"

namespace if4 {

const std::vector<ArrayBuild>& array_builds() {
  static const std::vector<ArrayBuild> arrays = [] {
    std::vector<ArrayBuild> all;
    for (const Build& build : builds()) {
      if (build.module != "if4_array") continue;
      const MacConfig mac{build.format, build.lanes, build.acc_width};
      all.push_back({build.name, {mac, build.rows, build.columns, build.shared_output, build.depth}});
    }
    return all;
  }();
  return arrays;
}

std::unique_ptr<ArrayCore> make_array_rtl(const ArrayConfig& config, const Wave& wave) {
  check(config);
  for (const ArrayBuild& build : array_builds()) {
    if (build.config == config) return Registry<ArrayMaker>::find(build.name)(config, wave);
  }
  throw std::invalid_argument("no Verilated array has that configuration");
}

}  // namespace if4
