// NVFP4 in the layouts of compressed-tensors and ModelOpt, and quantized tensors that are known by their names only.
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>

#include "model/checkpoint/model_quantizer.hpp"
#include "model/files/foreign_layout.hpp"
#include "model/files/tensor_file.hpp"
#include "model/quantize/measure.hpp"
#include "testbench/support/file_testing.hpp"
#include "testbench/support/python_testing.hpp"
#include "testbench/support/tensor_testing.hpp"

using namespace if4::testing;
using if4::DType;
using if4::Layout;
using if4::SafetensorsFile;
using if4::Shape;

namespace {

/// A tensor of a file in the making. Unless it is given, the content is zeros.
struct Part {
  DType dtype;
  Shape shape;
  std::string bytes = {};
};
using Parts = std::map<std::string, Part>;

void write_parts(const std::string& path, Parts parts,
                 const std::map<std::string, std::string>& metadata = {}) {
  std::vector<if4::TensorBytes> tensors;
  for (auto& [name, part] : parts) {
    const std::size_t size = *if4::byte_count(part.dtype, part.shape);
    if (part.bytes.empty()) part.bytes.assign(size, '\0');
    tensors.push_back({name, part.dtype, part.shape, part.bytes.data(), size});
  }
  if4::write_safetensors(path, tensors, metadata);
}

std::string f32(std::vector<float> values) { return bytes_of(values); }

Parts compressed_tensors() {
  return {{"w.weight_packed", {DType::kU8, {2, 16}}},
          {"w.weight_scale", {DType::kF8E4M3, {2, 2}}},
          {"w.weight_global_scale", {DType::kF32, {1}, f32({2})}}};
}
Parts modelopt() {
  return {{"w.weight", {DType::kU8, {2, 16}}},
          {"w.weight_scale", {DType::kF8E4M3, {2, 2}}},
          {"w.weight_scale_2", {DType::kF32, {}, f32({2})}}};
}

bool same_values(const if4::Tensor& a, const if4::Tensor& b) {
  if (a.shape != b.shape) return false;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    if (std::isnan(a.values[i]) && std::isnan(b.values[i])) continue;
    if (std::memcmp(&a.values[i], &b.values[i], sizeof(float)) != 0) return false;
  }
  return true;
}

/// A tensor of a scheme that is not read, with all its parts.
struct Case {
  std::string scheme;
  Parts parts;
  std::map<std::string, std::string> metadata = {};
};

std::vector<Case> unread_cases() {
  const Parts comfy = modelopt();
  Parts marked = comfy;
  marked["w.comfy_quant"] = {DType::kU8, {20}};
  return {
      {"GPTQ",
       {{"a.qweight", {DType::kI32, {8, 64}}},
        {"a.qzeros", {DType::kI32, {2, 8}}},
        {"a.scales", {DType::kF16, {2, 64}}},
        {"a.g_idx", {DType::kI32, {64}}}}},
      {"GPTQ",
       {{"a.qweight", {DType::kI32, {8, 64}}},
        {"a.qzeros", {DType::kI32, {2, 8}}},
        {"a.scales", {DType::kF16, {2, 64}}}}},
      {"AWQ",
       {{"a.qweight", {DType::kI32, {64, 8}}},
        {"a.qzeros", {DType::kI32, {2, 8}}},
        {"a.scales", {DType::kBF16, {2, 64}}}}},
      {"bitsandbytes (4 bits)",
       {{"a.weight", {DType::kU8, {512, 1}}},
        {"a.weight.absmax", {DType::kU8, {16}}},
        {"a.weight.quant_map", {DType::kF32, {16}}},
        {"a.weight.nested_absmax", {DType::kF32, {1, 1}}},
        {"a.weight.nested_quant_map", {DType::kF32, {2, 128}}},
        {"a.weight.quant_state.bitsandbytes__nf4", {DType::kU8, {90}}}}},
      {"bitsandbytes (8 bits)",
       {{"a.weight", {DType::kI8, {4, 16}}},
        {"a.SCB", {DType::kF32, {4, 1}}},
        {"a.weight_format", {DType::kU8, {}}}}},
      {"MXFP4 of gpt-oss",
       {{"e.down_proj_blocks", {DType::kU8, {2, 32, 2, 16}}},
        {"e.down_proj_scales", {DType::kU8, {2, 32, 2}}}}},
      {"MXFP4 of compressed-tensors",
       {{"a.weight_packed", {DType::kU8, {2, 16}}}, {"a.weight_scale", {DType::kU8, {2, 1}}}}},
      {"integers of compressed-tensors (pack-quantized)",
       {{"a.weight_packed", {DType::kI32, {2, 4}}},
        {"a.weight_scale", {DType::kBF16, {2, 1}}},
        {"a.weight_shape", {DType::kI64, {2}}}}},
      {"FP8 weights",
       {{"a.weight", {DType::kF8E4M3, {2, 4}}}, {"a.weight_scale_inv", {DType::kF32, {1, 1}}}}},
      {"FP8 weights", {{"a.weight", {DType::kF8E4M3, {2, 4}}}, {"a.weight_scale", {DType::kBF16, {2, 1}}}}},
      {"ComfyUI", marked},
      {"ComfyUI", comfy, {{"_quantization_metadata", "{}"}}},
  };
}

}  // namespace

