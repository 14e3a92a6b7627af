// The header of a safetensors file, which is read and checked before any of the data is looked at.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/core/dtype.hpp"
#include "model/files/atomic_file.hpp"

namespace if4 {

/// The only key of the header that is not the name of a tensor.
constexpr std::string_view kMetadataKey = "__metadata__";

/// One tensor of a file. Its size in bytes is end - begin.
struct TensorInfo {
  std::string name;
  DType dtype = DType::kF32;
  std::string other_dtype = {};  ///< the name of the type where it is kOther
  Shape shape;
  std::uint64_t begin = 0;  ///< first byte, counted from the start of the data area
  std::uint64_t end = 0;    ///< the byte after the last one
  std::size_t file = 0;     ///< which of the files of a SafetensorsFile it is in
};

struct SafetensorsHeader {
  std::uint64_t data_start = 0;     ///< where the data area begins in the file
  std::vector<TensorInfo> tensors;  ///< in the order of the header
  std::map<std::string, std::string> metadata;
};

/// The name of the type of its elements, as the file has it.
std::string_view dtype_name(const TensorInfo& info);

/// What the reference implementation of the format reads is read: unknown keys of a tensor mean nothing, and
/// metadata that is null is none. Beyond that an unknown dtype is read, whose tensor has the size that its offsets
/// say.
/// Throws InputError "FILE: header: ..." or "FILE: tensor 'NAME': ..." unless the header is valid and the
/// tensors fill the data area without holes or overlaps.
SafetensorsHeader read_safetensors_header(const InputFile& file);

/// "tensor 'NAME': MESSAGE", for messages.
std::string tensor_message(std::string_view name, const std::string& message);

}  // namespace if4
