// The picture of `if4 compare`.
#pragma once

#include <string>
#include <vector>

#include "sim/report/format_report.hpp"

namespace if4 {

/// A bar for each format: its signal-to-noise ratio in dB, plain, and what the scale search adds; an axis below, and
/// the bits a value and the relative mean square error on the right. One that loses nothing has a bar to the
/// end, one whose ratio is below 0 has none.
std::string to_svg(const std::vector<FormatErrors>& rows, const std::string& title);

}  // namespace if4
