#include "model/checkpoint/model_writer.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/model_folder.hpp"
#include "model/files/output_path.hpp"

namespace if4 {
namespace {

/// Bytes that are copied at a time.
constexpr std::size_t kCopyBytes = std::size_t{1} << 20;

std::uint64_t size_of(const ModelEntry& entry) {
  std::uint64_t size = 0;
  for (const TensorBytes& part : entry.parts) size += part.size;
  return size;
}

void copy_file(const std::string& from, AtomicFile& output) {
  const InputFile input(from);
  std::vector<char> bytes(std::min<std::uint64_t>(kCopyBytes, input.size()));
  for (std::uint64_t at = 0; at < input.size(); at += bytes.size()) {
    const std::size_t size = std::min<std::uint64_t>(bytes.size(), input.size() - at);
    input.read(at, bytes.data(), size);
    output.write(bytes.data(), size);
  }
  output.commit();
}

}  // namespace

std::vector<std::size_t> plan_shards(const std::vector<std::uint64_t>& sizes, std::uint64_t limit) {
  std::uint64_t total = 0;
  for (const std::uint64_t size : sizes) total += size;
  const std::uint64_t count = std::max<std::uint64_t>(1, total / limit + (total % limit != 0 ? 1 : 0));
  const std::uint64_t share = total / count + (total % count != 0 ? 1 : 0);
  std::vector<std::size_t> shards;
  std::size_t shard = 0;
  std::uint64_t filled = 0;
  for (const std::uint64_t size : sizes) {
    // A shard ends where the next entry would take it further beyond its share than it now lacks.
    const bool beyond = filled + size > share && filled + size - share > share - std::min(filled, share);
    if (filled != 0 && (filled + size > limit || beyond)) {
      ++shard;
      filled = 0;
    }
    shards.push_back(shard);
    filled += size;
  }
  return shards;
}

ModelOutput model_output(const std::string& path, const TensorRef& input, std::vector<std::string> files,
                         const std::optional<std::uint64_t>& shard_size) {
  ModelOutput output{path, std::nullopt, shard_size.value_or(kDefaultShardSize)};
  const bool folder = input.name.empty() && is_model_folder(input.path);
  if (folder) {
    output.like = read_model_folder(input.path).path;
    files.insert(files.begin(), *output.like);
  }
  check_not_input(path, files);
  if (!folder) check_safetensors_name(path);
  if (!folder && shard_size) throw InputError(to_string(input) + ": --shard-size is for a folder of shards");
  return output;
}

ModelWriter::ModelWriter(const ModelOutput& output, std::vector<ModelEntry> entries,
                         std::map<std::string, std::string> metadata)
    : output_(output), entries_(std::move(entries)), metadata_(std::move(metadata)) {
  std::vector<std::uint64_t> sizes;
  for (const ModelEntry& entry : entries_) {
    sizes.push_back(size_of(entry));
    total_ += sizes.back();
    counts_.push_back(entry.parts.size());
  }
  if (!output_.like) {
    shards_.assign(entries_.size(), 0);
    open_shard(0);
    return;
  }
  // A name that is in two shards would only be found by those who read the model.
  std::set<std::string_view> names;
  for (const ModelEntry& entry : entries_) {
    for (const TensorBytes& part : entry.parts) {
      if (!names.insert(part.name).second)
        throw InputError(one_line(output_.path) + ": " + tensor_message(part.name, "the name is taken"));
    }
  }
  shards_ = plan_shards(sizes, output_.shard_size);
  folder_.emplace(output_.path);
  open_shard(0);
}

std::string ModelWriter::shard_name(std::size_t shard) const {
  const auto padded = [](std::size_t number) {
    const std::string digits = std::to_string(number);
    return std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
  };
  const std::size_t count = shards_.empty() ? 1 : shards_.back() + 1;
  return "model-" + padded(shard + 1) + "-of-" + padded(count) + ".safetensors";
}

void ModelWriter::open_shard(std::size_t shard) {
  // Models have hundreds of thousands of tensors: what is known of them is moved, not copied.
  std::vector<TensorBytes> parts;
  std::map<std::string, std::string> metadata;
  std::size_t count = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) count += shards_[i] == shard ? counts_[i] : 0;
  parts.reserve(count);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (shards_[i] != shard) continue;
    for (TensorBytes& part : entries_[i].parts) parts.push_back(std::move(part));
    metadata.merge(entries_[i].metadata);
    entries_[i] = ModelEntry{};
  }
  for (const auto& entry : metadata_) metadata.insert(entry);
  const SafetensorsLayout layout = layout_safetensors(output_.path, parts, metadata);
  offsets_ = layout.offsets;
  first_ = next_ = 0;
  if (is_folder()) {
    for (TensorBytes& part : parts) written_.emplace_back(std::move(part.name), shard);
  }
  if (is_folder()) {
    file_.emplace(*folder_ / shard_name(shard), folder_->final_name(shard_name(shard)));
  } else {
    file_.emplace(output_.path);
  }
  file_->write_at(0, layout.start.data(), layout.start.size());
}

void ModelWriter::begin(std::size_t entry) {
  if (entry > 0 && shards_[entry] != shards_[entry - 1]) {
    close_shard();
    open_shard(shards_[entry]);
  }
  first_ = next_;
  next_ += counts_[entry];
}

void ModelWriter::write(std::size_t part, std::uint64_t offset, const void* data, std::size_t size) {
  file_->write_at(offsets_[first_ + part] + offset, data, size);
}

void ModelWriter::close_shard() {
  file_->commit();
  file_.reset();
}

void ModelWriter::write_index() {
  nlohmann::json map = nlohmann::json::object();
  for (const auto& [name, shard] : written_) map[name] = shard_name(shard);
  nlohmann::ordered_json index;
  index["metadata"] = {{"total_size", total_}};
  index["weight_map"] = std::move(map);
  const std::string name = "model.safetensors.index.json";
  AtomicFile file(*folder_ / name, folder_->final_name(name));
  file.write(index.dump(2) + "\n");
  file.commit();
}

void ModelWriter::commit() {
  close_shard();
  if (!is_folder()) return;
  write_index();
  for (const std::string& name : other_files(*output_.like)) {
    AtomicFile file(*folder_ / name, folder_->final_name(name));
    copy_file((std::filesystem::path(*output_.like) / name).string(), file);
  }
  folder_->commit();
}

}  // namespace if4
