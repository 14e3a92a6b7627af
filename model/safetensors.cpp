#include "model/safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <new>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <stdexcept>
#include <utility>

#include "model/error.hpp"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "file values are copied without swapping bytes");

namespace if4 {
namespace {

constexpr std::uint64_t kLengthBytes = 8;
/// The limit of the reference implementation.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::string_view kMetadataKey = "__metadata__";

struct DTypeRow {
  std::string_view name;
  std::size_t size;
};

/// In the order of the enumerators.
constexpr DTypeRow kDTypes[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
                                {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
                                {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8}};
static_assert(static_cast<std::size_t>(DType::kU64) + 1 == std::size(kDTypes));

std::string tensor_message(std::string_view name, const std::string& message) {
  return "tensor " + quoted_name(name) + ": " + message;
}

float float_from_bits(std::uint32_t bits) {
  float value = 0.0F;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// Takes the header apart event by event: nesting costs no stack, and the first misplaced thing ends it.
class HeaderParser : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderParser(const InputFile& file) : file_(file) {}

  std::vector<TensorInfo> tensors;
  std::map<std::string, std::string> metadata;

  bool null() override { misplaced(); }
  bool boolean(bool) override { misplaced(); }
  bool number_integer(number_integer_t) override { misplaced(); }
  bool number_float(number_float_t, const string_t&) override { misplaced(); }
  bool binary(binary_t&) override { misplaced(); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::kShape) {
      info_.shape.push_back(value);
    } else if (place_ == Place::kOffsets) {
      offsets_.push_back(value);
    } else {
      misplaced();
    }
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::kMetadata) {
      metadata[key_] = value;
    } else if (place_ == Place::kTensor && key_ == "dtype") {
      const std::optional<DType> dtype = dtype_from_name(value);
      if (!dtype) fail_tensor("unknown dtype " + quoted_name(value));
      info_.dtype = *dtype;
    } else {
      misplaced();
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::kOutside) {
      place_ = Place::kHeader;
    } else if (place_ == Place::kHeader) {
      place_ = key_ == kMetadataKey ? Place::kMetadata : Place::kTensor;
      if (place_ == Place::kTensor) {
        info_ = TensorInfo{};
        info_.name = key_;
        offsets_.clear();
      }
      inner_keys_.clear();
    } else {
      misplaced();
    }
    return true;
  }

  bool key(string_t& value) override {
    key_ = value;
    if (place_ == Place::kHeader) {
      if (!outer_keys_.insert(value).second) fail_header("duplicate key " + quoted_name(value));
    } else if (place_ == Place::kMetadata) {
      if (!inner_keys_.insert(value).second) fail_header("__metadata__: duplicate key " + quoted_name(value));
    } else {
      if (value != "dtype" && value != "shape" && value != "data_offsets") {
        fail_tensor("unknown key " + quoted_name(value));
      }
      if (!inner_keys_.insert(value).second) fail_tensor("duplicate key " + quoted_name(value));
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::kTensor) {
      for (const char* required : {"dtype", "shape", "data_offsets"}) {
        if (inner_keys_.count(required) == 0) fail_tensor(std::string(required) + " is missing");
      }
      info_.begin = offsets_[0];
      info_.end = offsets_[1];
      tensors.push_back(std::move(info_));
    }
    place_ = place_ == Place::kHeader ? Place::kOutside : Place::kHeader;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::kTensor || key_ == "dtype") misplaced();
    place_ = key_ == "shape" ? Place::kShape : Place::kOffsets;
    return true;
  }

  bool end_array() override {
    if (place_ == Place::kOffsets && offsets_.size() != 2) {
      fail_tensor("data_offsets has " + std::to_string(offsets_.size()) + " numbers, not 2");
    }
    place_ = Place::kTensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // The library's text may quote any amount of the file, in raw bytes.
    std::string_view detail = error.what();
    const std::size_t found = detail.find("syntax error");
    if (found != std::string_view::npos) detail.remove_prefix(found);
    fail_header("not valid JSON at byte " + std::to_string(position) + ": " +
                one_line(detail.substr(0, 160)));
  }

 private:
  enum class Place { kOutside, kHeader, kMetadata, kTensor, kShape, kOffsets };

