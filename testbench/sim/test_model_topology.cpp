// The products of a network from the headers of its weights and its config.json, on files without values.
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "sim/network/model_topology.hpp"
#include "testbench/support/program_testing.hpp"

namespace {

using namespace if4::testing;
using if4::ModelRun;
using if4::Shape;
using Json = nlohmann::ordered_json;
using Weights = std::vector<std::pair<std::string, Shape>>;
using Lines = std::vector<std::string>;

// A safetensors file of BF16 that is all hole behind its header.
void put_headers(const std::string& path, const Weights& weights, const std::string& dtype = "BF16") {
  Json header;
  std::uint64_t end = 0;
  for (const auto& [name, shape] : weights) {
    std::uint64_t bytes = dtype == "U8" ? 1 : 2;
    for (const std::size_t size : shape) bytes *= size;
    header[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {end, end + bytes}}};
    end += bytes;
  }
  const std::string text = header.dump();
  const std::uint64_t length = text.size();
  put(path, std::string(reinterpret_cast<const char*>(&length), sizeof length) + text);
  REQUIRE(::truncate(path.c_str(), static_cast<off_t>(sizeof length + text.size() + end)) == 0);
}

// The layers of `part` for every layer, in the order of the names, as files have them.
void add_layers(Weights& weights, const std::string& stack, std::size_t layers, const Weights& part) {
  for (std::size_t i = 0; i < layers; ++i)
    for (const auto& [name, shape] : part)
      weights.emplace_back(stack + "." + std::to_string(i) + "." + name, shape);
}

// "attention.q 512x768x768 x 12"
Lines lines_of(const std::vector<if4::Layer>& layers) {
  Lines lines;
  for (const if4::Layer& layer : layers)
    lines.push_back(layer.name + " " + to_string(layer.shape) + " x " + std::to_string(layer.count));
  return lines;
}

struct Model {
  Model(const Weights& weights, const std::string& config) {
    put_headers(box / "model.safetensors", weights);
    if (!config.empty()) put(box / "config.json", config);
  }
  Lines lines(const ModelRun& run) const { return lines_of(if4::model_topology(box.folder(), run).layers); }
  std::string notes(const ModelRun& run) const {
    std::string all;
    for (const std::string& note : if4::model_topology(box.folder(), run).notes) all += note + "\n";
    return all;
  }
  Sandbox box;
};

ModelRun prefill(std::uint64_t tokens, std::uint64_t batch = 1) { return {tokens, batch, false, 0}; }
ModelRun decode(std::uint64_t context, std::uint64_t batch = 1) { return {512, batch, true, context}; }

Lines shipped(const std::string& name) {
  return lines_of(if4::read_topology("sim/topologies/" + name + ".csv"));
}

Weights llama(std::size_t layers, std::size_t hidden, std::size_t kv, std::size_t forward,
              std::size_t vocabulary) {
  Weights weights = {{"lm_head.weight", {vocabulary, hidden}},
                     {"model.embed_tokens.weight", {vocabulary, hidden}}};
  add_layers(weights, "model.layers", layers,
             {{"input_layernorm.weight", {hidden}},
              {"mlp.down_proj.weight", {hidden, forward}},
              {"mlp.gate_proj.weight", {forward, hidden}},
              {"mlp.up_proj.weight", {forward, hidden}},
              {"self_attn.k_proj.weight", {kv, hidden}},
              {"self_attn.o_proj.weight", {hidden, hidden}},
              {"self_attn.q_proj.weight", {hidden, hidden}},
              {"self_attn.v_proj.weight", {kv, hidden}}});
  return weights;
}

Weights bert_layers(const std::string& stack, const std::string& self) {
  Weights weights;
  add_layers(weights, stack, 12,
             {{"attention." + self + ".query.weight", {768, 768}},
              {"attention." + self + ".query.bias", {768}},
              {"attention." + self + ".key.weight", {768, 768}},
              {"attention." + self + ".value.weight", {768, 768}},
              {"attention.output.dense.weight", {768, 768}},
              {"intermediate.dense.weight", {3072, 768}},
              {"output.dense.weight", {768, 3072}}});
  return weights;
}

const char* const kSmall = R"({"hidden_size": 8, "num_attention_heads": 4, "num_key_value_heads": 2})";

}  // namespace

