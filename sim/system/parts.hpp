// What the SystemC modules of the system share: the count of cycles, and what their signals carry.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <systemc>

#include "model/core/tensor.hpp"
#include "model/mac/mac.hpp"
#include "sim/system/schedule.hpp"
#include "sim/system/stats.hpp"

namespace if4 {

/// Time in the kernel: a cycle is a nanosecond, whatever the clock. Cycles, not seconds, are what is counted.
inline const sc_core::sc_time kCycleTime(1, sc_core::SC_NS);

/// The number of the cycle that the rising edge now ends; the same during everything that the edge causes.
class CycleCounter {
 public:
  std::uint64_t now() const { return now_; }
  void advance() { ++now_; }

 private:
  std::uint64_t now_ = 0;
};

/// A beat of a panel, as the sequencer asks a scratchpad for it.
struct PanelRead {
  bool valid = false;  ///< low: the outputs are zero blocks
  PanelPlace place;
  std::uint64_t rows = 0;  ///< of the panel; the edge's other rows get zero blocks
  std::uint64_t beat = 0;  ///< in the tile
};
inline bool operator==(const PanelRead& a, const PanelRead& b) {
  return a.valid == b.valid && a.place == b.place && a.rows == b.rows && a.beat == b.beat;
}
inline std::ostream& operator<<(std::ostream& out, const PanelRead& read) {
  return out << read.valid << ' ' << read.place.half << ':' << read.place.position << ' ' << read.beat;
}
inline void sc_trace(sc_core::sc_trace_file* file, const PanelRead& read, const std::string& name) {
  sc_core::sc_trace(file, read.valid, name + ".valid");
  sc_core::sc_trace(file, read.beat, name + ".beat");
}

using CountSignal = sc_core::sc_signal<std::uint64_t>;

/// A block in a byte array: its codes, lowest bits first, then its scale.
Block load_block(Format format, const std::uint8_t* bytes);
void store_block(Format format, const Block& block, std::uint8_t* bytes);

/// Where things are in the DRAM. Every panel and every tile of results begins on a burst and has room for
/// whole bursts.
struct DramMap {
  DramMap(const SystemConfig& config, const Geometry& geometry);

  std::uint64_t panel(Operand operand, std::uint64_t index) const {
    const auto side = static_cast<std::size_t>(operand);
    return begin[side] + index * stride[side];
  }
  std::uint64_t tile(std::uint64_t activation_panel, std::uint64_t weight_panel) const {
    return begin[2] + (activation_panel * weight_panels + weight_panel) * stride[2];
  }

  std::uint64_t begin[3];   ///< activations, weights, results
  std::uint64_t stride[3];  ///< of panels, panels, tiles
  std::uint64_t weight_panels;
  std::uint64_t bytes;  ///< in all
};

}  // namespace if4
