// Readers and writers of tensor files: round trips, exact conversions, and one clear line for everything
// malformed.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/atomic_file.hpp"
#include "model/error.hpp"
#include "model/npy.hpp"
#include "model/safetensors.hpp"
#include "model/tensor_file.hpp"
#include "testbench/catch.hpp"

namespace {

namespace fs = std::filesystem;
using if4::DType;
using if4::Shape;
using if4::Tensor;

/// A directory that lives as long as the test.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (fs::temp_directory_path() / "if4-io-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

void put(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  REQUIRE(file.good());
}

std::string get(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string little_endian(std::uint64_t value, std::size_t size) {
  return {reinterpret_cast<const char*>(&value), size};
}

std::string safetensors(const std::string& header, const std::string& data = "") {
  return little_endian(header.size(), 8) + header + data;
}

std::string npy(const std::string& header, const std::string& data, int major = 1) {
  return std::string("\x93NUMPY") + static_cast<char>(major) + '\0' +
         little_endian(header.size(), major == 1 ? 2 : 4) + header + data;
}

/// The message of the InputError that `action` must throw; checks what all of them have in common.
std::string error_of(const std::string& path, const std::function<void()>& action) {
  try {
    action();
    FAIL("no InputError");
  } catch (const if4::InputError& error) {
    const std::string message = error.what();
    INFO(message);
    CHECK(message.rfind(path + ": ", 0) == 0);
    CHECK(
        std::none_of(message.begin(), message.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }));
    return message;
  }
  return "";
}

void check_contains(const std::string& message, const std::string& fragment) {
  INFO(message);
  INFO("expected: " << fragment);
  CHECK(message.find(fragment) != std::string::npos);
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return bytes_of(a) == bytes_of(b);
}

struct BadFile {
  std::string bytes;
  std::string fragment;
};

/// Header of one tensor 'w' with those fields.
std::string one(const std::string& fields, const std::string& data = "") {
  return safetensors(R"({"w":{)" + fields + "}}", data);
}

std::vector<BadFile> bad_safetensors() {
  const std::string f32 = R"("dtype":"F32","shape":[1],"data_offsets":[0,4])";
  const std::string deep(1000000, '[');
  return {
      {"", "header: the file has 0 bytes, fewer than the 8"},
      {"1234567", "header: the file has 7 bytes"},
      {little_endian(3, 8) + "{}", "header: length 3 is larger than the rest of the file, 2 bytes"},
      {little_endian(UINT64_MAX, 8) + "{}", "is larger than the rest of the file"},
      {safetensors(""), "header: not a JSON object"},
      {safetensors("[]"), "header: not a JSON object"},
      {safetensors(" {}"), "header: not a JSON object"},
      {safetensors("{"), "header: not valid JSON at byte 2"},
      {safetensors("{}{}"), "header: not valid JSON at byte 3"},
      {safetensors(std::string("{}\0", 3)), "header: not valid JSON: it holds a NUL byte"},
      {safetensors("{\"a\n"), "header: not valid JSON"},
      {safetensors("{\"\xFF\":{}}"), "header: not valid JSON"},
      {safetensors("{\"\xED\xA0\x80\":{}}"), "header: not valid JSON"},
      {safetensors("{\"" + std::string(100000, 'x')), "header: not valid JSON"},
      {safetensors(R"({"w":1})"), "header: 'w' is not an object"},
      {safetensors(R"({"w":[]})"), "header: 'w' is not an object"},
      {safetensors(R"({"w":{)" + f32 + R"(},"w":{)" + f32 + "}}", "1234"), "header: duplicate key 'w'"},
      {safetensors(R"({"__metadata__":{},"__metadata__":{}})"), "header: duplicate key '__metadata__'"},
      {safetensors(R"({"__metadata__":{"a":"","a":""}})"), "header: __metadata__: duplicate key 'a'"},
      {safetensors(R"({"__metadata__":[]})"), "header: '__metadata__' is not an object"},
      {safetensors(R"({"__metadata__":{"a":1}})"), "header: __metadata__: 'a' is not a string"},
      {safetensors(R"({"__metadata__":{"a":{}}})"), "header: __metadata__: 'a' is not a string"},
      {safetensors(R"({"w":)" + deep), "header: 'w' is not an object"},
      {one(R"("shape":)" + deep), "tensor 'w': shape holds something that is not an integer"},
      {one(R"("shape":[1],"data_offsets":[0,4])", "1234"), "tensor 'w': dtype is missing"},
      {one(R"("dtype":"F32","data_offsets":[0,4])", "1234"), "tensor 'w': shape is missing"},
      {one(R"("dtype":"F32","shape":[1])", "1234"), "tensor 'w': data_offsets is missing"},
      {one(f32 + R"(,"dtype":"F32")", "1234"), "tensor 'w': duplicate key 'dtype'"},
      {one(f32 + R"(,"order":"C")", "1234"), "tensor 'w': unknown key 'order'"},
      {one(R"("dtype":32)"), "tensor 'w': dtype is not a string"},
      {one(R"("dtype":["F32"])"), "tensor 'w': dtype is not a string"},
      {one(R"("dtype":null)"), "tensor 'w': dtype is not a string"},
      {one(R"("dtype":"f32")"), "tensor 'w': unknown dtype 'f32'"},
      {one(R"("shape":4)"), "tensor 'w': shape is not an array"},
      {one(R"("shape":"4")"), "tensor 'w': shape is not an array"},
      {one(R"("shape":[-1])"), "tensor 'w': shape holds something that is not an integer"},
      {one(R"("shape":[1.0])"), "tensor 'w': shape holds something that is not an integer"},
      {one(R"("shape":[true])"), "tensor 'w': shape holds something that is not an integer"},
      {one(R"("shape":[18446744073709551616])"), "tensor 'w': shape holds something that is not an integer"},
      {one(R"("data_offsets":{})"), "tensor 'w': data_offsets is not an array"},
      {one(R"("data_offsets":[0])"), "tensor 'w': data_offsets has 1 numbers, not 2"},
      {one(R"("data_offsets":[0,4,8])"), "tensor 'w': data_offsets has 3 numbers, not 2"},
      {one(R"("data_offsets":[0,-4])"), "tensor 'w': data_offsets holds something that is not an integer"},
      {one(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])", "1234"), "data_offsets [4, 0] run backwards"},
      {one(f32, "123"), "tensor 'w': data_offsets [0, 4] reach past the 3 bytes of data"},
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])", "1234"),
       "need 8 bytes, data_offsets [0, 4] hold 4"},
      {one(R"("dtype":"F16","shape":[],"data_offsets":[0,4])", "1234"), "dtype F16 need 2 bytes"},
      {one(R"("dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0])"), "overflows 64 bits"},
      {one(R"("dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0])"), "overflows 64 bits"},
      {one(f32, "12345"), "header: 1 bytes at the end belong to no tensor"},
      {safetensors("{}", "1"), "header: 1 bytes at the end belong to no tensor"},
      {one(R"("dtype":"U8","shape":[1],"data_offsets":[1,2])", "12"),
       "tensor 'w': follows a hole: data begins at byte 1, not 0"},
      {safetensors(R"({"w":{)" + f32 + R"(},"v":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", "123456"),
       "tensor 'v': overlaps another tensor: data begins at byte 2, not 4"},
      {safetensors(R"({"w":{)" + f32 + R"(},"v":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", "1234"),
       "overlaps another tensor"},
      {safetensors("{\"a\\n\\u001b\\u2028\\u0000\":{\"dtype\":1}}"),
       "tensor 'a\\n\\x1B\\xE2\\x80\\xA8\\x00': dtype is not"},
      {safetensors("{\"" + std::string(5000, 'n') + "\":1}"), "nnn...' is not an object"},
  };
}

}  // namespace

