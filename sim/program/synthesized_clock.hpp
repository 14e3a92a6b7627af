// The clock that a synthesis of the array allows.
#pragma once

#include <string>

#include "sim/array/core.hpp"

namespace if4 {

/// 1000 / critical_path_ns of the result.json that `make area` leaves of an array, in MHz, rounded down to kHz. Throws
/// InputError, naming the file, if it is no such file, or one of another array.
double synthesized_clock(const std::string& path, const ArrayConfig& array);

}  // namespace if4
