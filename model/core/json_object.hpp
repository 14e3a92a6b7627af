// JSON that a user or another program wrote.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace if4 {

/// The object that the text of a file is. Throws InputError "PATH: ..." if it is something else, holds a number that is
/// out of range, or an object with a name twice, of which the library would keep the last without a word.
nlohmann::json parse_json_object(const std::string& path, const std::string& text);

}  // namespace if4
