// Topologies as users and SCALE-Sim write them, and those that come with the project.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "sim/network/topology.hpp"
#include "sim/report/array_report.hpp"
#include "testbench/support/program_testing.hpp"

namespace {

using namespace if4::testing;
using if4::GemmShape;
using if4::Layer;

struct Expected {
  std::string name;
  GemmShape shape;
  std::uint64_t count;
};

void check_layers(const std::string& path, const std::vector<Expected>& expected) {
  INFO(get(path));
  std::vector<Layer> layers;
  REQUIRE_NOTHROW(layers = if4::read_topology(path));
  REQUIRE(layers.size() == expected.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    INFO("layer " << i << ": " << layers[i].name << ' ' << to_string(layers[i].shape) << " x "
                  << layers[i].count);
    CHECK(layers[i].name == expected[i].name);
    CHECK(layers[i].shape == expected[i].shape);
    CHECK(layers[i].count == expected[i].count);
  }
}

}  // namespace

TEST_CASE("A topology's columns are those of its header", "[array-cli]") {
  const Sandbox box;
  const std::string path = box / "t.csv";
  const std::vector<Expected> one = {{"a", {16, 32, 64}, 1}};
  for (const std::string text : {
           "a, 16, 32, 64",
           "Layer, M, N, K\na, 16, 32, 64\n",
           "Layer name, M, N, K,\r\na, 16, 32, 64,\r\n\r\n",
           "Layer, M, K, N\na, 16, 64, 32\n",
           "M, N, K, Layer\n16, 32, 64, a\n",
           "K,Name,M,N\n64,a,16,32\n",
           "op,m,n,k\na,16,32,64\n",
           "kernel,M,N,K\na,16,32,64\n",
           ",Layer,M,N,K\n7,a,16,32,64\n",
           "Layer;M;N;K\na;16;32;64\n",
           "Layer\tM\tN\tK\na\t16\t32\t64\n",
           "\tlayer\tM\tN\tK\n0\ta\t16\t32\t64\n",
           "Layer, M, N, K\na, 16, 32, 64,,,,\n,,,,\n",
           "Layer,M,N,K\r# c\ra,16,32,64\r",
           "Layer, M, N, K\n\"a\", \"16\", \"32\", \"64\"\n",
           "\xEF\xBB\xBFLayer, M, N, K\na, 16, 32, 64, # twelve\n",
           "Layer,M,N,K,FFN_up,\na,16,32,64,\n",
           "Layer,M,N,K,Sparsity\na,16,32,64,1:1\n",
           "Layer,M,N,K,Batch\na,16,32,64,1\n",
           "# made by a tool\n\nLayer,M,N,K,other,count\na,16,32,64,,\n",
       }) {
    put(path, text);
    check_layers(path, one);
  }
  for (const std::string text : {"a, 16, 32, 64, 3", "Layer, M, N, K\na, 16, 32, 64, 3\n",
                                 "Layer,M,N,K,runs\na,16,32,64,3\n", "count,Layer,M,N,K\n3,a,16,32,64\n"}) {
    put(path, text);
    check_layers(path, {{"a", {16, 32, 64}, 3}});
  }
  put(path,
      "Layer, M, N, K\n\"a, \"\"b\"\"\", 1, 2, 3\n\"odd, 1, 2, 3\nq/k \"v\", 1, 2, 3\n=cmd, 1, 2, 3\n0, 1, "
      "2, 3\n");
  check_layers(path, {{"a, \"b\"", {1, 2, 3}, 1},
                      {"\"odd", {1, 2, 3}, 1},
                      {"q/k \"v\"", {1, 2, 3}, 1},
                      {"=cmd", {1, 2, 3}, 1},
                      {"0", {1, 2, 3}, 1}});
}

TEST_CASE("A convolution is the product that SCALE-Sim makes of it", "[array-cli]") {
  const Sandbox box;
  const std::string path = box / "t.csv";
  // ceil((224 - 11 + 4) / 4) = 55, ceil((7 - 3 + 2) / 2) = 3, ceil((6 - 3 + 2) / 2) = 3.
  put(path,
      "Layer name,\tIFMAP Height,\tIFMAP Width,\tFilter Height,\tFilter Width,\tChannels,\tNum "
      "Filter,\tStrides,\n"
      "Conv1,\t224,\t224,\t11,\t11,\t3,\t96,\t4,\nFC6,\t1,\t1,\t1,\t1,\t9216,\t4096,\t1,\n"
      ",,,,,,,,\nodd, 7, 6, 3, 3, 5, 8, 2, #dw\nflat, 10, 20, 1, 4, 2, 3, 1\nDP_2, 8, 8, 3, 3, 16, 1, 1,\n");
  check_layers(path, {{"Conv1", {55 * 55, 96, 3 * 11 * 11}, 1},
                      {"FC6", {1, 4096, 9216}, 1},
                      {"odd", {9, 8, 45}, 1},
                      {"flat", {10 * 17, 3, 8}, 1},
                      {"DP_2", {36, 1, 9}, 16}});
  put(path,
      "Name,Channels,Num Filters,IFMAP_H,IFMAP_W,Filter_H,Filter_W,Stride height,Stride "
      "width,Sparsity,count\n"
      "c,3,8,10,20,2,3,4,5,2:2,7\n");
  check_layers(path, {{"c", {3 * 5, 8, 18}, 7}});
}

