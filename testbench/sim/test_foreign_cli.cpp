// Models of other tools through the real executable: NVFP4 of compressed-tensors and ModelOpt read and written, what is
// not read left alone, and files of other kinds.
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "model/files/foreign_layout.hpp"
#include "model/files/tensor_file.hpp"
#include "testbench/support/program_testing.hpp"
#include "testbench/support/python_testing.hpp"
#include "testbench/support/tensor_testing.hpp"

using namespace if4::testing;
using if4::DType;
using if4::SafetensorsFile;
using Json = nlohmann::json;

namespace {

const std::string kScript = "testbench/model/nvfp4_of_others.py";

std::vector<std::uint8_t> bytes_of_part(const SafetensorsFile& file, const std::string& name) {
  INFO(name);
  const if4::TensorInfo* const info = file.find(name);
  REQUIRE(info != nullptr);
  return file.read_bytes(*info);
}

float first_float(const SafetensorsFile& file, const std::string& name) {
  float value = 0.0F;
  std::memcpy(&value, bytes_of_part(file, name).data(), sizeof value);
  return value;
}

if4::TensorBytes f32(const std::string& name, const if4::Tensor& tensor) {
  return {name, DType::kF32, tensor.shape, tensor.values.data(), tensor.values.size() * sizeof(float)};
}

/// Whether both files have the same F32 tensors, bit by bit.
void check_same_values(const std::string& path, const std::string& expected_path) {
  const SafetensorsFile file(path);
  const SafetensorsFile expected(expected_path);
  for (const if4::TensorInfo& info : expected.tensors()) {
    INFO(info.name);
    REQUIRE(file.find(info.name) != nullptr);
    CHECK(file.find(info.name)->shape == info.shape);
    CHECK(same_bits(file.read_tensor(*file.find(info.name)).values, expected.read_tensor(info).values));
  }
}

/// A model with two matrices that a layout of others takes, one that it does not, zeros, and a stack of matrices.
void write_plain_model(const std::string& path) {
  const unsigned seed = static_cast<unsigned>(test_seed()) + 1410;
  const if4::Tensor a = two_kinds_of_blocks(24, 64, seed);
  const if4::Tensor b = two_kinds_of_blocks(6, 48, seed + 1);
  const if4::Tensor odd = two_kinds_of_blocks(6, 40, seed + 2);
  const if4::Tensor zero{{2, 16}, std::vector<float>(32)};
  if4::Tensor stack = two_kinds_of_blocks(12, 32, seed + 3);
  stack.shape = {3, 4, 32};
  if4::write_safetensors(path,
                         {f32("a.weight", a), f32("b", b), f32("odd.weight", odd), f32("zero.weight", zero),
                          f32("stack.weight", stack)},
                         {{"format", "pt"}});
}

}  // namespace

TEST_CASE("quantize writes the layouts of other tools", "[cli][foreign]") {
  const Sandbox box;
  const std::string in = box / "in.safetensors";
  const std::string own = box / "own.safetensors";
  write_plain_model(in);
  for (const std::string format : {"nvfp4", "nvfp4_46"}) {
    box.output({"quantize", in, "-o", own, "--format", format});
    const SafetensorsFile ours(own);
    const double divisor = format == "nvfp4" ? 6.0 * 448.0 : 6.0 * 256.0;
    for (const std::string layout : {"compressed-tensors", "modelopt"}) {
      INFO(format << " " << layout);
      const bool compressed = layout == "compressed-tensors";
      const std::string out = box / (layout + ".safetensors");
      const std::string report =
          box.output({"quantize", in, "-o", out, "--format", format, "--layout", layout});
      CHECK(report.find("1 tensor copied unchanged") != std::string::npos);
      const SafetensorsFile theirs(out);
      CHECK(theirs.metadata() == std::map<std::string, std::string>{{"format", "pt"}, {"generator", "if4"}});
      CHECK(theirs.tensors().size() == 4 * 3 + 1);
      CHECK(bytes_of_part(theirs, "odd.weight") == bytes_of_part(SafetensorsFile(in), "odd.weight"));
      for (const std::string name : {"a.weight", "b", "zero.weight", "stack.weight"}) {
        const std::string scales = name + (!compressed && name == "b" ? "_weight_scale" : "_scale");
        const std::string global = compressed ? name + "_global_scale" : scales + "_2";
        CHECK(bytes_of_part(theirs, compressed ? name + "_packed" : name) ==
              bytes_of_part(ours, name + ".codes"));
        CHECK(bytes_of_part(theirs, scales) == bytes_of_part(ours, name + ".scales"));
        CHECK(theirs.find(scales)->dtype == DType::kF8E4M3);
        const double amax = static_cast<double>(first_float(ours, name + ".amax"));
        const double exact = name == "zero.weight" ? 1.0 : compressed ? divisor / amax : amax / divisor;
        CHECK(first_float(theirs, global) == static_cast<float>(exact));
      }
      // What is read back is what an independent decoder reads, and what ours stands for but for FP32 rounding.
      box.output({"dequantize", out, "-o", box / "values.safetensors"});
      run_python(kScript, {"decode", out, box / "expected.safetensors"});
      CHECK(SafetensorsFile(box / "expected.safetensors").tensors().size() == 4);
      check_same_values(box / "values.safetensors", box / "expected.safetensors");
      const if4::Tensor direct = if4::dequantize(if4::read_quantized(ours, "a.weight").tensor);
      const if4::Tensor back = if4::dequantize(if4::read_quantized(theirs, "a.weight").tensor);
      for (std::size_t i = 0; i < back.values.size(); ++i)
        CHECK(std::fabs(back.values[i] - direct.values[i]) <= 2e-7F * std::fabs(direct.values[i]));
    }
  }
}

