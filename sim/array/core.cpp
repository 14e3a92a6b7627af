#include "sim/array/core.hpp"

#include <algorithm>
#include <stdexcept>

#include "sim/mac/stages.hpp"

namespace if4 {

void check(const ArrayConfig& config) {
  check(config.mac);
  constexpr int kMost = 256;
  if (config.rows < 1 || config.rows > kMost) throw std::invalid_argument("rows is not within 1..256");
  if (config.columns < 1 || config.columns > kMost)
    throw std::invalid_argument("columns is not within 1..256");
  if (config.mac.scaled) throw std::invalid_argument("scaled: the results of an array are values");
  if (config.depth != 0 && config.depth != 1) throw std::invalid_argument("depth is not 0 or 1");
}

int output_count(const ArrayConfig& config) { return config.shared_output ? 1 : config.columns; }

int tile_interval(const ArrayConfig& config) {
  return config.shared_output ? config.rows * config.columns : config.rows;
}

int cell_edges(const ArrayConfig& config) {
  // At depth 1 the accumulator has a register of its own in front of the result's.
  return block_stages(config.mac.format, config.depth) + beat_stages(config.mac) +
         (config.depth == 0 ? 1 : 2);
}

int output_registers(const ArrayConfig& config) {
  // At depth 1 two more, that add the carries between the pieces of a sum (rtl/array/if4_array_settle.sv).
  return fp32_stages(config.mac, config.depth) + (config.depth == 0 ? 0 : 2);
}

CellPosition result_position(const ArrayConfig& config, int output, int index) {
  const int row = config.rows - 1 - index % config.rows;
  return CellPosition{row, config.shared_output ? index / config.rows : output};
}

int result_latency(const ArrayConfig& config, CellPosition cell) {
  // To the results of the column (or of column 0) and through them to the FP32 stage; then its registers.
  const int first = 1 + cell_edges(config) + config.rows - 1;
  const int wait = config.shared_output ? cell.column * config.rows : cell.column;
  return first + wait + (config.rows - 1 - cell.row) + output_registers(config);
}

std::uint64_t array_cycles(const ArrayConfig& config, std::uint64_t tiles, std::uint64_t beats,
                           bool overlap) {
  check(config);
  if (tiles == 0 || beats == 0) throw std::invalid_argument("no tiles, or tiles without beats");
  const auto interval = static_cast<std::uint64_t>(tile_interval(config));
  const std::uint64_t fill = static_cast<std::uint64_t>(config.rows + config.columns) - 2;
  std::uint64_t distance = std::max(beats, interval);  // of two tiles
  if (!overlap) {
    distance = beats + fill;
    if (distance < interval) throw std::invalid_argument("tiles of so few beats wait for the shared output");
  }
  // The last beat of all is issued in cycle `beats` + (tiles - 1) * distance.
  const int latency = result_latency(config, CellPosition{0, config.columns - 1});
  return beats + (tiles - 1) * distance + static_cast<std::uint64_t>(latency) + 1;
}

}  // namespace if4
