#include "model/files/safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/model_folder.hpp"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "file values are copied without swapping bytes");

namespace if4 {
namespace {

/// Returns read(), and throws InputError where there is not enough memory for it.
template <class Read>
auto in_memory(const InputFile& file, std::uint64_t bytes, Read read) {
  try {
    return read();
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  }
  file.fail("not enough memory for a tensor of " + std::to_string(bytes) + " bytes in the file");
}

/// The text as a JSON string. Throws where it is not UTF-8; `path` is for the message.
std::string json_string(const std::string& path, const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    throw InputError(one_line(path) + ": header: a name or a metadata text is not UTF-8");
  }
}

/// Throws where two tensors have one name, or one has that of the metadata. Sorted names take a quarter of the
/// memory of a set.
void check_names(const std::string& path, const std::vector<TensorBytes>& tensors) {
  std::vector<std::string_view> names{kMetadataKey};
  for (const TensorBytes& tensor : tensors) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    throw InputError(one_line(path) + ": " + tensor_message(*twice, "the name is taken"));
}

}  // namespace

std::vector<float> read_floats(const InputFile& file, std::uint64_t offset, DType dtype, std::size_t count) {
  const std::size_t size = dtype_size(dtype);
  return in_memory(file, count * size, [&] {
    std::vector<float> values(count);
    if (dtype == DType::kF32) {
      file.read(offset, values.data(), count * size);
      return values;
    }
    std::vector<std::uint16_t> chunk(std::min(count, std::size_t{1} << 16));
    for (std::size_t done = 0; done < count; done += chunk.size()) {
      chunk.resize(std::min(chunk.size(), count - done));
      file.read(offset + done * size, chunk.data(), chunk.size() * size);
      std::transform(chunk.begin(), chunk.end(), values.begin() + static_cast<std::ptrdiff_t>(done),
                     dtype == DType::kF16 ? half_to_float : bfloat16_to_float);
    }
    return values;
  });
}

SafetensorsFile::SafetensorsFile(const std::string& path) : path_(path) {
  ModelFolder folder;
  if (is_model_folder(path)) {
    folder = read_model_folder(path);
    index_ = folder.index;
    for (const std::string& shard : folder.shards) open(shard);
  } else {
    open(path);
  }
  positions_.reserve(tensors_.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const auto [other, is_new] = positions_.emplace(tensors_[i].name, i);
    if (!is_new) {
      files_[tensors_[i].file].fail(tensor_message(
          tensors_[i].name, "is also in " + one_line(files_[tensors_[other->second].file].path())));
    }
  }
  for (const auto& [name, shard] : folder.tensors) {
    const TensorInfo* const info = find(name);
    if (info != nullptr && info->file == shard) continue;
    files_[shard].fail(tensor_message(name, "is missing, and the index says that it is in this shard"));
  }
}

void SafetensorsFile::open(const std::string& path) {
  const std::size_t number = files_.size();
  files_.emplace_back(path);
  SafetensorsHeader header = read_safetensors_header(files_.back());
  data_starts_.push_back(header.data_start);
  for (TensorInfo& info : header.tensors) {
    info.file = number;
    tensors_.push_back(std::move(info));
  }
  metadata_.merge(header.metadata);
}

std::vector<std::string> SafetensorsFile::paths() const {
  std::vector<std::string> paths;
  if (!index_.empty()) paths.push_back(index_);
  for (const InputFile& file : files_) paths.push_back(file.path());
  return paths;
}

const TensorInfo* SafetensorsFile::find(std::string_view name) const {
  const auto found = positions_.find(name);
  return found == positions_.end() ? nullptr : &tensors_[found->second];
}

std::vector<std::uint8_t> SafetensorsFile::read_bytes(const TensorInfo& info) const {
  const InputFile& file = files_[info.file];
  const std::uint64_t size = info.end - info.begin;
  return in_memory(file, size, [&] {
    std::vector<std::uint8_t> bytes(size);
    file.read(start_of(info), bytes.data(), bytes.size());
    return bytes;
  });
}

