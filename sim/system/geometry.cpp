#include "sim/system/geometry.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "model/core/error.hpp"

namespace if4 {
namespace {

constexpr std::uint64_t kMaxTiles = std::uint64_t{1} << 30;

}  // namespace

std::string to_string(const GemmShape& shape) {
  return std::to_string(shape.m) + "x" + std::to_string(shape.n) + "x" + std::to_string(shape.k);
}

std::uint64_t Geometry::Side::rows_of(std::uint64_t panel) const {
  return std::min(panel_rows, rows - panel * panel_rows);
}

std::uint64_t Geometry::Side::panels_of(std::uint64_t group) const {
  return std::min(per_group, panels - group * per_group);
}

Geometry::Geometry(const SystemConfig& config, const GemmShape& shape) {
  check(config);
  for (const auto& [name, size] : {std::pair{"M", shape.m}, {"N", shape.n}, {"K", shape.k}}) {
    if (size == 0 || size > kMaxGemmSize) {
      throw InputError(std::string(name) + " is " + std::to_string(size) + ", not 1 to " +
                       std::to_string(kMaxGemmSize));
    }
  }
  const MacConfig& mac = config.array.mac;
  const auto rows = static_cast<std::uint64_t>(config.array.rows);
  const auto columns = static_cast<std::uint64_t>(config.array.columns);
  blocks = ceil_div(shape.k, kBlockSize);
  beats = ceil_div(shape.k, static_cast<std::uint64_t>(mac.lanes));
  block_bytes = code_bytes(mac.format) + 1;

  const auto per_beat = static_cast<std::uint64_t>(blocks_per_beat(mac));
  const auto reads = [&](std::uint64_t edge, int banks) {
    return banks == 0 ? 1 : ceil_div(edge * per_beat, static_cast<std::uint64_t>(banks));
  };
  beat_gap = std::max(reads(rows, config.activation_banks), reads(columns, config.weight_banks));
  tile_gap = config.overlap ? beat_gap : std::max(beat_gap, rows + columns - 1);

  const auto fill = [&](Side& side, std::uint64_t size, std::uint64_t edge, std::uint64_t buffer,
                        const char* what) {
    side.rows = size;
    side.panel_rows = std::min(size, edge);
    side.panels = ceil_div(size, side.panel_rows);
    side.panel_bytes = side.panel_rows * blocks * block_bytes;
    side.per_group = config.ideal_memory ? side.panels : std::min(side.panels, buffer / 2 / side.panel_bytes);
    if (side.per_group == 0) {
      throw InputError(std::string(what) + "-buffer: half of " + std::to_string(buffer) +
                       " bytes does not hold the " + std::to_string(side.panel_rows) +
                       " rows of a tile with K = " + std::to_string(shape.k) + ", " +
                       std::to_string(side.panel_bytes) + " bytes; the least that does is --" + what +
                       "-buffer " + std::to_string(2 * side.panel_bytes));
    }
    side.groups = ceil_div(side.panels, side.per_group);
  };
  fill(sides[0], shape.m, rows, config.activation_bytes, "acts");
  fill(sides[1], shape.n, columns, config.weight_bytes, "weights");
  if (sides[0].panels > kMaxTiles / sides[1].panels) {
    throw InputError("the product has more than " + std::to_string(kMaxTiles) + " tiles");
  }
  const std::uint64_t tile_bytes = rows * columns * kResultBytes;
  output_slots = config.ideal_memory ? tiles() : config.output_bytes / tile_bytes;
  if (output_slots == 0) {
    throw InputError("output-buffer: " + std::to_string(config.output_bytes) + " bytes do not hold the " +
                     std::to_string(tile_bytes) +
                     " bytes of a tile's results; the least that do is --output-buffer " +
                     std::to_string(tile_bytes));
  }
  // As if every tile loaded both its panels, and nothing went on at the same time.
  const std::uint64_t burst = config.dram_burst;
  std::uint64_t tile_bursts = ceil_div(tile_bytes, burst);
  for (const Side& operand : sides) tile_bursts += ceil_div(operand.panel_bytes, burst);
  const auto latency =
      static_cast<std::uint64_t>(result_latency(config.array, {0, config.array.columns - 1}));
  const std::uint64_t cycles = (beats + 1) * beat_gap + tile_gap + latency + config.dram_latency +
                               static_cast<std::uint64_t>(tile_interval(config.array));
  most_ticks = static_cast<Int128>(tiles()) * (static_cast<Int128>(tile_bursts * burst) * 1000 +
                                               static_cast<Int128>(cycles) * config.dram_bandwidth);
  if (most_ticks >= Int128{1} << 63) throw InputError("too large to count its cycles");
}

BufferNeeds buffer_needs(const SystemConfig& config, const GemmShape& shape) {
  const auto rows = static_cast<std::uint64_t>(config.array.rows);
  const auto columns = static_cast<std::uint64_t>(config.array.columns);
  const std::uint64_t row_bytes = ceil_div(shape.k, kBlockSize) * (code_bytes(config.array.mac.format) + 1);
  return {2 * std::min(shape.m, rows) * row_bytes, 2 * std::min(shape.n, columns) * row_bytes,
          rows * columns * kResultBytes};
}

void fit_buffers(SystemConfig& config, const GemmShape& shape) {
  if (config.ideal_memory) return;
  const BufferNeeds needs = buffer_needs(config, shape);
  const auto grow = [](std::uint64_t& bytes, bool chosen, std::uint64_t need) {
    while (!chosen && bytes < need) bytes *= 2;
  };
  grow(config.activation_bytes, config.activation_chosen, needs.activations);
  grow(config.weight_bytes, config.weight_chosen, needs.weights);
  grow(config.output_bytes, config.output_chosen, needs.outputs);
}

}  // namespace if4
