// A model that is a folder, as Hugging Face lays it out: safetensors files that are called shards, an index
// *.safetensors.index.json that says which shard holds which tensor, and other files such as config.json.
// https://huggingface.co/docs/safetensors/metadata_parsing describes it.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace if4 {

/// How the name of an index ends.
constexpr std::string_view kIndexSuffix = ".safetensors.index.json";

struct ModelFolder {
  std::string path;                            ///< of the folder
  std::string index;                           ///< of the index; empty where the folder holds one shard alone
  std::vector<std::string> shards;             ///< paths, each once, in the order of their names
  std::map<std::string, std::size_t> tensors;  ///< which shard holds a tensor, as the index says
};

/// Whether the path is for read_model_folder(): it is a directory, or its name ends like that of an index.
bool is_model_folder(const std::string& path);

/// Reads the index, which `path` names itself or which is the only one in the folder `path`. A folder without an
/// index may hold one safetensors file, the only shard then. Other files are not looked at.
/// Throws InputError naming the index where it is malformed, where a name in it leads out of the folder (an
/// absolute one, "..", or a link), and where a shard is missing. The links that Hugging Face's cache is made of,
/// from snapshots/REVISION/ to blobs/ beside snapshots/, are followed.
ModelFolder read_model_folder(const std::string& path);

/// The names of the other files of a folder, in order: regular ones that are neither hidden, nor weights in any
/// format, nor an index. Folders inside of it are left out. Throws InputError where one is a link that leads
/// out of the folder.
std::vector<std::string> other_files(const std::string& folder);

}  // namespace if4
