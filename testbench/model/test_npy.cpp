// The .npy reader.
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
