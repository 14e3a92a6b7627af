#include "model/files/npy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

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

struct Header {
  std::optional<DType> dtype;
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
      if (key == "descr" && !header.dtype) {
        header.dtype = dtype();
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
    if (!header.dtype) fail("descr is missing");
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

  DType dtype() {
    if (take('[')) fail("descr is a record type; only '<f4' and '<f2' are accepted");
    const std::string_view name = string();
    if (name == "<f4") return DType::kF32;
    if (name == "<f2") return DType::kF16;
    fail("descr " + quoted_name(name) +
         " is not accepted; '<f4' and '<f2' (little-endian FP32 and FP16) are");
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
  if (*header.fortran_order && shape.size() > 1) {
    file.fail("header: Fortran order is not accepted; save with numpy.ascontiguousarray");
  }
  const std::optional<std::size_t> size = byte_count(*header.dtype, shape);
  if (!size) file.fail("header: the size of the shape overflows 64 bits");
  const std::uint64_t data_size = file.size() - data_start;
  if (*size != data_size) {
    file.fail(std::string(data_size < *size ? "truncated" : "trailing bytes") + ": the header tells of " +
              std::to_string(*size) + " bytes of data, the file has " + std::to_string(data_size));
  }
  return Tensor{shape, read_floats(file, data_start, *header.dtype, *size / dtype_size(*header.dtype))};
}

}  // namespace if4
