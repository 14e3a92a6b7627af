// Whole models through the program: folders of shards in and out, models back to FP32, and what is refused.
#include <csignal>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "model/files/safetensors.hpp"
#include "model/files/tensor_file.hpp"
#include "testbench/support/program_testing.hpp"
#include "testbench/support/tensor_testing.hpp"

using namespace if4::testing;
using if4::DType;
using Json = nlohmann::json;

namespace {

struct Named {
  std::string name;
  if4::Tensor tensor;
};

std::vector<if4::TensorBytes> bytes_of_all(const std::vector<Named>& tensors) {
  std::vector<if4::TensorBytes> bytes;
  for (const Named& named : tensors)
    bytes.push_back({named.name, DType::kF32, named.tensor.shape, named.tensor.values.data(),
                     named.tensor.values.size() * sizeof(float)});
  return bytes;
}

std::vector<Named> some_tensors() {
  const auto seed = static_cast<unsigned>(test_seed());
  return {{"embed", two_kinds_of_blocks(64, 48, seed)},
          {"layer.0.w", two_kinds_of_blocks(32, 128, seed + 1)},
          {"layer.0.norm", {{48}, std::vector<float>(48, 1.5F)}},
          {"layer.1.w", two_kinds_of_blocks(16, 80, seed + 2)},
          {"head", two_kinds_of_blocks(20, 33, seed + 3)}};
}

// The tensors in a folder, two in each shard, and in one file: FOLDER and FOLDER.safetensors.
void write_both(const std::string& folder, const std::vector<Named>& tensors) {
  fs::create_directory(folder);
  Json map;
  for (std::size_t i = 0; i < tensors.size(); i += 2) {
    const std::string shard = "part-" + std::to_string(i / 2) + ".safetensors";
    const std::vector<Named> some(
        tensors.begin() + static_cast<std::ptrdiff_t>(i),
        tensors.begin() + static_cast<std::ptrdiff_t>(std::min(i + 2, tensors.size())));
    if4::write_safetensors(folder + "/" + shard, bytes_of_all(some), {{"format", "pt"}});
    for (const Named& named : some) map[named.name] = shard;
  }
  put(folder + "/model.safetensors.index.json",
      Json{{"metadata", {{"total_size", 0}}}, {"weight_map", map}}.dump());
  put(folder + "/config.json", "{\"model_type\": \"x\"}");
  if4::write_safetensors(folder + ".safetensors", bytes_of_all(tensors), {{"format", "pt"}});
}

// All tensors of a file or folder: type, shape and bytes by name.
std::map<std::string, std::string> contents(const std::string& path) {
  const if4::SafetensorsFile file(path);
  std::map<std::string, std::string> all;
  for (const if4::TensorInfo& info : file.tensors()) {
    all[info.name] = std::string(if4::dtype_name(info.dtype)) + if4::to_string(info.shape) +
                     bytes_of(file.read_bytes(info));
  }
  return all;
}

}  // namespace

TEST_CASE("a folder of shards becomes what its tensors in one file become", "[cli][folder]") {
  const Sandbox box;
  const std::string in = box / "in";
  write_both(in, some_tensors());
  put(in + "/stray.safetensors", "not looked at");
  box.output({"quantize", in + ".safetensors", "-o", box / "q.safetensors"});
  const auto expected = contents(box / "q.safetensors");
  CHECK(expected.count("layer.0.w.codes") == 1);
  for (const std::string& path : {in, in + "/model.safetensors.index.json", in + "/"}) {
    box.output({"quantize", path, "-o", box / "out"});
    CHECK(contents(box / "out") == expected);
    CHECK(if4::SafetensorsFile(box / "out").metadata() ==
          if4::SafetensorsFile(box / "q.safetensors").metadata());
    CHECK(get(box / "out/config.json") == "{\"model_type\": \"x\"}");
    CHECK_FALSE(fs::exists(box / "out/stray.safetensors"));
    fs::remove_all(box / "out");
  }
  // One tensor of a folder is a file.
  box.output({"quantize", in + ":layer.1.w", "-o", box / "one.safetensors"});
  CHECK(contents(box / "one.safetensors").at("layer.1.w.codes") == expected.at("layer.1.w.codes"));
  // What is only measured and what is listed is the same, too.
  CHECK(box.output({"inspect", in, "--json"}) == box.output({"inspect", in + ".safetensors", "--json"}));
  const auto compared = [&](const std::string& model) {
    box.output({"compare", model, "--json", box / "compared.json"});
    return Json::parse(get(box / "compared.json"))["formats"];
  };
  CHECK(compared(in) == compared(in + ".safetensors"));
  CHECK(box.output({"compare", in}) == box.output({"compare", in + ".safetensors"}));
}

