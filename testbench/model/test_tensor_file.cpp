// Tensors named on a command line, and quantized tensors in files.
#include <limits>
#include <map>

#include "model/files/safetensors.hpp"
#include "model/files/tensor_file.hpp"
#include "testbench/support/file_testing.hpp"

using namespace if4::testing;
using if4::DType;
using if4::Shape;
using if4::Tensor;

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
  CHECK(if4::quantized_names(if4::SafetensorsFile(path)) ==
        std::vector<std::string>{"layer.0", "v", "three"});
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
  CHECK(file.find("three.codes")->shape == Shape{2, 8});
  CHECK(file.metadata() == std::map<std::string, std::string>{{"generator", "if4"},
                                                              {"layer.0.format", "if4"},
                                                              {"layer.0.shape", "[4, 250]"},
                                                              {"layer.0.rule", "mse"},
                                                              {"v.format", "nvfp4"},
                                                              {"v.shape", "[16]"},
                                                              {"three.format", "if4"},
                                                              {"three.shape", "[2, 3, 1]"},
                                                              {"three.flattened", "true"},
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

TEST_CASE("a tensor is quantized because the metadata says so, not because of what it is called", "[io]") {
  const TempDir dir;
  const std::string path = dir / "vq.safetensors";
  const std::vector<float> values(32, 1.0F);
  const std::vector<std::uint8_t> codes(4);
  const if4::TensorBytes plain{"encoder", DType::kF32, {2, 16}, values.data(), 128};
  const if4::TensorBytes named{"quantizer.codes", DType::kU8, {4}, codes.data(), 4};
  if4::write_safetensors(path, {named, plain}, {{"format", "pt"}, {"quantizer.shape", "[4]"}});
  CHECK_FALSE(if4::has_quantized({path, ""}));
  CHECK_FALSE(if4::has_quantized({path, "quantizer"}));
  CHECK(if4::read_tensor({path, "encoder"}).values == values);
  const if4::SafetensorsFile file(path);
  CHECK(if4::quantized_names(file).empty());
  CHECK(if4::plain_names(file) == std::vector<std::string>{"quantizer.codes", "encoder"});
  // What says that it is quantized, and is not there, is an error and no plain file.
  if4::write_safetensors(path, {plain}, {{"w.format", "if4"}, {"w.shape", "[2, 16]"}});
  CHECK(if4::has_quantized({path, ""}));
  check_contains(error_of(path, [&] { if4::read_quantized({path, ""}); }), "tensor 'w.scales' is missing");
  // A key of others, and ours that somebody kept with the tensor that he decoded.
  for (const char* format : {"nf4", "if4"}) {
    if4::write_safetensors(path, {plain}, {{"encoder.format", format}, {"encoder.shape", "[2, 16]"}});
    CHECK_FALSE(if4::has_quantized({path, ""}));
    CHECK(if4::read_tensor({path, ""}).values == values);
  }
  if4::write_safetensors(path, {plain}, {{"tokenizer.format", "bpe"}});
  CHECK_FALSE(if4::has_quantized({path, ""}));
  // One part is enough.
  if4::write_safetensors(path, {named, plain}, {{"quantizer.format", "nf4"}});
  check_contains(error_of(path,
                          [&] {
                            if4::read_quantized({path, ""});
                          }),
                 "'quantizer': unknown format 'nf4'");
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
         "the shape [2, 18446744073709551615] is too large");
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
