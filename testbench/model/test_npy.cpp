// The .npy reader.
#include <cmath>
#include <limits>
#include <utility>

#include "model/checkpoint/model_quantizer.hpp"
#include "model/files/npy.hpp"
#include "model/files/tensor_file.hpp"
#include "testbench/support/file_testing.hpp"

using namespace if4::testing;
using if4::Shape;
using if4::Tensor;

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
  // A file is known by its first bytes as well as by its name.
  fs::rename(path, dir / "b");
  CHECK(if4::read_tensor({dir / "b", ""}).shape == Shape{2, 3});
  put(path, npy("{'descr': '<f4', 'fortran_order': True, 'shape': (6,), }\n", data));
  CHECK(if4::read_tensor({path, ""}).shape == Shape{6});
  put(path, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", data.substr(0, 4)));
  CHECK(if4::read_tensor({path, ""}).shape.empty());
  CHECK(if4::read_tensor({path, ""}).values == std::vector<float>{1});
}

namespace {

/// The bytes of values, most significant first if `big`.
template <class T>
std::string stored(const std::vector<T>& values, bool big) {
  std::string bytes = bytes_of(values);
  for (std::size_t i = 0; big && i < bytes.size(); i += sizeof(T)) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                 bytes.begin() + static_cast<std::ptrdiff_t>(i + sizeof(T)));
  }
  return bytes;
}

std::string npy_of(const std::string& descr, const std::string& shape, const std::string& data,
                   bool fortran = false) {
  return npy("{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
                 ", 'shape': " + shape + ", }",
             data);
}

}  // namespace

TEST_CASE("npy values of every width and byte order", "[io]") {
  const TempDir dir;
  const std::string path = dir / "a.npy";
  const std::vector<float> values = {1, -2.5F, 0.0F, -0.0F, 65504, 0.0999755859375F};
  const std::vector<double> doubles(values.begin(), values.end());
  const std::vector<std::uint16_t> halves = {0x3C00, 0xC100, 0x0000, 0x8000, 0x7BFF, 0x2E66};
  for (const bool big : {false, true}) {
    const std::string order = big ? ">" : "<";
    for (const std::string& file : {npy_of(order + "f4", "(6,)", stored(values, big)),
                                    npy_of(order + "f8", "(6L,)", stored(doubles, big)),
                                    npy_of(order + "f2", "(6,)", stored(halves, big))}) {
      put(path, file);
      CHECK(same_bits(if4::read_npy(path).values, values));
    }
  }
  // More than is read at a time.
  std::vector<double> many;
  std::vector<float> expected;
  for (int i = 0; i < 70000; ++i) {
    many.push_back(i / 3.0);
    expected.push_back(static_cast<float>(i / 3.0));
  }
  put(path, npy_of(">f8", "(70000,)", stored(many, true)));
  CHECK(same_bits(if4::read_npy(path).values, expected));
}

TEST_CASE("FP64 is rounded to the nearest FP32 number, and refused beyond it", "[io]") {
  const TempDir dir;
  const std::string path = dir / "a.npy";
  const float largest = std::numeric_limits<float>::max();
  const std::vector<std::pair<double, float>> rounded = {
      {1 + 0x1p-24, 1.0F},  // a tie, to even
      {1 + 0x1.8p-23, 1 + 0x1p-22F},
      {1 + 0x1.00001p-24, 1 + 0x1p-23F},
      {0x1.fffffefffffffp127, largest},
      {-0x1.fffffefffffffp127, -largest},
      {0x1p-150, 0.0F},
      {0x1.8p-150, 0x1p-149F},
      {-1e-300, -0.0F},
      {0x1.fffffffp-127, 0x1p-126F},
  };
  for (const auto& [wide, expected] : rounded) {
    CAPTURE(wide);
    put(path, npy_of("<f8", "()", stored(std::vector<double>{wide}, false)));
    CHECK(same_bits(if4::read_tensor({path, ""}).values, {expected}));
  }
  for (const double wide : {0x1.ffffffp127, -0x1.ffffffp127, 1e300, -1e39}) {
    CAPTURE(wide);
    put(path, npy_of("<f8", "(2,)", stored(std::vector<double>{1.0, wide}, false)));
    check_contains(error_of(path, [&] { if4::read_npy(path); }), "value 1 is beyond the range of FP32");
  }
  const double infinity = std::numeric_limits<double>::infinity();
  put(path, npy_of("<f8", "(2,)", stored(std::vector<double>{1.0, infinity}, false)));
  check_contains(error_of(path, [&] { if4::read_tensor({path, ""}); }), "value 1 is infinite");
  put(path, npy_of(">f8", "(1,)", stored(std::vector<double>{std::nan("")}, true)));
  check_contains(error_of(path, [&] { if4::read_tensor({path, ""}); }), "value 0 is NaN");
}