TEST_CASE("NVFP4 files of other tools decode to the bits of an independent decoder", "[io][foreign]") {
  const TempDir dir;
  const std::string script = "testbench/model/nvfp4_of_others.py";
  run_python(script, {"make", dir / "", std::to_string(test_seed() + 1400)});
  for (const Layout layout : {Layout::kCompressedTensors, Layout::kModelOpt}) {
    const std::string name(if4::layout_name(layout));
    INFO(name);
    const SafetensorsFile file(dir / (name + ".safetensors"));
    const SafetensorsFile expected(dir / (name + ".expected.safetensors"));
    std::vector<std::string> names;
    for (const if4::TensorInfo& info : expected.tensors()) {
      INFO(info.name);
      names.push_back(info.name);
      const if4::NamedQuantized named = if4::read_quantized(file, info.name);
      CHECK(named.layout == layout);
      CHECK(named.tensor.format == if4::Format::kNVFP4);
      CHECK(if4::quantized_info(file, info.name).shape == info.shape);
      CHECK(same_values(if4::dequantize(named.tensor), expected.read_tensor(info)));
    }
    CHECK(names.size() == 8);
    CHECK(if4::quantized_names(file) == names);
    for (const std::string& plain : if4::plain_names(file)) {
      INFO(plain);
      CHECK((plain == "model.norm.weight" || plain.find("input_") != std::string::npos));
    }
    CHECK(if4::plain_names(file).size() == 6);

    // Written again, all parts have the same bytes.
    std::vector<if4::NamedQuantized> all;
    for (const std::string& each : names) all.push_back(if4::read_quantized(file, each));
    if4::write_quantized(dir / "again.safetensors", all);
    const SafetensorsFile again(dir / "again.safetensors");
    CHECK(again.tensors().size() == 3 * names.size());
    for (const if4::TensorInfo& info : again.tensors()) {
      INFO(info.name);
      REQUIRE(file.find(info.name) != nullptr);
      CHECK(dtype_name(*file.find(info.name)) == dtype_name(info));
      CHECK(file.read_bytes(*file.find(info.name)) == again.read_bytes(info));
    }
    for (const std::string& each : names)
      CHECK(same_values(if4::dequantize(if4::read_quantized(again, each).tensor),
                        expected.read_tensor(*expected.find(each))));
  }
}

