// The array core as a SystemC module, in three kinds behind the same ports: the Verilated array, a grid of
// separately Verilated cells, and the C++ model. sim/array/README.md states what happens in which cycle.
#pragma once

#include <array>
#include <memory>
#include <ostream>
#include <string>
#include <systemc>

#include "sim/array/core.hpp"

namespace if4 {

/// The blocks of one beat on one edge port: blocks_per_beat() of them, the others Block{}.
struct EdgeBlocks {
  std::array<Block, 4> blocks;
};

// What sc_signal asks of a type.
bool operator==(const EdgeBlocks& a, const EdgeBlocks& b);
std::ostream& operator<<(std::ostream& out, const EdgeBlocks& blocks);
void sc_trace(sc_core::sc_trace_file* file, const EdgeBlocks& blocks, const std::string& name);
std::ostream& operator<<(std::ostream& out, const MacResult& result);
void sc_trace(sc_core::sc_trace_file* file, const MacResult& result, const std::string& name);

/// The ports. Inputs are sampled at the rising edge of clk; result_valid and result change only after one,
/// ready also when result_ready changes.
class ArrayModule : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> clk;
  sc_core::sc_in<bool> rst_n;  ///< low at a rising edge: drops everything in flight

  sc_core::sc_in<bool> valid;
  sc_core::sc_out<bool> ready;
  sc_core::sc_in<bool> last;                         ///< this beat ends its tile
  sc_core::sc_vector<sc_core::sc_in<EdgeBlocks>> a;  ///< one for each row
  sc_core::sc_vector<sc_core::sc_in<EdgeBlocks>> w;  ///< one for each column

  sc_core::sc_vector<sc_core::sc_out<bool>> result_valid;  ///< output_count() of each
  sc_core::sc_vector<sc_core::sc_in<bool>> result_ready;
  sc_core::sc_vector<sc_core::sc_out<MacResult>> result;

  const ArrayConfig& config() const { return config_; }

 protected:
  ArrayModule(const sc_core::sc_module_name& name, const ArrayConfig& config);

 private:
  ArrayConfig config_;
};

enum class ArrayKind {
  kRtl,  ///< rtl/array/if4_array.sv, Verilated; only the parameters of array_builds()
  kGrid,  ///< cells (rtl/array/if4_array_cell.sv), each Verilated by itself, wired in SystemC; of any shape, with the
          ///< formats and lanes that rtl/builds.txt has cells of
  kModel,  ///< C++; any configuration
};

/// Creates the module during elaboration. Throws std::invalid_argument where that kind has no such
/// configuration. `wave`: of kRtl, as make_array_rtl() takes it.
std::unique_ptr<ArrayModule> make_array_module(const sc_core::sc_module_name& name, ArrayKind kind,
                                               const ArrayConfig& config, const Wave& wave = {});

}  // namespace if4
