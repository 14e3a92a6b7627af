// A Verilated cell of the array (rtl/array/if4_array_cell.sv) as a SystemC module, and what its signals carry.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <systemc>
#include <tuple>

#include "sim/array/module.hpp"

namespace if4 {

/// A beat's blocks on their way through a row or column, as rtl/array/if4_array_edge.sv decodes them; the bits
/// above the format's are 0.
struct CellOperands {
  std::array<std::uint32_t, 14> words{};  // 4 blocks of up to 106 bits
  bool valid = false;                     ///< a beat, not a bubble; on the way of the activations only
  bool last = false;                      ///< it ends its tile

  auto members() const { return std::tie(words, valid, last); }
};
/// A cell's result register.
struct CellResult {
  Int128 sum = 0;  ///< in the accumulator's unit
  bool nan = false;
  bool overflow = false;
  bool held = false;  ///< it may move down

  auto members() const { return std::tie(sum, nan, overflow, held); }
};

// What sc_signal asks of a type.
inline bool operator==(const CellOperands& a, const CellOperands& b) { return a.members() == b.members(); }
inline bool operator==(const CellResult& a, const CellResult& b) { return a.members() == b.members(); }
std::ostream& operator<<(std::ostream& out, const CellOperands& operands);
std::ostream& operator<<(std::ostream& out, const CellResult& result);
void sc_trace(sc_core::sc_trace_file* file, const CellOperands& operands, const std::string& name);
void sc_trace(sc_core::sc_trace_file* file, const CellResult& result, const std::string& name);

/// The blocks of a beat as a cell takes them.
CellOperands decode_operands(const MacConfig& config, const EdgeBlocks& blocks);

/// The ports of the RTL; what they mean is stated there.
class ArrayCellModule : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> clk, rst_n, advance, release, shift;
  sc_core::sc_out<bool> stall, capture;
  sc_core::sc_in<CellOperands> a_in, w_in;
  sc_core::sc_out<CellOperands> a_out, w_out;
  sc_core::sc_in<CellResult> result_in;
  sc_core::sc_out<CellResult> result_out;

 protected:
  explicit ArrayCellModule(const sc_core::sc_module_name& name);
};

/// A cell of that depth. Throws std::invalid_argument if Verilator has made no class of it.
std::unique_ptr<ArrayCellModule> make_array_cell(const sc_core::sc_module_name& name, const MacConfig& config,
                                                 int depth);

}  // namespace if4
