// What a run of the system counts, whichever model ran it.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/system/config.hpp"

namespace if4 {

/// Each cycle of a run, under the one heading that sim/README.md gives it. All together: the cycles of the
/// run.
struct CycleCounts {
  std::uint64_t beats = 0;        ///< the array took a beat
  std::uint64_t banks = 0;        ///< a beat is being read from too few banks
  std::uint64_t activations = 0;  ///< the next tile's activations are not there
  std::uint64_t weights = 0;      ///< its activations are, its weights are not
  std::uint64_t output = 0;       ///< both are, but there is no room for its results; the last results leave
  std::uint64_t interval = 0;  ///< a beat is offered and not taken: results of the tile before are in the way
  std::uint64_t fill_drain = 0;  ///< the array empties

  std::uint64_t total() const {
    return beats + banks + activations + weights + output + interval + fill_drain;
  }
};
inline bool operator==(const CycleCounts& a, const CycleCounts& b) {
  return a.beats == b.beats && a.banks == b.banks && a.activations == b.activations &&
         a.weights == b.weights && a.output == b.output && a.interval == b.interval &&
         a.fill_drain == b.fill_drain;
}

/// Bytes moved at each level.
struct ByteCounts {
  std::uint64_t dram_activations = 0;    ///< read, in whole bursts
  std::uint64_t dram_weights = 0;        ///< likewise
  std::uint64_t dram_outputs = 0;        ///< written, in whole bursts
  std::uint64_t buffer_activations = 0;  ///< read from the scratchpad by the array
  std::uint64_t buffer_weights = 0;      ///< likewise
  std::uint64_t buffer_outputs = 0;      ///< FP32 results written to the output buffer

  std::uint64_t dram() const { return dram_activations + dram_weights + dram_outputs; }
};
inline bool operator==(const ByteCounts& a, const ByteCounts& b) {
  return a.dram_activations == b.dram_activations && a.dram_weights == b.dram_weights &&
         a.dram_outputs == b.dram_outputs && a.buffer_activations == b.buffer_activations &&
         a.buffer_weights == b.buffer_weights && a.buffer_outputs == b.buffer_outputs;
}

struct RunStats {
  CycleCounts cycles;
  ByteCounts bytes;
  std::uint64_t tiles = 0;
};
inline bool operator==(const RunStats& a, const RunStats& b) {
  return a.cycles == b.cycles && a.bytes == b.bytes && a.tiles == b.tiles;
}

/// A tile's life, in cycles.
struct TileEvent {
  std::uint64_t activation_panel = 0, weight_panel = 0;
  std::uint64_t offered = 0;      ///< its first beat is, for the first time
  std::uint64_t first_beat = 0;   ///< is accepted
  std::uint64_t last_beat = 0;    ///< is accepted
  std::uint64_t last_result = 0;  ///< is taken
  std::uint64_t store_begin = 0;  ///< its first burst starts in this cycle; 0 with ideal memory
  std::uint64_t store_end = 0;    ///< the cycle after the one in which its last burst ends; likewise
};
inline bool operator==(const TileEvent& a, const TileEvent& b) {
  return a.activation_panel == b.activation_panel && a.weight_panel == b.weight_panel &&
         a.offered == b.offered && a.first_beat == b.first_beat && a.last_beat == b.last_beat &&
         a.last_result == b.last_result && a.store_begin == b.store_begin && a.store_end == b.store_end;
}
/// A load of a panel, likewise.
struct LoadEvent {
  Operand operand = Operand::kActivations;
  std::uint64_t panel = 0;
  std::uint64_t begin = 0;   ///< its first burst starts in this cycle
  std::uint64_t end = 0;     ///< the cycle after the one in which its last burst ends on the bus
  std::uint64_t usable = 0;  ///< the first cycle in which a beat of it may be offered
};
inline bool operator==(const LoadEvent& a, const LoadEvent& b) {
  return a.operand == b.operand && a.panel == b.panel && a.begin == b.begin && a.end == b.end &&
         a.usable == b.usable;
}
struct Timeline {
  std::vector<TileEvent> tiles;  ///< in the order of the run
  std::vector<LoadEvent> loads;  ///< likewise; none with ideal memory
};

}  // namespace if4
