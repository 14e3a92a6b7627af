#include "sim/system/config.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "model/core/error.hpp"
#include "model/core/json_object.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"

namespace if4 {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 40;
constexpr double kMaxBandwidth = 4096.0;

[[noreturn]] void not_a(const std::string& value, const std::string& what) {
  throw InputError(quoted_name(value) + " is not " + what);
}

// "65536", "64K", "1M", "2G": powers of 1024.
std::uint64_t bytes(const std::string& value) {
  std::string digits = value;
  std::uint64_t unit = 1;
  if (!digits.empty()) {
    const auto suffix = std::string_view("KMG").find(digits.back());
    if (suffix != std::string_view::npos) {
      unit = std::uint64_t{1} << (10 * (suffix + 1));
      digits.pop_back();
    }
  }
  const auto number = whole_number(digits, 1, kMaxBytes / unit);
  if (!number) not_a(value, "a size in bytes from 1 to 1024G (K, M, G are powers of 1024)");
  return *number * unit;
}

double decimal(const std::string& value, double least, double most, const std::string& what) {
  // from_chars of a double came with GCC 11 and is missing in libc++.
  std::size_t used = 0;
  double number = std::numeric_limits<double>::quiet_NaN();
  try {
    number = std::stod(value, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used == 0 || used != value.size() || !(number >= least && number <= most)) not_a(value, what);
  return number;
}

bool on_off(const std::string& value) {
  if (value != "true" && value != "false") not_a(value, "true or false");
  return value == "true";
}

template <std::uint64_t kLeast, std::uint64_t kMost, typename T>
void set_number(T& field, const std::string& value) {
  const auto number = whole_number(value, kLeast, kMost);
  if (!number) not_a(value, whole_number_range(kLeast, kMost));
  field = static_cast<T>(*number);
}

const std::string& format_names() {
  static const std::string names = [] {
    std::string all;
    for (int number = 0; number < kMacFormatCount; ++number)
      all += (number == 0 ? "" : "|") + std::string(format_name(static_cast<Format>(number)));
    return all;
  }();
  return names;
}

void set_format(SystemConfig& config, const std::string& value) {
  const auto format = format_from_name(value);
  if (!format || !has_mac(*format)) not_a(value, "one of " + format_names());
  config.array.mac.format = *format;
}

void set_lanes(SystemConfig& config, const std::string& value) {
  if (value != "16" && value != "32" && value != "64") not_a(value, "16, 32 or 64");
  config.array.mac.lanes = std::stoi(value);
}

void set_acc_width(SystemConfig& config, const std::string& value) {
  set_number<0, 120>(config.array.mac.acc_width, value);
  if (config.array.mac.acc_width == 1) not_a(value, "0 or 2 to 120");
}

void set_depth(SystemConfig& config, const std::string& value) {
  if (value != "0" && value != "1") not_a(value, "0 or 1");
  config.array.depth = value == "0" ? 0 : 1;
}

void set_order(SystemConfig& config, const std::string& value) {
  for (const LoopOrder order : {LoopOrder::kMN, LoopOrder::kNM}) {
    if (order_name(order) != value) continue;
    config.order = order;
    return;
  }
  not_a(value, "mn or nm");
}

void set_bandwidth(SystemConfig& config, const std::string& value) {
  const double number = decimal(value, 0.001, kMaxBandwidth, "a number of bytes a cycle from 0.001 to 4096");
  config.dram_bandwidth = static_cast<std::uint32_t>(std::llround(number * 1000.0));
}

std::uint64_t whole(int value) { return static_cast<std::uint64_t>(value); }

using Text = const std::string&;
using Config = const SystemConfig&;

}  // namespace

std::string_view order_name(LoopOrder order) { return order == LoopOrder::kMN ? "mn" : "nm"; }

const std::vector<Knob>& knobs() {
  static const std::vector<Knob> all = {
      {"rows", "N", "rows of cells in the array, 1 to 256",
       [](SystemConfig& c, Text v) { set_number<1, 256>(c.array.rows, v); },
       [](Config c) -> KnobValue { return whole(c.array.rows); }},
      {"columns", "N", "columns of cells in the array, 1 to 256",
       [](SystemConfig& c, Text v) { set_number<1, 256>(c.array.columns, v); },
       [](Config c) -> KnobValue { return whole(c.array.columns); }},
      {"lanes", "16|32|64", "elements that a cell multiplies in a cycle", set_lanes,
       [](Config c) -> KnobValue { return whole(c.array.mac.lanes); }},
      {"format", format_names(), "format of both operands", set_format,
       [](Config c) -> KnobValue { return std::string(format_name(c.array.mac.format)); }},
      {"acc-width", "BITS",
       "width of a cell's accumulator, 2 to 120 bits; 0 is the width that holds 1,024 of the largest beats",
       set_acc_width, [](Config c) -> KnobValue { return whole(c.array.mac.acc_width); }},
      {"shared-output", "", "one FP32 output stage for all columns, not one for each",
       [](SystemConfig& c, Text v) { c.array.shared_output = on_off(v); },
       [](Config c) -> KnobValue { return c.array.shared_output; }},
      {"depth", "0|1", "cells and FP32 stages: 0 small, or 1 fast, with more stages", set_depth,
       [](Config c) -> KnobValue { return whole(c.array.depth); }},
      {"clock", "MHZ", "clock in MHz, 0.001 to 1000000; it only turns cycles into seconds",
       [](SystemConfig& c, Text v) {
         c.clock_mhz = decimal(v, 0.001, 1e6, "a clock in MHz from 0.001 to 1000000");
         c.clock_chosen = true;
       },
       [](Config c) -> KnobValue { return c.clock_mhz; }},
      {"overlap", "true|false", "whether a tile follows the one before without a gap",
       [](SystemConfig& c, Text v) { c.overlap = on_off(v); },
       [](Config c) -> KnobValue { return c.overlap; }},
      {"order", "mn|nm", "which operand stays in its scratchpad: activations (mn) or weights (nm)", set_order,
       [](Config c) -> KnobValue { return std::string(order_name(c.order)); }},
      {"snake", "", "every other pass over the operand that does not stay runs backwards",
       [](SystemConfig& c, Text v) { c.snake = on_off(v); }, [](Config c) -> KnobValue { return c.snake; }},
      {"acts-buffer", "BYTES",
       "size of the activations' scratchpad, both halves together; K, M, G for 1024^n; the default grows "
       "where a "
       "layer needs more",
       [](SystemConfig& c, Text v) {
         c.activation_bytes = bytes(v);
         c.activation_chosen = true;
       },
       [](Config c) -> KnobValue { return c.activation_bytes; }},
      {"weights-buffer", "BYTES", "size of the weights' scratchpad, likewise",
       [](SystemConfig& c, Text v) {
         c.weight_bytes = bytes(v);
         c.weight_chosen = true;
       },
       [](Config c) -> KnobValue { return c.weight_bytes; }},
      {"output-buffer", "BYTES", "size of the buffer for results on their way to the DRAM, likewise",
       [](SystemConfig& c, Text v) {
         c.output_bytes = bytes(v);
         c.output_chosen = true;
       },
       [](Config c) -> KnobValue { return c.output_bytes; }},
      {"acts-banks", "N",
       "banks of the activations' scratchpad, each reads a block a cycle; 0 is as many as a beat needs",
       [](SystemConfig& c, Text v) { set_number<0, 65536>(c.activation_banks, v); },
       [](Config c) -> KnobValue { return whole(c.activation_banks); }},
      {"weights-banks", "N", "banks of the weights' scratchpad, likewise",
       [](SystemConfig& c, Text v) { set_number<0, 65536>(c.weight_banks, v); },
       [](Config c) -> KnobValue { return whole(c.weight_banks); }},
      {"ideal-memory", "", "no DRAM: operands are there in cycle 0, and results need no room",
       [](SystemConfig& c, Text v) { c.ideal_memory = on_off(v); },
       [](Config c) -> KnobValue { return c.ideal_memory; }},
      {"dram-bandwidth", "BYTES", "bytes that the DRAM moves in a cycle, reads and writes together",
       set_bandwidth, [](Config c) -> KnobValue { return c.dram_bandwidth / 1000.0; }},
      {"dram-latency", "CYCLES", "cycles from the end of a read on the bus to its data in the scratchpad",
       [](SystemConfig& c, Text v) { set_number<0, 1000000>(c.dram_latency, v); },
       [](Config c) -> KnobValue { return std::uint64_t{c.dram_latency}; }},
      {"dram-burst", "BYTES", "size of a burst, 1 to 65536 bytes; nothing smaller moves",
       [](SystemConfig& c, Text v) { set_number<1, 65536>(c.dram_burst, v); },
       [](Config c) -> KnobValue { return std::uint64_t{c.dram_burst}; }},
  };
  return all;
}

std::string knob_text(const KnobValue& value) {
  return std::visit(
      [](const auto& v) {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::string>) {
          return v;
        } else {
          return nlohmann::json(v).dump();
        }
      },
      value);
}