TEST_CASE("The topologies that come with the project follow from the models' shapes", "[array-cli]") {
  const Model llama_8b(llama(32, 4096, 1024, 14336, 128256), R"({"architectures": ["LlamaForCausalLM"],
    "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
    "rope_theta": 500000.0, "tie_word_embeddings": false, "vocab_size": 128256})");
  CHECK(llama_8b.lines(prefill(512)) == shipped("llama_3_1_8b_prefill_512"));
  CHECK(llama_8b.lines(decode(513)) == shipped("llama_3_1_8b_decode_1"));
  CHECK(llama_8b.lines(decode(513, 16)) == shipped("llama_3_1_8b_decode_16"));
  CHECK(llama_8b.notes(prefill(512)) == "");

  const Model qwen(llama(36, 4096, 1024, 12288, 151936), R"({"architectures": ["Qwen3ForCausalLM"],
    "head_dim": 128, "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 36,
    "num_key_value_heads": 8, "sliding_window": null, "use_sliding_window": false, "tie_word_embeddings": false})");
  CHECK(qwen.lines(prefill(512)) == shipped("qwen3_8b_prefill_512"));
  CHECK(qwen.lines(decode(513)) == shipped("qwen3_8b_decode_1"));

  Weights bert = bert_layers("encoder.layer", "self");
  bert.insert(bert.begin(), {{"embeddings.position_embeddings.weight", {512, 768}},
                             {"embeddings.token_type_embeddings.weight", {2, 768}},
                             {"embeddings.word_embeddings.weight", {30522, 768}},
                             {"pooler.dense.weight", {768, 768}}});
  const Model bert_base(bert,
                        R"({"architectures": ["BertModel"], "hidden_size": 768, "num_attention_heads": 12,
    "num_hidden_layers": 12})");
  CHECK(bert_base.lines(prefill(512)) == shipped("bert_base_512"));

  Weights vit = bert_layers("vit.encoder.layer", "attention");
  vit.insert(vit.begin(), {{"classifier.weight", {1000, 768}},
                           {"vit.embeddings.cls_token", {1, 1, 768}},
                           {"vit.embeddings.patch_embeddings.projection.weight", {768, 3, 16, 16}}});
  const Model vit_b(vit, R"({"architectures": ["ViTForImageClassification"], "hidden_size": 768,
    "num_attention_heads": 12, "num_hidden_layers": 12, "image_size": 224, "patch_size": 16})");
  CHECK(vit_b.lines(prefill(197)) == shipped("vit_b_16"));
}

TEST_CASE("Products of a batch, and of heads that share keys and values", "[array-cli]") {
  const Model model(llama(3, 8, 4, 20, 50), kSmall);
  CHECK(model.lines(prefill(10, 5)) ==
        Lines{"attention.q 50x8x8 x 3", "attention.k 50x4x8 x 3", "attention.v 50x4x8 x 3",
              "attention.scores 20x10x2 x 30", "attention.values 20x2x10 x 30", "attention.o 50x8x8 x 3",
              "ffn.gate 50x20x8 x 3", "ffn.up 50x20x8 x 3", "ffn.down 50x8x20 x 3", "vocabulary 5x50x8 x 1"});
  CHECK(model.lines(decode(100, 5)) ==
        Lines{"attention.q 5x8x8 x 3", "attention.k 5x4x8 x 3", "attention.v 5x4x8 x 3",
              "attention.scores 2x100x2 x 30", "attention.values 2x2x100 x 30", "attention.o 5x8x8 x 3",
              "ffn.gate 5x20x8 x 3", "ffn.up 5x20x8 x 3", "ffn.down 5x8x20 x 3", "vocabulary 5x50x8 x 1"});
  put(model.box / "config.json", R"({"hidden_size": 8, "num_attention_heads": 4, "num_key_value_heads": 2,
    "num_hidden_layers": 4, "sliding_window": 64})");
  const std::string notes = model.notes(decode(100));
  CHECK(notes.find("4 layers, and 3") != std::string::npos);
  CHECK(notes.find("sees 64") != std::string::npos);
}

