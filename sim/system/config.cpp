#include "sim/system/config.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"

namespace if4 {
namespace {

constexpr std::uint64_t kMaxTiles = std::uint64_t{1} << 30;
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

std::string format_names() {
  std::string names;
  for (int number = 0; number < kMacFormatCount; ++number)
    names += (names.empty() ? "" : "|") + std::string(format_name(static_cast<Format>(number)));
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

void set_order(SystemConfig& config, const std::string& value) {
  if (value != "mn" && value != "nm") not_a(value, "mn or nm");
  config.order = value == "mn" ? LoopOrder::kMN : LoopOrder::kNM;
}

void set_bandwidth(SystemConfig& config, const std::string& value) {
  const double number = decimal(value, 0.001, kMaxBandwidth, "a number of bytes a cycle from 0.001 to 4096");
  config.dram_bandwidth = static_cast<std::uint32_t>(std::llround(number * 1000.0));
}

using Text = const std::string&;

}  // namespace

const std::vector<Knob>& knobs() {
  static const std::vector<Knob> all = {
      {"rows", "N", "of the array, 1..256, default 8",
       [](SystemConfig& c, Text v) { set_number<1, 256>(c.array.rows, v); }},
      {"columns", "N", "of the array, 1..256, default 8",
       [](SystemConfig& c, Text v) { set_number<1, 256>(c.array.columns, v); }},
      {"lanes", "16|32|64", "products of a cell a cycle, default 16", set_lanes},
      {"format", "FORMAT", "of the operands: if4 (default), nvfp4, ...", set_format},
      {"acc-width", "BITS", "of a cell's accumulator, 2..120; 0, the default: holds 1,024 largest beats",
       [](SystemConfig& c, Text v) {
         set_number<0, 120>(c.array.mac.acc_width, v);
         if (c.array.mac.acc_width == 1) not_a(v, "0 or 2 to 120");
       }},
      {"shared-output", "", "one FP32 output stage for all columns",
       [](SystemConfig& c, Text v) { c.array.shared_output = on_off(v); }},
      {"clock", "MHZ", "default 1000",
       [](SystemConfig& c, Text v) {
         c.clock_mhz = decimal(v, 0.001, 1e6, "a clock in MHz from 0.001 to 1000000");
       }},
      {"overlap", "true|false", "tiles follow each other without a gap, default true",
       [](SystemConfig& c, Text v) { c.overlap = on_off(v); }},
      {"order", "mn|nm", "what stays: activations (mn, default) or weights (nm)", set_order},
      {"snake", "", "every other pass over the inner operand runs backwards",
       [](SystemConfig& c, Text v) { c.snake = on_off(v); }},
      {"acts-buffer", "BYTES", "scratchpad of the activations, both halves, default 1M",
       [](SystemConfig& c, Text v) { c.activation_bytes = bytes(v); }},
      {"weights-buffer", "BYTES", "scratchpad of the weights, both halves, default 1M",
       [](SystemConfig& c, Text v) { c.weight_bytes = bytes(v); }},
      {"output-buffer", "BYTES", "for results on their way to the DRAM, default 64K",
       [](SystemConfig& c, Text v) { c.output_bytes = bytes(v); }},
      {"acts-banks", "N", "of the scratchpad, a block a cycle each; 0, the default: as many as a beat needs",
       [](SystemConfig& c, Text v) { set_number<0, 65536>(c.activation_banks, v); }},
      {"weights-banks", "N", "likewise",
       [](SystemConfig& c, Text v) { set_number<0, 65536>(c.weight_banks, v); }},
      {"ideal-memory", "", "operands are there from the start, results need no room",
       [](SystemConfig& c, Text v) { c.ideal_memory = on_off(v); }},
      {"dram-bandwidth", "BYTES", "a cycle, reads and writes together, default 64", set_bandwidth},
      {"dram-latency", "CYCLES", "of a read, default 100",
       [](SystemConfig& c, Text v) { set_number<0, 1000000>(c.dram_latency, v); }},
      {"dram-burst", "BYTES", "default 64",
       [](SystemConfig& c, Text v) { set_number<1, 65536>(c.dram_burst, v); }},
  };
  return all;
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
  const InputFile file(path);
  constexpr std::uint64_t kMaxFile = 1 << 20;
  if (file.size() > kMaxFile) file.fail("is larger than 1 MiB, too large for a configuration");
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());
  std::set<std::string> names;
  const auto twice = [&](int depth, nlohmann::json::parse_event_t event, const nlohmann::json& name) {
    if (depth == 1 && event == nlohmann::json::parse_event_t::key &&
        !names.insert(name.get<std::string>()).second)
      file.fail(quoted_name(name.get<std::string>()) + " is there twice");
    return true;
  };
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(text, twice);
  } catch (const nlohmann::json::parse_error& error) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(error.byte, text.size()));
    file.fail("line " + std::to_string(1 + std::count(text.begin(), end, '\n')) + " is not JSON");
  } catch (const nlohmann::json::exception&) {
    file.fail("a number in it is out of range");
  }
  if (!json.is_object()) file.fail("is not a JSON object, as {\"rows\": 16, \"overlap\": false}");
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
                       std::to_string(side.panel_bytes) + " bytes");
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
                     std::to_string(tile_bytes) + " bytes of a tile's results");
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

}  // namespace if4
