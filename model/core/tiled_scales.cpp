#include "model/core/tiled_scales.hpp"

namespace if4 {

std::size_t tiled_size(std::size_t rows, std::size_t columns) {
  return (rows + 127) / 128 * ((columns + 3) / 4) * 512;
}

std::vector<std::uint8_t> tile_scales(const std::vector<std::uint8_t>& linear, std::size_t rows,
                                      std::size_t columns) {
  std::vector<std::uint8_t> tiled(tiled_size(rows, columns));
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) tiled[tiled_position(r, c, columns)] = linear[r * columns + c];
  }
  return tiled;
}

std::vector<std::uint8_t> untile_scales(const std::vector<std::uint8_t>& tiled, std::size_t rows,
                                        std::size_t columns) {
  std::vector<std::uint8_t> linear(rows * columns);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) linear[r * columns + c] = tiled[tiled_position(r, c, columns)];
  }
  return linear;
}

}  // namespace if4
