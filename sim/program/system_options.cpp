#include "sim/program/system_options.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "model/core/error.hpp"
#include "model/core/json_object.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"

namespace if4 {
namespace {

using Json = nlohmann::json;

constexpr double kLeastMhz = 0.001, kMostMhz = 1e6;  // those of --clock

// The array whose parameters these are; those that are not given have the default of rtl/array/if4_array.sv.
ArrayConfig array_of(const InputFile& file, const Json& parameters) {
  ArrayConfig array;
  int format = 0, shared = 0;
  const std::pair<const char*, int*> known[] = {{"Format", &format},       {"Rows", &array.rows},
                                                {"Cols", &array.columns},  {"Lanes", &array.mac.lanes},
                                                {"SharedOutput", &shared}, {"AccWidth", &array.mac.acc_width},
                                                {"Depth", &array.depth}};
  for (const auto& [name, value] : parameters.items()) {
    int* member = nullptr;
    for (const auto& [parameter, place] : known)
      if (name == parameter) member = place;
    if (member == nullptr)
      file.fail("is of an array with the parameter " + quoted_name(name) +
                ", which the simulated one has not");
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > 256)
      file.fail("the parameter " + quoted_name(name) + " is not a whole number from 0 to 256");
    *member = value.get<int>();
  }
  if (format >= kMacFormatCount || shared > 1) file.fail("is of no array that there is");
  array.mac.format = static_cast<Format>(format);
  array.shared_output = shared == 1;
  try {
    check(array);
  } catch (const std::invalid_argument& error) {
    file.fail(std::string("is of no array that there is: ") + error.what());
  }
  return array;
}

std::string array_name(const ArrayConfig& array) {
  return fmt::format("{} {} x {}, {} lanes, accumulator {}, {}, depth {}", format_name(array.mac.format),
                     array.rows, array.columns, array.mac.lanes, acc_width(array.mac),
                     array.shared_output ? "shared output" : "an output for each column", array.depth);
}

// 1000 / critical_path_ns of the result.json that `make area` leaves of an array, in MHz, rounded down to kHz. Throws
// InputError, naming the file, if it is no such file, or one of another array.
double synthesized_clock(const std::string& path, const ArrayConfig& array) {
  constexpr std::uint64_t kMaxFile = 1 << 20;
  const InputFile file(path);
  if (file.size() > kMaxFile) file.fail("is larger than 1 MiB, too large for a result of `make area`");
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());
  const Json json = parse_json_object(path, text);
  const auto member = [&](const char* name, bool (Json::*is_kind)() const noexcept) -> const Json& {
    const auto found = json.find(name);
    if (found == json.end() || !((*found).*is_kind)())
      file.fail(
          fmt::format("is not the result.json that `make area` leaves of an array: it has no {}", name));
    return *found;
  };
  const std::string top = member("top", &Json::is_string).get<std::string>();
  if (top != "if4_array") file.fail("is the result of " + quoted_name(top) + ", not of if4_array");
  const ArrayConfig synthesized = array_of(file, member("parameters", &Json::is_object));
  if (!(synthesized == array))
    file.fail("is of another array: " + array_name(synthesized) + "; simulated: " + array_name(array));
  const double path_ns = member("critical_path_ns", &Json::is_number).get<double>();
  const double mhz = std::floor(1e6 / path_ns) / 1e3;
  if (!(path_ns > 0.0 && mhz >= kLeastMhz && mhz <= kMostMhz))
    file.fail(fmt::format("critical_path_ns is {:g}, which is no path", path_ns));
  return mhz;
}

}  // namespace

void add_system(CLI::App& app, SystemOptions& options, const std::string& without) {
  add_text(app, "--config", options.config, "FILE",
           "JSON file of the options below, such as {\"rows\": 16}; the command line wins over it");
  for (const Knob& knob : knobs()) {
    const std::string name(knob.name);
    if (name == without) continue;
    const auto set = [&options, name](const std::string& value) { options.knobs.emplace_back(name, value); };
    const std::string names = name == "columns" ? "--columns,--cols" : "--" + name;
    if (knob.type.empty()) {
      add_flag(
          app, names, [set] { set("true"); }, std::string(knob.help));
    } else {
      const std::string by_default = "; default " + knob_text(knob.get(SystemConfig{}));
      add_text(app, names, set, std::string(knob.type), std::string(knob.help) + by_default);
    }
  }
}

void add_engine(CLI::App& app, ArrayEngine& engine, const std::string& help) {
  Choices<ArrayEngine> engines;
  for (const ArrayEngineTraits& known : kArrayEngines) engines.emplace_back(known.name, known.engine);
  add_choice(app, "--engine", engine, engines, help);
}

SystemConfig make_config(const SystemOptions& options) {
  SystemConfig config;
  if (!options.config.empty()) read_config(options.config, config);
  for (const auto& [name, value] : options.knobs) set_knob(config, name, value, "--" + name);
  check(config);
  if (options.clock_from.empty()) return config;
  config.synthesized_mhz = synthesized_clock(options.clock_from, config.array);
  if (!config.clock_chosen) {
    config.clock_mhz = config.synthesized_mhz;
  } else if (config.clock_mhz > config.synthesized_mhz) {
    fmt::print(stderr, "if4: warning: the clock of {:g} MHz is above the {:g} MHz that {} allows\n",
               config.clock_mhz, config.synthesized_mhz, one_line(options.clock_from));
  }
  return config;
}

void RunFiles::use(const std::string& option, const std::string& path, bool written) {
  if (path.empty()) return;
  std::error_code error;
  const std::string name =
      std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error).string();
  if (error || name.rfind("/dev/", 0) == 0 || name.rfind("/proc/", 0) == 0) return;
  const auto [known, is_new] = used_.emplace(name, option);
  if (!is_new && written)
    throw InputError(option + ": " + one_line(path) + " is the file of " + known->second);
}

}  // namespace if4
