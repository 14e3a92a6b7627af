#include "model/checkpoint/model_dequantizer.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

#include "model/checkpoint/model_writer.hpp"
#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/model_folder.hpp"
#include "model/files/output_path.hpp"
#include "model/files/safetensors.hpp"

namespace if4 {
namespace {

/// Bytes that are copied between two calls of the progress function.
constexpr std::size_t kChunkBytes = std::size_t{4} << 20;

/// A tensor of the output.
struct Item {
  std::string name;
  bool quantized = false;
  std::uint64_t bytes = 0;  ///< in the output
};

std::vector<Item> all_items(const SafetensorsFile& file) {
  std::vector<Item> items;
  for (std::string& name : quantized_names(file)) items.push_back({std::move(name), true, 0});
  if (items.empty()) throw InputError(one_line(file.path()) + ": " + no_quantized_tensor(file));
  for (const TensorInfo& info : file.tensors()) {
    if (!is_part(file, info)) items.push_back({info.name, false, 0});
  }
  return items;
}

/// What the items are in the output. Sets their sizes.
std::vector<ModelEntry> entries_of(const SafetensorsFile& file, std::vector<Item>& items) {
  std::vector<ModelEntry> entries;
  for (Item& item : items) {
    TensorBytes bytes{item.name, DType::kF32, {}, nullptr, 0};
    if (item.quantized) {
      bytes.shape = original_shape(quantized_info(file, item.name));
      const auto size = byte_count(DType::kF32, bytes.shape);
      if (!size) file.fail(item.name, "the size of the shape overflows 64 bits");
      bytes.size = *size;
    } else {
      const TensorInfo& info = *file.find(item.name);
      bytes.dtype = info.dtype;
      bytes.other_dtype = info.other_dtype;
      bytes.shape = info.shape;
      bytes.size = info.end - info.begin;
    }
    item.bytes = bytes.size;
    entries.push_back({{std::move(bytes)}, {}});
  }
  return entries;
}

}  // namespace

DequantizeSummary dequantize_model(const TensorRef& input, const std::string& output,
                                   std::optional<std::uint64_t> shard_size, const ModelProgress& progress) {
  SafetensorsFile file(input.path);
  std::vector<Item> items;
  std::map<std::string, std::string> metadata;
  if (input.name.empty()) {
    items = all_items(file);
    metadata = file.metadata();
    for (const Item& item : items) {
      if (item.quantized) remove_description(item.name, metadata);
    }
  } else {
    if (!is_quantized(file, input.name)) read_quantized(input);  // which throws, and says what there is
    items.push_back({input.name, true, 0});
  }
  metadata["generator"] = "if4";

  const ModelOutput to = model_output(output, input, file.paths(), shard_size);
  ModelWriter writer(to, entries_of(file, items), std::move(metadata));

  DequantizeSummary summary;
  std::uint64_t total = 0, done = 0;
  for (const Item& item : items) total += item.bytes;
  for (std::size_t i = 0; i < items.size(); ++i) {
    writer.begin(i);
    progress(done, total);
    const Item& item = items[i];
    if (item.quantized) {
      const NamedQuantized named = read_quantized(file, item.name);
      const Tensor tensor = original_values(named);
      writer.write(0, 0, tensor.values.data(), tensor.values.size() * sizeof(float));
      summary.tensors.push_back({item.name, tensor.shape, nan_scales(named.tensor)});
    } else {
      const TensorInfo& info = *file.find(item.name);
      const std::uint8_t* const bytes = file.map(info);
      for (std::uint64_t at = 0; at < item.bytes; at += kChunkBytes) {
        writer.write(0, at, bytes + at, std::min<std::uint64_t>(kChunkBytes, item.bytes - at));
        progress(done + at, total);
      }
      file.release(info);
      ++summary.copied;
    }
    done += item.bytes;
  }
  writer.commit();
  return summary;
}

}  // namespace if4