TEST_CASE("malformed safetensors files are refused with one line", "[io]") {
  const TempDir dir;
  const std::string path = dir / "bad.safetensors";
  for (const BadFile& bad : bad_safetensors()) {
    INFO("expected: " << bad.fragment);
    put(path, bad.bytes);
    const std::string message = error_of(path, [&] { if4::SafetensorsFile{path}; });
    check_contains(message, bad.fragment);
    CHECK(message.size() < path.size() + 400);
    CHECK(error_of(path, [&] { if4::read_tensor({path, "w"}); }) == message);
    CHECK(error_of(path, [&] { if4::read_quantized({path, ""}); }) == message);
    CHECK(error_of(path, [&] { if4::has_quantized({path, ""}); }) == message);
  }
  // Sparse, so neither the disk nor the test pays for the size.
  put(path, little_endian(100'000'001, 8) + "{}");
  fs::resize_file(path, 200'000'000);
  check_contains(error_of(path, [&] { if4::SafetensorsFile{path}; }), "length 100000001 is over the limit");
}

TEST_CASE("files that are not there or not files", "[io]") {
  const TempDir dir;
  const auto cannot = [&](const std::string& path, const std::string& fragment) {
    for (const std::string& name : {std::string(), std::string("w")}) {
      check_contains(error_of(path, [&] { if4::read_tensor({path, name}); }), fragment);
      check_contains(error_of(path, [&] { if4::read_quantized({path, name}); }), fragment);
    }
  };
  cannot(dir / "none.safetensors", "cannot open: No such file or directory");
  fs::create_directory(dir / "d.safetensors");
  cannot(dir / "d.safetensors", "cannot read: Is a directory");
  REQUIRE(::mkfifo((dir / "fifo.safetensors").c_str(), 0600) == 0);
  cannot(dir / "fifo.safetensors", "cannot read: not a regular file");

  put(dir / "two\nlines", "");
  const std::string message =
      error_of(dir / "two\\nlines", [&] { if4::SafetensorsFile{dir / "two\nlines"}; });
  check_contains(message, "fewer than the 8");

  const std::string shrunk = dir / "shrunk.safetensors";
  if4::write_tensor(shrunk, "w", Tensor{{4}, {1, 2, 3, 4}});
  const if4::SafetensorsFile file(shrunk);
  fs::resize_file(shrunk, fs::file_size(shrunk) - 1);
  check_contains(error_of(shrunk, [&] { file.read_tensor(file.tensors()[0]); }),
                 "cannot read: the file ends");
}

