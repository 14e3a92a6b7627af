// if4 network as a user runs it.
#include "testbench/network/network_testing.hpp"
#include "testbench/support/program_testing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;
using Json = nlohmann::json;

const std::string kNetwork = kCut + "network.json", kIds = kCut + "sentences.safetensors";
const std::string kReference = kIds + ":embeddings";

Json read_json(const std::string& path) { return Json::parse(get(path)); }

Tensor output(const std::string& path, const std::string& name) {
  const SafetensorsFile file(path);
  REQUIRE(file.find(name) != nullptr);
  return file.read_tensor(*file.find(name));
}

}  // namespace

TEST_CASE("if4 network runs a network in several formats", "[cli][network]") {
  const Sandbox box;
  const std::string text =
      box.output({"network", kNetwork, "--input", kIds, "--reference", kReference, "--format",
                  "fp32,if4,nvfp4,if4+search", "-o", box / "out.safetensors", "--json", box / "out.json"});
  check_contains(text, "\nPASS  cut of the Universal Sentence Encoder Lite\n");
  check_contains(text, "sentences         10, ");
  check_contains(text, "mismatches        0 of ");
  check_contains(text, "8 x 8 cells of 16 lanes, in each format");
  const Json json = read_json(box / "out.json");
  CHECK(json["passed"] == true);
  CHECK(json["reference_difference"] < 1e-6);
  REQUIRE(json["formats"].size() == 4);
  const Tensor plain = output(box / "out.safetensors", "embedding.fp32");
  CHECK(largest_difference(plain.values, cut_embeddings().values) < 1e-6);
  const std::string names[] = {"fp32", "if4", "nvfp4", "if4+search"};
  for (std::size_t i = 0; i < 4; ++i) {
    const Json& format = json["formats"][i];
    CHECK(format["format"] == names[i]);
    REQUIRE(format["layers"].size() == 8);
    const Tensor result = output(box / "out.safetensors", "embedding." + names[i]);
    CHECK(result.shape == plain.shape);
    CHECK((format["mean_cosine_distance"] > 1e-3) == (i != 0));
    CHECK(format.contains("total") == (i != 0));
    if (i == 0) continue;
    std::uint64_t cycles = 0;
    for (const Json& layer : format["layers"]) {
      cycles += layer["cycles"].get<std::uint64_t>();
      CHECK(layer["mismatches"] == 0);
      CHECK(layer["checked"] > 0);
    }
    CHECK(format["total"]["cycles"] == cycles);
  }
  // A search finds better scales: the first product has less error. It takes no cycles of the array.
  CHECK(json["formats"][3]["layers"][0]["error"] < json["formats"][1]["layers"][0]["error"]);
  CHECK(json["formats"][3]["total"]["cycles"] == json["formats"][1]["total"]["cycles"]);
}

TEST_CASE("if4 network reports the layers of one format", "[cli][network]") {
  const Sandbox box;
  const std::string text = box.output({"network", kNetwork, "--input", kIds, "--rows", "32", "--cols", "32",
                                       "-o", box / "one.safetensors", "--threads", "1"});
  for (const char* const word :
       {"M x N x K", "layers.0.attention.scores", "INT a", "error", "\ntotal ", "if4, an output"})
    check_contains(text, word);
  box.output({"network", kNetwork, "--sentences", kCut + "sentences.txt", "-o", box / "text.safetensors"});
  const Tensor ids = output(box / "one.safetensors", "embedding"),
               texts = output(box / "text.safetensors", "embedding");
  CHECK(same_bits(ids.values, texts.values));  // nor do the rows of the array and the threads change a bit
}

TEST_CASE("if4 network compares texts", "[cli][network]") {
  const Sandbox box;
  const std::string text =
      box.output({"network", kNetwork, "--format", "fp32,if4", "--text", "The file is stored.", "--text",
                  "The file is stored on the server.", "--text", "q"});
  check_contains(text, "  1  The file is stored.\n");
  check_contains(text, "\n1 and 2 ");
  check_contains(text, "\n2 and 3 ");
}

TEST_CASE("if4 network says which sentences it cuts", "[cli][network]") {
  const Sandbox box;
  std::string longest;
  for (int i = 0; i < 200; ++i) longest += "The file ";
  const Run run = box.run({"network", kNetwork, "--format", "fp32", "--text", "The file is stored.", "--text",
                           longest, "--json", box / "out.json"});
  CHECK(run.code == 0);
  check_contains(
      run.err,
      "note: 1 of 2 sentences are longer than the 128 tokens that the network takes, and end there\n");
  const Json json = read_json(box / "out.json");
  CHECK(json["ids"][1].size() == 128);
  CHECK(json["cut_sentences"] == 1);
}

TEST_CASE("if4 network says that it passed only where something was compared", "[cli][network]") {
  const Sandbox box;
  const Args plain = {"network", kNetwork, "--text", "q", "--format", "fp32", "--json", box / "out.json"};
  const std::string text = box.output(plain);
  CHECK(text.find("PASS") == std::string::npos);
  CHECK_FALSE(read_json(box / "out.json").contains("passed"));
  put(box / "no_product.json", R"({"name": "n", "weights": ")" +
                                   fs::absolute(kCut + "model.safetensors").string() +
                                   R"(", "output": "x",
                                   "operations": [{"name": "x", "op": "embed", "weight": "embedding.weight"}]})");
  const Run run = box.run({"network", box / "no_product.json", "--input", kIds});
  CHECK(run.code == 1);
  check_contains(run.out, "FAIL  n\n");
}

