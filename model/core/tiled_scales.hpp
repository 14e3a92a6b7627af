// The order in which tensor cores read scales: in scale tiles of 128 rows x 4 columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace if4 {

/// Brings the scales of a matrix [rows, columns], which are stored row by row, into scale tiles. The matrix
/// is padded with zeros to whole tiles of 128 x 4. The tiles are stored row by row, 512 bytes each, and in a
/// tile the scale (r, c) is at (r % 32) * 16 + (r / 32) * 4 + c. Source: cuBLAS documentation, "1D block
/// scaling factors layout".
std::vector<std::uint8_t> tile_scales(const std::vector<std::uint8_t>& linear, std::size_t rows,
                                      std::size_t columns);
/// The inverse. `tiled` must have tiled_size() bytes.
std::vector<std::uint8_t> untile_scales(const std::vector<std::uint8_t>& tiled, std::size_t rows,
                                        std::size_t columns);
/// The bytes of all scale tiles of a matrix.
std::size_t tiled_size(std::size_t rows, std::size_t columns);
/// Where the scale (r, c) of a matrix with so many columns is in its tiles.
constexpr std::size_t tiled_position(std::size_t r, std::size_t c, std::size_t columns) {
  const std::size_t tile = r / 128 * ((columns + 3) / 4) + c / 4;
  return tile * 512 + r % 32 * 16 + r % 128 / 32 * 4 + c % 4;
}

}  // namespace if4