TEST_CASE("Weights of other families", "[array-cli]") {
  SECTION("GPT-2 keeps its weights transposed, and its embedding is the head too") {
    Weights weights = {{"wte.weight", {50, 8}}, {"wpe.weight", {16, 8}}};
    add_layers(weights, "h", 2,
               {{"attn.bias", {1, 1, 16, 16}},
                {"attn.c_attn.weight", {8, 24}},
                {"attn.c_proj.weight", {8, 8}},
                {"mlp.c_fc.weight", {8, 32}},
                {"mlp.c_proj.weight", {32, 8}}});
    const Model model(weights,
                      R"({"architectures": ["GPT2LMHeadModel"], "n_embd": 8, "n_head": 2, "n_layer": 2})");
    CHECK(model.lines(prefill(10)) == Lines{"attention.qkv 10x24x8 x 2", "attention.scores 10x10x4 x 4",
                                            "attention.values 10x4x10 x 4", "attention.o 10x8x8 x 2",
                                            "ffn.up 10x32x8 x 2", "ffn.down 10x8x32 x 2",
                                            "vocabulary 1x50x8 x 1"});
    CHECK(model.notes(prefill(10)) == "");
  }
  SECTION("one head of keys and values, and linear layers of the same names") {
    Weights weights;
    add_layers(weights, "transformer.h", 2,
               {{"attn.c_attn.weight", {12, 8}},
                {"attn.c_proj.weight", {8, 8}},
                {"mlp.c_fc.weight", {32, 8}},
                {"mlp.c_proj.weight", {8, 32}}});
    const Model model(weights, R"({"n_embd": 8, "n_head": 4, "multi_query": true})");
    CHECK(model.lines(prefill(10)) == Lines{"attention.qkv 10x12x8 x 2", "attention.scores 40x10x2 x 2",
                                            "attention.values 40x2x10 x 2", "attention.o 10x8x8 x 2",
                                            "ffn.up 10x32x8 x 2", "ffn.down 10x8x32 x 2"});
  }
  SECTION("OPT") {
    Weights weights = {{"model.decoder.embed_tokens.weight", {50, 8}},
                       {"model.decoder.embed_positions.weight", {18, 8}}};
    add_layers(weights, "model.decoder.layers", 2,
               {{"fc1.weight", {32, 8}},
                {"fc2.weight", {8, 32}},
                {"self_attn.k_proj.weight", {8, 8}},
                {"self_attn.out_proj.weight", {8, 8}},
                {"self_attn.q_proj.weight", {8, 8}},
                {"self_attn.v_proj.weight", {8, 8}}});
    const Model model(weights,
                      R"({"architectures": ["OPTForCausalLM"], "hidden_size": 8, "num_attention_heads": 2})");
    CHECK(model.lines(prefill(10)) ==
          Lines{"attention.q 10x8x8 x 2", "attention.k 10x8x8 x 2", "attention.v 10x8x8 x 2",
                "attention.scores 10x10x4 x 4", "attention.values 10x4x10 x 4", "attention.o 10x8x8 x 2",
                "ffn.up 10x32x8 x 2", "ffn.down 10x8x32 x 2", "vocabulary 1x50x8 x 1"});
  }
  SECTION("a masked head is for every token") {
    const Model model(
        {{"bert.embeddings.word_embeddings.weight", {50, 8}},
         {"cls.predictions.transform.dense.weight", {8, 8}}},
        R"({"architectures": ["BertForMaskedLM"], "hidden_size": 8, "num_attention_heads": 2})");
    CHECK(model.lines(prefill(10, 3)) ==
          Lines{"cls.predictions.transform.dense 30x8x8 x 1", "vocabulary 30x50x8 x 1"});
  }
  SECTION("what sees is left out of a model of text and pictures") {
    Weights weights = llama(1, 8, 4, 20, 50);
    weights.emplace_back("vision_tower.encoder.layers.0.self_attn.q_proj.weight", Shape{6, 6});
    const Model model(weights, std::string(R"({"model_type": "vlm", "text_config": )") + kSmall + "}");
    CHECK(model.lines(prefill(10)).size() == 10);
    CHECK(model.lines(prefill(10))[3] == "attention.scores 20x10x2 x 2");
    CHECK(model.notes(prefill(10)).find("vision_tower") != std::string::npos);
  }
}

