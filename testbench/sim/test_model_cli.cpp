// if4 quantize on whole models, and if4 compare: through the real executable.
#include <csignal>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "model/checkpoint/model_quantizer.hpp"
#include "model/files/safetensors.hpp"
#include "model/files/tensor_file.hpp"
#include "model/quantize/fast_quantizer.hpp"
#include "model/quantize/quantizer.hpp"
#include "testbench/support/program_testing.hpp"

using namespace if4::testing;
using Json = nlohmann::json;

namespace {

/// A model of several kinds of tensors: two matrices, a vector, integers, a quantized tensor.
void write_model(const std::string& path) {
  std::mt19937_64 rng(test_seed() + 90);
  std::normal_distribution<float> normal;
  std::vector<float> matrix(40 * 100);
  std::vector<float> vector(64);
  std::vector<std::uint16_t> half(32 * 48);
  for (float& x : matrix) x = normal(rng);
  for (float& x : vector) x = normal(rng);
  for (std::uint16_t& x : half) x = static_cast<std::uint16_t>(rng() & 0xBBFF);
  const std::vector<std::int64_t> ids = {1, 2, 3};
  if4::write_safetensors(path,
                         {{"ids", if4::DType::kI64, {3}, ids.data(), 24},
                          {"a.weight", if4::DType::kF32, {40, 100}, matrix.data(), matrix.size() * 4},
                          {"a.bias", if4::DType::kF32, {64}, vector.data(), 256},
                          {"b.weight", if4::DType::kF16, {2, 16, 48}, half.data(), half.size() * 2}},
                         {{"format", "pt"}});
}

std::vector<std::uint8_t> bytes_of_tensor(const std::string& path, const std::string& name) {
  const if4::SafetensorsFile file(path);
  const if4::TensorInfo* info = file.find(name);
  REQUIRE(info != nullptr);
  return file.read_bytes(*info);
}

}  // namespace

TEST_CASE("a whole model", "[cli]") {
  const Sandbox box;
  const std::string in = box / "model.safetensors";
  const std::string out = box / "out.safetensors";
  write_model(in);
  const std::string report = box.output({"quantize", in, "-o", out});
  CHECK(report.find("a.weight") != std::string::npos);
  CHECK(report.find("total of 2") != std::string::npos);
  CHECK(report.find("2 tensors copied unchanged") != std::string::npos);
  CHECK(box.names().size() == 2);
  for (const char* copied : {"ids", "a.bias"})
    CHECK(bytes_of_tensor(in, copied) == bytes_of_tensor(out, copied));
  CHECK(if4::SafetensorsFile(out).metadata().at("format") == "pt");
  for (const char* name : {"a.weight", "b.weight"}) {
    const if4::NamedQuantized named = if4::read_quantized({out, name});
    const if4::QuantizedTensor expected = if4::quantize(if4::read_tensor({in, name}), {});
    CHECK(named.tensor.codes == expected.codes);
    CHECK(named.tensor.scales == expected.scales);
    CHECK(named.tensor.amax == expected.amax);
    CHECK(named.tensor.shape == expected.shape);
    CHECK(named.rule == "mse");
  }

  SECTION("patterns choose") {
    box.output({"quantize", in, "-o", out, "--include", "a.*", "--include", "?.weight", "--exclude", "b*"});
    CHECK(if4::quantized_names(if4::SafetensorsFile(out)) == std::vector<std::string>{"a.weight", "a.bias"});
    CHECK(box.run({"quantize", in, "-o", box / "none", "--exclude", "*weight"}).code == 2);
    CHECK_FALSE(fs::exists(box / "none"));
  }
  SECTION("options reach the quantizer and the file") {
    box.output({"quantize", in + ":b.weight", "-o", out, "--format", "if3", "--rule", "mae", "--rht", "--2d",
                "--transpose", "--stochastic", "5", "--search", "--scale-layout", "tiled", "--threads", "3"});
    if4::QuantizeOptions options{if4::Format::kIF3, if4::Rule::kMae};
    options.search = options.square = options.rotate = options.transpose = true;
    options.seed = 5;
    const if4::NamedQuantized named = if4::read_quantized({out, ""});
    const if4::QuantizedTensor expected = if4::quantize(if4::read_tensor({in, "b.weight"}), options);
    CHECK(named.tensor.codes == expected.codes);
    CHECK(named.tensor.scales == expected.scales);
    CHECK(named.rotated);
    CHECK(named.transposed);
    CHECK(bytes_of_tensor(out, "b.weight.scales").size() == 512);
    // And back: the original shape, not far away.
    box.output({"dequantize", out, "-o", box / "back.safetensors"});
    const if4::Tensor back = if4::read_tensor({box / "back.safetensors", ""});
    const if4::Tensor x = if4::read_tensor({in, "b.weight"});
    REQUIRE(back.shape == if4::Shape{2, 16, 48});
    double noise = 0.0;
    double signal = 0.0;
    for (std::size_t i = 0; i < x.values.size(); ++i) {
      const double error = static_cast<double>(back.values[i]) - static_cast<double>(x.values[i]);
      noise += error * error;
      signal += static_cast<double>(x.values[i]) * static_cast<double>(x.values[i]);
    }
    CHECK(noise < 0.2 * signal);
  }
}

