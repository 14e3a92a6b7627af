// What a run of the system counts, whichever model ran it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <tuple>
#include <vector>

#include "sim/system/geometry.hpp"

namespace if4 {

/// A member of a struct of counts, and its name in reports.
template <class Counts>
struct NamedCount {
  std::string_view name;
  std::uint64_t Counts::*member;
};

/// The cycles of a run. Every cycle counts under exactly one heading, so all headings together are the cycles
/// of the run. sim/system/README.md, "Where the cycles went", says which cycle counts under which.
struct CycleCounts {
  std::uint64_t beats = 0;        ///< The array accepted a beat.
  std::uint64_t fill_drain = 0;   ///< The array empties: after the last beat, or between separate tiles.
  std::uint64_t interval = 0;     ///< A beat was offered, and results of the tile before kept it waiting.
  std::uint64_t activations = 0;  ///< The activations of the next tile were not in the scratchpad.
  std::uint64_t weights = 0;      ///< Its activations were, its weights were not.
  std::uint64_t output = 0;  ///< Both were, and there was no room for its results; or the last ones leave.
  std::uint64_t banks = 0;   ///< A beat is read from fewer banks than it has blocks.

  std::uint64_t total() const;
};
/// All members of CycleCounts, in the order of reports.
inline constexpr NamedCount<CycleCounts> kCycleCounts[] = {
    {"beat_cycles", &CycleCounts::beats},          {"fill_drain_cycles", &CycleCounts::fill_drain},
    {"interval_cycles", &CycleCounts::interval},   {"activation_wait_cycles", &CycleCounts::activations},
    {"weight_wait_cycles", &CycleCounts::weights}, {"output_wait_cycles", &CycleCounts::output},
    {"bank_cycles", &CycleCounts::banks},
};
static_assert(sizeof(CycleCounts) == std::size(kCycleCounts) * sizeof(std::uint64_t), "one is not listed");
inline std::uint64_t CycleCounts::total() const {
  std::uint64_t sum = 0;
  for (const auto& count : kCycleCounts) sum += this->*count.member;
  return sum;
}

/// Bytes moved at each level.
struct ByteCounts {
  std::uint64_t dram_activations = 0;    ///< read from the DRAM, in whole bursts
  std::uint64_t dram_weights = 0;        ///< likewise
  std::uint64_t dram_outputs = 0;        ///< written to the DRAM, in whole bursts
  std::uint64_t buffer_activations = 0;  ///< read from the scratchpad by the array
  std::uint64_t buffer_weights = 0;      ///< likewise
  std::uint64_t buffer_outputs = 0;      ///< FP32 results written to the output buffer

  std::uint64_t dram() const { return dram_activations + dram_weights + dram_outputs; }
};
/// All members of ByteCounts, in the order of reports.
inline constexpr NamedCount<ByteCounts> kByteCounts[] = {
    {"dram_activation_bytes", &ByteCounts::dram_activations},
    {"dram_weight_bytes", &ByteCounts::dram_weights},
    {"dram_output_bytes", &ByteCounts::dram_outputs},
    {"buffer_activation_bytes", &ByteCounts::buffer_activations},
    {"buffer_weight_bytes", &ByteCounts::buffer_weights},
    {"buffer_output_bytes", &ByteCounts::buffer_outputs},
};
static_assert(sizeof(ByteCounts) == std::size(kByteCounts) * sizeof(std::uint64_t), "one is not listed");

template <class Counts, std::size_t kCount>
bool equal_counts(const Counts& a, const Counts& b, const NamedCount<Counts> (&counts)[kCount]) {
  return std::all_of(counts, counts + kCount,
                     [&](const auto& count) { return a.*count.member == b.*count.member; });
}
inline bool operator==(const CycleCounts& a, const CycleCounts& b) {
  return equal_counts(a, b, kCycleCounts);
}
inline bool operator==(const ByteCounts& a, const ByteCounts& b) { return equal_counts(a, b, kByteCounts); }

struct RunStats {
  CycleCounts cycles;
  ByteCounts bytes;
  std::uint64_t tiles = 0;

  auto members() const { return std::tie(cycles, bytes, tiles); }
};
inline bool operator==(const RunStats& a, const RunStats& b) { return a.members() == b.members(); }
/// Adds the counts of a run that happens so many times.
inline void add(RunStats& to, const RunStats& run, std::uint64_t times) {
  for (const auto& count : kCycleCounts) to.cycles.*count.member += run.cycles.*count.member * times;
  for (const auto& count : kByteCounts) to.bytes.*count.member += run.bytes.*count.member * times;
  to.tiles += run.tiles * times;
}

/// The cycles in which things happen to a tile.
struct TileEvent {
  std::uint64_t activation_panel = 0, weight_panel = 0;
  std::uint64_t offered = 0;      ///< The first beat is offered for the first time.
  std::uint64_t first_beat = 0;   ///< The first beat is accepted.
  std::uint64_t last_beat = 0;    ///< The last beat is accepted.
  std::uint64_t last_result = 0;  ///< The last result is taken from the array.
  std::uint64_t store_begin = 0;  ///< The first burst of its results starts; 0 with ideal memory.
  std::uint64_t store_end = 0;    ///< The cycle after the one in which the last burst ends; 0 likewise.

  auto members() const {
    return std::tie(activation_panel, weight_panel, offered, first_beat, last_beat, last_result, store_begin,
                    store_end);
  }
};
inline bool operator==(const TileEvent& a, const TileEvent& b) { return a.members() == b.members(); }

/// The cycles in which things happen to a panel that is loaded.
struct LoadEvent {
  Operand operand = Operand::kActivations;
  std::uint64_t panel = 0;
  std::uint64_t begin = 0;   ///< Its first burst starts.
  std::uint64_t end = 0;     ///< The cycle after the one in which its last burst ends on the bus.
  std::uint64_t usable = 0;  ///< The first cycle in which a beat of it can be offered.

  auto members() const { return std::tie(operand, panel, begin, end, usable); }
};
inline bool operator==(const LoadEvent& a, const LoadEvent& b) { return a.members() == b.members(); }

struct Timeline {
  std::vector<TileEvent> tiles;  ///< in the order of the run
  std::vector<LoadEvent> loads;  ///< in the order of the run; none with ideal memory

  auto members() const { return std::tie(tiles, loads); }
};
inline bool operator==(const Timeline& a, const Timeline& b) { return a.members() == b.members(); }

}  // namespace if4