TEST_CASE("safetensors written are read back", "[io]") {
  const TempDir dir;
  const std::string path = dir / "a.safetensors";
  const std::vector<std::uint8_t> u8 = {1, 2, 3};
  const std::vector<double> f64 = {1.5, -2.5};
  const std::vector<float> f32 = {0.1F, -0.0F, 1e-45F, 3e38F, 7, 8};
  const std::vector<if4::TensorBytes> tensors = {
      {"bytes", DType::kU8, {3, 1}, u8.data(), 3},
      {"layer.0.weight", DType::kF32, {2, 3}, f32.data(), 24},
      {"empty", DType::kF32, {0, 7}, nullptr, 0},
      {"\xC3\xA9\n", DType::kF64, {2}, f64.data(), 16},
  };
  const std::map<std::string, std::string> metadata = {{"format", "pt"}, {"quote\"", "line\nline"}};
  if4::write_safetensors(path, tensors, metadata);

  const std::string raw = get(path);
  std::uint64_t length = 0;
  std::memcpy(&length, raw.data(), 8);
  CHECK(length % 8 == 0);
  CHECK(raw.size() == 8 + length + 3 + 24 + 16);

  const if4::SafetensorsFile file(path);
  CHECK(file.metadata() == metadata);
  REQUIRE(file.tensors().size() == tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const if4::TensorInfo& info = file.tensors()[i];
    CHECK(info.name == tensors[i].name);
    CHECK(info.dtype == tensors[i].dtype);
    CHECK(info.shape == tensors[i].shape);
    CHECK(info.begin % if4::dtype_size(info.dtype) == 0);
    CHECK(file.find(info.name) == &info);
    const std::vector<std::uint8_t> bytes = file.read_bytes(info);
    REQUIRE(bytes.size() == tensors[i].size);
    CHECK((bytes.empty() || std::memcmp(bytes.data(), tensors[i].data, bytes.size()) == 0));
  }
  CHECK(file.find("nothing") == nullptr);
  CHECK(same_bits(file.read_tensor(file.tensors()[1]).values, f32));
  CHECK(file.read_tensor(file.tensors()[2]).values.empty());
  CHECK(dir.entries() == 1);
}

TEST_CASE("what the safetensors writer refuses", "[io]") {
  const TempDir dir;
  const std::string path = dir / "a.safetensors";
  const char byte = 1;
  const if4::TensorBytes good{"w", DType::kU8, {1}, &byte, 1};
  const auto refuse = [&](const std::vector<if4::TensorBytes>& tensors, const std::string& value,
                          const std::string& fragment) {
    check_contains(error_of(path, [&] { if4::write_safetensors(path, tensors, {{"k", value}}); }), fragment);
  };
  refuse({good, good}, "", "tensor 'w': the name is taken");
  refuse({{"__metadata__", DType::kU8, {1}, &byte, 1}}, "", "the name is taken");
  refuse({{"w", DType::kU16, {1}, &byte, 1}}, "", "tensor 'w': 1 bytes are not the size of U16 [1]");
  refuse({{"\xFF", DType::kU8, {1}, &byte, 1}}, "", "not UTF-8");
  refuse({good}, "\xFF", "not UTF-8");
  CHECK(dir.entries() == 0);
}

TEST_CASE("every dtype: its size, and whether it is read as a tensor", "[io]") {
  const TempDir dir;
  const std::string path = dir / "a.safetensors";
  const std::vector<std::pair<std::string, std::size_t>> sizes = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2},
      {"BF16", 2}, {"I32", 4}, {"U32", 4}, {"F32", 4},     {"F64", 8},     {"I64", 8}, {"U64", 8}};
  for (const auto& [name, size] : sizes) {
    INFO(name);
    const std::string bytes = std::to_string(3 * size);
    put(path, one(R"("dtype":")" + name + R"(","shape":[3],"data_offsets":[0,)" + bytes + "]",
                  std::string(3 * size, '\0')));
    const if4::SafetensorsFile file(path);
    CHECK(if4::dtype_name(file.tensors()[0].dtype) == name);
    CHECK(file.read_bytes(file.tensors()[0]).size() == 3 * size);
    if (name == "F32" || name == "F16" || name == "BF16") {
      CHECK(if4::read_tensor({path, ""}).values == std::vector<float>(3, 0.0F));
    } else {
      check_contains(error_of(path,
                              [&] {
                                if4::read_tensor({path, "w"});
                              }),
                     "tensor 'w': dtype " + name + " is not accepted; F32, F16 and BF16 are");
    }
  }
}

