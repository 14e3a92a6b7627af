#include "sim/program/synthesized_clock.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "model/core/error.hpp"
#include "model/core/json_object.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"

namespace if4 {
namespace {

using Json = nlohmann::json;

constexpr double kLeastMhz = 0.001, kMostMhz = 1e6;  // those of --clock

// The array whose parameters these are; those that are not given have the default of rtl/if4_array.sv.
ArrayConfig array_of(const InputFile& file, const Json& parameters) {
  ArrayConfig array;
  int format = 0, shared = 0;
  const std::pair<const char*, int*> known[] = {
      {"Format", &format},         {"Rows", &array.rows},     {"Cols", &array.columns},
      {"Lanes", &array.mac.lanes}, {"SharedOutput", &shared}, {"AccWidth", &array.mac.acc_width}};
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
  return fmt::format("{} {} x {}, {} lanes, accumulator {}, {}", format_name(array.mac.format), array.rows,
                     array.columns, array.mac.lanes, acc_width(array.mac),
                     array.shared_output ? "shared output" : "an output for each column");
}

}  // namespace

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

}  // namespace if4