TEST_CASE("one block of compressed-tensors and of ModelOpt, by hand", "[io][foreign]") {
  const TempDir dir;
  const std::string path = dir / "a.safetensors";
  // Codes 0 to 15; a scale of 2.5 and one of 1; a global scale of 4.
  const std::string codes("\x10\x32\x54\x76\x98\xBA\xDC\xFE\0\0\0\0\0\0\0\1", 16);
  const std::vector<float> values = {0, 0.5F, 1, 1.5F, 2, 3, 4, 6, -0.0F, -0.5F, -1, -1.5F, -2, -3, -4, -6};
  Parts parts = {{"w.weight_packed", {DType::kU8, {1, 16}, codes}},
                 {"w.weight_scale", {DType::kF8E4M3, {1, 2}, "\x42\x38"}},
                 {"w.weight_global_scale", {DType::kF32, {1}, f32({4})}}};
  write_parts(path, parts);
  if4::Tensor tensor = if4::dequantize(if4::read_quantized({path, "w.weight"}).tensor);
  REQUIRE(tensor.shape == Shape{1, 32});
  for (std::size_t i = 0; i < 16; ++i) CHECK(tensor.values[i] == values[i] * 2.5F / 4);
  CHECK(std::signbit(tensor.values[8]));
  CHECK(tensor.values[30] == 0.5F / 4);  // the low nibble is the first of the two
  CHECK(tensor.values[31] == 0.0F);

  parts = {{"w.weight", parts["w.weight_packed"]},
           {"w.weight_scale", parts["w.weight_scale"]},
           {"w.weight_scale_2", {DType::kF32, {}, f32({4})}}};
  write_parts(path, parts);
  tensor = if4::dequantize(if4::read_quantized({path, ""}).tensor);
  for (std::size_t i = 0; i < 16; ++i) CHECK(tensor.values[i] == values[i] * 2.5F * 4);
  CHECK_FALSE(std::signbit(tensor.values[8]));
  check_contains(error_of(path,
                          [&] {
                            if4::read_tensor({path, "w.weight"});
                          }),
                 "is quantized; a plain tensor is needed");
}

