// A model that is written tensor by tensor, to one safetensors file or to a folder of shards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/files/atomic_file.hpp"
#include "model/files/atomic_folder.hpp"
#include "model/files/safetensors.hpp"
#include "model/files/tensor_file.hpp"

namespace if4 {

/// What belongs together in an output model, and so into one shard: a tensor that is copied, or the parts of a
/// quantized one. `data` of the parts is not looked at.
struct ModelEntry {
  std::vector<TensorBytes> parts;
  std::map<std::string, std::string> metadata;  ///< of the file that holds the entry
};

/// The number of the shard, from 0 on, that each of the entries with these sizes goes to. The order is kept.
/// The shards are about of the same size, and none is larger than `limit` bytes unless it has one entry alone.
std::vector<std::size_t> plan_shards(const std::vector<std::uint64_t>& sizes, std::uint64_t limit);

/// The largest size of a shard in bytes where nothing else is said: that of Hugging Face's own tools.
constexpr std::uint64_t kDefaultShardSize = 5'000'000'000;

/// Where a model goes.
struct ModelOutput {
  std::string path;
  /// Of a folder: the folder to copy the other files from, and the largest size of a shard in bytes.
  std::optional<std::string> like;
  std::uint64_t shard_size = kDefaultShardSize;
};

/// Where what is made of `input`, which is these files, goes: to a folder if it is one and has no name of a
/// tensor, else to a file. Throws InputError where the output is the input, where a file has the name of another
/// kind of file, and where a size of shards is given for what is no folder.
ModelOutput model_output(const std::string& path, const TensorRef& input, std::vector<std::string> files,
                         const std::optional<std::uint64_t>& shard_size);

/// The entries are written in their order: begin(0), any number of write() for its parts, begin(1), and so on.
/// Nothing has its final name before commit(). One file is open at a time.
class ModelWriter {
 public:
  /// `metadata` is that of every file. Throws InputError where the names are not fit for a file, and where
  /// nothing can be written at that path.
  ModelWriter(const ModelOutput& output, std::vector<ModelEntry> entries,
              std::map<std::string, std::string> metadata);

  void begin(std::size_t entry);
  /// Writes bytes of a part of the entry that was begun last, from byte `offset` of that part on.
  void write(std::size_t part, std::uint64_t offset, const void* data, std::size_t size);
  /// Ends the last file, and copies the other files of a folder.
  void commit();

 private:
  bool is_folder() const { return folder_.has_value(); }
  std::string shard_name(std::size_t shard) const;
  void open_shard(std::size_t shard);
  void close_shard();
  void write_index();

  ModelOutput output_;
  std::vector<ModelEntry> entries_;  ///< without what belongs to files that were opened
  std::vector<std::size_t> counts_;  ///< how many parts each entry has
  std::uint64_t total_ = 0;          ///< bytes of all entries
  std::vector<std::pair<std::string, std::size_t>> written_;  ///< tensors of a folder, and their shards
  std::map<std::string, std::string> metadata_;
  std::vector<std::size_t> shards_;     ///< of each entry
  std::optional<AtomicFolder> folder_;  ///< declared before the file in it, which must be gone first
  std::optional<AtomicFile> file_;
  std::vector<std::uint64_t> offsets_;  ///< of all parts of the open file
  std::size_t first_ = 0;               ///< in offsets_, of the entry that was begun last
  std::size_t next_ = 0;                ///< in offsets_, of the entry after that
};

}  // namespace if4
