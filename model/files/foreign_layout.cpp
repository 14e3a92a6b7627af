#include "model/files/foreign_layout.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "model/core/text.hpp"

namespace if4 {
namespace {

constexpr std::size_t kCodesInByte = 2;
constexpr std::string_view kWeight = "weight";

Shape with_last(Shape shape, std::size_t last) {
  shape.back() = last;
  return shape;
}

/// What the names of the parts end in after the name of the tensor.
struct Suffixes {
  Layout layout;
  std::string_view codes, scales, global_scale;
};
constexpr Suffixes kSuffixes[] = {
    {Layout::kCompressedTensors, "_packed", "_scale", "_global_scale"},
    {Layout::kModelOpt, "", "_scale", "_scale_2"},
    {Layout::kModelOpt, "", "_weight_scale", "_weight_scale_2"},
};

/// The parts of a tensor in a file, null where they are missing.
struct Parts {
  const Suffixes* suffixes;
  const TensorInfo *codes, *scales, *global_scale;
};

std::optional<Parts> find_parts(const SafetensorsFile& file, std::string_view name) {
  for (const Suffixes& suffixes : kSuffixes) {
    const Parts parts{&suffixes, file.find(join(name, suffixes.codes)),
                      file.find(join(name, suffixes.scales)), file.find(join(name, suffixes.global_scale))};
    const bool e4m3 = parts.scales != nullptr && parts.scales->dtype == DType::kF8E4M3;
    // ComfyUI has the names of ModelOpt, and its scales in another order.
    if (suffixes.layout == Layout::kModelOpt) {
      if (parts.codes == nullptr) continue;
      if (file.metadata().count("_quantization_metadata") != 0) continue;
      if (ends_with(name, kWeight) &&
          file.find(join(name.substr(0, name.size() - kWeight.size()), "comfy_quant")))
        continue;
    }
    // Codes of bytes with one of the others, or two of the others, tell this layout from the rest.
    const bool bytes = parts.codes != nullptr && parts.codes->dtype == DType::kU8;
    const bool global = parts.global_scale != nullptr;
    if (bytes ? e4m3 || global : e4m3 && global) return parts;
  }
  return std::nullopt;
}

/// Reads a tensor in one of the two layouts, each part checked against the others.
class ForeignReader {
 public:
  ForeignReader(const SafetensorsFile& file, std::string name)
      : file_(file), name_(std::move(name)), parts_(*find_parts(file, name_)) {}

  QuantizedInfo info() const {
    QuantizedInfo info;
    info.format = Format::kNVFP4;
    info.layout = parts_.suffixes->layout;
    info.shape = shape();
    return info;
  }

