// Everything that can be chosen about the simulated system: the array, its buffers, the DRAM, the order of
// the tiles. What each choice does to the cycles is in sim/README.md, "The memories".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/array/core.hpp"

namespace if4 {

/// Which operand stays while the other passes by.
enum class LoopOrder : std::uint8_t {
  kMN,  ///< the groups of activations outside, the groups of weights inside: activations stay
  kNM,  ///< the other way round: weights stay
};

/// The simulation knobs. A size is in bytes, a time in cycles of the one clock.
struct SystemConfig {
  ArrayConfig array;
  double clock_mhz = 1000.0;  ///< turns cycles into seconds, nothing else
  bool overlap = true;        ///< false: a tile starts R + C - 1 cycles after the one before was read

  LoopOrder order = LoopOrder::kMN;
  bool snake = false;  ///< every other pass over the inner groups runs backwards, so that one of them stays

  std::uint64_t activation_bytes = 1 << 20;  ///< of the scratchpad, both halves together
  std::uint64_t weight_bytes = 1 << 20;      ///< likewise
  std::uint64_t output_bytes = 64 << 10;     ///< of the output buffer: as many tiles of R * C FP32 as fit
  int activation_banks = 0;  ///< each gives a block a cycle; 0: as many as a beat needs, R * lanes / 16
  int weight_banks = 0;      ///< likewise, C * lanes / 16

  bool ideal_memory = false;              ///< operands are there in cycle 0, results need no room: no DRAM
  std::uint32_t dram_bandwidth = 64'000;  ///< thousandths of a byte a cycle, reads and writes together
  std::uint32_t dram_latency = 100;       ///< from the end of a burst of a read to its data in the scratchpad
  std::uint32_t dram_burst = 64;          ///< bytes; nothing smaller moves
};

/// Throws InputError, naming the knob, unless each is within its range.
void check(const SystemConfig& config);

/// A knob on the command line (--NAME) and in a configuration file ("NAME").
struct Knob {
  std::string_view name;
  std::string_view type;  ///< of its value, for help: "N", "BYTES", "mn|nm"; empty: a switch, on or off
  std::string_view help;
  void (*set)(SystemConfig& config, const std::string& value);  ///< throws InputError: what is wrong with it
};
const std::vector<Knob>& knobs();
/// Throws InputError "PLACE: ..." if there is no such knob, or the value does not suit it. A switch takes
/// "true" and "false".
void set_knob(SystemConfig& config, std::string_view name, const std::string& value,
              const std::string& place);
/// Sets the knobs that a JSON file names: {"rows": 16, "format": "if4", "overlap": false}. Throws InputError,
/// naming the file.
void read_config(const std::string& path, SystemConfig& config);

inline constexpr std::uint64_t kResultBytes = 4;  ///< of a result, FP32
inline std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

/// No size of a product is larger.
inline constexpr std::uint64_t kMaxGemmSize = std::uint64_t{1} << 24;

/// A matrix product: C[M][N] = A[M][K] * W[N][K]^T.
struct GemmShape {
  std::uint64_t m = 0, n = 0, k = 0;
};
inline bool operator==(const GemmShape& a, const GemmShape& b) {
  return a.m == b.m && a.n == b.n && a.k == b.k;
}
/// "512x4096x4096"
std::string to_string(const GemmShape& shape);

/// One of the two.
enum class Operand : std::uint8_t { kActivations, kWeights };

/// What follows from a configuration and a shape. A *panel* is the rows of A, or of W, that a tile needs.
struct Geometry {
  Geometry(const SystemConfig& config, const GemmShape& shape);  ///< throws InputError, see below

  std::uint64_t blocks;        ///< of 16 in a row: ceil(K / 16)
  std::uint64_t beats;         ///< T of a tile: ceil(K / lanes)
  std::uint64_t block_bytes;   ///< codes and scale
  std::uint64_t beat_gap;      ///< g: cycles from the acceptance of a beat to the offer of the next one
  std::uint64_t tile_gap;      ///< the same from the last beat of a tile to the first one of the next
  std::uint64_t output_slots;  ///< tiles in the output buffer
  /// More than a run can take, in thousandths of a byte that the DRAM could have moved meanwhile; also more
  /// than its cycles, and than the bytes it moves at any level. Below 2^63.
  Int128 most_ticks;
  /// For activations [0] and weights [1].
  struct Side {
    std::uint64_t rows;        ///< of the operand: M or N
    std::uint64_t panel_rows;  ///< of a full panel: the array's, or fewer if the operand has fewer
    std::uint64_t panels;
    std::uint64_t panel_bytes;  ///< of a full panel
    std::uint64_t per_group;    ///< panels that half of the scratchpad holds
    std::uint64_t groups;

    std::uint64_t rows_of(std::uint64_t panel) const;
    std::uint64_t panels_of(std::uint64_t group) const;
  };
  Side sides[2];

  const Side& side(Operand operand) const { return sides[static_cast<std::size_t>(operand)]; }
  std::uint64_t tiles() const { return sides[0].panels * sides[1].panels; }
};
// Geometry's constructor throws InputError if a size is 0 or above 16,777,216, if the product has more than
// 1,073,741,824 tiles or most_ticks would leave its range, if half of a scratchpad does not hold a panel, or
// the output buffer no tile.

}  // namespace if4