TEST_CASE("tensors of other tools that do not fit together are refused", "[io][foreign]") {
  const TempDir dir;
  const std::string path = dir / "a.safetensors";
  const auto refuse = [&](const Parts& parts, const std::string& fragment) {
    INFO(fragment);
    write_parts(path, parts);
    const std::string message = error_of(path, [&] { if4::read_quantized({path, "w.weight"}); });
    check_contains(message, fragment);
    CHECK(message.size() < path.size() + 400);
    CHECK(if4::has_quantized({path, ""}));
    CHECK(error_of(path, [&] { if4::read_quantized({path, ""}); }) == message);
  };
  for (const bool compressed : {true, false}) {
    const Parts good = compressed ? compressed_tensors() : modelopt();
    const std::string codes = compressed ? "w.weight_packed" : "w.weight";
    const std::string global = compressed ? "w.weight_global_scale" : "w.weight_scale_2";
    const auto with = [&](const std::string& name, const Part& part) {
      Parts parts = good;
      parts[name] = part;
      return parts;
    };
    const auto without = [&](const std::string& name) {
      Parts parts = good;
      parts.erase(name);
      return parts;
    };
    write_parts(path, good);
    CHECK(if4::read_quantized({path, ""}).tensor.scales.size() == 4);
    refuse(without(global), "tensor 'w.weight': tensor '" + global + "' is missing");
    refuse(without("w.weight_scale"), "tensor 'w.weight': tensor 'w.weight_scale' is missing");
    if (compressed) refuse(without(codes), "tensor 'w.weight': tensor 'w.weight_packed' is missing");
    const std::string at_codes = "tensor '" + codes + "': ";
    refuse(with(codes, {DType::kI8, {2, 16}}), at_codes + "I8 [2, 16] where NVFP4 of");
    refuse(with(codes, {DType::kU8, {2, 12}}), at_codes + "U8 [2, 12] where NVFP4 of");
    refuse(with(codes, {DType::kU8, {}}), at_codes + "U8 [] where NVFP4 of");
    refuse(with(codes, {DType::kU8, {2, 0}}), "tensor 'w.weight': is empty");
    refuse(with(codes, {DType::kU8, {2, 24}}), "tensor 'w.weight_scale': F8_E4M3 [2, 2] where NVFP4 of");
    refuse(with("w.weight_scale", {DType::kU8, {2, 2}}), "calls for F8_E4M3 [2, 2]");
    refuse(with("w.weight_scale", {DType::kBF16, {2, 2}}), "tensor 'w.weight_scale': BF16 [2, 2]");
    refuse(with("w.weight_scale", {DType::kF8E5M2, {2, 2}}), "tensor 'w.weight_scale': F8_E5M2 [2, 2]");
    refuse(with("w.weight_scale", {DType::kF8E4M3, {4}}), "tensor 'w.weight_scale': F8_E4M3 [4]");
    refuse(with("w.weight_scale", {DType::kF8E4M3, {2, 2}, std::string("\0\x81\0\0", 4)}),
           "tensor 'w.weight_scale': the scale of block 1 is negative");
    const std::string at_global = "tensor '" + global + "': ";
    refuse(with(global, {DType::kF16, {1}}), at_global + "F16 [1] where NVFP4 of");
    refuse(with(global, {DType::kF32, {2}}), at_global + "F32 [2] where NVFP4 of");
    refuse(with(global, {DType::kF32, {0}}), at_global + "F32 [0] where NVFP4 of");
    const float infinity = std::numeric_limits<float>::infinity();
    for (const float value : {0.0F, -0.0F, -1.0F, infinity, -infinity, std::nanf("")})
      refuse(with(global, {DType::kF32, {1}, f32({value})}), at_global + "the global scale is ");
    Parts infinite = with(global, {DType::kF32, {1}, f32({compressed ? 1e-38F : 1e38F})});
    infinite["w.weight_scale"].bytes = std::string("\0\0\0\x7E", 4);
    refuse(infinite, "the scale of block 3 and the global scale make its values infinite");
  }
  // Stacked experts: one global scale, or one for each.
  Parts stacked = {{"w.weight_packed", {DType::kU8, {3, 2, 16}}},
                   {"w.weight_scale", {DType::kF8E4M3, {3, 2, 2}}},
                   {"w.weight_global_scale", {DType::kF32, {2}, f32({1, 2})}}};
  refuse(stacked, "F32 with 1 value, or 3, one for each matrix");
  Parts twice = compressed_tensors();
  twice["w.weight"] = {DType::kF32, {2, 32}};
  refuse(twice, "tensor 'w.weight': is there twice");
}

TEST_CASE("quantized tensors that are not read are named, and their parts left alone", "[io][foreign]") {
  const TempDir dir;
  const std::string path = dir / "a.safetensors";
  for (const Case& c : unread_cases()) {
    INFO(c.scheme);
    Parts parts = c.parts;
    parts["norm.weight"] = {DType::kF32, {2, 16}, f32(std::vector<float>(32, 1))};
    write_parts(path, parts, c.metadata);
    const SafetensorsFile file(path);
    CHECK_FALSE(if4::has_quantized({path, ""}));
    std::vector<std::string> plain = if4::plain_names(file);
    if (!c.metadata.empty())
      plain.erase(plain.begin() + 1, plain.end());  // nothing but the codes is known then
    CHECK(plain == std::vector<std::string>{"norm.weight"});
    const std::string belongs = " belongs to " + c.scheme + ", which is not read";
    for (const std::string& name : {std::string(), std::string("a.weight")})
      check_contains(error_of(path, [&] { if4::read_quantized({path, name}); }), belongs);
    for (const auto& [name, part] : c.parts) {
      INFO(name);
      if (!c.metadata.empty() && part.dtype != DType::kU8) continue;
      check_contains(error_of(path,
                              [&, name = name] {
                                if4::read_tensor({path, name});
                              }),
                     "tensor '" + name + "': belongs to " + c.scheme);
    }
  }
  // The same names with other types, or alone, are those of plain tensors.
  write_parts(path, {{"a.qweight", {DType::kF32, {2, 16}}},
                     {"a.scales", {DType::kF32, {2, 16}}},
                     {"x_blocks", {DType::kF32, {2, 16}}},
                     {"x_scales", {DType::kF32, {2}}},
                     {"b.weight", {DType::kU8, {2, 16}}},
                     {"b.weight_scale", {DType::kF32, {2, 16}}},
                     {"c.weight", {DType::kF32, {2, 16}}},
                     {"c.weight_scale", {DType::kF32, {2, 16}}},
                     {"d.weight_scale", {DType::kF8E4M3, {2, 16}}},
                     {"packed", {DType::kU8, {2, 16}}}});
  const SafetensorsFile file(path);
  CHECK(if4::quantized_names(file).empty());
  CHECK(if4::plain_names(file).size() == file.tensors().size());
}

