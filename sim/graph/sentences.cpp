#include "sim/graph/sentences.hpp"

#include <cstring>
#include <limits>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/safetensors.hpp"

namespace if4 {
namespace {

// The whole numbers of a tensor.
std::vector<std::int64_t> read_whole(const SafetensorsFile& file, const TensorInfo& info) {
  const std::size_t size = dtype_size(info.dtype);
  if (info.dtype != DType::kI32 && info.dtype != DType::kI64)
    file.fail(info.name, "is " + std::string(dtype_name(info)) + ", not I32 or I64");
  const std::vector<std::uint8_t> bytes = file.read_bytes(info);
  std::vector<std::int64_t> values(bytes.size() / size);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (info.dtype == DType::kI64) {
      std::memcpy(&values[i], bytes.data() + i * size, size);
    } else {
      std::int32_t value = 0;
      std::memcpy(&value, bytes.data() + i * size, size);
      values[i] = value;
    }
  }
  return values;
}

}  // namespace

std::vector<std::vector<std::uint32_t>> read_ids(const std::string& path) {
  const SafetensorsFile file(path);
  const TensorInfo* const info = file.find("ids");
  if (info == nullptr) throw InputError(one_line(path) + ": there is no tensor 'ids'");
  if (info->shape.size() != 2 || info->shape[0] == 0 || info->shape[1] == 0)
    file.fail("ids", "is " + to_string(info->shape) + ", not [sentences, tokens]");
  const std::vector<std::int64_t> ids = read_whole(file, *info);
  const std::size_t count = info->shape[0], width = info->shape[1];
  std::vector<std::int64_t> lengths(count, static_cast<std::int64_t>(width));
  if (const TensorInfo* const given = file.find("lengths"); given != nullptr) {
    if (given->shape != Shape{count})
      file.fail("lengths", "is " + to_string(given->shape) + ", not [" + std::to_string(count) + "]");
    lengths = read_whole(file, *given);
  }
  std::vector<std::vector<std::uint32_t>> sentences(count);
  for (std::size_t s = 0; s < count; ++s) {
    const auto fail = [&](const char* tensor, const std::string& message) {
      file.fail(tensor, "sentence " + std::to_string(s + 1) + " " + message);
    };
    if (lengths[s] < 1 || static_cast<std::uint64_t>(lengths[s]) > width)
      fail("lengths", "has " + std::to_string(lengths[s]) + " tokens of " + std::to_string(width));
    for (std::size_t p = 0; p < static_cast<std::size_t>(lengths[s]); ++p) {
      const std::int64_t id = ids[s * width + p];
      if (id < 0 || id > std::numeric_limits<std::uint32_t>::max())
        fail("ids", "has the id " + std::to_string(id) + " as token " + std::to_string(p + 1));
      sentences[s].push_back(static_cast<std::uint32_t>(id));
    }
  }
  return sentences;
}

std::vector<std::string> read_sentences(const std::string& path) {
  constexpr std::uint64_t kMostFile = std::uint64_t{64} << 20;
  const InputFile file(path);
  if (file.size() > kMostFile) file.fail("is larger than 64 MiB");
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());
  std::vector<std::string> sentences;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(" \t") != std::string::npos) sentences.push_back(line);
    begin = end + 1;
  }
  if (sentences.empty()) file.fail("holds no sentence");
  return sentences;
}

}  // namespace if4
