#include "model/tiled_scales.hpp"

namespace if4 {

std::size_t tiled_size(std::size_t rows, std::size_t columns) {
  return (rows + 127) / 128 * ((columns + 3) / 4) * 512;
}

std::vector<std::uint8_t> untile_scales(const std::vector<std::uint8_t>& tiled, std::size_t rows,
                                        std::size_t columns) {
  const std::size_t tiles_per_row = (columns + 3) / 4;
  std::vector<std::uint8_t> linear(rows * columns);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      const std::size_t tile = r / 128 * tiles_per_row + c / 4;
      linear[r * columns + c] = tiled[tile * 512 + r % 32 * 16 + r % 128 / 32 * 4 + c % 4];
    }
  }
  return linear;
}

}  // namespace if4