TEST_CASE("layers of a network run on the Verilated array", "[cli][network]") {
  const Sandbox box;
  const std::string text =
      box.output({"network", kNetwork, "--text", "The file is stored.", "--engine", "systemc-rtl", "--layers",
                  "head", "--layers", "layers.0.attention.scores", "--json", box / "rtl.json"});
  check_contains(text, "systemc-rtl       0 of ");
  check_contains(text, "cycles are the fast model's");
  const Json json = read_json(box / "rtl.json");
  for (const Json& layer : json["formats"][0]["layers"]) {
    const bool chosen = layer["name"] == "head" || layer["name"] == "layers.0.attention.scores";
    CHECK(layer["engine_results"] == (chosen ? layer["results"].get<int>() : 0));
    CHECK(layer["engine_mismatches"] == 0);
  }
}

TEST_CASE("a reference that FP32 does not give fails", "[cli][network]") {
  const Sandbox box;
  Tensor wrong = cut_embeddings();
  wrong.values[100] += 2e-5F;
  const std::size_t size = wrong.values.size() * sizeof(float);
  write_safetensors(box / "wrong.safetensors", {{"e", DType::kF32, wrong.shape, wrong.values.data(), size}},
                    {});
  const Run run = box.run({"network", kNetwork, "--input", kIds, "--reference", box / "wrong.safetensors:e"});
  CHECK(run.code == 1);
  check_contains(run.out, "\nFAIL  cut of");
  check_contains(run.out, "FP32 differs from");
}

TEST_CASE("if4 network refuses bad input", "[cli][network]") {
  const Sandbox box;
  const std::string cut = get(kCut + "model.safetensors");
  put(box / "cut.json", R"({"name": "n", "weights": "cut.safetensors", "output": "x",
                            "operations": [{"name": "x", "op": "embed", "weight": "embedding.weight"}]})");
  put(box / "cut.safetensors", cut.substr(0, cut.size() - 1));
  const std::int32_t numbers[] = {1, 100'000, -1, 2};
  const auto ids = [&](const std::string& name, const std::string& tensor, DType type, const Shape& shape,
                       int first) {
    const std::size_t count = column_count(shape) * row_count(shape);
    write_safetensors(box / name, {{tensor, type, shape, numbers + first, count * dtype_size(type)}}, {});
    return box / name;
  };
  const std::string large = ids("large.safetensors", "ids", DType::kI32, {1, 2}, 0);
  const std::string negative = ids("negative.safetensors", "ids", DType::kI32, {2, 1}, 1);
  const std::string flat = ids("flat.safetensors", "ids", DType::kI32, {2}, 0);
  const std::string floats = ids("floats.safetensors", "ids", DType::kF32, {1, 2}, 0);
  const std::string none = ids("none.safetensors", "other", DType::kI32, {1, 2}, 0);
  put(box / "empty.txt", "\n \n");
  put(box / "bytes.txt", "fine\nnot \xFF fine\n");
  const Args start = {"network", kNetwork, "--input", kIds};
  const auto with = [&start](Args more) {
    more.insert(more.begin(), start.begin(), start.end());
    return more;
  };
  const BadInput table[] = {
      {{"network"}, {"network is required"}},
      {{"network", kNetwork}, {"--input, --sentences and --text"}},
      {with({"--text", "a"}), {"give one of"}},
      {{"network", box / "no.json", "--text", "a"}, {"no.json"}},
      {{"network", box / "cut.json", "--text", "a"}, {"cut.safetensors"}},
      {{"network", kNetwork, "--input", large}, {large, "sentence 1", "100000", "token 2"}},
      {{"network", kNetwork, "--input", negative}, {negative, "'ids'", "sentence 2", "-1"}},
      {{"network", kNetwork, "--input", flat}, {flat, "[2]", "[sentences, tokens]"}},
      {{"network", kNetwork, "--input", floats}, {floats, "F32", "I32"}},
      {{"network", kNetwork, "--input", none}, {none, "'ids'"}},
      {{"network", kNetwork, "--sentences", box / "empty.txt"}, {"empty.txt", "no sentence"}},
      {{"network", kNetwork, "--sentences", box / "bytes.txt"}, {"bytes.txt", "sentence 2", "byte 5"}},
      {{"network", kNetwork, "--text", "a", "--text", ""}, {"--text", "sentence 2", "no token"}},
      {with({"--format", "fp16"}), {"--format", "'fp16'", "nvfp4", "fp32"}},
      {with({"--format", "if4,"}), {"--format", "''"}},
      {with({"--format", "if4,if4"}), {"--format", "if4 is there twice"}},
      {with({"--format", "fp32+search"}), {"--format", "'fp32+search'"}},
      {with({"--format", "mxfp4"}), {"--format", "'mxfp4'"}},
      {with({"--layers", "head"}), {"--layers", "--engine"}},
      {with({"--layers", "mean", "--engine", "systemc-model"}), {"--layers", "'mean'"}},
      {with({"--rows", "0"}), {"--rows", "'0'"}},
      {with({"--weights-buffer", "1K"}), {"weights-buffer"}},
      {with({"--reference", kCut + "model.safetensors:head.weight"}),
       {"head.weight", "[64, 160]", "[10, 64]"}},
      {with({"-o", kIds}), {kIds}},
      {with({"--json", kNetwork}), {kNetwork}},
      {with({"-o", box / "same.safetensors", "--json", box / "same.safetensors"}), {"--json", "--output"}},
      {with({"-o", box / "out.txt"}), {"out.txt"}},
      {with({"--json", box / "none/out.json"}), {"none/out.json"}},
      // Before anything runs: else the accumulator would be what the message names.
      {with({"-o", box / "none/out.safetensors", "--acc-width", "40"}), {"none/out.safetensors"}},
      {with({"--engine", "systemc-rtl", "--rows", "7"}), {"no Verilated array"}},
  };
  for (const BadInput& bad : table) check_refused(box, bad);
}
