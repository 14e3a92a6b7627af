#include "sim/graph/energy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "model/core/error.hpp"
#include "model/core/json_object.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"
#include "sim/array/core.hpp"

namespace if4 {
namespace {

using Json = nlohmann::json;

// Each is an option of the simulated array.
constexpr std::array<const char*, 6> kArrayKeys = {"format", "rows",      "columns",
                                                   "lanes",  "acc-width", "shared-output"};

struct Figure {
  const char* name;
  double ArrayEnergy::*member;
};
constexpr std::array<Figure, 5> kFigures = {{{"beat_pj", &ArrayEnergy::beat_pj},
                                             {"idle_pj", &ArrayEnergy::idle_pj},
                                             {"tile_pj", &ArrayEnergy::tile_pj},
                                             {"leakage_mw", &ArrayEnergy::leakage_mw},
                                             {"clock_mhz", &ArrayEnergy::clock_mhz}}};
constexpr double kMostFigure = 1e15;

// What `make energy` and `make area` call the array.
std::string array_name(const ArrayConfig& array) {
  std::string name = fmt::format("{} {}x{}", format_name(array.mac.format), array.rows, array.columns);
  if (array.mac.lanes != kBlockSize) name += fmt::format(" Lanes={}", array.mac.lanes);
  if (array.mac.acc_width != 0) name += fmt::format(" AccWidth={}", array.mac.acc_width);
  return name + (array.shared_output ? " SharedOutput=1" : "");
}

const Json& at(const Json& entry, const char* key, const std::string& place) {
  if (!entry.contains(key)) throw InputError(place + ": '" + key + "' is missing");
  return entry[key];
}

ArrayConfig read_array(const Json& entry, const std::string& place) {
  SystemConfig config;
  for (const char* const key : kArrayKeys) {
    const Json& value = at(entry, key, place);
    const std::string where = place + ": '" + key + "'";
    if (!value.is_primitive() || value.is_null())
      throw InputError(where + " is not a number, text, true or false");
    set_knob(config, key, value.is_string() ? value.get<std::string>() : value.dump(), where);
  }
  try {
    check(config);
  } catch (const InputError& error) {
    throw InputError(place + ": is of no array that there is: " + error.what());
  }
  return config.array;
}

ArrayEnergy read_figures(const Json& entry, const std::string& place) {
  ArrayEnergy energy;
  for (const Figure& figure : kFigures) {
    const Json& value = at(entry, figure.name, place);
    const double number = value.is_number() ? value.get<double>() : -1.0;
    if (!(number >= 0.0 && number <= kMostFigure))
      throw InputError(place + ": '" + figure.name + "' is not a number from 0 to 1e15");
    energy.*figure.member = number;
  }
  // A clock in which a beat moves is not free, and no path is without length.
  for (const Figure& figure : {kFigures.front(), kFigures.back()})
    if (energy.*figure.member == 0.0) throw InputError(place + ": '" + figure.name + "' is 0");
  return energy;
}

}  // namespace

double energy_pj(const ArrayEnergy& array, const SystemConfig& config, const RunStats& run) {
  const auto cycles = static_cast<double>(run.cycles.total()), beats = static_cast<double>(run.cycles.beats);
  const double seconds = cycles / (config.clock_mhz * 1e6);
  return beats * array.beat_pj + (cycles - beats) * array.idle_pj +
         static_cast<double>(run.tiles) * array.tile_pj + array.leakage_mw * seconds * 1e9;
}

EnergyTable::EnergyTable(const std::string& path) : path_(path) {
  constexpr std::uint64_t kMostFile = std::uint64_t{1} << 20;
  const InputFile file(path);
  if (file.size() > kMostFile) file.fail("is larger than 1 MiB, too large for energies of arrays");
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());
  const Json json = parse_json_object(path, text);
  if (!json.contains("library") || !json["library"].is_string() || !json.contains("arrays") ||
      !json["arrays"].is_array() || json["arrays"].empty())
    file.fail("is not what `make energy ARRAY=... ENERGY=FILE` writes: it lacks 'library' or 'arrays'");
  library_ = one_line(json["library"].get_ref<const std::string&>());
  for (const Json& entry : json["arrays"]) {
    const std::string place = one_line(path) + ": array " + std::to_string(arrays_.size() + 1);
    if (!entry.is_object()) throw InputError(place + " is not an object such as {\"rows\": 8}");
    const ArrayConfig array = read_array(entry, place);
    if (std::any_of(arrays_.begin(), arrays_.end(), [&](const auto& known) { return known.first == array; }))
      throw InputError(place + ": " + array_name(array) + " is there twice");
    arrays_.emplace_back(array, read_figures(entry, place));
  }
}

const ArrayEnergy& EnergyTable::of(const ArrayConfig& array) const {
  for (const auto& [known, energy] : arrays_)
    if (known == array) return energy;
  const std::string name = array_name(array);
  throw InputError(one_line(path_) + ": has no array " + name + "; make energy ARRAY=\"" + name +
                   "\" ENERGY=FILE counts it");
}

}  // namespace if4
