#include "model/checkpoint/model_quantizer.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "model/checkpoint/model_writer.hpp"
#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/core/tiled_scales.hpp"
#include "model/cuda/device_quantizer.hpp"
#include "model/files/foreign_layout.hpp"
#include "model/files/model_folder.hpp"
#include "model/files/npy.hpp"
#include "model/files/output_path.hpp"
#include "model/files/safetensors.hpp"
#include "model/quantize/fast_quantizer.hpp"

namespace if4 {
namespace {

/// Bytes of codes that are made, or bytes that are copied, between two calls of the progress function.
constexpr std::size_t kChunkBytes = std::size_t{4} << 20;

bool is_floating(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

/// The tensors of the input, and which of them are to be quantized.
class ModelInput {
 public:
  struct Item {
    std::string name;  ///< empty where `info` has it: see name_of()
    TensorView view;
    std::uint64_t bytes = 0;
    bool quantized = false;
    const TensorInfo* info = nullptr;  ///< null for a .npy file, and where `encoded`
    bool encoded = false;              ///< a quantized tensor, whose values are decoded when they are needed
  };

  /// `decodes`: whether quantized tensors count with the values that they stand for.
  ModelInput(const TensorRef& ref, const ModelOptions& options, bool decodes) : path_(ref.path) {
    if (is_npy(ref.path)) {
      npy_ = read_tensor(ref);
      if (!whole_blocks(npy_.shape, options))
        throw InputError(one_line(ref.path) + ": " + not_whole_blocks(npy_.shape, options));
      items_.push_back({std::filesystem::path(ref.path).stem().string(), view_of(npy_),
                        npy_.values.size() * sizeof(float), true, nullptr});
      return;
    }
    file_ = std::make_unique<SafetensorsFile>(ref.path);
    if (!ref.name.empty()) {
      if (decodes && is_quantized(*file_, ref.name)) {
        add_encoded(ref.name);
        return;
      }
      const TensorInfo* const info = file_->find(ref.name);
      // read_tensor() throws where the tensor cannot be quantized, and says why.
      if (info == nullptr || !is_floating(info->dtype) || info->end == info->begin ||
          !is_plain(*file_, *info))
        read_tensor(ref);
      if (!whole_blocks(info->shape, options)) file_->fail(ref.name, not_whole_blocks(info->shape, options));
      add(*info, true);
      return;
    }
    bool any = false;
    for (const TensorInfo& info : file_->tensors()) {
      add(info, chosen(info, options));
      any = any || items_.back().quantized;
    }
    if (decodes) any = add_all_encoded(options) || any;
    if (!any) throw InputError(one_line(path_) + ": no tensor to quantize" + reason(options));
  }

  const std::vector<Item>& items() const { return items_; }
  static const std::string& name_of(const Item& item) {
    return item.info != nullptr ? item.info->name : item.name;
  }
  /// That of the input, without what it says of quantized tensors that get the names of these: it would be read
  /// together with what they are described as.
  std::map<std::string, std::string> metadata() const {
    std::map<std::string, std::string> metadata;
    if (file_) metadata = file_->metadata();
    for (const Item& item : items_) {
      if (item.quantized) remove_description(name_of(item), metadata);
    }
    metadata["generator"] = "if4";
    return metadata;
  }
  /// The files that the input is.
  std::vector<std::string> paths() const { return file_ ? file_->paths() : std::vector<std::string>{path_}; }
  /// The values of an item that is `encoded`.
  Tensor decoded(const Item& item) const { return original_values(read_quantized(*file_, name_of(item))); }
  void release(const Item& item) const {
    if (item.info != nullptr) file_->release(*item.info);
  }
  /// Throws an InputError about the item.
  [[noreturn]] void fail(const Item& item, const std::string& message) const {
    if (file_) file_->fail(name_of(item), message);
    throw InputError(one_line(path_) + ": " + message);
  }

 private:
  bool chosen(const TensorInfo& info, const ModelOptions& options) const {
    return is_floating(info.dtype) && info.end != info.begin && is_plain(*file_, info) &&
           whole_blocks(info.shape, options) && chosen(info.name, info.shape, options);
  }

  static bool chosen(const std::string& name, const Shape& shape, const ModelOptions& options) {
    const auto matching = [&](const std::string& pattern) { return matches(pattern, name); };
    if (std::any_of(options.exclude.begin(), options.exclude.end(), matching)) return false;
    if (options.include.empty()) return shape.size() >= 2;
    return std::any_of(options.include.begin(), options.include.end(), matching);
  }

  /// Whether the layout takes a tensor of that shape.
  static bool whole_blocks(const Shape& shape, const ModelOptions& options) {
    return options.layout == Layout::kIF4 || (!shape.empty() && shape.back() % kBlockSize == 0);
  }

  static std::string not_whole_blocks(const Shape& shape, const ModelOptions& options) {
    return "the last dimension of " + to_string(shape) + " is no multiple of 16, which the layout of " +
           std::string(layout_name(options.layout)) + " calls for";
  }

  static std::string reason(const ModelOptions& options) {
    if (!options.include.empty() || !options.exclude.empty()) return ": no F32, F16 or BF16 tensor matches";
    if (options.layout != Layout::kIF4)
      return ": no F32, F16 or BF16 tensor of two or more dimensions, the last a multiple of 16";
    return ": no F32, F16 or BF16 tensor of two or more dimensions (--include takes others)";
  }

  void add(const TensorInfo& info, bool quantized) {
    items_.push_back(
        {"", {info.shape, info.dtype, file_->map(info)}, info.end - info.begin, quantized, &info});
  }

  void add_encoded(const std::string& name) {
    const QuantizedInfo info = quantized_info(*file_, name);
    Item item{name, {original_shape(info), DType::kF32, nullptr}, 0, true, nullptr, true};
    item.bytes = byte_count(DType::kF32, item.view.shape).value_or(0);
    items_.push_back(std::move(item));
  }
  bool add_all_encoded(const ModelOptions& options) {
    const std::size_t before = items_.size();
    for (const std::string& name : quantized_names(*file_)) {
      if (chosen(name, original_shape(quantized_info(*file_, name)), options)) add_encoded(name);
    }
    return items_.size() != before;
  }

  std::string path_;
  std::unique_ptr<SafetensorsFile> file_;
  Tensor npy_;
  std::vector<Item> items_;
};

void check_layout(const ModelOptions& options) {
  if (options.layout == Layout::kIF4) return;
  const QuantizeOptions& quantize = options.quantize;
  const std::string layout = "the layout of " + std::string(layout_name(options.layout));
  if (!takes_format(options.layout, quantize.format))
    throw InputError(layout + " takes nvfp4, nvfp4_46 and nvfp4_4, not " +
                     std::string(format_name(quantize.format)));
  if (quantize.rotate) throw InputError(layout + " does not say that a tensor is rotated (--rht)");
  if (quantize.transpose)
    throw InputError(layout + " does not say that a tensor is transposed (--transpose)");
  if (options.tiled) throw InputError(layout + " has no scale tiles (--scale-layout tiled)");
}

/// What an item is in the output.
ModelEntry entry_of(const ModelInput::Item& item, const ModelOptions& options) {
  ModelEntry entry;
  if (!item.quantized) {
    entry.parts = {{ModelInput::name_of(item), item.view.dtype, item.view.shape, nullptr, item.bytes,
                    item.info->other_dtype}};
    return entry;
  }
  const QuantizeOptions& quantize = options.quantize;
  const Shape shape = quantize.transpose ? transposed(item.view.shape) : item.view.shape;
  const bool own = options.layout == Layout::kIF4;
  const QuantizedParts parts =
      own ? quantized_parts(ModelInput::name_of(item), quantize.format, shape, options.tiled)
          : foreign_parts(options.layout, ModelInput::name_of(item), shape);
  entry.parts = {parts.codes, parts.scales, parts.amax};
  if (!own) return entry;
  describe_quantized(ModelInput::name_of(item), quantize.format, shape,
                     uses_rule(quantize) ? std::string(rule_name(quantize.rule)) : "", options.tiled,
                     quantize.rotate, quantize.transpose, entry.metadata);
  return entry;
}
// The numbers of the parts of a quantized item.
constexpr std::size_t kCodesPart = 0, kScalesPart = 1, kAmaxPart = 2;

/// Quantizes or copies item by item, and adds up the summary.
class ModelQuantizer {
 public:
  ModelQuantizer(const ModelInput& input, ModelWriter* writer, const ModelOptions& options, Device* device,
                 const ModelProgress& progress)
      : input_(input), writer_(writer), options_(options), device_(device), progress_(progress) {
    for (const ModelInput::Item& item : input.items()) {
      if (item.quantized || writer != nullptr) total_ += item.bytes;
    }
  }

  ModelSummary run() {
    for (std::size_t i = 0; i < input_.items().size(); ++i) {
      const ModelInput::Item& item = input_.items()[i];
      if (writer_ != nullptr) writer_->begin(i);
      if (item.quantized) {
        quantize(item);
      } else {
        copy(item);
      }
      input_.release(item);
    }
    return std::move(summary_);
  }

 private:
  void advance(std::uint64_t bytes) {
    done_ += bytes;
    if (progress_) progress_(done_, total_);
  }

  void copy(const ModelInput::Item& item) {
    ++summary_.copied;
    if (writer_ == nullptr) return;
    const auto* bytes = static_cast<const std::uint8_t*>(item.view.data);
    for (std::uint64_t at = 0; at < item.bytes; at += kChunkBytes) {
      const std::size_t size = std::min<std::uint64_t>(kChunkBytes, item.bytes - at);
      writer_->write(0, at, bytes + at, size);
      advance(size);
    }
  }

  void quantize(const ModelInput::Item& item) {
    advance(0);
    Tensor decoded;
    if (item.encoded) decoded = input_.decoded(item);
    const TensorView view = item.encoded ? view_of(decoded) : item.view;
    std::optional<FastQuantizer> quantizer;
    std::unique_ptr<DeviceQuantizer> on_device;
    try {
      if (device_ != nullptr) {
        on_device = device_->quantize(view, options_.quantize, options_.threads);
      } else {
        quantizer.emplace(view, options_.quantize, options_.threads);
      }
    } catch (const InputError& error) {
      input_.fail(item, error.what());
    }
    if (on_device) return fetch(item, *on_device);
    fetch(item, *quantizer);
  }

  /// Writes the result of a FastQuantizer or a DeviceQuantizer part by part.
  template <class Quantizer>
  void fetch(const ModelInput::Item& item, Quantizer& quantizer) {
    TensorSummary summary;
    const std::size_t parts = quantizer.parts();
    const std::size_t part_bytes = std::max<std::size_t>(quantizer.code_bytes(0, 1), 1);
    const std::size_t at_once = std::max<std::size_t>(kChunkBytes / part_bytes, 1);
    std::vector<std::uint8_t> all_scales;
    if (options_.tiled) all_scales.resize(quantizer.scale_bytes(0, parts));
    for (std::size_t first = 0; first < parts; first += at_once) {
      const std::size_t last = std::min(parts, first + at_once);
      codes_.resize(quantizer.code_bytes(first, last));
      scales_.resize(quantizer.scale_bytes(first, last));
      quantizer.encode(first, last, codes_.data(), scales_.data(), &summary);
      const std::size_t scales_before = quantizer.scale_bytes(0, first);
      if (options_.tiled) {
        std::copy(scales_.begin(), scales_.end(),
                  all_scales.begin() + static_cast<std::ptrdiff_t>(scales_before));
      }
      if (writer_ != nullptr) {
        writer_->write(kCodesPart, quantizer.code_bytes(0, first), codes_.data(), codes_.size());
        if (!options_.tiled) writer_->write(kScalesPart, scales_before, scales_.data(), scales_.size());
      }
      advance(item.bytes / parts * (last - first));
    }
    advance(item.bytes - item.bytes / parts * parts);
    if (writer_ != nullptr) finish(item, quantizer, all_scales);

    summary.name = ModelInput::name_of(item);
    summary.shape = quantizer.shape();
    summary.values = row_count(summary.shape) * column_count(summary.shape);
    summary.amax = static_cast<double>(quantizer.amax());
    summary_.tensors.push_back(summary);
    summary_.input_bytes += item.bytes;
    summary_.output_bytes += quantizer.code_bytes(0, parts) + quantizer.scale_bytes(0, parts) + sizeof(float);
  }

  template <class Quantizer>
  void finish(const ModelInput::Item& item, const Quantizer& quantizer,
              const std::vector<std::uint8_t>& scales) {
    float amax = quantizer.amax();
    if (options_.layout != Layout::kIF4) {
      const auto scale = global_scale_of(options_.layout, options_.quantize.format, amax);
      if (!scale) {
        input_.fail(item, "its largest magnitude is beyond the global scales of " +
                              std::string(layout_name(options_.layout)));
      }
      amax = *scale;
    }
    writer_->write(kAmaxPart, 0, &amax, sizeof amax);
    if (!options_.tiled) return;
    const std::size_t rows = quantizer.rows();
    const std::vector<std::uint8_t> tiled = tile_scales(scales, rows, scales.size() / rows);
    writer_->write(kScalesPart, 0, tiled.data(), tiled.size());
  }

  const ModelInput& input_;
  ModelWriter* writer_;
  const ModelOptions& options_;
  Device* device_;  ///< null for the CPU
  const ModelProgress& progress_;
  ModelSummary summary_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  std::vector<std::uint8_t> codes_;
  std::vector<std::uint8_t> scales_;
};

}  // namespace

TensorSummary ModelSummary::total() const {
  TensorSummary sum;
  for (const TensorSummary& tensor : tensors) {
    sum += tensor;
    sum.values += tensor.values;
    sum.amax = std::max(sum.amax, tensor.amax);
  }
  return sum;
}

bool matches(const std::string& pattern, const std::string& name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string::npos;  // where the last * is
  std::size_t taken = 0;                 // up to where that * stands for the name
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string::npos) {
      p = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

ModelSummary quantize_model(const TensorRef& input, const std::string& output, const ModelOptions& options,
                            const ModelProgress& progress) {
  check_layout(options);
  const ModelInput model(input, options, output.empty());
  for (const ModelInput::Item& item : model.items()) {
    if (!item.quantized) continue;
    try {
      check_options(item.view.shape, options.quantize);
    } catch (const InputError& error) {
      model.fail(item, error.what());
    }
  }
  std::unique_ptr<Device> device;
  if (options.device == DeviceKind::kCuda) device = open_cuda_device();
  std::optional<ModelWriter> writer;
  if (!output.empty()) {
    const ModelOutput to = model_output(output, input, model.paths(), options.shard_size);
    std::vector<ModelEntry> entries;
    for (const ModelInput::Item& item : model.items()) entries.push_back(entry_of(item, options));
    writer.emplace(to, std::move(entries), model.metadata());
  }
  ModelSummary summary =
      ModelQuantizer(model, writer ? &*writer : nullptr, options, device.get(), progress).run();
  if (writer) writer->commit();
  return summary;
}

}  // namespace if4