TEST_CASE("shards have the size that is asked for, and an index", "[cli][folder]") {
  const Sandbox box;
  write_both(box / "in", some_tensors());
  box.output({"quantize", box / "in", "-o", box / "out", "--shard-size", "2kB"});
  const Json index = Json::parse(get(box / "out/model.safetensors.index.json"));
  std::map<std::string, std::uint64_t> sizes;
  std::uint64_t total = 0;
  for (const auto& [name, shard] : index["weight_map"].items()) {
    const if4::SafetensorsFile file(box / ("out/" + shard.get<std::string>()));
    const if4::TensorInfo* const info = file.find(name);
    REQUIRE(info != nullptr);
    sizes[shard] += info->end - info->begin;
    total += info->end - info->begin;
  }
  CHECK(sizes.size() >= 3);
  CHECK(index["metadata"]["total_size"] == total);
  for (const auto& [shard, size] : sizes) {
    INFO(shard);
    // layer.0.w takes 2,308 bytes, and is alone where it is.
    CHECK((size <= 2000 || size == 32 * 8 * 9 + 4));
    CHECK(shard.find("-of-0000" + std::to_string(sizes.size())) != std::string::npos);
  }
  check_refused(box,
                {{"quantize", box / "in.safetensors", "-o", box / "x.safetensors", "--shard-size", "1GB"},
                 {"in.safetensors", "--shard-size is for a folder"}});
  for (const char* size : {"0", "-1GB", "1.5GB", "GB", "99999999999GB", "5 XB"})
    check_refused(box, {{"quantize", box / "in", "-o", box / "x", "--shard-size", size}, {"--shard-size"}});
}

TEST_CASE("a whole model comes back as FP32", "[cli][folder]") {
  const Sandbox box;
  write_both(box / "in", some_tensors());
  const std::string files[] = {"in", "in.safetensors"};
  for (const std::string& in : files) {
    const std::string q = box / ("q-" + in), d = box / ("d-" + in);
    box.output({"quantize", box / in, "-o", q, "--rht", "--exclude", "head"});
    CHECK(box.output({"dequantize", q, "-o", d}).find("3 tensors F32, 2 copied unchanged") !=
          std::string::npos);
    const if4::SafetensorsFile back(d);
    CHECK(back.tensors().size() == 5);
    CHECK(back.metadata() == std::map<std::string, std::string>{{"format", "pt"}, {"generator", "if4"}});
    for (const Named& named : some_tensors()) {
      INFO(named.name);
      const if4::Tensor tensor = if4::read_tensor(back, named.name);
      CHECK(tensor.shape == named.tensor.shape);
      if (named.name == "layer.0.norm" || named.name == "head") {
        CHECK(same_bits(tensor.values, named.tensor.values));
      } else {
        CHECK(same_bits(tensor.values, if4::original_values(if4::read_quantized({q, named.name})).values));
      }
    }
  }
  check_refused(box, {{"dequantize", box / "in", "-o", box / "x"}, {"/in: ", "holds no quantized tensor"}});
}

TEST_CASE("metadata of a former quantization does not spoil the next one", "[cli]") {
  const Sandbox box;
  const std::vector<Named> tensors = {{"w", two_kinds_of_blocks(8, 64, static_cast<unsigned>(test_seed()))}};
  if4::write_safetensors(box / "in.safetensors", bytes_of_all(tensors),
                         {{"w.rotation", "rht16"},
                          {"w.transposed", "true"},
                          {"w.scale_layout", "tiled"},
                          {"w.rule", "mae"},
                          {"v.rotation", "kept"}});
  box.output({"quantize", box / "in.safetensors", "-o", box / "q.safetensors", "--format", "nvfp4"});
  const auto metadata = if4::SafetensorsFile(box / "q.safetensors").metadata();
  CHECK(metadata ==
        std::map<std::string, std::string>{
            {"generator", "if4"}, {"w.format", "nvfp4"}, {"w.shape", "[8, 64]"}, {"v.rotation", "kept"}});
  box.output({"dequantize", box / "q.safetensors", "-o", box / "d.safetensors"});
  const if4::Tensor back = if4::read_tensor({box / "d.safetensors", "w"});
  double noise = 0, signal = 0;
  for (std::size_t i = 0; i < back.values.size(); ++i) {
    const double x = static_cast<double>(tensors[0].tensor.values[i]);
    noise += (x - static_cast<double>(back.values[i])) * (x - static_cast<double>(back.values[i]));
    signal += x * x;
  }
  CHECK(noise < 0.02 * signal);
}

