// What the SystemC modules of the system share: the count of cycles, what their signals carry, and where
// things are in the DRAM.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <systemc>
#include <tuple>

#include "model/core/tensor.hpp"
#include "model/mac/mac.hpp"
#include "sim/system/schedule.hpp"
#include "sim/system/stats.hpp"

namespace if4 {

/// The length of a cycle in the kernel's time, whatever the clock is: only cycles are counted.
inline const sc_core::sc_time kCycleTime(1, sc_core::SC_NS);

/// The number of the cycle that the current rising edge ends, from 0. It stays the same during everything
/// that this edge causes.
class CycleCounter {
 public:
  std::uint64_t now() const { return now_; }
  void advance() { ++now_; }

 private:
  std::uint64_t now_ = 0;
};

/// A beat of a panel, as the sequencer asks a scratchpad for it.
struct PanelRead {
  bool valid = false;  ///< If false, all outputs of the scratchpad are zero blocks.
  PanelPlace place;
  std::uint64_t rows = 0;  ///< rows of the panel; the other rows of the array's edge get zero blocks
  std::uint64_t beat = 0;  ///< number of the beat in the tile, from 0

  auto members() const { return std::tie(valid, place, rows, beat); }
};
inline bool operator==(const PanelRead& a, const PanelRead& b) { return a.members() == b.members(); }
inline std::ostream& operator<<(std::ostream& out, const PanelRead& read) {
  return out << read.valid << ' ' << read.place.half << ':' << read.place.position << ' ' << read.beat;
}
inline void sc_trace(sc_core::sc_trace_file* file, const PanelRead& read, const std::string& name) {
  sc_core::sc_trace(file, read.valid, name + ".valid");
  sc_core::sc_trace(file, read.beat, name + ".beat");
}

using CountSignal = sc_core::sc_signal<std::uint64_t>;

/// A block in memory: its codes, lowest bits first, then its scale byte.
Block load_block(Format format, const std::uint8_t* bytes);
void store_block(Format format, const Block& block, std::uint8_t* bytes);

/// Where things are in the DRAM. Every panel, and the results of every tile, begin at the start of a burst
/// and have room for whole bursts.
struct DramMap {
  DramMap(const SystemConfig& config, const Geometry& geometry);

  /// Address of a panel.
  std::uint64_t panel(Operand operand, std::uint64_t index) const {
    const auto side = static_cast<std::size_t>(operand);
    return begin[side] + index * stride[side];
  }
  /// Address of the results of the tile that reads those two panels.
  std::uint64_t tile(std::uint64_t activation_panel, std::uint64_t weight_panel) const {
    return begin[2] + (activation_panel * weight_panels + weight_panel) * stride[2];
  }

  std::uint64_t begin[3];       ///< addresses of the activations, the weights, the results
  std::uint64_t stride[3];      ///< bytes from a panel of activations, of weights, or a tile, to the next
  std::uint64_t weight_panels;  ///< panels of the weights; tiles are in rows of so many
  std::uint64_t bytes;          ///< size of all together
};

}  // namespace if4