TEST_CASE("a whole model, only measured or refused", "[cli]") {
  const Sandbox box;
  const std::string in = box / "model.safetensors";
  const std::string out = box / "out.safetensors";
  write_model(in);
  SECTION("metadata that is not as the program writes it") {
    box.output({"quantize", in + ":a.weight", "-o", out, "--scale-layout", "tiled"});
    std::string bytes = get(out);
    const std::size_t at = bytes.find("\"tiled\"");
    REQUIRE(at != std::string::npos);
    put(out, bytes.replace(at, 7, "\"tiles\""));
    const Run run = box.run({"inspect", out});
    CHECK(run.code == 2);
    check_contains(run.err, "scale_layout");
  }
  SECTION("only measured") {
    const std::set<std::string> before = box.names();
    check_contains(box.output({"quantize", in, "--stats"}), "nothing written");
    CHECK(box.names() == before);
    CHECK(box.run({"quantize", in}).code == 2);
  }
  SECTION("a seed of more than 64 bits, or none") {
    for (const char* seed : {"-1", "18446744073709551616", "1e3", "x", ""}) {
      const Run run = box.run({"quantize", in, "-o", box / "none", "--stochastic", seed});
      CHECK(run.code == 2);
      check_contains(run.err, "--stochastic: '" + std::string(seed) + "' is not a whole number");
      CHECK_FALSE(fs::exists(box / "none"));
    }
    box.output({"quantize", in, "--stats", "--stochastic", "18446744073709551615"});
  }
  SECTION("an output on a full disk, or over its input") {
    const Run run = box.run({"quantize", in, "-o", "/dev/full"});
    CHECK(run.code == 2);
    check_contains(run.err, "/dev/full: cannot write: No space left");
    // The model would be gone.
    fs::create_symlink(in, box / "link.safetensors");
    for (const std::string& same : {in, box / "link.safetensors"})
      check_refused(box, {{"quantize", in, "-o", same}, {same, "the output is the input"}});
  }
  SECTION("on a device that this program has no code for") {
    check_refused(box, {{"quantize", in, "-o", out, "--device", "cuda"}, {"CUDA", "built without it"}});
    CHECK(box.run({"quantize", in, "--stats", "--device", "gpu"}).code == 2);
    box.output({"quantize", in, "--stats", "--device", "cpu"});
  }
  SECTION("to a pipe the bytes are the same") {
    box.output({"quantize", in, "-o", out});
    const std::string piped = box / "piped";
    CHECK(box.run({"quantize", in, "-o", "/dev/fd/1"}, piped).code == 0);
    CHECK(get(piped).substr(0, get(out).size()) == get(out));
  }
}

TEST_CASE("an interrupted quantization leaves nothing behind", "[cli]") {
  const Sandbox box;
  // Rows of several megabytes: long enough that the signal meets the work.
  const std::vector<float> values(std::size_t{1} << 24, 1.5F);
  const std::string in = box / "large.safetensors";
  if4::write_safetensors(in, {{"w", if4::DType::kF32, {4096, 4096}, values.data(), values.size() * 4}}, {});
  const int signal = GENERATE(SIGINT, SIGTERM, SIGHUP);
  check_interrupted(box, {"quantize", in, "-o", box / "out.safetensors", "--search", "--threads", "1"},
                    signal);
}

TEST_CASE("all formats side by side", "[cli]") {
  const Sandbox box;
  const std::string in = box / "model.safetensors";
  write_model(in);
  const std::string table = box.output({"compare", in, "--svg", box / "c.svg", "--json", box / "c.json"});
  const Json json = Json::parse(get(box / "c.json"))["formats"];
  const std::string svg = get(box / "c.svg");
  CHECK(json.size() == 2 * static_cast<std::size_t>(if4::kFormatCount));
  std::map<std::string, double> errors, searched;
  for (const Json& row : json) {
    const std::string name = row["format"];
    (row["search"] ? searched : errors)[name] = row["relative_mse"];
    check_contains(table, name);
    check_contains(svg, ">" + name + "<");
  }
  for (const auto& [name, error] : errors) CHECK(searched.at(name) <= error);
  CHECK(errors["if4"] < errors["nvfp4"]);
  CHECK(errors["if6_e2m3"] < errors["if4"]);
  CHECK(svg.rfind("<svg", 0) == 0);
  CHECK(svg.find("</svg>") != std::string::npos);
  CHECK(box.run({"compare", box / "missing.safetensors"}).code == 2);
}

TEST_CASE("patterns of names", "[cli]") {
  CHECK(if4::matches("*", ""));
  CHECK(if4::matches("a*c?", "abbcccd"));
  CHECK_FALSE(if4::matches("a*c?", "abbc"));
  CHECK(if4::matches("*.weight", "layers.0.weight"));
  CHECK_FALSE(if4::matches("*.weight", "layers.0.weight.x"));
  CHECK_FALSE(if4::matches("", "a"));
  CHECK(if4::matches("a**b", "ab"));
}

TEST_CASE("a tensor of several chunks", "[cli]") {
  const Sandbox box;
  // 4.8 MB of codes; a chunk has 4 MB.
  if4::Tensor tensor{{3000, 3200}, {}};
  std::mt19937 rng(static_cast<std::uint32_t>(test_seed() + 91));
  for (std::size_t i = 0; i < 3000 * 3200; ++i) {
    tensor.values.push_back(static_cast<float>(static_cast<int>(rng() >> 20) - 2048) / 512);
  }
  if4::write_tensor(box / "in.safetensors", "w", tensor);
  const if4::QuantizedTensor expected = if4::quantize_fast(if4::view_of(tensor), {});
  for (const char* layout : {"linear", "tiled"}) {
    box.output({"quantize", box / "in.safetensors", "-o", box / "out.safetensors", "--scale-layout", layout});
    const if4::NamedQuantized named = if4::read_quantized({box / "out.safetensors", ""});
    CHECK((named.tensor.codes == expected.codes));
    CHECK((named.tensor.scales == expected.scales));
  }
}
