// The stages that a unit and a cell of the array have at each Depth, as rtl/if4_pkg.sv counts them ("Clocks").
#pragma once

#include "model/mac/mac.hpp"

namespace if4 {

/// Stages of a block before it is aligned, at depth 0 or 1.
int block_stages(Format format, int depth);
/// 1 if the sum of a beat's blocks has a stage of its own: with more than 16 lanes; else 0.
int beat_stages(const MacConfig& mac);
/// Pieces that the accumulator adds in, a clock each: 1 at depth 0. `iterative`: for the iterative output stage.
int accumulator_pieces(const MacConfig& mac, bool iterative, int depth);
/// Bits of a piece of the sum of a cell of the array at depth 1, as if4_pkg::CellPiece.
inline constexpr int kCellPiece = 12;
/// Carries between the pieces of a cell's result: none at depth 0.
int cell_carries(const MacConfig& mac, int depth);
/// Stages of the pipelined output stage.
int fp32_stages(const MacConfig& mac, int depth);

}  // namespace if4
