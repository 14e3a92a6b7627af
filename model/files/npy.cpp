#include "model/files/npy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"
#include "model/files/model_folder.hpp"
#include "model/files/safetensors.hpp"

namespace if4 {
namespace {

constexpr std::string_view kEnding = ".npy";
constexpr std::string_view kMagic = "\x93NUMPY";
/// The magic text, and two bytes of version.
constexpr std::uint64_t kPrefixBytes = 8;
/// An array of plain numbers has a shorter header. Longer ones describe records.
constexpr std::uint64_t kMaxHeaderBytes = 65536;

/// The first bytes of a file; zeros where it is shorter.
using Prefix = std::array<char, kPrefixBytes>;
Prefix read_prefix(const InputFile& file) {
  Prefix prefix{};
  if (file.size() >= kPrefixBytes) file.read(0, prefix.data(), prefix.size());
  return prefix;
}

bool has_magic(const Prefix& prefix) { return std::string_view(prefix.data(), kMagic.size()) == kMagic; }

/// How a value is stored: IEEE binary16, 32 or 64.
struct Element {
  std::size_t bytes = 0;
  bool big_endian = false;
};

struct Header {
  std::optional<Element> element;
  std::optional<bool> fortran_order;
  std::optional<Shape> shape;
};

/// Reads the Python dictionary of a header, in the subset of Python that NumPy writes for arrays
/// of plain numbers.
class HeaderParser {
 public:
  HeaderParser(const InputFile& file, std::string_view text) : file_(file), text_(text) {}