TEST_CASE("all FP16 and BF16 patterns are converted exactly", "[io]") {
  const TempDir dir;
  // sign * (implicit bit + mantissa) * 2^exponent, from the definition of the formats.
  const auto expected = [](unsigned bits, int mantissa_bits, int bias) {
    const int exponent = static_cast<int>((bits & 0x7FFFU) >> mantissa_bits);
    const int mantissa = static_cast<int>(bits & ((1U << mantissa_bits) - 1));
    const int implicit = exponent == 0 ? 0 : 1 << mantissa_bits;
    const double magnitude = std::ldexp(implicit + mantissa, std::max(exponent, 1) - bias - mantissa_bits);
    return static_cast<float>((bits & 0x8000U) != 0 ? -magnitude : magnitude);
  };
  const auto check = [&](const std::string& dtype, int mantissa_bits, int bias, bool as_npy) {
    std::vector<std::uint16_t> patterns;
    std::vector<float> wanted;
    const unsigned top = 0x7FFFU >> mantissa_bits;
    for (unsigned bits = 0; bits <= 0xFFFF; ++bits) {
      const auto pattern = static_cast<std::uint16_t>(bits);
      if ((bits & 0x7FFFU) >> mantissa_bits == top) {
        const float value = dtype == "F16" ? if4::half_to_float(pattern) : if4::bfloat16_to_float(pattern);
        const bool infinite = (bits & ((1U << mantissa_bits) - 1)) == 0;
        const bool right = (infinite ? std::isinf(value) : std::isnan(value)) &&
                           std::signbit(value) == ((bits & 0x8000U) != 0);
        if (!right) FAIL("pattern " << bits);
        continue;
      }
      patterns.push_back(pattern);
      wanted.push_back(expected(bits, mantissa_bits, bias));
    }
    const std::string count = std::to_string(patterns.size());
    const std::string path = dir / "a";
    if (as_npy) {
      put(path,
          npy("{'descr': '<f2', 'fortran_order': False, 'shape': (" + count + ",), }\n", bytes_of(patterns)));
    } else {
      put(path, one(R"("dtype":")" + dtype + R"(","shape":[)" + count + R"(],"data_offsets":[0,)" +
                        std::to_string(2 * patterns.size()) + "]",
                    bytes_of(patterns)));
    }
    const Tensor tensor = if4::read_tensor({path, ""});
    CHECK(tensor.shape == Shape{patterns.size()});
    CHECK(same_bits(tensor.values, wanted));
  };
  check("F16", 10, 15, false);
  check("F16", 10, 15, true);
  check("BF16", 7, 127, false);
}

