// Safetensors files: an 8-byte little-endian header length, a JSON header, then the bytes of all tensors.
// Format: https://github.com/huggingface/safetensors (README, "Format").
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

/// `count` little-endian values at byte `offset` of a file, as FP32, exact.
/// dtype must be F32, F16 or BF16. Throws if the file is shorter or the values do not fit in memory.
std::vector<float> read_floats(const InputFile& file, std::uint64_t offset, DType dtype, std::size_t count);

/// A file open for reading. The constructor reads and checks the header only; it throws InputError
/// "FILE: header: ..." or "FILE: tensor 'NAME': ..." unless the header is valid and the tensors fill the data
/// area without holes or overlaps. So a TensorInfo of the file always agrees with the file's size.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string& path);

  const std::string& path() const { return file_.path(); }
  /// In the order of the header.
  const std::vector<TensorInfo>& tensors() const { return header_.tensors; }
  /// The tensor of that name, or nullptr.
  const TensorInfo* find(std::string_view name) const;
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }

  /// The end - begin bytes of a tensor of this file.
  std::vector<std::uint8_t> read_bytes(const TensorInfo& info) const;
  /// The same in the mapped file, at any address; valid as long as the object.
  const std::uint8_t* map(const TensorInfo& info);
  /// Lets go of the memory of that mapping.
  void release(const TensorInfo& info) const {
    file_.release(header_.data_start + info.begin, info.end - info.begin);
  }
  /// The values as FP32, NaN and infinities included; shape [] has one value. Throws unless F32, F16 or BF16.
  Tensor read_tensor(const TensorInfo& info) const;
  /// InputError "FILE: tensor 'NAME': MESSAGE".
  [[noreturn]] void fail(std::string_view name, const std::string& message) const;

 private:
  InputFile file_;
  SafetensorsHeader header_;
  std::unordered_map<std::string, std::size_t> positions_;
};

/// A tensor to write: `size` bytes at `data`, little-endian, row-major. The bytes are not copied.
struct TensorBytes {
  std::string name;
  DType dtype;
  Shape shape;
  const void* data;
  std::size_t size;
};

/// What a safetensors file with these tensors begins with, and where each tensor's bytes go. `data` is not
/// looked at.
struct SafetensorsLayout {
  std::string start;                   ///< length and header
  std::vector<std::uint64_t> offsets;  ///< in the file, of each tensor
};
/// Throws the InputErrors of write_safetensors(), whose layout it is; `path` is for the messages.
SafetensorsLayout layout_safetensors(const std::string& path, const std::vector<TensorBytes>& tensors,
                                     const std::map<std::string, std::string>& metadata);

/// Writes a file whose header lists the tensors in the given order; the data lies wider types first so that
/// every tensor is aligned to its element size. Throws InputError if a name is used twice, is "__metadata__"
/// or is not UTF-8, if a size does not agree with its shape, or if the file cannot be written.
void write_safetensors(const std::string& path, const std::vector<TensorBytes>& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace if4
