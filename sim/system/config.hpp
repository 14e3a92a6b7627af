// Everything that can be chosen about the simulated system: the array, its buffers, the DRAM, the order of
// the tiles. What each choice does to the cycles is in sim/system/README.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sim/array/core.hpp"

namespace if4 {

/// Which operand stays in its scratchpad while the other one passes by.
enum class LoopOrder : std::uint8_t {
  kMN,  ///< The outer loop is over groups of activations, the inner one over groups of weights.
  kNM,  ///< The outer loop is over groups of weights, the inner one over groups of activations.
};
/// "mn" or "nm": the name on the command line and in files.
std::string_view order_name(LoopOrder order);

/// The choices. A size is in bytes, a time in cycles of the one clock.
struct SystemConfig {
  ArrayConfig array;
  double clock_mhz = 1000.0;     ///< It turns cycles into seconds and does nothing else.
  bool clock_chosen = false;     ///< Somebody chose it.
  double synthesized_mhz = 0.0;  ///< the clock that a synthesis of this array allows; 0: none is known
  /// A tile follows the one before without a gap. If false, its first beat is offered R + C - 1 cycles after
  /// the last beat of the tile before was accepted.
  bool overlap = true;

  LoopOrder order = LoopOrder::kMN;
  bool snake = false;  ///< Every other pass over the inner groups runs backwards, which saves loads.

  // A size of these three that nobody chose is the least that fit_buffers() finds to do, but no less than this.
  std::uint64_t activation_bytes = 1 << 20;  ///< size of the activations' scratchpad, both halves together
  std::uint64_t weight_bytes = 1 << 20;      ///< size of the weights' scratchpad, likewise
  std::uint64_t output_bytes = 64 << 10;     ///< size of the output buffer, which holds whole tiles of FP32
  bool activation_chosen = false, weight_chosen = false, output_chosen = false;
  /// Banks of the activations' scratchpad; each reads a block a cycle. 0: as many as a beat needs, which is
  /// R * lanes / 16.
  int activation_banks = 0;
  int weight_banks = 0;  ///< the same for the weights; 0: C * lanes / 16

  bool ideal_memory = false;              ///< No DRAM: operands are there in cycle 0, results need no room.
  std::uint32_t dram_bandwidth = 64'000;  ///< thousandths of a byte a cycle, reads and writes together
  std::uint32_t dram_latency = 100;  ///< cycles from the end of a read's burst to its data in the scratchpad
  std::uint32_t dram_burst = 64;     ///< bytes of a burst; nothing smaller moves
};

/// Throws InputError, naming the knob, unless each is within its range.
void check(const SystemConfig& config);

/// What a knob is set to: on or off, a whole number, a decimal number, or a name.
using KnobValue = std::variant<bool, std::uint64_t, double, std::string>;
/// That value as set_knob() takes it: "true", "64", "7.5", "mn".
std::string knob_text(const KnobValue& value);

/// A choice of SystemConfig on the command line (--NAME) and in a configuration file ("NAME").
struct Knob {
  std::string_view name;
  std::string_view type;  ///< kind of value, for help: "N", "BYTES", "mn|nm"; empty: a switch, on or off
  std::string_view help;
  void (*set)(SystemConfig& config, const std::string& value);  ///< throws InputError: what is wrong with it
  KnobValue (*get)(const SystemConfig& config);
};
/// All of them, in the order of help and reports.
const std::vector<Knob>& knobs();
/// Throws InputError "PLACE: ..." if there is no such knob, or the value does not suit it. A switch takes
/// "true" and "false".
void set_knob(SystemConfig& config, std::string_view name, const std::string& value,
              const std::string& place);
/// Sets the knobs that a JSON file names: {"rows": 16, "format": "if4", "overlap": false}. Throws InputError,
/// naming the file.
void read_config(const std::string& path, SystemConfig& config);

}  // namespace if4
