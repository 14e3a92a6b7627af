#include "model/core/file_kind.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string_view>

#include "model/core/text.hpp"

namespace if4 {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kQuotedCharacters = 60;

struct Magic {
  std::size_t offset;
  std::string_view bytes;
  std::string_view kind;
};

constexpr Magic kMagics[] = {
    {0, "GGUF"sv, "a GGUF file"},
    {0, "lmgg"sv, "a GGML file, which GGUF has replaced"},
    {0, "tjgg"sv, "a GGML file, which GGUF has replaced"},
    {0, "fmgg"sv, "a GGML file, which GGUF has replaced"},
    {0, "\x89HDF\r\n\x1A\n"sv, "an HDF5 file, as Keras writes them"},
    {0, "\x93NUMPY"sv, "a .npy array of numpy"},
    {0, "\x1F\x8B"sv, "compressed by gzip"},
    {0, "\x28\xB5\x2F\xFD"sv, "compressed by zstd"},
    {0, "\xFD\x37zXZ\0"sv, "compressed by xz"},
    {0, "BZh"sv, "compressed by bzip2"},
    {0, "\x04\x22\x4D\x18"sv, "compressed by lz4"},
    {0, "7z\xBC\xAF\x27\x1C"sv, "a 7z archive"},
    {257, "ustar"sv, "a tar archive"},
    {4, "TFL3"sv, "a TensorFlow Lite model"},
    {0, "PAR1"sv, "a Parquet file"},
    {0, "SQLite format 3"sv, "an SQLite database"},
    {0, "%PDF-"sv, "a PDF file"},
    {0, "\x7F\x45LF"sv, "an ELF program or library"},
    {0, "\x89PNG"sv, "a PNG picture"},
    {0, "\xFF\xD8\xFF"sv, "a JPEG picture"},
};

bool has_at(std::string_view text, std::size_t offset, std::string_view part) {
  return text.size() >= offset && text.substr(offset, part.size()) == part;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// The names of the first entries are in the prefix, between the headers of the entries.
std::optional<std::string> zip_kind(std::string_view prefix) {
  if (!has_at(prefix, 0, "PK\3\4") && !has_at(prefix, 0, "PK\5\6")) return std::nullopt;
  if (contains(prefix, "data.pkl")) return "a PyTorch checkpoint (a pickle in a zip archive)";
  if (contains(prefix, ".npy")) return "a zip archive of .npy arrays (numpy's .npz)";
  if (contains(prefix, "config.json") && contains(prefix, "model.weights.h5"))
    return "a Keras model (a zip archive)";
  return "a zip archive; PyTorch checkpoints (.pt, .bin) and .npz files are such";
}

/// A pickle of protocol 2 and later begins with the protocol, and goes on with a frame or with an opcode that
/// builds something.
bool is_pickle(std::string_view prefix) {
  if (prefix.size() < 3 || prefix[0] != '\x80' || prefix[1] < 2 || prefix[1] > 5) return false;
  return contains("\x95\x8A}](cX\x8C\x28K"sv, prefix.substr(2, 1));
}

/// The fields of a message of protobuf, one after the other.
class ProtobufFields {
 public:
  ProtobufFields(std::string_view prefix, std::uint64_t size) : prefix_(prefix), size_(size) {}

  struct Field {
    std::uint64_t number;
    std::uint64_t wire_type;
    std::uint64_t value;  ///< of a varint; else the length
  };
  /// The next field, or nothing where the prefix ends or holds none.
  std::optional<Field> next() {
    const std::optional<std::uint64_t> key = varint();
    if (!key || *key >> 3 == 0) return std::nullopt;
    Field field{*key >> 3, *key & 7, 0};
    if (field.wire_type != 0 && field.wire_type != 2) return std::nullopt;
    const std::optional<std::uint64_t> value = varint();
    if (!value) return std::nullopt;
    field.value = *value;
    if (field.wire_type == 2) {
      if (field.value > size_ - at_) return std::nullopt;
      at_ += field.value;
    }
    return field;
  }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at_ < prefix_.size(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(prefix_[at_++]);
      value |= static_cast<std::uint64_t>(byte & 127U) << shift;
      if ((byte & 128U) == 0) return value;
    }
    return std::nullopt;
  }

  std::string_view prefix_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
};

/// The version of the format is the first field of a model of ONNX, and among the following ones is the graph.
bool is_onnx(std::string_view prefix, std::uint64_t size) {
  constexpr std::uint64_t kVersion = 1, kGraph = 7;
  ProtobufFields fields(prefix, size);
  for (bool first = true;; first = false) {
    const auto field = fields.next();
    if (!field) return false;
    if (first && (field->number != kVersion || field->wire_type != 0 || field->value > 100)) return false;
    if (field->number == kGraph) return field->wire_type == 2 && field->value > 0;
  }
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// What a file is that begins like text.
std::optional<std::string> text_kind(std::string_view prefix) {
  const auto is_text = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= ' ' ? byte < 0x7F : c == '\n' || c == '\r' || c == '\t';
  };
  if (has_at(prefix, 0, "\xEF\xBB\xBF")) prefix.remove_prefix(3);
  const std::string_view start = prefix.substr(0, 256);
  const std::string_view ascii = start.substr(0, 32);  // others may follow: the text may be of any language
  if (ascii.size() < 8 || !std::all_of(ascii.begin(), ascii.end(), is_text)) return std::nullopt;
  if (contains(start, "git-lfs.github.com/spec/") || contains(start, "hawser.github.com/spec/"))
    return "a Git LFS pointer: the file itself was not fetched";
  if (has_at(start, 0, "/annex/objects/")) return "a git-annex pointer: the file itself was not fetched";
  const std::size_t first = std::min(start.find_first_not_of(" \t\r\n"), start.size());
  const std::string begin = lower(start.substr(first));
  for (const std::string_view tag : {"<!doctype html", "<html", "<head", "<body"}) {
    if (begin.compare(0, tag.size(), tag) == 0) return "an HTML page";
  }
  if (begin.compare(0, 1, "<") == 0 && contains(begin, "<html")) return "an HTML page";
  if (begin.compare(0, 5, "<?xml") == 0) return "an XML text";
  if (begin.compare(0, 1, "{") == 0 || begin.compare(0, 1, "[") == 0) {
    return contains(prefix, "\"weight_map\"") ? "the index of a folder of shards (JSON)" : "a JSON text";
  }
  const std::string_view line = start.substr(first, start.find_first_of("\r\n", first) - first);
  return "a text that begins with " + quoted_name(line.substr(0, kQuotedCharacters));
}

}  // namespace

std::optional<std::string> file_kind(std::string_view prefix, std::uint64_t size) {
  for (const Magic& magic : kMagics) {
    if (has_at(prefix, magic.offset, magic.bytes)) return std::string(magic.kind);
  }
  if (std::optional<std::string> kind = zip_kind(prefix)) return kind;
  if (is_pickle(prefix)) return "a pickle of Python, as older PyTorch checkpoints are";
  if (std::optional<std::string> kind = text_kind(prefix)) return kind;
  if (is_onnx(prefix, size)) return "an ONNX model";
  return std::nullopt;
}

}  // namespace if4
