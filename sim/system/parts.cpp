#include "sim/system/parts.hpp"

namespace if4 {

Block load_block(Format format, const std::uint8_t* bytes) {
  const std::size_t size = code_bytes(format);
  Block block;
  for (std::size_t i = 0; i < size; ++i) block.codes |= Codes{bytes[i]} << (8 * i);
  block.scale = bytes[size];
  return block;
}

void store_block(Format format, const Block& block, std::uint8_t* bytes) {
  const std::size_t size = code_bytes(format);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(block.codes >> (8 * i));
  bytes[size] = block.scale;
}

DramMap::DramMap(const SystemConfig& config, const Geometry& geometry) {
  const std::uint64_t burst = config.dram_burst;
  const auto whole = [burst](std::uint64_t size) { return (size + burst - 1) / burst * burst; };
  const Geometry::Side& a = geometry.sides[0];
  const Geometry::Side& w = geometry.sides[1];
  stride[0] = whole(a.panel_bytes);
  stride[1] = whole(w.panel_bytes);
  stride[2] = whole(a.panel_rows * w.panel_rows * sizeof(std::uint32_t));
  begin[0] = 0;
  begin[1] = a.panels * stride[0];
  begin[2] = begin[1] + w.panels * stride[1];
  weight_panels = w.panels;
  bytes = begin[2] + geometry.tiles() * stride[2];
}

}  // namespace if4
