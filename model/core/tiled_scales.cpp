#include "model/core/tiled_scales.hpp"

namespace if4 {

std::size_t tiled_size(std::size_t rows, std::size_t columns) {
  return (rows + 127) / 128 * ((columns + 3) / 4) * 512;
}

namespace {

std::size_t tiled_position(std::size_t r, std::size_t c, std::size_t columns) {
  const std::size_t tile = r / 128 * ((columns + 3) / 4) + c / 4;
  return tile * 512 + r % 32 * 16 + r % 128 / 32 * 4 + c % 4;
}

}  // namespace

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