const std::uint8_t* SafetensorsFile::map(const TensorInfo& info) {
  return files_[info.file].map() + start_of(info);
}

Tensor SafetensorsFile::read_tensor(const TensorInfo& info) const {
  if (info.dtype != DType::kF32 && info.dtype != DType::kF16 && info.dtype != DType::kBF16) {
    fail(info.name,
         "dtype " + one_line(dtype_name(info)).substr(0, 100) + " is not accepted; F32, F16 and BF16 are");
  }
  const auto count = static_cast<std::size_t>(info.end - info.begin) / dtype_size(info.dtype);
  return Tensor{info.shape, read_floats(files_[info.file], start_of(info), info.dtype, count)};
}

void SafetensorsFile::fail(std::string_view name, const std::string& message) const {
  const TensorInfo* const info = find(name);
  throw InputError(one_line(info != nullptr ? files_[info->file].path() : path_) + ": " +
                   tensor_message(name, message));
}

SafetensorsLayout layout_safetensors(const std::string& path, const std::vector<TensorBytes>& tensors,
                                     const std::map<std::string, std::string>& metadata) {
  check_names(path, tensors);
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < tensors.size(); ++i) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return dtype_size(tensors[a].dtype) > dtype_size(tensors[b].dtype);
  });
  std::vector<std::uint64_t> begins(tensors.size());
  std::uint64_t end = 0;
  for (const std::size_t i : order) {
    begins[i] = end;
    end += tensors[i].size;
  }

  // As text and not as an object of the library, which takes quadratic time for the names in their order, and ten
  // times the memory. Its length, in front of it, comes last.
  SafetensorsLayout layout;
  std::string& text = layout.start;
  std::size_t expected = sizeof(std::uint64_t);  // of the whole text: growing would take twice the memory
  for (const auto& [key, value] : metadata) expected += key.size() + value.size() + 6;
  for (const TensorBytes& tensor : tensors) expected += tensor.name.size() + 100;
  text.reserve(expected);
  text.assign(sizeof(std::uint64_t), '\0');
  text += '{';
  if (!metadata.empty()) {
    text += json_string(path, std::string(kMetadataKey)) + ":{";
    for (const auto& [key, value] : metadata)
      text += json_string(path, key) + ":" + json_string(path, value) + ",";
    text.back() = '}';
    text += ',';
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorBytes& tensor = tensors[i];
    const bool other = tensor.dtype == DType::kOther;
    const std::string dtype(other ? tensor.other_dtype : dtype_name(tensor.dtype));
    if (!other && byte_count(tensor.dtype, tensor.shape) != tensor.size) {
      throw InputError(one_line(path) + ": " +
                       tensor_message(tensor.name, std::to_string(tensor.size) +
                                                       " bytes are not the size of " + dtype + " " +
                                                       to_string(tensor.shape)));
    }
    std::string shape;
    for (const std::size_t dimension : tensor.shape)
      shape += (shape.empty() ? "" : ",") + std::to_string(dimension);
    text += json_string(path, tensor.name) + ":{\"dtype\":" + json_string(path, dtype) + ",\"shape\":[" +
            shape + "],\"data_offsets\":[" + std::to_string(begins[i]) + "," +
            std::to_string(begins[i] + tensor.size) + "]},";
  }
  if (text.back() == ',') text.pop_back();
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size() - sizeof length;
  std::memcpy(text.data(), &length, sizeof length);
  for (const std::uint64_t begin : begins) layout.offsets.push_back(text.size() + begin);
  return layout;
}

void write_safetensors(const std::string& path, const std::vector<TensorBytes>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const SafetensorsLayout layout = layout_safetensors(path, tensors, metadata);
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // A tensor without bytes has the offset of the next one, and must stay before it.
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return layout.offsets[a] < layout.offsets[b]; });
  AtomicFile file(path);
  file.write(layout.start);
  for (const std::size_t i : order) file.write(tensors[i].data, tensors[i].size);
  file.commit();
}

}  // namespace if4