TEST_CASE("what the layouts of other tools do not take", "[cli][foreign]") {
  const Sandbox box;
  const std::string in = box / "in.safetensors";
  write_plain_model(in);
  const if4::Tensor tiny{{1, 16}, std::vector<float>(16, 1e-41F)};
  if4::write_tensor(box / "tiny.safetensors", "w", tiny);
  if4::write_tensor(box / "k60.safetensors", "w", two_kinds_of_blocks(2, 60, 1));
  const std::string layout = "--layout";
  const Args to = {"-o", box / "out.safetensors"};
  const auto with = [&](Args args) {
    args.insert(args.begin(), "quantize");
    args.insert(args.end(), to.begin(), to.end());
    return args;
  };
  check_refused(box, {with({in, layout, "modelopt"}), {"the layout of modelopt takes nvfp4", "not if4"}});
  check_refused(
      box, {with({in, layout, "compressed-tensors", "--format", "mxfp4"}), {"compressed-tensors", "mxfp4"}});
  check_refused(box, {with({in, layout, "awq", "--format", "nvfp4"}), {"awq"}});
  for (const Args& more : {Args{"--rht"}, Args{"--transpose"}, Args{"--scale-layout", "tiled"}}) {
    Args args = {in, layout, "modelopt", "--format", "nvfp4"};
    args.insert(args.end(), more.begin(), more.end());
    check_refused(box, {with(args), {"the layout of modelopt", more[0]}});
  }
  check_refused(box, {with({in + ":odd.weight", layout, "modelopt", "--format", "nvfp4"}),
                      {"'odd.weight'", "[6, 40] is no multiple of 16"}});
  check_refused(
      box, {with({box / "k60.safetensors", layout, "modelopt", "--format", "nvfp4"}), {"multiple of 16"}});
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': ";
  put(box / "scalar.npy", npy(header + "(), }\n", std::string(4, '\0')));
  put(box / "odd.npy", npy(header + "(6, 40), }\n", std::string(960, '\0')));
  check_refused(box, {with({box / "scalar.npy", layout, "modelopt", "--format", "nvfp4"}),
                      {"scalar.npy: the last dimension of [] is no multiple of 16"}});
  check_refused(box, {with({box / "odd.npy", layout, "compressed-tensors", "--format", "nvfp4"}),
                      {"odd.npy: the last dimension of [6, 40] is no multiple of 16"}});
  for (const char* name : {"modelopt", "compressed-tensors"}) {
    check_refused(box, {with({box / "tiny.safetensors", layout, name, "--format", "nvfp4"}),
                        {"'w'", "largest magnitude is beyond the global scales"}});
  }
}