TEST_CASE("scales of our own layout may have the dtype that they are", "[io][foreign]") {
  const TempDir dir;
  const std::string path = dir / "a.safetensors";
  const auto write = [&](const std::string& format, DType dtype) {
    const bool wide = format == "mxfp4";
    write_parts(path,
                {{"w.codes", {DType::kU8, {1, 16}, std::string(16, '\x32')}},
                 {"w.scales", {dtype, {1, wide ? 1U : 2U}, wide ? "\x80" : "\x40\x38"}},
                 {"w.amax", {DType::kF32, {1}, f32({wide ? 1.0F : 2688.0F})}}},
                {{"w.format", format}, {"w.shape", "[1, 32]"}});
  };
  for (const DType dtype : {DType::kU8, DType::kF8E4M3}) {
    write("nvfp4", dtype);
    const if4::Tensor tensor = if4::dequantize(if4::read_quantized({path, ""}).tensor);
    CHECK(tensor.values[0] == 2.0F);
    CHECK(tensor.values[31] == 1.5F);
  }
  for (const DType dtype : {DType::kU8, DType::kF8E8M0}) {
    write("mxfp4", dtype);
    CHECK(if4::dequantize(if4::read_quantized({path, ""}).tensor).values[1] == 3.0F);
  }
  write("nvfp4", DType::kF8E5M2);
  check_contains(error_of(path,
                          [&] {
                            if4::read_quantized({path, ""});
                          }),
                 "tensor 'w.scales': F8_E5M2 [1, 2] where");
  write("mxfp4", DType::kF8E4M3);
  check_contains(error_of(path,
                          [&] {
                            if4::read_quantized({path, ""});
                          }),
                 "tensor 'w.scales': F8_E4M3 [1, 1] where");
}

TEST_CASE("the error of a tensor with global scales is that of its values", "[io][foreign]") {
  if4::QuantizedTensor tensor = if4::make_quantized(if4::Format::kNVFP4, {3, 4, 32});
  std::mt19937_64 random(test_seed() + 1401);
  for (std::uint8_t& byte : tensor.codes) byte = static_cast<std::uint8_t>(random());
  for (std::uint8_t& byte : tensor.scales) byte = static_cast<std::uint8_t>(0x30 + random() % 16);
  for (const auto kind : {if4::GlobalScale::Kind::kDivisor, if4::GlobalScale::Kind::kMultiplier}) {
    tensor.global_scale = if4::GlobalScale{kind, {0.5F, 3.0F, 7.0F}};
    if4::Tensor original = if4::dequantize(tensor);
    CHECK(if4::measure(original, tensor).relative_mse == 0.0);
    double signal = 0.0;
    for (const float x : original.values) signal += static_cast<double>(x) * static_cast<double>(x);
    const double before = static_cast<double>(original.values[40]);
    original.values[40] += 1.0F;
    const double after = static_cast<double>(original.values[40]);
    signal += after * after - before * before;
    CHECK(if4::measure(original, tensor).relative_mse ==
          Approx((after - before) * (after - before) / signal));
  }
}