TEST_CASE("npy files are read", "[io]") {
  const TempDir dir;
  const std::string path = dir / "a.npy";
  const std::vector<float> values = {1, -2, 3.5F, 4, 5, -0.0F};
  const std::string data = bytes_of(values);
  for (const char* header : {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n",
                             "{'descr':'<f4','fortran_order':False,'shape':(2,3)}",
                             "{\"shape\": (2, 3,), \"fortran_order\": False, \"descr\": \"<f4\"}\n"}) {
    for (const int major : {1, 2, 3}) {
      put(path, npy(header, data, major));
      const Tensor tensor = if4::read_npy(path);
      CHECK(tensor.shape == Shape{2, 3});
      CHECK(same_bits(tensor.values, values));
    }
  }
  // Known by its first bytes as well as by its name.
  fs::rename(path, dir / "b");
  CHECK(if4::read_tensor({dir / "b", ""}).shape == Shape{2, 3});
  put(path, npy("{'descr': '<f4', 'fortran_order': True, 'shape': (6,), }\n", data));
  CHECK(if4::read_tensor({path, ""}).shape == Shape{6});
  put(path, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", data.substr(0, 4)));
  CHECK(if4::read_tensor({path, ""}).shape.empty());
  CHECK(if4::read_tensor({path, ""}).values == std::vector<float>{1});
}

TEST_CASE("malformed npy files are refused with one line", "[io]") {
  const TempDir dir;
  const std::string path = dir / "bad.npy";
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
  const auto fields = [](const std::string& descr, const std::string& order, const std::string& shape) {
    return npy("{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + "}", "1234");
  };
  std::string version = npy(good, "1234");
  version[7] = 1;
  const std::vector<BadFile> files = {
      {"", "not a .npy file"},
      {"\x93NUMPY\x01", "not a .npy file"},
      {"PK\x03\x04 an archive", "not a .npy file"},
      {npy(good, "1234", 4), "header: format version 4.0 is not known"},
      {version, "header: format version 1.1 is not known"},
      {npy("", "").substr(0, 9), "header: the file ends inside it"},
      {npy(good, "1234").substr(0, 40), "header: the file ends inside it"},
      {npy(good, "1234", 2).substr(0, 11), "header: the file ends inside it"},
      {npy(good + std::string(70000, ' '), "1234", 2), "is over the limit of 65536"},
      {npy(good, "123"), "truncated: the header tells of 4 bytes of data, the file has 3"},
      {npy(good, ""), "truncated"},
      {npy(good, "12345"), "trailing bytes: the header tells of 4 bytes of data, the file has 5"},
      {npy("", "1234"), "header: expected '{' at character 0"},
      {npy(good + "x", "1234"), "header: unexpected text after the dictionary, at character 57"},
      {npy("{'descr': '<f4'", "1234"), "header: expected '}'"},
      {npy("{'descr': '<f4", "1234"), "header: unterminated string"},
      {npy("{'descr' '<f4'}", "1234"), "header: expected ':'"},
      {npy("{descr: '<f4'}", "1234"), "header: expected '\"'"},
      {npy("{'fortran_order': False, 'shape': (1,)}", "1234"), "header: descr is missing"},
      {npy("{'descr': '<f4', 'shape': (1,)}", "1234"), "header: fortran_order is missing"},
      {npy("{'descr': '<f4', 'fortran_order': False}", "1234"), "header: shape is missing"},
      {npy("{'descr': '<f4', 'descr': '<f4'}", "1234"), "header: unknown or repeated key 'descr'"},
      {npy("{'a\nb': 1}", "1234"), "header: unknown or repeated key 'a\\nb'"},
      {fields("'>f4'", "False", "(1,)"), "header: descr '>f4' is not accepted; '<f4' and '<f2'"},
      {fields("'|u1'", "False", "(4,)"), "header: descr '|u1' is not accepted"},
      {fields("'<f8'", "False", "(1,)"), "header: descr '<f8' is not accepted"},
      {fields("[('a', '<f4')]", "False", "(1,)"), "header: descr is a record type"},
      {fields("'<f4'", "1", "(1,)"), "header: fortran_order is neither True nor False"},
      {fields("'<f4'", "True", "(1, 1)"), "header: Fortran order is not accepted"},
      {fields("'<f4'", "False", "(1)"), "header: shape is not a tuple"},
      {fields("'<f4'", "False", "[1]"), "header: expected '('"},
      {fields("'<f4'", "False", "(1 1)"), "header: expected ',' in the shape"},
      {fields("'<f4'", "False", "(-1,)"), "header: shape holds something that is not an integer"},
      {fields("'<f4'", "False", "(1L,)"), "header: expected ',' in the shape"},
      {fields("'<f4'", "False", "(1.0,)"), "header: expected ',' in the shape"},
      {fields("'<f4'", "False", "(,)"), "header: shape holds something"},
      {fields("'<f4'", "False", "(18446744073709551616,)"), "header: shape holds something"},
      {fields("'<f4'", "False", "(4294967296, 4294967296)"), "header: the size of the shape overflows"},
      {fields("'<f4'", "False", "(1"), "header: expected ',' in the shape"},
  };
  for (const BadFile& bad : files) {
    INFO("expected: " << bad.fragment);
    put(path, bad.bytes);
    check_contains(error_of(path, [&] { if4::read_npy(path); }), bad.fragment);
    check_contains(error_of(path, [&] { if4::read_tensor({path, ""}); }), bad.fragment);
  }
  put(path, npy(good, "1234"));
  check_contains(error_of(path, [&] { if4::read_tensor({path, "w"}); }), "has no tensor names such as 'w'");
  check_contains(error_of(path, [&] { if4::read_quantized({path, ""}); }), "holds no quantized tensor");
  CHECK_FALSE(if4::has_quantized({path, ""}));
}

TEST_CASE("tensor references", "[io]") {
  const auto check = [](const std::string& text, const std::string& path, const std::string& name) {
    const if4::TensorRef ref = if4::parse_tensor_ref(text);
    CHECK(ref.path == path);
    CHECK(ref.name == name);
  };
  check("a.safetensors:layer.0.weight", "a.safetensors", "layer.0.weight");
  check("c:/x:y/a.safetensors:w:1", "c:/x:y/a.safetensors", "w:1");
  check("a.safetensors:b.safetensors:w", "a.safetensors:b.safetensors", "w");
  check("a.safetensors", "a.safetensors", "");
  check("a.safetensors:", "a.safetensors", "");
  check("x:y.npy", "x:y.npy", "");
  CHECK_THROWS_AS(if4::parse_tensor_ref(""), if4::InputError);
  CHECK(if4::to_string(if4::TensorRef{"a\n.safetensors", "w"}) == "a\\n.safetensors:w");
}

TEST_CASE("which tensor is read, and which values are refused", "[io]") {
  const TempDir dir;
  const std::string path = dir / "a.safetensors";
  const std::vector<float> values = {1, 2};
  const auto write = [&](int count) {
    std::vector<if4::TensorBytes> tensors;
    for (int i = 0; i < count; ++i) {
      tensors.push_back({"t" + std::to_string(i), DType::kF32, {2}, values.data(), 8});
    }
    if4::write_safetensors(path, tensors, {});
  };
  const auto refuse = [&](const std::string& name, const std::string& fragment) {
    check_contains(error_of(path, [&] { if4::read_tensor({path, name}); }), fragment);
  };
  write(0);
  refuse("", "the file holds no tensor");
  refuse("w", "no tensor 'w'; the file holds none");
  write(1);
  CHECK(if4::read_tensor({path, ""}).values == values);
  CHECK(if4::read_tensor({path, "t0"}).values == values);
  refuse("w", "no tensor 'w'; the file holds 't0'");
  write(7);
  CHECK(if4::read_tensor({path, "t6"}).values == values);
  refuse("", "which tensor? The file holds 't0', 't1', 't2', 't3', 't4' and 2 more");
  refuse("w\n", "no tensor 'w\\n'; the file holds 't0', 't1', 't2', 't3', 't4' and 2 more");

  const auto refuse_value = [&](float value, const std::string& word) {
    Tensor tensor{{4, 5}, std::vector<float>(20, 3.0F)};
    tensor.values[17] = value;
    tensor.values[19] = value;
    if4::write_tensor(path, "w", tensor);
    refuse("", "tensor 'w': value 17 is " + word);
    const std::string other = dir / "a.npy";
    put(other, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4, 5)}", bytes_of(tensor.values)));
    check_contains(error_of(other, [&] { if4::read_tensor({other, ""}); }), "a.npy: value 17 is " + word);
  };
  refuse_value(std::numeric_limits<float>::quiet_NaN(), "NaN");
  refuse_value(-std::numeric_limits<float>::quiet_NaN(), "NaN");
  refuse_value(std::numeric_limits<float>::infinity(), "infinite");
  refuse_value(-std::numeric_limits<float>::infinity(), "infinite");

  if4::write_tensor(path, "w", Tensor{{3, 0, 2}, {}});
  refuse("w", "tensor 'w': shape [3, 0, 2] has no values");
  if4::write_tensor(path, "w", Tensor{{}, {-0.0F}});
  CHECK(if4::read_tensor({path, "w"}).shape.empty());
  CHECK(same_bits(if4::read_tensor({path, "w"}).values, {-0.0F}));
}

