// What vectors for a MAC unit consist of: beats and the results that they must give, and when beats, stalls and resets
// come. model/kit/vectors.hpp has them as text, model/kit/memh.hpp for $readmemh.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/core/format.hpp"
#include "model/mac/mac.hpp"

namespace if4 {

/// Blocks of activations and of weights. A beat takes blocks_per_beat() pairs.
using BlockPairs = std::vector<std::pair<Block, Block>>;

/// What the lines below it are for, up to the next such line.
struct TestpointLine {
  std::string name;  ///< 1 to kMaxTestpointName characters of a-z, 0-9, '_' and '.'
};
/// A beat is offered.
struct BeatLine {
  BlockPairs blocks;  ///< block 0 of the beat first
  bool last = false;  ///< ends its dot product; a ResultLine follows
};
/// The result of the beats since the last ResultLine or ResetLine.
struct ResultLine {
  MacResult result;
};
/// From here on a beat is withheld in input / 256 of the clocks at which it could be offered, and a result is not taken
/// in output / 256 of those at which it could be.
struct StallLine {
  unsigned input = 0;   ///< 0..255
  unsigned output = 0;  ///< 0..255
};
/// The unit is reset when so many clocks have passed since the last line above was done. Beats since the last
/// ResultLine are dropped; results above that have not been taken by then need not come.
struct ResetLine {
  bool between_edges = false;  ///< asserted and released between two edges of the clock; otherwise across one
  unsigned clocks = 0;         ///< 0..255
};
/// Waits until all results above are taken, and so many clocks more, in which no result may come.
struct WaitLine {
  unsigned clocks = 0;  ///< 0..65535
};
/// Takes no result until one has been offered for so many clocks, or until a reset. Ends where that has happened once.
struct HoldLine {
  unsigned clocks = 0;  ///< 0..65535
};
/// So many clocks without a beat.
struct IdleLine {
  unsigned clocks = 0;  ///< 0..65535
};

using VectorLine =
    std::variant<TestpointLine, BeatLine, ResultLine, StallLine, ResetLine, WaitLine, HoldLine, IdleLine>;
/// What takes lines, one after the other.
using LineSink = std::function<void(const VectorLine&)>;

inline constexpr std::size_t kMaxTestpointName = 64;
inline constexpr unsigned kMaxStall = 255;
inline constexpr unsigned kMaxResetClocks = 255;
inline constexpr unsigned kMaxClocks = 65535;

/// Which model gives the results.
enum class ResultOrder : std::uint8_t {
  kExact,     ///< ours: rounded once
  kLaneFp32,  ///< the published unit's: FP32 lanes, rounded at every step, without flags
};

/// What all lines of a file have in common.
struct VectorHeader {
  MacConfig mac;
  ResultOrder rounding = ResultOrder::kExact;
  std::uint64_t seed = 0;
  std::string generator;  ///< the program that wrote it, with its version
};

}  // namespace if4
