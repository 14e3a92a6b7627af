#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/core/tiled_scales.hpp"
#include "model/files/layout.hpp"

namespace if4 {
namespace {

constexpr std::string_view kCodes = ".codes";
constexpr std::string_view kScales = ".scales";
constexpr std::string_view kAmax = ".amax";
constexpr std::string_view kFormat = ".format";
constexpr std::string_view kShape = ".shape";
constexpr std::string_view kRule = ".rule";
constexpr std::string_view kScaleLayout = ".scale_layout";
constexpr std::string_view kRotation = ".rotation";
constexpr std::string_view kTransposed = ".transposed";
constexpr std::string_view kFlattened = ".flattened";

/// The shape that a text like "[64, 250]" gives: at least one dimension, and none of them 0.
std::optional<Shape> parse_shape(std::string_view text) {
  if (text.size() < 3 || text.front() != '[' || text.back() != ']') return std::nullopt;
  const char* next = text.data() + 1;
  const char* const end = text.data() + text.size() - 1;
  Shape shape;
  for (;;) {
    std::size_t dimension = 0;
    const auto [last, error] = std::from_chars(next, end, dimension);
    if (error != std::errc{} || dimension == 0) return std::nullopt;
    shape.push_back(dimension);
    next = last;
    if (next == end) return shape;
    if (*next++ != ',') return std::nullopt;
    while (next != end && *next == ' ') ++next;
  }
}

/// The shape of a part with `count` entries for each row of blocks.
Shape part_shape(const QuantizedTensor& tensor, std::size_t count) {
  if (tensor.flattened) return {tensor.shape.front(), count};
  Shape shape = tensor.shape;
  shape.back() = count;
  return shape;
}

/// Reads the parts of one quantized tensor, each checked against the true shape.
class QuantizedReader {
 public:
  QuantizedReader(const SafetensorsFile& file, std::string name) : file_(file), name_(std::move(name)) {}

  QuantizedInfo info() const {
    QuantizedInfo info;
    const std::string& format = metadata(kFormat);
    const std::optional<Format> known = format_from_name(format);
    if (!known) fail("unknown format " + quoted_name(format));
    info.format = *known;
    const std::string& shape = metadata(kShape);
    const std::optional<Shape> parsed = parse_shape(shape);
    if (!parsed)
      fail("metadata shape " + quoted_name(shape) + " is not a list of positive integers like [64, 250]");
    info.shape = *parsed;
    const auto rule = file_.metadata().find(join(name_, kRule));
    if (rule != file_.metadata().end()) info.rule = rule->second;
    info.rotated = flag(kRotation, "rht16");
    info.transposed = flag(kTransposed, "true");
    info.flattened = flag(kFlattened, "true");
    if ((info.transposed || info.flattened) && info.shape.size() < 2) {
      fail("the shape " + shape + " is of one dimension: it can be neither transposed nor flattened");
    }
    return info;
  }

