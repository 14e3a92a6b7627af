// The cycles of a product without the SystemC kernel: the rules of sim/system/README.md, applied to a tile
// and a run of DRAM bursts at a time. It equals the SystemC system in every count and every event.
#pragma once

#include <cstdint>
#include <functional>

#include "sim/system/stats.hpp"

namespace if4 {

/// Throws InputError as Geometry does. `timeline`, if not null, is set to every event; without it, stretches
/// of tiles that repeat what those before them did are counted and not stepped through. `progress`, if given,
/// is called now and then with the number of tiles done and of all tiles. `stepped`, if not null, is set to
/// the number of tiles that were stepped through.
RunStats fast_timing(const SystemConfig& config, const GemmShape& shape, Timeline* timeline = nullptr,
                     const std::function<void(std::uint64_t, std::uint64_t)>& progress = {},
                     std::uint64_t* stepped = nullptr);

}  // namespace if4
