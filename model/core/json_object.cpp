#include "model/core/json_object.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "model/core/error.hpp"
#include "model/core/text.hpp"

namespace if4 {

nlohmann::json parse_json_object(const std::string& path, const std::string& text) {
  const auto fail = [&path](const std::string& message) {
    throw InputError(one_line(path) + ": " + message);
  };
  using Event = nlohmann::json::parse_event_t;
  std::vector<std::set<std::string>> names;  // of the objects that are open
  const auto twice = [&](int, Event event, const nlohmann::json& name) {
    if (event == Event::object_start) names.emplace_back();
    if (event == Event::object_end) names.pop_back();
    if (event == Event::key && !names.back().insert(name.get<std::string>()).second)
      fail(quoted_name(name.get<std::string>()) + " is there twice");
    return true;
  };
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(text, twice);
  } catch (const nlohmann::json::parse_error& error) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(error.byte, text.size()));
    fail("line " + std::to_string(1 + std::count(text.begin(), end, '\n')) + " is not JSON");
  } catch (const nlohmann::json::exception&) {
    fail("a number in it is out of range");
  }
  if (!json.is_object()) fail("is not a JSON object, as {\"name\": 16, \"other\": false}");
  return json;
}

}  // namespace if4
