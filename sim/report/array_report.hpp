// What `if4 array` reports: text for people, CSV and JSON for programs.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sim/network/topology.hpp"
#include "sim/system/stats.hpp"

namespace if4 {

/// A layer, and what one run of it gave, however often the network runs it.
struct LayerReport {
  Layer layer;
  RunStats stats;
  std::uint64_t checked = 0;     ///< results compared with the golden model
  std::uint64_t mismatches = 0;  ///< results that differ from the golden model
  std::string first_mismatch;    ///< which one differs first, and how; empty: none
  std::uint64_t nan_results = 0;
  std::uint64_t overflow_results = 0;
  bool cycles_agree = true;      ///< SystemC engines: every count and event equals that of the fast model
  double seconds = 0.0;          ///< wall clock of the simulation
  std::uint64_t wave_first = 0;  ///< the clock that the waveform begins with
};

/// A run of all layers.
struct ArraySummary {
  SystemConfig config;
  std::string network;  ///< what is run: "bert_base_512", "one product of 8x8x64"
  std::string engine;
  std::string operands;  ///< "random, seed 1", "FILE:NAME x FILE:NAME", "none"
  bool results = true;   ///< false: timing only
  std::vector<LayerReport> layers;

  /// Whether nothing differed, and something was compared if results were computed.
  bool passed() const;
  /// Sums over the layers, each as often as it runs.
  RunStats total() const;
  std::uint64_t total_macs() const;
};

/// Multiply-accumulates of a layer: M * N * K.
std::uint64_t macs(const GemmShape& shape);
/// Multiply-accumulates that the array could do in a cycle: rows * columns * lanes.
std::uint64_t peak(const SystemConfig& config);
/// `macs` divided by the multiply-accumulates that the array could have done in that time: 0 to 1.
double utilization(const SystemConfig& config, std::uint64_t macs, std::uint64_t cycles);

/// A heading of CycleCounts, with `beats` split in two: the cycles that the multiply-accumulates of the
/// product would take if every multiplier worked, "useful", and the rest, "edge": tiles with unused rows or
/// columns, and rows that end within a beat.
struct CycleShare {
  const char* name;   ///< six characters at most, for a column of a table
  const char* words;  ///< the same in words, which need no explanation
  double cycles;
};
/// All of them, in the order of a report.
std::vector<CycleShare> shares(const SystemConfig& config, std::uint64_t macs, const CycleCounts& cycles);

/// The time of so many cycles, and a time as text: "33.465 us".
double at_clock(const SystemConfig& config, std::uint64_t cycles);
std::string seconds_text(double seconds);
/// The array, with what stands for its format, and its memories, on a line of a report each.
std::string array_text(const SystemConfig& config, std::string_view format);
std::string memory_text(const SystemConfig& config);
/// What stands for the clock, on a line too.
std::string clock_text(const SystemConfig& config);
/// The options as read_config() takes them.
nlohmann::ordered_json config_json(const SystemConfig& config);
/// Every count of a run of so many multiply-accumulates, its utilization, and its time.
nlohmann::ordered_json stats_json(const SystemConfig& config, std::uint64_t macs, const RunStats& stats);

std::string to_text(const ArraySummary& summary);
/// A line for each layer, of one run of it, and a last line `total` without M, N and K, of all runs. The last columns
/// are what was run and its configuration, the same in each line, so that the files of several runs can be put together.
std::string to_csv(const ArraySummary& summary);
std::string to_json(const ArraySummary& summary);

}  // namespace if4
