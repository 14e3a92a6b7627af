// Safetensors files: the length of the header in 8 bytes, little-endian, then a JSON header, then the bytes
// of all tensors. The format is described at https://github.com/huggingface/safetensors (README, "Format").
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/core/dtype.hpp"
#include "model/core/tensor.hpp"
#include "model/files/atomic_file.hpp"
#include "model/files/safetensors_header.hpp"

namespace if4 {

/// Reads `count` little-endian values from byte `offset` of a file on, and converts them to FP32,
/// exactly. `dtype` must be F32, F16 or BF16. Throws where the file is shorter and where the values do
/// not fit in memory.
std::vector<float> read_floats(const InputFile& file, std::uint64_t offset, DType dtype, std::size_t count);

/// A file that is open for reading, or a folder of such files that is read as one: see model_folder.hpp. The
/// constructor reads and checks the headers only: it throws as read_safetensors_header() and read_model_folder()
/// do, where two files hold a tensor of one name, and where one lacks a tensor that the index says it holds. The
/// bytes that a TensorInfo names are therefore always there.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string& path);

  /// As it was given.
  const std::string& path() const { return path_; }
  /// The files that were opened: the path itself, or an index, if there is one, and the shards.
  std::vector<std::string> paths() const;
  /// All tensors, shard after shard, in the order of each header.
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  /// The tensor of that name, or null.
  const TensorInfo* find(std::string_view name) const;
  /// That of all shards. Of entries with one key that of the first shard counts.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// Reads the bytes of a tensor of this file.
  std::vector<std::uint8_t> read_bytes(const TensorInfo& info) const;
  /// The bytes in the mapped file, which may be at any address and are valid as long as the object.
  const std::uint8_t* map(const TensorInfo& info);
  /// Gives back the memory that this mapping takes: see InputFile::release().
  void release(const TensorInfo& info) const {
    files_[info.file].release(start_of(info), info.end - info.begin);
  }
  /// Reads the values of a tensor as FP32, with NaN and infinities as they are. The shape [] has one value.
  /// Throws where the type is not F32, F16 or BF16.
  Tensor read_tensor(const TensorInfo& info) const;
  /// Throws InputError "FILE: tensor 'NAME': MESSAGE", with the shard that holds the tensor if there is one.
  [[noreturn]] void fail(std::string_view name, const std::string& message) const;

 private:
  void open(const std::string& path);
  /// Where the bytes of a tensor begin in its file.
  std::uint64_t start_of(const TensorInfo& info) const { return data_starts_[info.file] + info.begin; }

  std::string path_;
  std::string index_;  ///< empty where there is none
  std::vector<InputFile> files_;
  std::vector<std::uint64_t> data_starts_;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
  std::unordered_map<std::string_view, std::size_t> positions_;  ///< the keys are the names in tensors_
};

/// A tensor to write. Its bytes, `size` of them at `data`, are little-endian and row-major. They are not
/// copied, so they must outlive the object.
struct TensorBytes {
  std::string name;
  DType dtype;
  Shape shape;
  const void* data;
  std::size_t size;
  std::string other_dtype = {};  ///< the name of the type where it is kOther, whose size may be anything
};

/// What a safetensors file begins with, and where the bytes of its tensors are.
struct SafetensorsLayout {
  std::string start;                   ///< the length of the header, and the header
  std::vector<std::uint64_t> offsets;  ///< for each tensor, where it begins in the file
};
/// The layout of the file that write_safetensors() writes, without a look at TensorBytes::data. Throws as
/// write_safetensors() does; `path` is for the messages.
SafetensorsLayout layout_safetensors(const std::string& path, const std::vector<TensorBytes>& tensors,
                                     const std::map<std::string, std::string>& metadata);

/// Writes a file whose header lists the tensors in the given order. In the data area those of wider types
/// come first, so that every tensor is aligned to the size of its elements. Throws InputError where a name is
/// used twice, is "__metadata__" or is not UTF-8, where a size does not agree with its shape, and where the
/// file cannot be written.
void write_safetensors(const std::string& path, const std::vector<TensorBytes>& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace if4