namespace {

/// Every byte of codes and scales different from its neighbours, padding codes 0, NaN scales included.
if4::QuantizedTensor some_quantized(if4::Format format, const Shape& shape) {
  if4::QuantizedTensor tensor = if4::make_quantized(format, shape);
  const std::size_t used = tensor.columns() % 16;
  const unsigned scale_mask = format == if4::Format::kNVFP4 ? 0x7F : 0xFF;
  for (std::size_t row = 0; row < tensor.rows(); ++row) {
    for (std::size_t b = 0; b < tensor.blocks_per_row(); ++b) {
      const std::uint64_t seed = row * 1000 + b + 1;
      if4::Block block{seed * 0x9E3779B97F4A7C15U, static_cast<std::uint8_t>((seed * 127) & scale_mask)};
      if (b + 1 == tensor.blocks_per_row() && used != 0) block.codes &= (std::uint64_t{1} << (4 * used)) - 1;
      tensor.set_block(row, b, block);
    }
  }
  tensor.amax = 3.25F;
  return tensor;
}

void check_same(const if4::NamedQuantized& a, const if4::NamedQuantized& b) {
  CHECK(a.name == b.name);
  CHECK(a.rule == b.rule);
  CHECK(a.tensor.format == b.tensor.format);
  CHECK(a.tensor.shape == b.tensor.shape);
  CHECK(a.tensor.codes == b.tensor.codes);
  CHECK(a.tensor.scales == b.tensor.scales);
  CHECK(same_bits({a.tensor.amax}, {b.tensor.amax}));
}

}  // namespace

TEST_CASE("quantized tensors are written and read back", "[io]") {
  const TempDir dir;
  const std::string path = dir / "q.safetensors";
  const std::vector<if4::NamedQuantized> tensors = {
      {"layer.0", some_quantized(if4::Format::kIF4, {4, 250}), "mse"},
      {"v", some_quantized(if4::Format::kNVFP4, {16}), ""},
      {"three", some_quantized(if4::Format::kIF4, {2, 3, 1}), "absmax"},
  };
  if4::write_quantized(path, tensors);
  CHECK(if4::list_quantized(path) == std::vector<std::string>{"layer.0", "v", "three"});
  for (const if4::NamedQuantized& tensor : tensors) {
    CHECK(if4::has_quantized({path, tensor.name}));
    check_same(if4::read_quantized({path, tensor.name}), tensor);
  }
  CHECK(if4::has_quantized({path, ""}));
  CHECK_FALSE(if4::has_quantized({path, "w"}));

  const if4::SafetensorsFile file(path);
  CHECK(file.find("layer.0.codes")->shape == Shape{4, 128});
  CHECK(file.find("layer.0.scales")->shape == Shape{4, 16});
  CHECK(file.find("layer.0.amax")->shape == Shape{1});
  CHECK(file.find("three.codes")->shape == Shape{2, 3, 8});
  CHECK(file.metadata() == std::map<std::string, std::string>{{"generator", "if4"},
                                                              {"layer.0.format", "if4"},
                                                              {"layer.0.shape", "[4, 250]"},
                                                              {"layer.0.rule", "mse"},
                                                              {"v.format", "nvfp4"},
                                                              {"v.shape", "[16]"},
                                                              {"three.format", "if4"},
                                                              {"three.shape", "[2, 3, 1]"},
                                                              {"three.rule", "absmax"}});
  const auto refuse = [&](const std::string& name, const std::string& fragment) {
    check_contains(error_of(path, [&] { if4::read_quantized({path, name}); }), fragment);
  };
  refuse("", "which quantized tensor? The file holds 'layer.0', 'v', 'three'");
  refuse("w", "no quantized tensor 'w'; the file holds 'layer.0', 'v', 'three'");
  const auto plain = [&](const std::string& name) {
    return error_of(path, [&] { if4::read_tensor({path, name}); });
  };
  check_contains(plain("v"), "tensor 'v': is quantized; a plain tensor is needed");
  check_contains(plain(""), "tensor 'layer.0': is quantized; a plain tensor is needed");

  if4::write_quantized(path, {{"s", some_quantized(if4::Format::kIF4, {}), ""}});
  CHECK(if4::read_quantized({path, ""}).tensor.shape == Shape{1});
  if4::write_tensor(path, "w", Tensor{{1}, {1}});
  refuse("", "the file holds no quantized tensor");
  refuse("w", "no quantized tensor 'w'; the file holds none");

  const auto refuse_write = [&](const if4::QuantizedTensor& tensor, const std::string& fragment) {
    check_contains(error_of(path, [&] { if4::write_quantized(path, {{"w", tensor, ""}}); }), fragment);
  };
  refuse_write(if4::make_quantized(if4::Format::kIF4, {3, 0}), "tensor 'w': shape [3, 0] has no values");
  if4::QuantizedTensor wrong = if4::make_quantized(if4::Format::kIF4, {3, 20});
  wrong.codes.pop_back();
  refuse_write(wrong, "tensor 'w.codes': 47 bytes are not the size of U8 [3, 16]");
  CHECK(dir.entries() == 1);
}

