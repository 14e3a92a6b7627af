#include "model/files/json_file.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"

namespace if4 {

nlohmann::json read_json_object(const std::string& path, std::uint64_t most) {
  const InputFile file(path);
  if (file.size() > most)
    file.fail("is larger than " + std::to_string(most) + " bytes, too large for what it is");
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
  if (!json.is_object()) file.fail("is not a JSON object, as {\"name\": 16, \"other\": false}");
  return json;
}

}  // namespace if4