TEST_CASE("npy arrays in Fortran order are read in C order", "[io]") {
  const TempDir dir;
  const std::string path = dir / "a.npy";
  // Of [2, 3], the columns follow each other.
  put(path, npy_of("<f4", "(2, 3)", stored(std::vector<float>{1, 4, 2, 5, 3, 6}, false), true));
  CHECK(if4::read_npy(path).shape == Shape{2, 3});
  CHECK(if4::read_npy(path).values == std::vector<float>{1, 2, 3, 4, 5, 6});
  // Element (i, j, k) of [2, 3, 4] is at i + 2 j + 6 k, and is 100 i + 10 j + k.
  std::vector<double> stored_order(24);
  std::vector<float> expected;
  for (unsigned i = 0; i < 2; ++i) {
    for (unsigned j = 0; j < 3; ++j) {
      for (unsigned k = 0; k < 4; ++k) {
        stored_order[i + 2 * j + 6 * k] = 100.0 * i + 10.0 * j + k;
        expected.push_back(static_cast<float>(100 * i + 10 * j + k));
      }
    }
  }
  put(path, npy_of(">f8", "(2, 3, 4)", stored(stored_order, true), true));
  CHECK(if4::read_npy(path).values == expected);
  // An index in a message counts in C order.
  put(path, npy_of("<f8", "(2, 2)", stored(std::vector<double>{1, 1e39, 1, 1}, false), true));
  check_contains(error_of(path, [&] { if4::read_npy(path); }), "value 2 is beyond");
  for (const char* shape : {"(0, 16)", "(3, 0, 2)"}) {
    put(path, npy_of("<f4", shape, "", true));
    CHECK(if4::read_npy(path).values.empty());
  }
}

TEST_CASE("a file is .npy by its name or by its first bytes, for every reader", "[io]") {
  const TempDir dir;
  const std::vector<float> values(32, 1.5F);
  const std::string content =
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 16)}", bytes_of(values));
  for (const char* name : {"w.npy", "w.bin", "w", ".npy", "w.safetensors"}) {
    CAPTURE(name);
    const std::string path = dir / name;
    put(path, content);
    CHECK(if4::is_npy(path));
    CHECK(same_bits(if4::read_tensor({path, ""}).values, values));
    CHECK_FALSE(if4::has_quantized({path, ""}));
    const if4::ModelSummary summary = if4::quantize_model({path, ""}, "", {}, nullptr);
    CHECK(summary.total().values == 32);
  }
  put(dir / "x.npy", "");
  CHECK(if4::is_npy(dir / "x.npy"));  // which read_npy() then refuses
  for (const char* other : {"", "\x93NUMP", "{}", "\x93NUMPX\x01\x02"}) {
    put(dir / "x", other);
    CHECK_FALSE(if4::is_npy(dir / "x"));
  }
  check_contains(error_of(dir / "none", [&] { if4::is_npy(dir / "none"); }), "cannot open");
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
      {fields("'=f4'", "False", "(1,)"), "header: descr '=f4' is not a type that is read; accepted are 'f2'"},
      {fields("'<f16'", "False", "(1,)"), "header: descr '<f16' is not a type that is read"},
      {fields("'|u1'", "False", "(4,)"), "header: descr '|u1' is an integer"},
      {fields("'<i8'", "False", "(1,)"), "header: descr '<i8' is an integer"},
      {fields("'|b1'", "False", "(4,)"), "header: descr '|b1' is boolean"},
      {fields("'<c8'", "False", "(1,)"), "header: descr '<c8' is complex"},
      {fields("'|O'", "False", "(1,)"), "header: descr '|O' is a Python object"},
      {fields("'<U1'", "False", "(1,)"), "header: descr '<U1' is text"},
      {fields("'|V2'", "False", "(2,)"), "header: descr '|V2' is not a type of NumPy, though perhaps BF16"},
      {fields("[('a', '<f4')]", "False", "(1,)"), "header: descr is a record type"},
      {fields("'<f4'", "1", "(1,)"), "header: fortran_order is neither True nor False"},
      {fields("'<f4'", "False", "(1)"), "header: shape is not a tuple"},
      {fields("'<f4'", "False", "[1]"), "header: expected '('"},
      {fields("'<f4'", "False", "(1 1)"), "header: expected ',' in the shape"},
      {fields("'<f4'", "False", "(-1,)"), "header: shape holds something that is not an integer"},
      {fields("'<f4'", "False", "(1LL,)"), "header: expected ',' in the shape"},
      {fields("'<f4'", "False", "(L,)"), "header: shape holds something"},
      {fields("'>f8'", "False", "(1,)"), "truncated: the header tells of 8 bytes of data, the file has 4"},
      {fields("'<f8'", "False", "(2305843009213693952,)"), "header: the size of the shape overflows"},
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