TEST_CASE("the layout of a quantized tensor in the file", "[io]") {
  const TempDir dir;
  const std::string path = dir / "q.safetensors";
  const std::string header =
      R"({"__metadata__":{"w.format":"if4","w.shape":"[2, 3]"},"w.codes":{"dtype":"U8","shape":[2,8],)"
      R"("data_offsets":[0,16]},"w.scales":{"dtype":"U8","shape":[2,1],"data_offsets":[16,18]},)"
      R"("w.amax":{"dtype":"F32","shape":[1],"data_offsets":[18,22]}})";
  const auto read = [&](const std::string& codes) {
    put(path, safetensors(header, codes + std::string("\x38\xFF", 2) + bytes_of(std::vector<float>{2.0F})));
    return if4::read_quantized({path, "w"}).tensor;
  };
  std::string codes(16, '\0');
  codes[0] = 0x21;  // elements 1 and 0 of row 0
  codes[9] = 0x07;  // element 2 of row 1
  const if4::QuantizedTensor tensor = read(codes);
  CHECK(tensor.block(0, 0).codes == 0x21);
  CHECK(tensor.block(0, 0).scale == 0x38);
  CHECK(tensor.block(1, 0).codes == 0x700);
  CHECK(tensor.block(1, 0).scale == 0xFF);
  CHECK(tensor.amax == 2.0F);
  codes[9] = 0x17;
  check_contains(error_of(path, [&] { read(codes); }), "tensor 'w': padding codes of block 1 are not 0");
}