TEST_CASE("A topology that could be read in two ways is refused", "[cli][array-cli]") {
  const Sandbox box;
  const std::string conv =
      "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter";
  const struct {
    std::string text;
    Args named;
  } table[] = {
      {"Layer,M,N,K,Batch\na,1,2,3,4\n", {"line 2", "Batch is '4'", "count"}},
      {"Layer,M,N,K,dtype\na,1,2,3,fp8\n", {"line 2", "'fp8'", "'dtype'"}},
      {"Layer,M,N,K,FFN_up,\na,1,2,3,4,\n", {"line 2", "'4'", "'FFN_up'"}},
      {"Layer,M,N,K,Sparsity\na,1,2,3,2:4\n", {"line 2", "Sparsity is '2:4'"}},
      {"Layer,M,N,K,M\na,1,2,3,4\n", {"line 1", "M twice"}},
      {"Layer,M,N\na,1,2\n", {"line 1", "it lacks K"}},
      {"M,N,K\n1,2,3\n", {"line 1", "name"}},
      {"what,is,this\n1,2,3\n", {"line 1", "header"}},
      {"Layer,M,N,K\na,1,2,3,4,5\n", {"line 2", "6 fields", "'5'"}},
      {"Layer,M,N,K\na,\"1,024\",2,3\n", {"line 2", "M is '1,024'"}},
      {"Layer;M;N;K\na;1,5;2;3\n", {"line 2", "M is '1,5'"}},
      {"a,1,2,3,4,5,6,7,8\n", {"line 1", "9 fields"}},
      {conv + "\nc,1,1,1,1,1,1\n", {"line 1", "lacks Strides"}},
      {conv + ", Strides\nc,5,5,6,1,1,1,1\n", {"line 2", "Filter Height is 6", "IFMAP Height, 5"}},
      {conv + ", Strides\nc,5,5,1,1,1,1,0\n", {"line 2", "Strides is '0'"}},
      {conv + ", Strides\nc,5,5,1,1,1,1\n", {"line 2", "Strides is missing"}},
      {conv + ", Strides\nc,9000,9000,1,1,1,1,1\n", {"line 2", "M is 9000 * 9000"}},
      {conv + ", Strides\nc,9000,9000,9000,9000,1,1,1\n", {"line 2", "K is 9000 * 9000"}},
      {conv + ", Strides, M\nc,5,5,1,1,1,1,1,1\n", {"line 1", "lacks"}},
      {conv + ", Strides\nc,96,96,3,3,3,8,2,2\n", {"line 2", "'2'", "9 fields"}},
      {std::string("\xFF\xFE") + "L\0", {"UTF-16"}},
      {std::string("a,1,2,3\n\0", 9), {"NUL"}},
      {std::string(100, ','), {"line 1", "64 fields"}},
  };
  for (const auto& bad : table) {
    const std::string path = box / "t.csv";
    put(path, bad.text);
    Args named = bad.named;
    named.push_back(path);
    check_refused(box, {{"array", "--timing-only", "--topology", path}, named});
  }
}

TEST_CASE("A topology that is written is read as it was", "[array-cli]") {
  const Sandbox box;
  const std::vector<Expected> names = {
      {"a", {1, 2, 3}, 4},    {"a, b", {5, 6, 7}, 1}, {"\"", {1, 1, 1}, 1}, {"#x", {1, 1, 1}, 1},
      {" in ", {1, 1, 1}, 1}, {"a;b", {1, 1, 1}, 1},  {"12", {1, 1, 1}, 1},
  };
  std::vector<Layer> layers;
  for (const Expected& layer : names) layers.push_back({layer.name, layer.shape, layer.count, ""});
  put(box / "t.csv", if4::topology_text(layers, {"a comment, of a line"}));
  check_layers(box / "t.csv", names);
}

