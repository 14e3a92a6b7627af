// A roofline, and where the cycles of each layer went, as one SVG picture.
#pragma once

#include <string>

#include "sim/report/array_report.hpp"

namespace if4 {

/// The upper part is a roofline: each layer is a point, multiply-accumulates a cycle over
/// multiply-accumulates a byte of DRAM traffic, both logarithmic, under the limits of the array and of the
/// DRAM. With ideal memory there is no traffic and no roofline. The lower part has a bar for each layer,
/// divided by CycleShare. Of more than 60 layers only those are drawn that take the most cycles.
std::string to_svg(const ArraySummary& summary);

}  // namespace if4
