#include "sim/program/system_options.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "sim/program/synthesized_clock.hpp"

namespace if4 {

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
