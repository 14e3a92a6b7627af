// The timeline of a run as Chrome-trace JSON, which https://ui.perfetto.dev opens: tiles, DMA, waiting.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/files/atomic_file.hpp"
#include "sim/network/topology.hpp"
#include "sim/system/stats.hpp"

namespace if4 {

/// Writes one run of each layer, at its time in the network. A layer is a span, with the spans of its tiles, loads
/// and stores below it on tracks of their own; its other runs, and a layer without room, are one span each. Time 0 is
/// the begin of the first run that is drawn.
class TraceWriter {
 public:
  /// Tiles that a timeline has room for. Of a layer for which there is no room no run is drawn.
  static constexpr std::uint64_t kMaxTiles = 500'000;

  /// Throws InputError if the file cannot be created. The file appears with commit().
  TraceWriter(const std::string& path, const SystemConfig& config);

  /// Whether there is still room for a layer of that many tiles.
  bool has_room(std::uint64_t tiles) const { return tiles_ + tiles <= kMaxTiles; }
  /// Appends the first run of a layer that begins in cycle `begin` of the network, and a span for its other runs. The
  /// times of a span are microseconds at the clock; its arguments are its first cycle and how many cycles it has.
  void add(const Layer& layer, const RunStats& stats, const Timeline& timeline, std::uint64_t begin);
  /// Appends a span for all runs of a layer that has no room, if something is drawn before it.
  void leave_out(const Layer& layer, const RunStats& stats, std::uint64_t begin);
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
  void name(const char* what, Track track, const char* text);  // kProcess must be the first one named

  SystemConfig config_;
  AtomicFile file_;
  std::optional<std::uint64_t> origin_;  // cycle of the network in which the first run that is drawn begins
  std::uint64_t begin_ = 0;              // cycle in which the current layer begins, counted from there
  std::uint64_t tiles_ = 0;              // in the file so far
  std::uint64_t ends_[kTracks] = {};     // cycle in which the last span of each track has ended
};

}  // namespace if4
