// JSON files that a user or another program writes.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace if4 {

/// The object that a file holds. Throws InputError, naming the file, if it is longer than `most` bytes, holds
/// something else, a number that is out of range, or a name of the object twice.
nlohmann::json read_json_object(const std::string& path, std::uint64_t most);

}  // namespace if4
