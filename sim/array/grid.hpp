// The array as a grid of separately Verilated cells, wired in SystemC. The edges, the input register and the
// output stages are C++.
#pragma once

#include <memory>

#include "sim/array/module.hpp"

namespace if4 {

/// Throws std::invalid_argument if there is no Verilated cell of that format and number of lanes.
std::unique_ptr<ArrayModule> make_array_grid(const sc_core::sc_module_name& name, const ArrayConfig& config);

}  // namespace if4