  [[noreturn]] void fail_header(const std::string& message) const { file_.fail("header: " + message); }
  [[noreturn]] void fail_tensor(const std::string& message) const {
    file_.fail(tensor_message(info_.name, message));
  }

  /// A value of the wrong kind at this place.
  [[noreturn]] void misplaced() const {
    switch (place_) {
      case Place::kOutside:
        fail_header("not a JSON object");
      case Place::kHeader:
        fail_header(quoted_name(key_) + " is not an object");
      case Place::kMetadata:
        fail_header("__metadata__: " + quoted_name(key_) + " is not a string");
      case Place::kTensor:
        fail_tensor(key_ + (key_ == "dtype" ? " is not a string" : " is not an array"));
      default:
        fail_tensor(key_ + " holds something that is not an integer from 0 to 2^64-1");
    }
  }

  const InputFile& file_;
  Place place_ = Place::kOutside;
  std::string key_;
  TensorInfo info_;
  std::vector<std::uint64_t> offsets_;
  std::set<std::string> outer_keys_;
  std::set<std::string> inner_keys_;
};

std::string read_header(const InputFile& file) {
  if (file.size() < kLengthBytes) {
    file.fail("header: the file has " + std::to_string(file.size()) +
              " bytes, fewer than the 8 of the header length");
  }
  std::uint64_t length = 0;
  file.read(0, &length, sizeof length);
  if (length > file.size() - kLengthBytes) {
    file.fail("header: length " + std::to_string(length) + " is larger than the rest of the file, " +
              std::to_string(file.size() - kLengthBytes) + " bytes");
  }
  if (length > kMaxHeaderBytes) {
    file.fail("header: length " + std::to_string(length) + " is over the limit of " +
              std::to_string(kMaxHeaderBytes));
  }
  std::string text(length, '\0');
  file.read(kLengthBytes, text.data(), text.size());
  if (text.empty() || text[0] != '{') file.fail("header: not a JSON object");
  // The JSON library takes it for the end of the text.
  if (text.find('\0') != std::string::npos) file.fail("header: not valid JSON: it holds a NUL byte");
  return text;
}

template <class Read>
auto in_memory(const InputFile& file, std::uint64_t bytes, Read read) {
  try {
    return read();
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  }
  file.fail("not enough memory for a tensor of " + std::to_string(bytes) + " bytes in the file");
}

}  // namespace

std::string_view dtype_name(DType dtype) { return kDTypes[static_cast<std::size_t>(dtype)].name; }

