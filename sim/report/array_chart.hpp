// A roofline, and where the cycles of each layer went, as one SVG picture.
#pragma once

#include <string>

#include "sim/report/array_report.hpp"

namespace if4 {

/// Above: multiply-accumulates a cycle over multiply-accumulates a byte of DRAM traffic, both logarithmic,
/// under the roofs of the array and of the DRAM. With ideal memory there is no traffic, and no roofline.
/// Below: a bar for each layer, cut by CycleShare. At most the 60 layers that take the most cycles.
std::string to_svg(const ArraySummary& summary);

}  // namespace if4
