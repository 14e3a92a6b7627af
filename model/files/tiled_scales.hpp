// The scale layout of tensor cores: tiles of 128 x 4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace if4 {

/// Scales in the order tensor cores read them, back to [rows, columns]. The matrix is padded to tiles of 128
/// x 4, stored row by row of tiles, 512 bytes each; in a tile, (r, c) is at (r % 32) * 16 + (r / 32) * 4 + c.
/// Source: cuBLAS documentation, "1D block scaling factors layout". `tiled` must have the padded size.
std::vector<std::uint8_t> untile_scales(const std::vector<std::uint8_t>& tiled, std::size_t rows,
                                        std::size_t columns);
/// The inverse: `linear` has rows * columns bytes; the padding is zeros.
std::vector<std::uint8_t> tile_scales(const std::vector<std::uint8_t>& linear, std::size_t rows,
                                      std::size_t columns);
/// The padded size: 512 bytes a tile.
std::size_t tiled_size(std::size_t rows, std::size_t columns);

}  // namespace if4
