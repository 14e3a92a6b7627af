// The shape of a matrix product, and what follows from it and a configuration: sizes, counts, least
// distances.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "sim/system/config.hpp"

namespace if4 {

/// Bytes of a result, an FP32 number.
inline constexpr std::uint64_t kResultBytes = 4;
inline std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

/// The largest M, N or K of a product.
inline constexpr std::uint64_t kMaxGemmSize = std::uint64_t{1} << 24;

/// A matrix product: C[M][N] = A[M][K] * W[N][K]^T.
struct GemmShape {
  std::uint64_t m = 0, n = 0, k = 0;

  auto members() const { return std::tie(m, n, k); }
};
inline bool operator==(const GemmShape& a, const GemmShape& b) { return a.members() == b.members(); }
/// "512x4096x4096"
std::string to_string(const GemmShape& shape);

/// The two operands of a product; also the index of whatever there is one of for each.
enum class Operand : std::uint8_t { kActivations, kWeights };

/// What follows from a configuration and a shape. A *panel* is the rows of one operand that a tile needs,
/// over the whole K; a *group* is the consecutive panels that half of a scratchpad holds.
struct Geometry {
  /// Throws InputError if a size is 0 or above kMaxGemmSize, if the product has more than 1,073,741,824
  /// tiles, if most_ticks would leave its range, if half of a scratchpad does not hold a panel, or if the
  /// output buffer does not hold a tile.
  Geometry(const SystemConfig& config, const GemmShape& shape);

  std::uint64_t blocks;        ///< blocks of 16 in a row of an operand: ceil(K / 16)
  std::uint64_t beats;         ///< T, the beats of a tile: ceil(K / lanes)
  std::uint64_t block_bytes;   ///< bytes of a block: its codes and its scale
  std::uint64_t beat_gap;      ///< g: cycles from the acceptance of a beat to the offer of the next one
  std::uint64_t tile_gap;      ///< the same from the last beat of a tile to the first one of the next
  std::uint64_t output_slots;  ///< tiles that the output buffer holds
  /// An upper bound of the length of the run, in ticks; dram_bandwidth ticks are a cycle, so a tick is the
  /// time in which the DRAM moves a thousandth of a byte. It also bounds the cycles, and the bytes moved at
  /// any level. Below 2^63.
  Int128 most_ticks;

  /// One operand.
  struct Side {
    std::uint64_t rows;         ///< rows of the operand: M or N
    std::uint64_t panel_rows;   ///< rows of a full panel: those of the array, or all rows if these are fewer
    std::uint64_t panels;       ///< panels of the operand
    std::uint64_t panel_bytes;  ///< bytes of a full panel
    std::uint64_t per_group;    ///< panels of a full group
    std::uint64_t groups;       ///< groups of the operand

    std::uint64_t rows_of(std::uint64_t panel) const;
    std::uint64_t panels_of(std::uint64_t group) const;
  };
  Side sides[2];  ///< indexed by Operand

  const Side& side(Operand operand) const { return sides[static_cast<std::size_t>(operand)]; }
  std::uint64_t tiles() const { return sides[0].panels * sides[1].panels; }
};

/// The least bytes that the buffers must have for a product: a panel in each half of a scratchpad, a tile of results.
struct BufferNeeds {
  std::uint64_t activations, weights, outputs;
};
BufferNeeds buffer_needs(const SystemConfig& config, const GemmShape& shape);

/// Doubles the buffers that nobody chose until they hold what the product needs. With ideal memory nothing has to.
void fit_buffers(SystemConfig& config, const GemmShape& shape);

}  // namespace if4