TEST_CASE("Experts", "[array-cli]") {
  SECTION("each a tensor: the tokens of a layer spread over them") {
    Weights weights;
    for (int expert = 0; expert < 8; ++expert) {
      const std::string name = "block_sparse_moe.experts." + std::to_string(expert);
      add_layers(
          weights, "model.layers", 2,
          {{name + ".w1.weight", {20, 8}}, {name + ".w2.weight", {8, 20}}, {name + ".w3.weight", {20, 8}}});
    }
    add_layers(weights, "model.layers", 2, {{"block_sparse_moe.gate.weight", {8, 8}}});
    const Model model(weights, R"({"num_experts_per_tok": 2})");
    CHECK(model.lines(prefill(12)) == Lines{"router 12x8x8 x 2", "experts.gate 3x20x8 x 16",
                                            "experts.up 3x20x8 x 16", "experts.down 3x8x20 x 16"});
    // 10 tokens have 20 experts: four experts take 3 of them, four take 2.
    CHECK(model.lines(prefill(10))[1] == "experts.gate 3x20x8 x 8");
    CHECK(model.lines(prefill(10))[2] == "experts.gate 2x20x8 x 8");
    CHECK(model.lines(decode(100, 3))[1] == "experts.gate 1x20x8 x 12");
    CHECK(model.notes(prefill(12)).find("evenly") != std::string::npos);
  }
  SECTION("fused, in either order, and in blocks of MXFP4") {
    Weights weights = {{"model.embed_tokens.weight", {50, 64}}};
    add_layers(weights, "model.layers", 2,
               {{"mlp.experts.gate_up_proj", {4, 64, 96}},
                {"mlp.experts.gate_up_proj_bias", {4, 96}},
                {"mlp.experts.down_proj", {4, 64, 48}},
                {"mlp.router.weight", {4, 64}}});
    const Model model(weights, R"({"hidden_size": 64, "num_experts_per_tok": 1})");
    CHECK(model.lines(prefill(8)) ==
          Lines{"router 8x4x64 x 2", "experts.gate_up 2x96x64 x 8", "experts.down 2x64x48 x 8"});
    put_headers(model.box / "model.safetensors",
                {{"layers.0.mlp.experts.gate_up_proj_blocks", {4, 96, 2, 16}},
                 {"layers.0.mlp.experts.gate_up_proj_scales", {4, 96, 2}}},
                "U8");
    CHECK(model.lines(prefill(8)) == Lines{"experts.gate_up 2x96x64 x 4"});
  }
}

TEST_CASE("if4 topology reads shards, quantized files, and unknown weights", "[cli][array-cli]") {
  const Sandbox box;
  fs::create_directory(box / "m");
  put_headers(box / "m/a.safetensors",
              {{"model.layers.0.self_attn.q_proj.weight", {32, 32}}, {"lm_head.weight", {50, 32}}});
  put_headers(box / "m/b.safetensors",
              {{"model.layers.0.self_attn.k_proj.weight", {16, 32}}, {"odd", {48, 32}}});
  put_headers(box / "m/stray.safetensors", {{"stray.weight", {16, 32}}});
  put(box / "m/model.safetensors.index.json", R"({"weight_map": {"model.layers.0.self_attn.q_proj.weight":
    "a.safetensors", "lm_head.weight": "a.safetensors", "model.layers.0.self_attn.k_proj.weight": "b.safetensors",
    "odd": "b.safetensors"}})");
  put(box / "m/config.json", R"({"hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2})");
  const std::string expected =
      "Layer, M, N, K, count\nattention.q, 7, 32, 32, 1\nattention.k, 7, 16, 32, 1\n"
      "attention.scores, 14, 7, 8, 2\nattention.values, 14, 8, 7, 2\nodd, 7, 48, 32, 1\nvocabulary, 1, 50, "
      "32, 1\n";
  for (const std::string& model : {box / "m", box / "m/model.safetensors.index.json"}) {
    const Run run = box.run({"topology", model, "--tokens", "7"});
    CHECK(run.code == 0);
    CHECK(run.out.substr(run.out.find("Layer")) == expected);
    CHECK(run.err.find("'odd'") != std::string::npos);
  }
  const Run written = box.run({"topology", box / "m", "--tokens", "7", "-o", box / "t.csv"});
  CHECK(written.code == 0);
  CHECK(get(box / "t.csv").find(expected) != std::string::npos);
  const auto layers = [&](Args args) {
    args.insert(args.end(), {"--timing-only", "--rows", "4", "--json", box / "o.json"});
    CHECK(box.run(args).code == 0);
    return Json::parse(get(box / "o.json"))["total"];
  };
  CHECK(layers({"array", "--model", box / "m", "--tokens", "7"}) ==
        layers({"array", "--topology", box / "t.csv"}));

  // What was quantized counts as it was.
  box.output({"quantize", box / "m/b.safetensors", "-o", box / "q.safetensors", "--transpose"});
  put(box / "config.json", get(box / "m/config.json"));
  const Run quantized = box.run({"topology", box / "q.safetensors", "--tokens", "7"});
  CHECK(quantized.code == 0);
  CHECK(quantized.out.find("attention.k, 7, 16, 32, 1\nodd, 7, 48, 32, 1\n") != std::string::npos);
}