std::size_t dtype_size(DType dtype) { return kDTypes[static_cast<std::size_t>(dtype)].size; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kDTypes); ++i) {
    if (kDTypes[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 31U;
  const std::uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  // The biases are 15 and 127; 31 stands for NaN and infinity as 255 does.
  return float_from_bits(sign | (exponent == 31 ? 255U : exponent + 112U) << 23 | mantissa << 13);
}

float bfloat16_to_float(std::uint16_t bits) {
  return float_from_bits(static_cast<std::uint32_t>(bits) << 16);
}

std::optional<std::size_t> byte_count(DType dtype, const Shape& shape) {
  std::size_t count = dtype_size(dtype);
  bool empty = false;
  for (const std::size_t dimension : shape) {
    if (dimension == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(count, dimension, &count)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : count;
}

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

SafetensorsFile::SafetensorsFile(const std::string& path) : file_(path) {
  const std::string header = read_header(file_);
  data_start_ = kLengthBytes + header.size();
  HeaderParser parser(file_);
  nlohmann::json::sax_parse(header, &parser);
  tensors_ = std::move(parser.tensors);
  metadata_ = std::move(parser.metadata);
  for (std::size_t i = 0; i < tensors_.size(); ++i) positions_[tensors_[i].name] = i;
  check_layout();
}

void SafetensorsFile::check_layout() const {
  const std::uint64_t data_size = file_.size() - data_start_;
  std::vector<const TensorInfo*> order;
  for (const TensorInfo& info : tensors_) {
    const std::string offsets = to_string(Shape{info.begin, info.end});
    if (info.begin > info.end) fail(info.name, "data_offsets " + offsets + " run backwards");
    if (info.end > data_size) {
      fail(info.name,
           "data_offsets " + offsets + " reach past the " + std::to_string(data_size) + " bytes of data");
    }
    const std::optional<std::size_t> size = byte_count(info.dtype, info.shape);
    if (!size) fail(info.name, "the size of the shape overflows 64 bits");
    if (*size != info.end - info.begin) {
      fail(info.name, "shape and dtype " + std::string(dtype_name(info.dtype)) + " need " +
                          std::to_string(*size) + " bytes, data_offsets " + offsets + " hold " +
                          std::to_string(info.end - info.begin));
    }
    order.push_back(&info);
  }
  std::sort(order.begin(), order.end(), [](const TensorInfo* a, const TensorInfo* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::uint64_t expected = 0;
  for (const TensorInfo* info : order) {
    if (info->begin != expected) {
      fail(info->name, std::string(info->begin < expected ? "overlaps another tensor" : "follows a hole") +
                           ": data begins at byte " + std::to_string(info->begin) + ", not " +
                           std::to_string(expected));
    }
    expected = info->end;
  }
  if (expected != data_size) {
    file_.fail("header: " + std::to_string(data_size - expected) + " bytes at the end belong to no tensor");
  }
}

const TensorInfo* SafetensorsFile::find(std::string_view name) const {
  const auto found = positions_.find(std::string(name));
  return found == positions_.end() ? nullptr : &tensors_[found->second];
}

std::vector<std::uint8_t> SafetensorsFile::read_bytes(const TensorInfo& info) const {
  const std::uint64_t size = info.end - info.begin;
  return in_memory(file_, size, [&] {
    std::vector<std::uint8_t> bytes(size);
    file_.read(data_start_ + info.begin, bytes.data(), bytes.size());
    return bytes;
  });
}

const std::uint8_t* SafetensorsFile::map(const TensorInfo& info) {
  return file_.map() + data_start_ + info.begin;
}

Tensor SafetensorsFile::read_tensor(const TensorInfo& info) const {
  if (info.dtype != DType::kF32 && info.dtype != DType::kF16 && info.dtype != DType::kBF16) {
    fail(info.name,
         "dtype " + std::string(dtype_name(info.dtype)) + " is not accepted; F32, F16 and BF16 are");
  }
  const auto count = static_cast<std::size_t>(info.end - info.begin) / dtype_size(info.dtype);
  return Tensor{info.shape, read_floats(file_, data_start_ + info.begin, info.dtype, count)};
}

void SafetensorsFile::fail(std::string_view name, const std::string& message) const {
  file_.fail(tensor_message(name, message));
}

SafetensorsLayout layout_safetensors(const std::string& path, const std::vector<TensorBytes>& tensors,
                                     const std::map<std::string, std::string>& metadata) {
  const auto fail = [&](const std::string& message) { throw InputError(one_line(path) + ": " + message); };
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

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[std::string(kMetadataKey)] = metadata;
  std::set<std::string> names{std::string(kMetadataKey)};
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorBytes& tensor = tensors[i];
    if (!names.insert(tensor.name).second) fail(tensor_message(tensor.name, "the name is taken"));
    if (byte_count(tensor.dtype, tensor.shape) != tensor.size) {
      fail(tensor_message(tensor.name, std::to_string(tensor.size) + " bytes are not the size of " +
                                           std::string(dtype_name(tensor.dtype)) + " " +
                                           to_string(tensor.shape)));
    }
    header[tensor.name] = {{"dtype", dtype_name(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {begins[i], begins[i] + tensor.size}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::type_error&) {
    fail("header: a name or a metadata text is not UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');

  SafetensorsLayout layout;
  const std::uint64_t length = text.size();
  layout.start.assign(reinterpret_cast<const char*>(&length), sizeof length);
  layout.start += text;
  for (const std::uint64_t begin : begins) layout.offsets.push_back(layout.start.size() + begin);
  return layout;
}

void write_safetensors(const std::string& path, const std::vector<TensorBytes>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const SafetensorsLayout layout = layout_safetensors(path, tensors, metadata);
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // Tensors without bytes share their place with the next one.
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return layout.offsets[a] < layout.offsets[b]; });
  AtomicFile file(path);
  file.write(layout.start);
  for (const std::size_t i : order) file.write(tensors[i].data, tensors[i].size);
  file.commit();
}

}  // namespace if4