TEST_CASE("if4 array refuses bad topologies", "[cli][array-cli]") {
  const Sandbox box;
  const auto file = [&box](const std::string& name, const std::string& text) {
    put(box / name, text);
    return box / name;
  };
  const std::string empty = file("empty.csv", "# nothing\nLayer, M, N, K\n");
  const std::string conv =
      file("conv.csv", "Layer name, IFMAP Height, IFMAP Width, Filter Height\nc, 1, 2, 3\n");
  const std::string few = file("few.csv", "Layer, M, N, K\na, 1, 2\n");
  const std::string many = file("many.csv", "a, 1, 2, 3, 4, 5\n");
  const std::string word = file("word.csv", "a, 1, 2, 3\nb, 1, x2, 3\n");
  const std::string zero = file("zero.csv", "\n# c\nb, 1, 2, 0\n");
  const std::string huge = file("huge.csv", "b, 1, 2, 99999999999999999999\n");
  const std::string nameless = file("nameless.csv", ", 1, 2, 3\n");
  const std::string runs = file("runs.csv", "a, 1, 2, 3, -1\n");
  const std::string large = file("large.csv", "small, 8, 8, 16\nlarge, 8, 8, 1000000\n");
  const std::string mark = file("mark.csv",
                                "\xEF\xBB\xBF"
                                "a, 8, 8, 0\n");
  const std::string runs_long = file("long.csv", "\na, 4096, 4096, 4096, 16777216\n");
  const std::string own = file("own.csv", "a, 8, 8, 16\n");
  const BadInput table[] = {
      {{"array"}, {"--gemm", "--topology", "--acts"}},
      {{"array", "--gemm", "1,2,3", "--topology", empty}, {"one of"}},
      {{"array", "--topology", box / "none.csv"}, {"none.csv"}},
      {{"array", "--topology", box.folder()}, {box.folder()}},
      {{"array", "--topology", empty}, {empty, "no layer"}},
      {{"array", "--topology", conv}, {conv, "line 1", "header"}},
      {{"array", "--topology", few}, {few, "line 2", "3 fields"}},
      {{"array", "--topology", many}, {many, "line 1", "6 fields"}},
      {{"array", "--topology", word}, {word, "line 2", "N", "'x2'"}},
      {{"array", "--topology", zero}, {zero, "line 3", "K", "'0'"}},
      {{"array", "--topology", huge}, {huge, "line 1", "K"}},
      {{"array", "--topology", nameless}, {nameless, "line 1", "no name"}},
      {{"array", "--topology", runs}, {runs, "line 1", "count", "'-1'"}},
      {{"array", "--topology", large, "--acts-buffer", "1M", "--json", box / "out.json"},
       {"large", "--acts-buffer 9000000"}},
      {{"array", "--topology", mark}, {mark + ": line 1", "K", "'0'"}},
      {{"array", "--topology", large, "--timing-only", "--weights-buffer", "4K"},
       {large + ": line 2", "8x8x1000000", "--weights-buffer 9000000"}},
      {{"array", "--topology", runs_long, "--timing-only", "--dram-bandwidth", "4096"},
       {runs_long + ": line 2", "too large to count"}},
      {{"array", "--topology", own, "--csv", own}, {"--csv", own, "--topology"}},
  };
  for (const BadInput& bad : table) check_refused(box, bad);
}

TEST_CASE("The topologies that come with the project are what they say", "[array-cli]") {
  // Multiply-accumulates, by the formulas of the papers: layers * (projections + feed-forward) * tokens,
  // attention, vocabulary.
  const std::uint64_t llama = 32 * (4096ULL * 4096 * 2 + 4096ULL * 1024 * 2 + 3 * 4096ULL * 14336);
  const std::uint64_t qwen = 36 * (4096ULL * 4096 * 2 + 4096ULL * 1024 * 2 + 3 * 4096ULL * 12288);
  const std::uint64_t bert = 12 * (4 * 768ULL * 768 + 2 * 768ULL * 3072);
  const std::uint64_t whisper = 6 * (4 * 512ULL * 512 + 2 * 512ULL * 2048);
  const std::map<std::string, std::uint64_t> expected = {
      {"llama_3_1_8b_prefill_512", 512 * llama + 32 * 32 * 2 * 512ULL * 512 * 128 + 4096ULL * 128256},
      {"llama_3_1_8b_decode_1", llama + 32 * 32 * 2 * 513ULL * 128 + 4096ULL * 128256},
      {"llama_3_1_8b_decode_16", 16 * (llama + 32 * 32 * 2 * 513ULL * 128 + 4096ULL * 128256)},
      {"qwen3_8b_prefill_512", 512 * qwen + 36 * 32 * 2 * 512ULL * 512 * 128 + 4096ULL * 151936},
      {"qwen3_8b_decode_1", qwen + 36 * 32 * 2 * 513ULL * 128 + 4096ULL * 151936},
      {"bert_base_512", 512 * bert + 12 * 2 * 512ULL * 512 * 768 + 768 * 768},
      {"vit_b_16", 197 * bert + 12 * 2 * 197ULL * 197 * 768 + 196ULL * 768 * 768 + 768 * 1000},
      {"whisper_base", 3000ULL * 240 * 512 + 1500ULL * 1536 * 512 + 1500 * whisper +
                           6 * 2 * 1500ULL * 1500 * 512 + 6 * 2 * 1500ULL * 512 * 512 + whisper +
                           6 * 2 * 512 + 6 * 2 * 512ULL * 512 + 6 * 2 * 1500ULL * 512 + 512ULL * 51865},
  };
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("sim/topologies")) {
    if (entry.path().extension() != ".csv") continue;
    ++found;
    std::uint64_t macs = 0;
    for (const if4::Layer& layer : if4::read_topology(entry.path().string()))
      macs += if4::macs(layer.shape) * layer.count;
    const auto wanted = expected.find(entry.path().stem().string());
    INFO(entry.path().string());
    REQUIRE(wanted != expected.end());
    CHECK(macs == wanted->second);
  }
  CHECK(found == expected.size());
}