  NamedQuantized read() const {
    NamedQuantized named;
    named.name = name_;
    named.layout = parts_.suffixes->layout;
    QuantizedTensor& tensor = named.tensor;
    tensor.format = Format::kNVFP4;
    tensor.shape = shape();
    tensor.scales = file_.read_bytes(part(parts_.scales, parts_.suffixes->scales, DType::kF8E4M3,
                                          with_last(tensor.shape, tensor.blocks_per_row())));
    tensor.global_scale = global_scale(tensor);
    tensor.codes = file_.read_bytes(*parts_.codes);
    check_scales(tensor);
    double largest = 0.0;
    for (const float value : tensor.global_scale->values) largest = std::max(largest, amax_of(value));
    tensor.amax =
        static_cast<float>(std::min(largest, static_cast<double>(std::numeric_limits<float>::max())));
    return named;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { file_.fail(name_, message); }

  [[noreturn]] void fail_part(const TensorInfo& part, const std::string& wanted) const {
    file_.fail(part.name, one_line(dtype_name(part)).substr(0, 100) + " " +
                              to_string(part.shape).substr(0, 100) + " where NVFP4 of " +
                              std::string(layout_name(parts_.suffixes->layout)) + " calls for " + wanted);
  }

  const TensorInfo& part(const TensorInfo* info, std::string_view suffix) const {
    if (info == nullptr) {
      fail("tensor " + quoted_name(join(name_, suffix)) + " is missing, which NVFP4 of " +
           std::string(layout_name(parts_.suffixes->layout)) + " has");
    }
    return *info;
  }
  const TensorInfo& part(const TensorInfo* info, std::string_view suffix, DType dtype,
                         const Shape& shape) const {
    if (part(info, suffix).dtype != dtype || info->shape != shape)
      fail_part(*info, std::string(dtype_name(dtype)) + " " + to_string(shape).substr(0, 100));
    return *info;
  }

  /// That of the values. Checks the codes.
  Shape shape() const {
    const TensorInfo& codes = part(parts_.codes, parts_.suffixes->codes);
    if (parts_.suffixes->layout == Layout::kCompressedTensors && file_.find(name_) != nullptr)
      fail("is there twice, as it is and as " + quoted_name(codes.name));
    if (codes.begin == codes.end) fail("is empty");
    constexpr std::size_t kBytes = kBlockSize / kCodesInByte;
    if (codes.dtype != DType::kU8 || codes.shape.empty() || codes.shape.back() % kBytes != 0)
      fail_part(codes, "U8 [..., K / 2] with K a multiple of 16");
    return with_last(codes.shape, kCodesInByte * codes.shape.back());
  }

  GlobalScale global_scale(const QuantizedTensor& tensor) const {
    const TensorInfo& info = part(parts_.global_scale, parts_.suffixes->global_scale);
    const std::size_t matrices =
        tensor.shape.size() < 3 ? 1 : tensor.rows() / tensor.shape[tensor.shape.size() - 2];
    const std::size_t count = row_count(info.shape) * column_count(info.shape);
    if (info.dtype != DType::kF32 || (count != 1 && count != matrices)) {
      fail_part(info,
                "F32 with 1 value" +
                    (matrices == 1 ? "" : ", or " + std::to_string(matrices) + ", one for each matrix"));
    }
    GlobalScale scale;
    scale.kind = parts_.suffixes->layout == Layout::kCompressedTensors ? GlobalScale::Kind::kDivisor
                                                                       : GlobalScale::Kind::kMultiplier;
    scale.values = file_.read_tensor(info).values;
    for (const float value : scale.values) {
      if (!std::isfinite(value) || value <= 0.0F) {
        file_.fail(info.name,
                   "the global scale is " + std::to_string(value) + ", not a finite number above 0");
      }
    }
    return scale;
  }

  void check_scales(const QuantizedTensor& tensor) const {
    const GlobalScale& global = *tensor.global_scale;
    const std::size_t blocks = tensor.scales.size() / global.values.size();
    for (std::size_t i = 0; i < tensor.scales.size(); ++i) {
      const std::uint8_t scale = tensor.scales[i];
      const auto fail_scale = [&](const std::string& message) {
        file_.fail(parts_.scales->name, "the scale of block " + std::to_string(i) + " " + message);
      };
      if ((scale & kScaleIntBit) != 0) fail_scale("is negative (bit 7 is set), which NVFP4 does not allow");
      const float step = scale_step(global.kind, scale_magnitude(scale), global.values[i / blocks]);
      if (std::isinf(step * kSpan)) fail_scale("and the global scale make its values infinite");
    }
  }

  /// What a tensor with that global scale can hold at most.
  double amax_of(float global_scale) const {
    const auto value = static_cast<double>(global_scale);
    const auto divisor = static_cast<double>(amax_divisor(Format::kNVFP4));
    return parts_.suffixes->layout == Layout::kCompressedTensors ? divisor / value : divisor * value;
  }

  const SafetensorsFile& file_;
  std::string name_;
  Parts parts_;
};

/// A tensor NAME + suffix that belongs to a scheme where the file has the tensor NAME + companion.
struct Scheme {
  std::string_view suffix;
  DType dtype;  ///< of the tensor; kOther for any
  std::string_view companion;
  DType companion_dtype;
  std::string_view name;
};
constexpr DType kAny = DType::kOther;
constexpr std::string_view kGptqOrAwq = "GPTQ or AWQ";
constexpr std::string_view kBitsAndBytes4 = "bitsandbytes (4 bits)";
constexpr std::string_view kBitsAndBytes8 = "bitsandbytes (8 bits)";
constexpr std::string_view kGptOss = "MXFP4 of gpt-oss";
constexpr std::string_view kPackedMXFP4 = "MXFP4 of compressed-tensors";
constexpr std::string_view kPackedInt = "integers of compressed-tensors (pack-quantized)";
constexpr std::string_view kComfyUI = "ComfyUI";
constexpr std::string_view kExl2 = "EXL2";
constexpr std::string_view kFP8 = "FP8 weights";
constexpr Scheme kSchemes[] = {
    {".qweight", DType::kI32, ".scales", kAny, kGptqOrAwq},
    {".qzeros", DType::kI32, ".qweight", DType::kI32, kGptqOrAwq},
    {".scales", kAny, ".qweight", DType::kI32, kGptqOrAwq},
    {".g_idx", kAny, ".qweight", DType::kI32, kGptqOrAwq},
    {"", DType::kU8, ".absmax", kAny, kBitsAndBytes4},
    {".absmax", kAny, "", DType::kU8, kBitsAndBytes4},
    {".quant_map", kAny, ".absmax", kAny, kBitsAndBytes4},
    {".nested_absmax", kAny, ".absmax", kAny, kBitsAndBytes4},
    {".nested_quant_map", kAny, ".absmax", kAny, kBitsAndBytes4},
    {".quant_state.bitsandbytes__nf4", kAny, ".absmax", kAny, kBitsAndBytes4},
    {".quant_state.bitsandbytes__fp4", kAny, ".absmax", kAny, kBitsAndBytes4},
    {".weight", DType::kI8, ".SCB", kAny, kBitsAndBytes8},
    {".SCB", kAny, ".weight", DType::kI8, kBitsAndBytes8},
    {".weight_format", kAny, ".SCB", kAny, kBitsAndBytes8},
    {"_blocks", DType::kU8, "_scales", DType::kU8, kGptOss},
    {"_scales", DType::kU8, "_blocks", DType::kU8, kGptOss},
    {"_packed", DType::kU8, "_scale", DType::kU8, kPackedMXFP4},
    {"_scale", DType::kU8, "_packed", DType::kU8, kPackedMXFP4},
    {"_packed", DType::kI32, "_scale", kAny, kPackedInt},
    {"_scale", kAny, "_packed", DType::kI32, kPackedInt},
    {"_zero_point", kAny, "_packed", DType::kI32, kPackedInt},
    {"_shape", kAny, "_packed", DType::kI32, kPackedInt},
    {"_g_idx", kAny, "_packed", DType::kI32, kPackedInt},
    {".weight", kAny, ".comfy_quant", kAny, kComfyUI},
    {".weight_scale", kAny, ".comfy_quant", kAny, kComfyUI},
    {".weight_scale_2", kAny, ".comfy_quant", kAny, kComfyUI},
    {".comfy_quant", kAny, ".weight", kAny, kComfyUI},
    {".q_weight", kAny, ".q_scale", kAny, kExl2},
    {".q_scale", kAny, ".q_weight", kAny, kExl2},
    {".weight", DType::kF8E4M3, ".weight_scale", kAny, kFP8},
    {".weight_scale", kAny, ".weight", DType::kF8E4M3, kFP8},
    {".weight", DType::kF8E4M3, ".weight_scale_inv", kAny, kFP8},
    {".weight_scale_inv", kAny, ".weight", DType::kF8E4M3, kFP8},
};

/// GPTQ packs the codes along the rows, and AWQ along the columns.
std::string_view gptq_or_awq(const SafetensorsFile& file, std::string_view name) {
  if (file.find(join(name, ".g_idx")) != nullptr) return "GPTQ";
  const TensorInfo* const codes = file.find(join(name, ".qweight"));
  const TensorInfo* const scales = file.find(join(name, ".scales"));
  if (codes == nullptr || scales == nullptr || codes->shape.empty() || scales->shape.empty())
    return kGptqOrAwq;
  return codes->shape.back() == scales->shape.back() ? "GPTQ" : "AWQ";
}

}  // namespace

bool is_foreign(const SafetensorsFile& file, const std::string& name) {
  return find_parts(file, name).has_value();
}

QuantizedInfo foreign_info(const SafetensorsFile& file, const std::string& name) {
  return ForeignReader(file, name).info();
}

NamedQuantized read_foreign(const SafetensorsFile& file, const std::string& name) {
  return ForeignReader(file, name).read();
}

std::optional<std::string> foreign_owner(const SafetensorsFile& file, const TensorInfo& part) {
  for (const Suffixes& suffixes : kSuffixes) {
    for (const std::string_view suffix : {suffixes.codes, suffixes.scales, suffixes.global_scale}) {
      if (!ends_with(part.name, suffix) || (suffix.empty() && dtype_size(part.dtype) != 1)) continue;
      std::string name = part.name.substr(0, part.name.size() - suffix.size());
      const std::optional<Parts> parts = find_parts(file, name);
      if (parts && (parts->codes == &part || parts->scales == &part || parts->global_scale == &part))
        return name;
    }
  }
  return std::nullopt;
}

std::optional<std::string> foreign_with_codes(const SafetensorsFile& file, const TensorInfo& part) {
  std::optional<std::string> name = foreign_owner(file, part);
  if (!name) return std::nullopt;
  const Parts parts = *find_parts(file, *name);
  return &part == (parts.codes != nullptr ? parts.codes : parts.scales) ? name : std::nullopt;
}

std::optional<std::string> unread_scheme(const SafetensorsFile& file, const TensorInfo& info) {
  for (const Scheme& scheme : kSchemes) {
    if (!ends_with(info.name, scheme.suffix) || (scheme.dtype != kAny && scheme.dtype != info.dtype))
      continue;
    const std::string_view name =
        std::string_view(info.name).substr(0, info.name.size() - scheme.suffix.size());
    const TensorInfo* const companion = file.find(join(name, scheme.companion));
    if (companion == nullptr ||
        (scheme.companion_dtype != kAny && scheme.companion_dtype != companion->dtype))
      continue;
    return std::string(scheme.name == kGptqOrAwq ? gptq_or_awq(file, name) : scheme.name);
  }
  if (info.dtype == DType::kU8 && file.metadata().count("_quantization_metadata") != 0)
    return std::string(kComfyUI);
  return std::nullopt;
}

std::string unread_note(const SafetensorsFile& file) {
  for (const TensorInfo& info : file.tensors()) {
    const std::optional<std::string> scheme = unread_scheme(file, info);
    if (scheme && !foreign_owner(file, info))
      return quoted_name(info.name) + " belongs to " + *scheme + ", which is not read";
  }
  return "";
}

bool takes_format(Layout layout, Format format) {
  const FormatTraits& t = traits(format);
  return layout == Layout::kIF4 || (t.scale_code == ScaleCode::kE4M3 && t.int_code == IntCode::kNone &&
                                    t.exponent_bits == 2 && t.mantissa_bits == 1);
}

QuantizedParts foreign_parts(Layout layout, const std::string& name, const Shape& shape,
                             std::size_t global_scales) {
  const bool compressed = layout == Layout::kCompressedTensors;
  const Suffixes& suffixes = compressed                 ? kSuffixes[0]
                             : ends_with(name, kWeight) ? kSuffixes[1]
                                                        : kSuffixes[2];
  const std::size_t rows = row_count(shape);
  const std::size_t bytes = shape.back() / kCodesInByte;
  const std::size_t blocks = shape.back() / kBlockSize;
  const Shape global = compressed || global_scales != 1 ? Shape{global_scales} : Shape{};
  return {{join(name, suffixes.codes), DType::kU8, with_last(shape, bytes), nullptr, rows * bytes},
          {join(name, suffixes.scales), DType::kF8E4M3, with_last(shape, blocks), nullptr, rows * blocks},
          {join(name, suffixes.global_scale), DType::kF32, global, nullptr, global_scales * sizeof(float)}};
}

std::optional<float> global_scale_of(Layout layout, Format format, float amax) {
  if (amax == 0.0F) return 1.0F;
  const float divisor = amax_divisor(format);
  const float scale = layout == Layout::kCompressedTensors ? divisor / amax : amax / divisor;
  return std::isnormal(scale) ? std::optional(scale) : std::nullopt;
}

}  // namespace if4
