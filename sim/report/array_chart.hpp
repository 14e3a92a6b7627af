// Where the time of a run went, and its roofline, as one SVG picture.
#pragma once

#include <string>

#include "sim/report/array_report.hpp"

namespace if4 {

/// From top to bottom: network, array and memories; a bar of the whole time, divided by CycleShare, with a table of the
/// parts; the roofline, unless the memory is ideal; and a bar for each layer, as long as all runs of it take together,
/// divided likewise. The bars of layers have one scale, that of the whole has its own. Of more than 60 layers those
/// are drawn that take the most time, and it is said what the others take.
std::string to_svg(const ArraySummary& summary);

}  // namespace if4