TEST_CASE("NaN scales and values that cannot be quantized are told", "[cli]") {
  const Sandbox box;
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  std::vector<Named> tensors = some_tensors();
  tensors[0].tensor.values[5] = kNaN;
  tensors[0].tensor.values[7] = std::numeric_limits<float>::infinity();
  tensors[1] = {"none", {{0, 16}, {}}};
  if4::write_safetensors(box / "in.safetensors", bytes_of_all(tensors), {});
  const std::string table = box.output({"inspect", box / "in.safetensors"});
  CHECK(table.find("1 NaN and 1 infinite values") != std::string::npos);
  CHECK(table.find("[0, 16] empty") != std::string::npos);
  CHECK(table.find("head") != std::string::npos);
  const Json rows = Json::parse(box.output({"inspect", box / "in.safetensors", "--json"}));
  CHECK(rows.size() == 5);
  CHECK(rows[0]["unfit"] == "1 NaN and 1 infinite values");
  check_refused(box, {{"quantize", box / "in.safetensors", "-o", box / "q.safetensors"},
                      {"tensor 'embed'", "value 5 is NaN"}});

  if4::QuantizedTensor quantized = if4::make_quantized(if4::Format::kIF4, {4, 40});
  quantized.scales[2] = 0x7F;
  quantized.scales[11] = 0xFF;
  if4::write_quantized(box / "q.safetensors", {{"w", quantized, ""}});
  CHECK(box.output({"inspect", box / "q.safetensors"}).find("2 NaN scales") != std::string::npos);
  CHECK(Json::parse(box.output({"inspect", box / "q.safetensors", "--json"}))[0]["nan_scales"] == 2);
  const Run run = box.run({"dequantize", box / "q.safetensors", "-o", box / "d.safetensors"});
  CHECK(run.code == 0);
  check_contains(run.err, "tensor 'w': 2 NaN scales, whose blocks are NaN");
}

TEST_CASE("outputs that are inputs or have another kind's name are refused", "[cli][folder]") {
  const Sandbox box;
  write_both(box / "in", some_tensors());
  box.output({"quantize", box / "in.safetensors", "-o", box / "q.safetensors"});
  fs::create_symlink("in", box / "link");
  const BadInput bad[] = {
      {{"quantize", box / "in", "-o", box / "in"}, {"/in: the output is the input"}},
      {{"quantize", box / "in", "-o", box / "link"}, {"/link: the output is the input"}},
      {{"quantize", box / "link", "-o", box / "in"}, {"/in: the output is the input"}},
      {{"quantize", box / "in", "-o", box / "in/out"}, {"/in/out: the output is in the input folder"}},
      {{"quantize", box / "in/model.safetensors.index.json", "-o", box / "in"}, {"the output is the input"}},
      {{"dequantize", box / "q.safetensors", "-o", box / "q.safetensors"}, {"the output is the input"}},
      {{"compare", box / "in.safetensors", "--svg", box / "in.safetensors"}, {"the output is the input"}},
      {{"quantize", box / "in.safetensors", "-o", box / "x.npy"}, {"x.npy", "must end in .safetensors"}},
      {{"quantize", box / "in:head", "-o", box / "x.gguf"}, {"x.gguf", "must end in .safetensors"}},
      {{"dequantize", box / "q.safetensors", "-o", box / "x.npy"}, {"x.npy", "must end in .safetensors"}},
  };
  const auto before = contents(box / "in");
  for (const BadInput& input : bad) check_refused(box, input);
  CHECK(contents(box / "in") == before);
  fs::create_directory(box / "full");
  put(box / "full/x", "");
  check_refused(box,
                {{"quantize", box / "in", "-o", box / "full"}, {"/full: the output folder is not empty"}});
  put(box / "in/part-1.safetensors", "");
  check_refused(box, {{"quantize", box / "in", "-o", box / "out"}, {"in/part-1.safetensors: header"}});
  // A shard that is another one: the index says where a tensor is.
  fs::remove(box / "in/part-1.safetensors");
  fs::copy_file(box / "in/part-0.safetensors", box / "in/part-1.safetensors");
  check_refused(box, {{"inspect", box / "in"}, {"in/part-1.safetensors: tensor 'embed'", "is also in"}});
  const std::string index = get(box / "in/model.safetensors.index.json");
  std::string swapped = index;
  for (const auto& [from, to] : {std::pair("part-0", "part-x"), {"part-2", "part-0"}, {"part-x", "part-2"}}) {
    for (std::size_t at = 0; (at = swapped.find(from, at)) != std::string::npos;) swapped.replace(at, 6, to);
  }
  fs::remove(box / "in/part-1.safetensors");
  write_both(box / "good", some_tensors());
  fs::copy_file(box / "good/part-1.safetensors", box / "in/part-1.safetensors");
  put(box / "in/model.safetensors.index.json", swapped);
  check_refused(box, {{"inspect", box / "in"}, {"is missing, and the index says that it is in this shard"}});
  put(box / "in/model.safetensors.index.json", index);
  fs::remove(box / "in/part-1.safetensors");
  check_refused(box, {{"inspect", box / "in"}, {"index.json", "'part-1.safetensors' is not in the folder"}});
}

TEST_CASE("an interrupted folder leaves nothing behind", "[cli][folder]") {
  const Sandbox box;
  std::vector<Named> tensors;
  for (int i = 0; i < 6; ++i)
    tensors.push_back({"w" + std::to_string(i), {{1024, 2048}, std::vector<float>(1 << 21, 1.5F)}});
  write_both(box / "in", tensors);
  const int signal = GENERATE(SIGINT, SIGTERM, SIGHUP);
  check_interrupted(box, {"quantize", box / "in", "-o", box / "out", "--search", "--threads", "1"}, signal);
}
