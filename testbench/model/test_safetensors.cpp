// The safetensors reader and writer.
#include <sys/stat.h>

#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "model/core/text.hpp"
#include "model/files/safetensors.hpp"
#include "model/files/tensor_file.hpp"
#include "testbench/support/file_testing.hpp"

using namespace if4::testing;
using if4::DType;
using if4::Shape;
using if4::Tensor;

namespace {

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
      {one(f32 + R"(,"order":{"a":[}})", "1234"), "header: not valid JSON"},
      {one(R"("order":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})", "1234"),
       "tensor 'w': dtype is missing"},
      {one(f32 + R"(,"order":1,"order":2)", "1234") + "5", "header: 1 bytes at the end belong to no tensor"},
      {one(R"("dtype":32)"), "tensor 'w': dtype is not a string"},
      {one(R"("dtype":["F32"])"), "tensor 'w': dtype is not a string"},
      {one(R"("dtype":null)"), "tensor 'w': dtype is not a string"},
      {safetensors(R"({"w":null})"), "header: 'w' is not an object"},
      {safetensors(R"({"__metadata__":{"a":null}})"), "header: __metadata__: 'a' is not a string"},
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
      {one(R"("dtype":"F4","shape":[3],"data_offsets":[0,2])", "12"), "is no whole number of bytes"},
      {one(R"("dtype":"F6_E2M3","shape":[4],"data_offsets":[0,4])", "1234"),
       "shape and dtype F6_E2M3 need 3 bytes, data_offsets [0, 4] hold 4"},
      {one(R"("dtype":"Q9","shape":[2],"data_offsets":[0,5])", "1234"), "reach past the 4 bytes"},
      {one(R"("dtype":"Q9","shape":[2],"data_offsets":[0,3])", "1234"),
       "1 bytes at the end belong to no tensor"},
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
  cannot(dir / "d.safetensors", "the folder holds no safetensors file and no index of shards");
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

TEST_CASE("what the reference implementation reads is read", "[io]") {
  const TempDir dir;
  const std::string path = dir / "a.safetensors";
  const std::string f32 = R"("dtype":"F32","shape":[1],"data_offsets":[0,4])";
  for (const std::string& header :
       {R"({"__metadata__":null,"w":{)" + f32 + "}}", R"({"__metadata__":{},"w":{)" + f32 + "}}",
        R"({"w":{"a":null,"b":[1,[-2.5,{"dtype":"U8"}],true],"c":{"shape":[],"d":{}},"e":"x",)" + f32 + "}}",
        R"({"w":{)" + f32 + R"(,"order":"F","stride":[1]}})"}) {
    INFO(header);
    put(path, safetensors(header, std::string("\0\0\x80\x3F", 4)));
    CHECK(if4::read_tensor({path, "w"}).values == std::vector<float>{1.0F});
    CHECK(if4::SafetensorsFile(path).metadata().empty());
  }
}

TEST_CASE("every dtype: its size, and whether it is read as a tensor", "[io]") {
  const TempDir dir;
  const std::string path = dir / "a.safetensors";
  const std::vector<std::pair<std::string, std::size_t>> sizes = {
      {"F4", 2},      {"F6_E2M3", 3}, {"F6_E3M2", 3}, {"BOOL", 4},        {"U8", 4},          {"I8", 4},
      {"F8_E4M3", 4}, {"F8_E5M2", 4}, {"F8_E8M0", 4}, {"F8_E4M3FNUZ", 4}, {"F8_E5M2FNUZ", 4}, {"I16", 8},
      {"U16", 8},     {"F16", 8},     {"BF16", 8},    {"I32", 16},        {"U32", 16},        {"F32", 16},
      {"F64", 32},    {"I64", 32},    {"U64", 32},    {"C64", 32},        {"f32", 7},         {"Q9\"\\Z", 1},
      {"?", 5},       {"", 0}};
  for (const auto& [name, size] : sizes) {
    INFO(name);
    const std::string bytes = std::to_string(size);
    const std::string escaped = name[0] == 'Q' ? R"(Q9\"\\Z)" : name;
    std::string data;
    for (std::size_t i = 0; i < size; ++i)
      data += static_cast<char>(name == "F32" || name.find("F16") < 2 ? 0 : i);
    put(path, one(R"("dtype":")" + escaped + R"(","shape":[2,2],"data_offsets":[0,)" + bytes + "]", data));
    const if4::SafetensorsFile file(path);
    const if4::TensorInfo& info = file.tensors()[0];
    CHECK(if4::dtype_name(info) == name);
    const std::vector<std::uint8_t> content = file.read_bytes(info);
    CHECK(std::string(content.begin(), content.end()) == data);
    // A copy has the same type, whether or not its name is known.
    if4::write_safetensors(dir / "copy.safetensors",
                           {{"w", info.dtype, info.shape, content.data(), content.size(), info.other_dtype}},
                           {});
    const if4::SafetensorsFile copy(dir / "copy.safetensors");
    CHECK(if4::dtype_name(copy.tensors()[0]) == name);
    CHECK(copy.read_bytes(copy.tensors()[0]) == content);
    if (name == "F32" || name == "F16" || name == "BF16") {
      CHECK(if4::read_tensor({path, ""}).values == std::vector<float>(4, 0.0F));
    } else {
      check_contains(error_of(path,
                              [&] {
                                if4::read_tensor({path, "w"});
                              }),
                     "tensor 'w': dtype " + if4::one_line(name) + " is not accepted; F32, F16 and BF16 are");
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