TEST_CASE("every command reads NVFP4 of other tools", "[cli][foreign]") {
  const Sandbox box;
  run_python(kScript, {"make", box.folder(), std::to_string(test_seed() + 1411)});
  const if4::Tensor acts = two_kinds_of_blocks(4, 64, static_cast<unsigned>(test_seed()));
  if4::write_tensor(box / "acts.safetensors", "x", acts);
  for (const std::string layout : {"compressed-tensors", "modelopt"}) {
    INFO(layout);
    const std::string file = box / (layout + ".safetensors");
    const std::string weights = file + ":model.layers.0.mlp.up_proj.weight";

    const Json rows = Json::parse(box.output({"inspect", file, "--json"}));
    REQUIRE(rows.size() == 8);
    for (const Json& row : rows) {
      CHECK(row.at("format") == "nvfp4");
      CHECK(row.at("layout") == layout);
      CHECK(row.at("nan_scales").get<int>() == (row.at("name") == "nan.weight" ? 1 : 0));
    }
    const std::string table = box.output({"inspect", file});
    CHECK(table.find("model.layers.0.mlp.up_proj.weight ") != std::string::npos);
    CHECK(table.find("and 6 plain tensors") != std::string::npos);
    CHECK(table.find("_scale") == std::string::npos);
    CHECK(box.output({"inspect", weights}).find("[32, 64]  nvfp4") != std::string::npos);

    CHECK(
        box.output({"cosim", "--acts", box / "acts.safetensors:x", "--weights", weights, "--format", "nvfp4"})
            .rfind("PASS", 0) == 0);
    CHECK(
        box.output({"array", "--acts", box / "acts.safetensors:x", "--weights", weights, "--format", "nvfp4"})
            .find("0 of 128 results") != std::string::npos);

    // The whole model decoded: the values, and the other tensors as they were.
    const Run all = box.run({"dequantize", file, "-o", box / "all.safetensors"});
    CHECK(all.code == 0);
    CHECK(all.err.find("'nan.weight': 1 NaN scale") != std::string::npos);
    const SafetensorsFile decoded(box / "all.safetensors");
    CHECK(decoded.tensors().size() == 8 + 6);
    CHECK(decoded.find("model.norm.weight")->dtype == DType::kBF16);
    box.output({"dequantize", weights, "-o", box / "one.safetensors"});
    const SafetensorsFile expected(box / (layout + ".expected.safetensors"));
    CHECK(same_bits(if4::read_tensor({box / "one.safetensors", ""}).values,
                    expected.read_tensor(*expected.find("model.layers.0.mlp.up_proj.weight")).values));

    // Measured are the values that the tensors stand for.
    CHECK(box.output({"compare", weights}).find("nvfp4_46") != std::string::npos);
    CHECK(box.output({"compare", file, "--include", "two.experts.*"}).find("nvfp4_46") != std::string::npos);
    CHECK(box.output({"quantize", weights, "--stats"}).find("total of 1") != std::string::npos);

    // Quantizing leaves them as they are.
    box.output({"quantize", file, "-o", box / "again.safetensors", "--include", "*"});
    const SafetensorsFile before(file), after(box / "again.safetensors");
    for (const if4::TensorInfo& info : before.tensors()) {
      if (if4::is_part(before, info)) CHECK(before.read_bytes(info) == bytes_of_part(after, info.name));
    }
    CHECK(if4::quantized_names(after).size() == 8 + 6);
  }
}

TEST_CASE("quantized tensors that are not read stay as they are", "[cli][foreign]") {
  const Sandbox box;
  const std::string in = box / "gptq.safetensors";
  std::mt19937_64 random(test_seed() + 1412);
  std::vector<std::uint8_t> bytes(8 * 64 * 4);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random() & 0x3B);
  const if4::Tensor norm{{2, 16}, std::vector<float>(32, 1.0F)};
  if4::write_safetensors(in,
                         {{"a.qweight", DType::kI32, {8, 64}, bytes.data(), 8 * 64 * 4},
                          {"a.qzeros", DType::kI32, {2, 8}, bytes.data(), 2 * 8 * 4},
                          {"a.scales", DType::kF16, {2, 64}, bytes.data(), 2 * 64 * 2},
                          {"odd", DType::kOther, {3, 5}, bytes.data(), 7, "Q9_Z"},
                          f32("norm.weight", norm)},
                         {});
  CHECK(box.output({"inspect", in}).find("'a.qweight' belongs to GPTQ, which is not read\n") !=
        std::string::npos);
  check_refused(box, {{"dequantize", in, "-o", box / "out.safetensors"}, {"no quantized tensor", "GPTQ"}});
  check_refused(box, {{"cosim", "--acts", in + ":a.qweight", "--weights", in + ":norm.weight"},
                      {"'a.qweight'", "GPTQ"}});
  box.output({"quantize", in, "-o", box / "out.safetensors"});
  const SafetensorsFile before(in), after(box / "out.safetensors");
  CHECK(if4::quantized_names(after) == std::vector<std::string>{"norm.weight"});
  for (const char* name : {"a.qweight", "a.qzeros", "a.scales", "odd"})
    CHECK(bytes_of_part(before, name) == bytes_of_part(after, name));
  CHECK(if4::dtype_name(*after.find("odd")) == "Q9_Z");
  // Nor are they lost where others are decoded.
  box.output({"dequantize", box / "out.safetensors", "-o", box / "back.safetensors"});
  const SafetensorsFile back(box / "back.safetensors");
  CHECK(back.tensors().size() == before.tensors().size());
  for (const char* name : {"a.qweight", "a.qzeros", "a.scales", "odd"})
    CHECK(bytes_of_part(before, name) == bytes_of_part(back, name));
  CHECK(if4::dtype_name(*back.find("odd")) == "Q9_Z");
}

TEST_CASE("files of other kinds are called by their names", "[cli][foreign]") {
  const Sandbox box;
  put(box / "model.gguf", std::string("GGUF\3\0\0\0\1\0\0\0", 12));
  put(box / "model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n");
  for (const Args& command : {Args{"inspect"}, Args{"compare"}, Args{"quantize", "-o", box / "o.safetensors"},
                              Args{"dequantize", "-o", box / "o.safetensors"}}) {
    for (const auto& [name, kind] : std::map<std::string, std::string>{
             {"model.gguf", "a GGUF file"}, {"model.safetensors", "a Git LFS pointer"}}) {
      Args args = command;
      args.insert(args.begin() + 1, box / name);
      check_refused(box, {args, {name, "not a safetensors file: it is " + kind}});
    }
  }
}
