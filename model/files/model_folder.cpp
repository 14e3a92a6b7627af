#include "model/files/model_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "model/core/error.hpp"
#include "model/core/json_object.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"

namespace if4 {
namespace {

namespace fs = std::filesystem;

/// The longest index that is read. An index has some 100 bytes for a tensor.
constexpr std::uint64_t kMaxIndexBytes = 100'000'000;
constexpr std::string_view kSafetensors = ".safetensors";
constexpr const char* kWeightMap = "weight_map";

[[noreturn]] void fail(const std::string& path, const std::string& message) {
  throw InputError(one_line(path) + ": " + message);
}

/// The names of the files in a folder, sorted.
std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    names.push_back(at->path().filename().string());
  if (error) fail(folder, "cannot read: " + error.message());
  std::sort(names.begin(), names.end());
  return names;
}

/// Whether a file is in the folder once all links are followed, or in the blobs of Hugging Face's cache that
/// belong to it.
bool is_inside(const fs::path& real_folder, const fs::path& real_file) {
  const auto ends = std::mismatch(real_folder.begin(), real_folder.end(), real_file.begin(), real_file.end());
  if (ends.first == real_folder.end()) return true;
  const fs::path snapshots = real_folder.parent_path();
  return snapshots.filename() == "snapshots" && real_file.parent_path() == snapshots.parent_path() / "blobs";
}

/// Throws where `name` leads out of the folder. `place` begins the message.
void check_inside(const std::string& folder, const std::string& name, const std::string& place) {
  const fs::path path(name);
  const bool upwards = std::find(path.begin(), path.end(), "..") != path.end();
  if (path.is_absolute() || upwards) throw InputError(place + "leads out of the folder");
  std::error_code error;
  const fs::path real_folder = fs::canonical(folder.empty() ? "." : folder, error);
  if (error) fail(folder, "cannot read: " + error.message());
  const fs::path real_file = fs::canonical(fs::path(folder) / path, error);
  if (error) throw InputError(place + "cannot be read: " + error.message());
  if (!is_inside(real_folder, real_file)) throw InputError(place + "is a link that leads out of the folder");
}

/// The object "weight_map" of an index, from names of tensors to names of shards.
std::map<std::string, std::string> read_weight_map(const std::string& path) {
  const InputFile file(path);
  if (file.size() > kMaxIndexBytes)
    file.fail("the index is longer than " + std::to_string(kMaxIndexBytes) + " bytes");
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());
  const nlohmann::json index = parse_json_object(path, text);
  const auto map = index.find(kWeightMap);
  if (map == index.end()) file.fail("weight_map is missing");
  if (!map->is_object()) file.fail("weight_map is not an object");
  if (map->empty()) file.fail("weight_map names no tensor");
  std::map<std::string, std::string> result;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string()) file.fail("weight_map: " + quoted_name(tensor) + " is not the name of a shard");
    result.emplace(tensor, shard.get<std::string>());
  }
  return result;
}

/// The index of a folder, or nothing where it has none and one shard. Throws where the choice is not clear.
std::optional<std::string> find_index(const std::string& folder, std::vector<std::string>& shards) {
  std::vector<std::string> indexes;
  for (const std::string& name : names_in(folder)) {
    if (ends_with(name, kIndexSuffix)) indexes.push_back(name);
    if (ends_with(name, kSafetensors) && name.front() != '.') shards.push_back(name);
  }
  if (indexes.size() > 1)
    fail(folder,
         "which index? The folder holds " + quoted_name(indexes[0]) + " and " + quoted_name(indexes[1]));
  if (indexes.size() == 1) return indexes[0];
  if (shards.empty()) fail(folder, "the folder holds no safetensors file and no index of shards");
  if (shards.size() > 1) {
    fail(folder, "the folder holds " + std::to_string(shards.size()) +
                     " safetensors files and no index of them, model.safetensors.index.json");
  }
  return std::nullopt;
}

bool is_weights(const std::string& name) {
  static constexpr std::string_view kEnds[] = {kSafetensors, kIndexSuffix, ".bin",  ".bin.index.json",
                                               ".pt",        ".pth",       ".ckpt", ".gguf",
                                               ".onnx",      ".h5",        ".npz",  ".msgpack"};
  return std::any_of(std::begin(kEnds), std::end(kEnds),
                     [&](std::string_view end) { return ends_with(name, end); });
}

}  // namespace

bool is_model_folder(const std::string& path) {
  std::error_code ignored;
  return ends_with(path, kIndexSuffix) || fs::is_directory(path, ignored);
}

ModelFolder read_model_folder(const std::string& path) {
  ModelFolder result;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    result.path = path;
    std::vector<std::string> shards;
    const std::optional<std::string> index = find_index(path, shards);
    if (!index) {
      check_inside(path, shards[0], one_line(path) + ": " + quoted_name(shards[0]) + " ");
      result.shards = {(fs::path(path) / shards[0]).string()};
      return result;
    }
    result.index = (fs::path(path) / *index).string();
  } else {
    result.path = fs::path(path).parent_path().string();
    result.index = path;
  }
  const std::map<std::string, std::string> weight_map = read_weight_map(result.index);
  std::map<std::string, std::size_t> numbers;
  for (const auto& [tensor, shard] : weight_map) numbers.emplace(shard, 0);
  for (auto& [shard, number] : numbers) {
    const std::string place = one_line(result.index) + ": shard " + quoted_name(shard) + " ";
    const fs::path file = fs::path(result.path) / shard;
    if (shard.empty() || (!fs::path(shard).is_absolute() && !fs::exists(file, ignored)))
      throw InputError(place + "is not in the folder");
    check_inside(result.path, shard, place);
    number = result.shards.size();
    result.shards.push_back(file.string());
  }
  for (const auto& [tensor, shard] : weight_map) result.tensors.emplace(tensor, numbers.at(shard));
  return result;
}

std::vector<std::string> other_files(const std::string& folder) {
  std::vector<std::string> names;
  for (const std::string& name : names_in(folder.empty() ? "." : folder)) {
    const fs::path file = fs::path(folder) / name;
    std::error_code ignored;
    if (name.front() == '.' || is_weights(name) || !fs::is_regular_file(file, ignored)) continue;
    check_inside(folder, name, one_line(file.string()) + ": ");
    names.push_back(name);
  }
  return names;
}

}  // namespace if4