  Header parse() {
    Header header;
    expect('{');
    while (!take('}')) {
      const std::string_view key = string();
      expect(':');
      if (key == "descr" && !header.element) {
        header.element = element();
      } else if (key == "fortran_order" && !header.fortran_order) {
        header.fortran_order = boolean();
      } else if (key == "shape" && !header.shape) {
        header.shape = shape();
      } else {
        fail("unknown or repeated key " + quoted_name(key));
      }
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (position_ != text_.size()) fail("unexpected text after the dictionary, at character " + here());
    if (!header.element) fail("descr is missing");
    if (!header.fortran_order) fail("fortran_order is missing");
    if (!header.shape) fail("shape is missing");
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { file_.fail("header: " + message); }
  std::string here() const { return std::to_string(position_); }

  void skip_spaces() {
    constexpr std::string_view kSpaces = " \t\r\n";
    position_ = std::min(text_.find_first_not_of(kSpaces, position_), text_.size());
  }

  bool take(char c) {
    skip_spaces();
    if (position_ == text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }

  void expect(char c) {
    if (!take(c)) fail("expected '" + std::string(1, c) + "' at character " + here());
  }

  bool take_word(std::string_view word) {
    skip_spaces();
    if (text_.substr(position_, word.size()) != word) return false;
    position_ += word.size();
    return true;
  }

  std::string_view string() {
    const char quote = take('\'') ? '\'' : '"';
    if (quote == '"') expect('"');
    const std::size_t end = text_.find(quote, position_);
    if (end == std::string_view::npos) fail("unterminated string at character " + here());
    const std::string_view value = text_.substr(position_, end - position_);
    position_ = end + 1;
    return value;
  }

  Element element() {
    if (take('[')) fail(std::string("descr is a record type; ") + kAccepted);
    const std::string_view name = string();
    if (name.size() == 3 && (name[0] == '<' || name[0] == '>') && name[1] == 'f') {
      const bool big_endian = name[0] == '>';
      if (name[2] == '2') return {2, big_endian};
      if (name[2] == '4') return {4, big_endian};
      if (name[2] == '8') return {8, big_endian};
    }
    fail("descr " + quoted_name(name) + " is " + kind(name) + "; " + kAccepted);
  }

  static constexpr const char* kAccepted = "accepted are 'f2', 'f4' and 'f8' with '<' or '>' before them";

  /// What a type is, in words, for the types that a user may have meant to save.
  static std::string kind(std::string_view name) {
    if (name == "<V2" || name == "|V2" || name == "bfloat16")
      return "not a type of NumPy, though perhaps BF16; save it as FP32";
    const char letter = name.size() > 1 ? name[1] : '\0';
    if (letter == 'i' || letter == 'u') return "an integer";
    if (letter == 'c') return "complex";
    if (letter == 'b') return "boolean";
    if (letter == 'O') return "a Python object";
    if (letter == 'S' || letter == 'U' || letter == 'a') return "text";
    return "not a type that is read";
  }

  bool boolean() {
    if (take_word("True")) return true;
    if (take_word("False")) return false;
    fail("fortran_order is neither True nor False");
  }

  Shape shape() {
    Shape dimensions;
    expect('(');
    bool comma = true;
    while (!take(')')) {
      if (!comma) fail("expected ',' in the shape, at character " + here());
      skip_spaces();
      std::size_t dimension = 0;
      const char* first = text_.data() + position_;
      const auto [last, error] = std::from_chars(first, text_.data() + text_.size(), dimension);
      if (error != std::errc{}) fail("shape holds something that is not an integer from 0 to 2^64-1");
      position_ += static_cast<std::size_t>(last - first);
      // Python 2 wrote its long integers so.
      if (position_ < text_.size() && text_[position_] == 'L') ++position_;
      dimensions.push_back(dimension);
      comma = take(',');
    }
    // In Python (3) is a number. A tuple of one number is written (3,).
    if (dimensions.size() == 1 && !comma) fail("shape is not a tuple");
    return dimensions;
  }

  const InputFile& file_;
  std::string_view text_;
  std::size_t position_ = 0;
};

struct Values {
  std::vector<float> values;
  bool beyond_fp32 = false;  ///< a finite value has become infinite
};

/// Reads values in the order in which they are stored, and rounds FP64 to the nearest FP32, ties to even.
Values read_values(const InputFile& file, std::uint64_t start, Element element, std::size_t count) {
  Values read;
  if (!element.big_endian && element.bytes != 8) {
    read.values = read_floats(file, start, element.bytes == 4 ? DType::kF32 : DType::kF16, count);
    return read;
  }
  constexpr std::size_t kAtOnce = std::size_t{1} << 16;
  read.values.reserve(count);
  std::vector<unsigned char> bytes(std::min(count, kAtOnce) * element.bytes);
  for (std::size_t first = 0; first < count; first += kAtOnce) {
    const std::size_t last = std::min(count, first + kAtOnce);
    file.read(start + first * element.bytes, bytes.data(), (last - first) * element.bytes);
    for (unsigned char* at = bytes.data(); read.values.size() < last; at += element.bytes) {
      if (element.big_endian) std::reverse(at, at + element.bytes);
      if (element.bytes == 8) {
        double wide = 0.0;
        std::memcpy(&wide, at, sizeof wide);
        // The largest FP32 number and half a unit of its last place: what is below is rounded to it at most.
        const bool beyond = std::fabs(wide) >= 0x1.ffffffp127 && std::isfinite(wide);
        read.beyond_fp32 = read.beyond_fp32 || beyond;
        constexpr float kInfinity = std::numeric_limits<float>::infinity();
        read.values.push_back(beyond ? std::copysign(kInfinity, static_cast<float>(std::copysign(1.0, wide)))
                                     : static_cast<float>(wide));
      } else if (element.bytes == 4) {
        float value = 0.0F;
        std::memcpy(&value, at, sizeof value);
        read.values.push_back(value);
      } else {
        std::uint16_t half = 0;
        std::memcpy(&half, at, sizeof half);
        read.values.push_back(half_to_float(half));
      }
    }
  }
  return read;
}

/// Values whose first index counts fastest, in the order in which the last one does.
std::vector<float> in_c_order(const Shape& shape, const std::vector<float>& values) {
  std::vector<float> ordered;
  ordered.reserve(values.size());
  Shape index(shape.size());
  Shape stride(shape.size(), 1);
  for (std::size_t i = 1; i < shape.size(); ++i) stride[i] = stride[i - 1] * shape[i - 1];
  std::size_t at = 0;
  while (ordered.size() < values.size()) {
    ordered.push_back(values[at]);
    for (std::size_t i = shape.size(); i-- > 0;) {
      at += stride[i];
      if (++index[i] < shape[i]) break;
      at -= stride[i] * shape[i];
      index[i] = 0;
    }
  }
  return ordered;
}

}  // namespace

bool is_npy(const std::string& path) {
  if (path.size() >= kEnding.size() &&
      path.compare(path.size() - kEnding.size(), kEnding.size(), kEnding) == 0)
    return true;
  return !is_model_folder(path) && has_magic(read_prefix(InputFile(path)));
}

Tensor read_npy(const std::string& path) {
  const InputFile file(path);
  const Prefix prefix = read_prefix(file);
  if (!has_magic(prefix)) {
    const std::optional<std::string> kind = file.kind();
    file.fail("not a .npy file" + (kind ? ": it is " + *kind : ""));
  }
  const int major = static_cast<unsigned char>(prefix[6]);
  const int minor = static_cast<unsigned char>(prefix[7]);
  if (major < 1 || major > 3 || minor != 0) {
    file.fail("header: format version " + std::to_string(major) + "." + std::to_string(minor) +
              " is not known; 1.0 to 3.0 are");
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  std::uint32_t length = 0;
  if (file.size() < kPrefixBytes + length_bytes) file.fail("header: the file ends inside it");
  file.read(kPrefixBytes, &length, length_bytes);
  const std::uint64_t data_start = kPrefixBytes + length_bytes + length;
  if (data_start > file.size()) file.fail("header: the file ends inside it");
  if (length > kMaxHeaderBytes) {
    file.fail("header: length " + std::to_string(length) + " is over the limit of " +
              std::to_string(kMaxHeaderBytes));
  }
  std::string text(length, '\0');
  file.read(kPrefixBytes + length_bytes, text.data(), text.size());

  const Header header = HeaderParser(file, text).parse();
  const Shape& shape = *header.shape;
  const Element element = *header.element;
  const std::optional<std::size_t> count = byte_count(DType::kU8, shape);
  std::size_t size = 0;
  if (!count || __builtin_mul_overflow(*count, element.bytes, &size))
    file.fail("header: the size of the shape overflows 64 bits");
  const std::uint64_t data_size = file.size() - data_start;
  if (size != data_size) {
    file.fail(std::string(data_size < size ? "truncated" : "trailing bytes") + ": the header tells of " +
              std::to_string(size) + " bytes of data, the file has " + std::to_string(data_size));
  }
  Values read = read_values(file, data_start, element, *count);
  if (*header.fortran_order && shape.size() > 1) read.values = in_c_order(shape, read.values);
  if (read.beyond_fp32) {
    std::size_t i = 0;
    while (!std::isinf(read.values[i])) ++i;
    file.fail("value " + std::to_string(i) + " is beyond the range of FP32");
  }
  return Tensor{shape, std::move(read.values)};
}

}  // namespace if4