  NamedQuantized read() const {
    const QuantizedInfo known = info();
    NamedQuantized result{name_, {}, known.rule, known.rotated, known.transposed};
    QuantizedTensor& tensor = result.tensor;
    tensor.format = known.format;
    tensor.shape = known.shape;
    tensor.flattened = known.flattened;
    // Nothing has confirmed the shape yet, so its product and the rounding up of blocks_per_row() could overflow.
    if (!byte_count(DType::kF32, tensor.shape)) fail_too_large(tensor);
    const std::size_t columns = tensor.columns();
    if (known.rotated && columns % kBlockSize != 0) {
      fail("rotated rows are a multiple of 16 values long, not " + std::to_string(columns));
    }
    const std::size_t per_block = block_size(tensor.format);
    const std::size_t blocks = columns / per_block + (columns % per_block != 0 ? 1 : 0);
    read_scales(tensor, blocks);
    tensor.codes =
        file_.read_bytes(part(kCodes, DType::kU8, part_shape(tensor, code_bytes(tensor.format) * blocks)));
    tensor.amax = file_.read_tensor(part(kAmax, DType::kF32, Shape{1})).values[0];
    if (!std::isfinite(tensor.amax) || tensor.amax < 0.0F) fail("amax is negative or not finite");
    check_padding(tensor);
    check_types(tensor);
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { file_.fail(name_, message); }

  /// Whether the metadata has an entry that may be missing. Its only legal value is `legal`.
  bool flag(std::string_view suffix, std::string_view legal) const {
    const auto found = file_.metadata().find(join(name_, suffix));
    if (found == file_.metadata().end()) return false;
    if (found->second != legal) {
      fail("metadata " + quoted_name(found->first) + " is " + quoted_name(found->second) + ", not " +
           quoted_name(legal));
    }
    return true;
  }

  void read_scales(QuantizedTensor& tensor, std::size_t blocks) const {
    if (!flag(kScaleLayout, "tiled")) {
      tensor.scales = file_.read_bytes(scales(tensor.format, part_shape(tensor, blocks)));
      return;
    }
    // Padding to whole tiles must not overflow either.
    constexpr std::size_t kLimit = std::size_t{1} << 40;
    if (tensor.rows() > kLimit || blocks > kLimit) fail_too_large(tensor);
    const Shape shape{tiled_size(tensor.rows(), blocks)};
    const std::vector<std::uint8_t> tiled = file_.read_bytes(scales(tensor.format, shape));
    tensor.scales = untile_scales(tiled, tensor.rows(), blocks);
  }

  [[noreturn]] void fail_too_large(const QuantizedTensor& tensor) const {
    fail("the shape " + to_string(tensor.shape).substr(0, 100) + " is too large");
  }

  const std::string& metadata(std::string_view suffix) const {
    const std::string key = join(name_, suffix);
    const auto found = file_.metadata().find(key);
    if (found == file_.metadata().end()) fail("metadata " + quoted_name(key) + " is missing");
    return found->second;
  }

  /// Scales may also be of the type that they are.
  const TensorInfo& scales(Format format, const Shape& shape) const {
    const TensorInfo* const info = file_.find(join(name_, kScales));
    const bool e8m0 = traits(format).scale_code == ScaleCode::kE8M0;
    const DType own = e8m0 ? DType::kF8E8M0 : DType::kF8E4M3;
    return part(kScales, info != nullptr && info->dtype == own ? own : DType::kU8, shape);
  }

  const TensorInfo& part(std::string_view suffix, DType dtype, const Shape& shape) const {
    const TensorInfo* info = file_.find(join(name_, suffix));
    if (info == nullptr) fail("tensor " + quoted_name(join(name_, suffix)) + " is missing");
    if (info->dtype != dtype || info->shape != shape) {
      file_.fail(info->name, one_line(dtype_name(*info)).substr(0, 100) + " " +
                                 one_line(to_string(info->shape)).substr(0, 100) + " where " +
                                 quoted_name(name_) + " calls for " + std::string(dtype_name(dtype)) + " " +
                                 to_string(shape).substr(0, 100));
    }
    return *info;
  }

  void check_padding(const QuantizedTensor& tensor) const {
    const std::size_t used = tensor.columns() % block_size(tensor.format);
    if (used == 0) return;
    const std::size_t blocks = tensor.blocks_per_row();
    const auto bits = static_cast<std::size_t>(traits(tensor.format).code_bits);
    for (std::size_t row = 0; row < tensor.rows(); ++row) {
      if (tensor.block(row, blocks - 1).codes >> (used * bits) == 0) continue;
      fail("padding codes of block " + std::to_string(row * blocks + blocks - 1) + " are not 0");
    }
  }

  void check_types(const QuantizedTensor& tensor) const {
    if (mixes_types(tensor.format) || traits(tensor.format).scale_code != ScaleCode::kE4M3) return;
    for (std::size_t i = 0; i < tensor.scales.size(); ++i) {
      if ((tensor.scales[i] & kScaleIntBit) == 0) continue;
      fail("the scale of block " + std::to_string(i) + " has bit 7 set, which " +
           std::string(format_name(tensor.format)) + " does not allow");
    }
  }

  const SafetensorsFile& file_;
  std::string name_;
};

}  // namespace

std::string_view layout_name(Layout layout) {
  constexpr std::string_view kNames[] = {"if4", "compressed-tensors", "modelopt"};
  return kNames[static_cast<std::size_t>(layout)];
}

bool is_codes_name(std::string_view name) { return ends_with(name, kCodes); }

std::optional<std::string> own_owner(const SafetensorsFile& file, const TensorInfo& part) {
  for (const std::string_view suffix : {kCodes, kScales, kAmax}) {
    if (!ends_with(part.name, suffix)) continue;
    std::string name = part.name.substr(0, part.name.size() - suffix.size());
    if (is_own(file, name)) return name;
  }
  return std::nullopt;
}

std::vector<std::string> own_without_codes(const SafetensorsFile& file) {
  std::vector<std::string> names;
  for (const auto& [key, format] : file.metadata()) {
    if (!ends_with(key, kFormat)) continue;
    std::string name = key.substr(0, key.size() - kFormat.size());
    if (file.find(join(name, kCodes)) == nullptr && is_own(file, name)) names.push_back(std::move(name));
  }
  return names;
}

bool is_own(const SafetensorsFile& file, const std::string& name) {
  const auto format = file.metadata().find(join(name, kFormat));
  if (format == file.metadata().end()) return false;
  for (const std::string_view part : {kCodes, kScales, kAmax}) {
    if (file.find(join(name, part)) != nullptr) return true;
  }
  return format_from_name(format->second) && file.find(name) == nullptr;
}

QuantizedInfo own_info(const SafetensorsFile& file, const std::string& name) {
  return QuantizedReader(file, name).info();
}

NamedQuantized read_own(const SafetensorsFile& file, const std::string& name) {
  return QuantizedReader(file, name).read();
}

QuantizedParts quantized_parts(const std::string& name, Format format, const Shape& shape, bool tiled) {
  QuantizedTensor stored;  // only its rows are asked for
  stored.format = format;
  stored.shape = shape.empty() ? Shape{1} : shape;
  stored.flattened = flattens(format, shape);
  const std::size_t rows = stored.rows();
  const std::size_t blocks = stored.blocks_per_row();
  const std::size_t bytes = code_bytes(format) * blocks;
  const std::size_t scales = tiled ? tiled_size(rows, blocks) : rows * blocks;
  return {
      {join(name, kCodes), DType::kU8, part_shape(stored, bytes), nullptr, rows * bytes},
      {join(name, kScales), DType::kU8, tiled ? Shape{scales} : part_shape(stored, blocks), nullptr, scales},
      {join(name, kAmax), DType::kF32, Shape{1}, nullptr, sizeof(float)}};
}

void describe_quantized(const std::string& name, Format format, const Shape& shape, const std::string& rule,
                        bool tiled, bool rotated, bool transposed,
                        std::map<std::string, std::string>& metadata) {
  metadata[join(name, kFormat)] = format_name(format);
  metadata[join(name, kShape)] = to_string(shape.empty() ? Shape{1} : shape);
  if (!rule.empty()) metadata[join(name, kRule)] = rule;
  if (tiled) metadata[join(name, kScaleLayout)] = "tiled";
  if (rotated) metadata[join(name, kRotation)] = "rht16";
  if (transposed) metadata[join(name, kTransposed)] = "true";
  if (flattens(format, shape)) metadata[join(name, kFlattened)] = "true";
}

void remove_description(const std::string& name, std::map<std::string, std::string>& metadata) {
  for (const std::string_view key :
       {kFormat, kShape, kRule, kScaleLayout, kRotation, kTransposed, kFlattened})
    metadata.erase(join(name, key));
}

}  // namespace if4