void set_knob(SystemConfig& config, std::string_view name, const std::string& value,
              const std::string& place) {
  for (const Knob& knob : knobs()) {
    if (knob.name != name) continue;
    try {
      knob.set(config, value);
    } catch (const InputError& error) {
      throw InputError(place + ": " + error.what());
    }
    return;
  }
  throw InputError(place + ": there is no such option");
}

void read_config(const std::string& path, SystemConfig& config) {
  constexpr std::uint64_t kMaxFile = 1 << 20;
  const InputFile file(path);
  if (file.size() > kMaxFile) file.fail("is larger than 1 MiB, too large for a configuration");
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());
  const nlohmann::json json = parse_json_object(path, text);
  for (const auto& [name, value] : json.items()) {
    if (!value.is_primitive() || value.is_null())
      file.fail(quoted_name(name) + " is not a number, text, true or false");
    set_knob(config, name, value.is_string() ? value.get<std::string>() : value.dump(),
             one_line(path) + ": " + quoted_name(name));
  }
}

void check(const SystemConfig& config) {
  try {
    check(config.array);
  } catch (const std::invalid_argument& error) {
    throw InputError(error.what());
  }
  const auto require = [](bool good, const char* message) {
    if (!good) throw InputError(message);
  };
  require(config.clock_mhz > 0.0, "clock is not above 0 MHz");
  require(config.activation_banks >= 0 && config.weight_banks >= 0, "a number of banks is below 0");
  require(
      config.dram_bandwidth >= 1 && config.dram_bandwidth <= 1000 * static_cast<std::uint32_t>(kMaxBandwidth),
      "dram-bandwidth is not 0.001 to 4096 bytes a cycle");
  require(config.dram_burst >= 1 && config.dram_burst <= 65536, "dram-burst is not 1 to 65536 bytes");
}

}  // namespace if4