TEST_CASE("inconsistent quantized tensors are refused", "[io]") {
  const TempDir dir;
  const std::string path = dir / "q.safetensors";
  struct Parts {
    std::map<std::string, std::string> metadata = {{"w.format", "if4"}, {"w.shape", "[2, 20]"}};
    Shape codes = {2, 16};
    Shape scales = {2, 2};
    DType code_type = DType::kU8;
    float amax = 1.0F;
    std::uint8_t last_scale = 0x80;
    bool with_scales = true;
    bool with_amax = true;
  };
  const auto refuse = [&](const std::function<void(Parts&)>& spoil, const std::string& fragment) {
    Parts parts;
    spoil(parts);
    std::vector<std::uint8_t> codes(*if4::byte_count(parts.code_type, parts.codes));
    std::vector<std::uint8_t> scales(*if4::byte_count(DType::kU8, parts.scales));
    scales.back() = parts.last_scale;
    std::vector<if4::TensorBytes> tensors = {
        {"w.codes", parts.code_type, parts.codes, codes.data(), codes.size()}};
    if (parts.with_scales)
      tensors.push_back({"w.scales", DType::kU8, parts.scales, scales.data(), scales.size()});
    if (parts.with_amax) tensors.push_back({"w.amax", DType::kF32, {1}, &parts.amax, 4});
    if4::write_safetensors(path, tensors, parts.metadata);
    CHECK(if4::has_quantized({path, "w"}));
    check_contains(error_of(path, [&] { if4::read_quantized({path, "w"}); }), fragment);
  };
  refuse([](Parts& p) { p.metadata.erase("w.format"); }, "tensor 'w': metadata 'w.format' is missing");
  refuse([](Parts& p) { p.metadata.erase("w.shape"); }, "tensor 'w': metadata 'w.shape' is missing");
  refuse([](Parts& p) { p.metadata["w.format"] = "IF4"; }, "tensor 'w': unknown format 'IF4'");
  for (const char* shape : {"", "[]", "2, 20", "[2, 20", "[2 20]", "[2,, 20]", "[2, 20,]", "[2, 0]",
                            "[-2, 20]", "[2, 20] ", "[2, 18446744073709551616]", "[2\n]"}) {
    refuse([&](Parts& p) { p.metadata["w.shape"] = shape; },
           "is not a list of positive integers like [64, 250]");
  }
  refuse([](Parts& p) { p.metadata["w.shape"] = "[2, 33]"; },
         "tensor 'w.scales': U8 [2, 2] where 'w' calls for U8 [2, 3]");
  refuse([](Parts& p) { p.metadata["w.shape"] = "[2, 18446744073709551615]"; },
         "calls for U8 [2, 1152921504606846976]");
  refuse([](Parts& p) { p.metadata["w.shape"] = "[40]"; }, "tensor 'w.scales': U8 [2, 2] where");
  refuse([](Parts& p) { p.codes = {2, 10}; }, "tensor 'w.codes': U8 [2, 10] where 'w' calls for U8 [2, 16]");
  refuse([](Parts& p) { p.code_type = DType::kI8; }, "tensor 'w.codes': I8 [2, 16] where");
  refuse([](Parts& p) { p.with_scales = false; }, "tensor 'w': tensor 'w.scales' is missing");
  refuse([](Parts& p) { p.with_amax = false; }, "tensor 'w': tensor 'w.amax' is missing");
  for (const float amax :
       {-1.0F, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    refuse([&](Parts& p) { p.amax = amax; }, "tensor 'w': amax is negative or not finite");
  }
  refuse([](Parts& p) { p.metadata["w.format"] = "nvfp4"; },
         "tensor 'w': the scale of block 3 has bit 7 set");
}

TEST_CASE("outputs appear complete or not at all", "[io]") {
  const TempDir dir;
  const std::string path = dir / "out.safetensors";
  const Tensor tensor{{1 << 20}, std::vector<float>(1 << 20, 1.0F)};
  const auto refuse = [&](const std::string& target, const std::string& fragment) {
    check_contains(error_of(target, [&] { if4::write_tensor(target, "w", tensor); }), fragment);
    check_contains(error_of(target, [&] { if4::write_text_file(target, "text"); }), fragment);
  };
  refuse("/dev/full", "/dev/full: cannot write: No space left on device");
  refuse(dir / "none/out", "cannot write: No such file or directory");
  put(dir / "file", "");
  refuse(dir / "file/out", "cannot write: Not a directory");
  fs::create_directory(dir / "d");
  refuse(dir / "d", "cannot write: Is a directory");
  refuse(dir / std::string(300, 'n'), "cannot write: File name too long");
  CHECK(dir.entries() == 2);

  { if4::AtomicFile(path).write("abandoned"); }
  CHECK(dir.entries() == 2);
  if4::write_text_file(path, "old");
  {
    if4::AtomicFile file(path);
    file.write("new");
    CHECK(get(path) == "old");
    file.commit();
  }
  CHECK(get(path) == "new");

  // The disk fills up in the middle.
  struct rlimit limit {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
  struct rlimit small = limit;
  small.rlim_cur = 1 << 20;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string message = error_of(path, [&] { if4::write_tensor(path, "w", tensor); });
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);
  check_contains(message, "cannot write: File too large");
  CHECK(get(path) == "new");
  CHECK(dir.entries() == 3);
}

TEST_CASE("outputs keep links, modes and special files", "[io]") {
  const TempDir dir;
  if4::write_text_file(dir / "target", "old");
  REQUIRE(::chmod((dir / "target").c_str(), 0640) == 0);
  fs::create_symlink("target", dir / "link");
  if4::write_text_file(dir / "link", "new");
  CHECK(fs::is_symlink(dir / "link"));
  CHECK(get(dir / "target") == "new");
  struct stat status {};
  REQUIRE(::stat((dir / "target").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0640U);

  if4::write_text_file("/dev/null", "gone");
  CHECK(fs::is_character_file("/dev/null"));
  // A descriptor of the process is written where it stands, even in a regular file.
  const int log = ::open((dir / "log").c_str(), O_WRONLY | O_CREAT, 0600);
  REQUIRE(log >= 0);
  REQUIRE(::write(log, "one ", 4) == 4);
  if4::write_text_file("/dev/fd/" + std::to_string(log), "two ");
  if4::write_text_file("/proc/self/fd/" + std::to_string(log), "three");
  ::close(log);
  CHECK(get(dir / "log") == "one two three");
  const std::string closed = "/dev/fd/" + std::to_string(log);
  check_contains(error_of(closed, [&] { if4::write_text_file(closed, ""); }),
                 "cannot write: Bad file descriptor");
  // Open at both ends, so that the writer need not wait.
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  const int reader = ::open((dir / "fifo").c_str(), O_RDWR | O_NONBLOCK);
  REQUIRE(reader >= 0);
  if4::write_text_file(dir / "fifo", "through");
  char text[16] = {};
  CHECK(::read(reader, text, sizeof text) == 7);
  ::close(reader);
  CHECK(std::string(text) == "through");
  CHECK(fs::is_fifo(dir / "fifo"));
  CHECK(dir.entries() == 4);
}
