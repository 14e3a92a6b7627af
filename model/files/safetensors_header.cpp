#include "model/files/safetensors_header.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "model/core/error.hpp"
#include "model/core/text.hpp"

namespace if4 {
namespace {

constexpr std::uint64_t kLengthBytes = 8;
/// The longest header that the reference implementation of the format reads.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

/// Reads the header event by event, so that deep nesting takes no stack and the first error ends the reading.
class HeaderParser : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderParser(const InputFile& file) : file_(file) {}

  std::vector<TensorInfo> tensors;
  std::map<std::string, std::string> metadata;

  bool null() override {
    if (place_ == Place::kHeader && key_ == kMetadataKey) return true;
    return ignored_or_misplaced();
  }
  bool boolean(bool) override { return ignored_or_misplaced(); }
  bool number_integer(number_integer_t) override { return ignored_or_misplaced(); }
  bool number_float(number_float_t, const string_t&) override { return ignored_or_misplaced(); }
  bool binary(binary_t&) override { misplaced(); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::kShape) {
      info_.shape.push_back(value);
    } else if (place_ == Place::kOffsets) {
      offsets_.push_back(value);
    } else {
      ignored_or_misplaced();
    }
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::kMetadata) {
      metadata[key_] = value;
    } else if (place_ == Place::kTensor && key_ == "dtype") {
      info_.dtype = dtype_from_name(value);
      if (info_.dtype == DType::kOther) info_.other_dtype = value;
    } else {
      ignored_or_misplaced();
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (ignored()) {
      ++ignored_depth_;
    } else if (place_ == Place::kOutside) {
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
    if (ignored_depth_ != 0) return true;
    key_ = value;
    if (place_ == Place::kHeader) {
      if (!outer_keys_.insert(value).second) fail_header("duplicate key " + quoted_name(value));
    } else if (place_ == Place::kMetadata) {
      if (!inner_keys_.insert(value).second) fail_header("__metadata__: duplicate key " + quoted_name(value));
    } else if (!ignored()) {
      if (!inner_keys_.insert(value).second) fail_tensor("duplicate key " + quoted_name(value));
    }
    return true;
  }

  bool end_object() override {
    if (ignored_depth_ != 0) {
      --ignored_depth_;
      return true;
    }
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
    if (ignored()) {
      ++ignored_depth_;
      return true;
    }
    if (place_ != Place::kTensor || key_ == "dtype") misplaced();
    place_ = key_ == "shape" ? Place::kShape : Place::kOffsets;
    return true;
  }

  bool end_array() override {
    if (ignored_depth_ != 0) {
      --ignored_depth_;
      return true;
    }
    if (place_ == Place::kOffsets && offsets_.size() != 2) {
      fail_tensor("data_offsets has " + std::to_string(offsets_.size()) + " numbers, not 2");
    }
    place_ = Place::kTensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // The message of the library may quote any number of raw bytes of the file.
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

  /// Whether the value that comes belongs to an unknown key of a tensor.
  bool ignored() const {
    if (ignored_depth_ != 0) return true;
    return place_ == Place::kTensor && key_ != "dtype" && key_ != "shape" && key_ != "data_offsets";
  }
  bool ignored_or_misplaced() const {
    if (!ignored()) misplaced();
    return true;
  }

  /// Throws the error of a value that is not of the kind that belongs in this place.
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
  std::size_t ignored_depth_ = 0;  ///< how many objects and arrays of an unknown key are open
  TensorInfo info_;
  std::vector<std::uint64_t> offsets_;
  std::set<std::string> outer_keys_;
  std::set<std::string> inner_keys_;
};

std::string read_header(const InputFile& file) {
  // Says what the file is where that can be told, else what is wrong with the header.
  const auto refuse = [&](const std::string& message) {
    const std::optional<std::string> kind = file.kind();
    file.fail(kind ? "not a safetensors file: it is " + *kind : "header: " + message);
  };
  if (file.size() < kLengthBytes) {
    refuse("the file has " + std::to_string(file.size()) + " bytes, fewer than the 8 of the header length");
  }
  std::uint64_t length = 0;
  file.read(0, &length, sizeof length);
  if (length > file.size() - kLengthBytes) {
    refuse("length " + std::to_string(length) + " is larger than the rest of the file, " +
           std::to_string(file.size() - kLengthBytes) + " bytes");
  }
  if (length > kMaxHeaderBytes) {
    refuse("length " + std::to_string(length) + " is over the limit of " + std::to_string(kMaxHeaderBytes));
  }
  std::string text(length, '\0');
  file.read(kLengthBytes, text.data(), text.size());
  if (text.empty() || text[0] != '{') refuse("not a JSON object");
  // The JSON library would take a NUL byte for the end of the text.
  if (text.find('\0') != std::string::npos) file.fail("header: not valid JSON: it holds a NUL byte");
  return text;
}

/// Throws unless the tensors fill the data area, with the sizes that their shapes have.
void check_layout(const InputFile& file, const SafetensorsHeader& header) {
  const auto fail = [&](const std::string& name, const std::string& message) {
    file.fail(tensor_message(name, message));
  };
  const std::uint64_t data_size = file.size() - header.data_start;
  std::vector<const TensorInfo*> order;
  for (const TensorInfo& info : header.tensors) {
    const std::string offsets = to_string(Shape{info.begin, info.end});
    if (info.begin > info.end) fail(info.name, "data_offsets " + offsets + " run backwards");
    if (info.end > data_size) {
      fail(info.name,
           "data_offsets " + offsets + " reach past the " + std::to_string(data_size) + " bytes of data");
    }
    order.push_back(&info);
    if (info.dtype == DType::kOther) continue;
    const std::optional<std::size_t> size = byte_count(info.dtype, info.shape);
    if (!size) fail(info.name, "the size of the shape overflows 64 bits or is no whole number of bytes");
    if (*size != info.end - info.begin) {
      fail(info.name, "shape and dtype " + std::string(dtype_name(info.dtype)) + " need " +
                          std::to_string(*size) + " bytes, data_offsets " + offsets + " hold " +
                          std::to_string(info.end - info.begin));
    }
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
    file.fail("header: " + std::to_string(data_size - expected) + " bytes at the end belong to no tensor");
  }
}

}  // namespace

std::string_view dtype_name(const TensorInfo& info) {
  return info.dtype == DType::kOther ? std::string_view(info.other_dtype) : dtype_name(info.dtype);
}

std::string tensor_message(std::string_view name, const std::string& message) {
  return "tensor " + quoted_name(name) + ": " + message;
}

SafetensorsHeader read_safetensors_header(const InputFile& file) {
  const std::string text = read_header(file);
  HeaderParser parser(file);
  nlohmann::json::sax_parse(text, &parser);
  SafetensorsHeader header{kLengthBytes + text.size(), std::move(parser.tensors), std::move(parser.metadata)};
  check_layout(file, header);
  return header;
}

}  // namespace if4