TEST_CASE("if4 topology refuses bad models and options", "[cli][array-cli]") {
  const Sandbox box;
  const std::string model = box / "model.safetensors", config = box / "config.json";
  put_headers(model, llama(1, 8, 4, 20, 50));
  const struct {
    const char* config;
    Args named;
  } table[] = {
      {"{\"hidden_size\": 8, \"num_attention_heads\": 0}", {"'num_attention_heads' is '0'"}},
      {"{\"hidden_size\": 8, \"num_attention_heads\": -4}", {"'num_attention_heads' is '-4'"}},
      {"{\"hidden_size\": 8, \"num_attention_heads\": 4.0}", {"'num_attention_heads' is '4.0'"}},
      {"{\"hidden_size\": 8, \"num_attention_heads\": \"4\"}", {"'num_attention_heads'"}},
      {"{\"hidden_size\": 8, \"num_attention_heads\": [4]}", {"'num_attention_heads' is '[4]'"}},
      {"{\"hidden_size\": 1e30, \"num_attention_heads\": 4}", {"'hidden_size'"}},
      {"{\"hidden_size\": 99999999999999999999999, \"num_attention_heads\": 4}", {"'hidden_size'"}},
      {"{\"hidden_size\": 8, \"num_attention_heads\": 3}", {"'num_attention_heads' is 3", "hidden size, 8"}},
      {"{\"hidden_size\": 8, \"num_attention_heads\": 4, \"num_key_value_heads\": 3}",
       {"'num_key_value_heads' is 3"}},
      {"{\"hidden_size\": 8, \"num_attention_heads\": 4, \"head_dim\": 0}", {"'head_dim' is '0'"}},
      {"{\"hidden_size\": 8, \"num_attention_heads\": 4, \"tie_word_embeddings\": 1}",
       {"'tie_word_embeddings'"}},
      {"{\"hidden_size\": 8, \"architectures\": \"x\"}", {"'architectures' is not a list"}},
      {"{\"hidden_size\": 8, \"hidden_size\": 8}", {"'hidden_size' is there twice"}},
      {"[]", {"not a JSON object"}},
      {"{\n\"hidden_size\"", {"line 2 is not JSON"}},
  };
  // What config.json does not say is missing in the list, with a word about it; what it says must be right.
  for (const auto& [text, word] : {std::pair("{\"hidden_size\": 8}", "no 'num_attention_heads'"),
                                   std::pair("{\"num_attention_heads\": 4}", "neither 'hidden_size' nor")}) {
    put(config, text);
    const Run run = box.run({"topology", model});
    CHECK(run.code == 0);
    CHECK(run.out.find("attention.scores,") == std::string::npos);
    check_contains(run.err, word);
  }
  for (const auto& bad : table) {
    put(config, bad.config);
    Args named = bad.named;
    named.push_back(config);
    INFO(bad.config);
    check_refused(box, {{"topology", model}, named});
    check_refused(box, {{"array", "--model", model}, named});
  }
  put(config, kSmall);
  const BadInput options[] = {
      {{"topology", model, "--tokens", "0"}, {"--tokens", "'0'"}},
      {{"topology", model, "--tokens", "5", "--decode", "--context", "5"}, {"--tokens"}},
      {{"topology", model, "--decode"}, {"--decode", "--context"}},
      {{"topology", model, "--context", "5"}, {"--context", "--decode"}},
      {{"topology", model, "--tokens", "16777216", "--batch", "2"}, {model, "--tokens", "33554432"}},
      {{"topology", model, "--decode", "--context", "9", "--batch", "16777216"},
       {"attention.scores", "count"}},
      {{"topology", model, "-o", model}, {model}},
      {{"topology", model, "-o", config}, {config}},
      {{"topology", box / "none"}, {"none"}},
      {{"array", "--model", model, "--gemm", "1,2,3"}, {"one of"}},
      {{"array", "--gemm", "1,2,3", "--tokens", "7"}, {"--model"}},
      {{"array", "--model", model, "--csv", model}, {model}},
  };
  for (const BadInput& bad : options) check_refused(box, bad);

  put(config, R"({"hidden_size": 8, "num_attention_heads": 8})");
  const Run other = box.run({"topology", model});
  CHECK(other.code == 0);
  CHECK(other.err.find("attention.k has 4 outputs, and config.json makes it 8") != std::string::npos);
  CHECK(other.out.find("\nattention.scores") == std::string::npos);
  fs::remove(config);
  CHECK(box.run({"topology", model}).err.find("no config.json") != std::string::npos);
  put_headers(box / "vectors.safetensors", {{"a", {5}}});
  check_refused(box, {{"topology", box / "vectors.safetensors"}, {"vectors", "no product"}});
  put_headers(model, {{"x.experts.0.w1.weight", {20, 8}}});
  put(config, "{}");
  check_refused(box, {{"topology", model}, {config, "'num_experts_per_tok' is missing"}});
  put(config, R"({"num_experts_per_tok": 2})");
  check_refused(box, {{"topology", model}, {config, "'num_experts_per_tok' is 2", "1 experts"}});
}
