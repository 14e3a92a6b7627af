// The timeline of a run as Chrome-trace JSON, which https://ui.perfetto.dev opens: tiles, DMA, waiting.
#pragma once

#include <cstdint>
#include <string>

#include "model/files/atomic_file.hpp"
#include "sim/system/stats.hpp"
#include "sim/system/topology.hpp"

namespace if4 {

class TraceWriter {
 public:
  /// Events after that many tiles are left out.
  static constexpr std::uint64_t kMaxTiles = 500'000;

  /// Throws InputError if the file cannot be created. It appears with commit().
  TraceWriter(const std::string& path, const SystemConfig& config);

  /// Whether a layer of that many tiles still has room.
  bool has_room(std::uint64_t tiles) const { return tiles_ + tiles <= kMaxTiles; }
  /// Appends a run of a layer that begins in cycle `begin`. Times are microseconds at the clock; the
  /// arguments of a span are its first cycle and how many there are.
  void add(const Layer& layer, const RunStats& stats, const Timeline& timeline, std::uint64_t begin);
  void commit();

 private:
  enum Track {
    kProcess,
    kLayers,
    kTiles,
    kWaiting,
    kResults,
    kLoadActivations,
    kLoadWeights,
    kStores,
    kTracks
  };
  void span(const char* category, Track track, const std::string& name, std::uint64_t from, std::uint64_t to);
  void name(const char* what, Track track, const char* text);  // of kProcess first of all

  SystemConfig config_;
  AtomicFile file_;
  std::uint64_t begin_ = 0;
  std::uint64_t tiles_ = 0;
  std::uint64_t ends_[kTracks] = {};
};

}  // namespace if4
