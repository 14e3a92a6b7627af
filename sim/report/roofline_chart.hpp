// The roofline of a run, as a part of a picture.
#pragma once

#include <vector>

#include "sim/report/array_report.hpp"
#include "sim/report/svg.hpp"

namespace if4 {

/// Draws, from `top` down and as wide as from `left` to `right`, a point for each layer: multiply-accumulates a cycle over
/// multiply-accumulates a byte of DRAM traffic, both logarithmic, under the limits of the array and of the DRAM. The area of
/// a point grows with the time of its layer in the network. Labels stand so that they name most of the time; one for
/// which there is no room is left out. Points that cover each other share one. Returns where it ends. Not for ideal memory, which
/// has no traffic.
double draw_roofline(SvgPicture& picture, const ArraySummary& summary,
                     const std::vector<const LayerReport*>& layers, double left, double right, double top);

}  // namespace if4
