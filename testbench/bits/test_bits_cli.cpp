// The bits engine as a user runs it.
#include <nlohmann/json.hpp>

#include "testbench/support/program_testing.hpp"

using namespace if4::testing;
using Json = nlohmann::json;

TEST_CASE("cosim reports the same with both engines, and says which one it was", "[cli][bits]") {
  const Sandbox box;
  const std::string tensors = "testbench/data/use_lite_attention.safetensors:";
  const auto report = [&](const Args& more) {
    Args args = {"cosim",
                 "--acts",
                 tensors + "embedding.weight",
                 "--weights",
                 tensors + "layers.0.attention.qkv.weight",
                 "--json",
                 box / "r.json"};
    args.insert(args.end(), more.begin(), more.end());
    const std::string text = box.output(args);
    INFO(text);
    const bool bits = std::find(more.begin(), more.end(), "bits") != more.end();
    CHECK((text.find(" beats on the bits engine against the golden model\n") != std::string::npos) == bits);
    CHECK((text.find(" beats on the Verilated RTL against the golden model\n") != std::string::npos) ==
          !bits);
    return Json::parse(get(box / "r.json"));
  };
  const Json verilated = report({});
  CHECK(report({"--engine", "verilated"})["engine"] == "verilated");
  for (const Args& more : {Args{}, Args{"--threads", "2"}, Args{"--stall-in", "20", "--stall-out", "30"}}) {
    Args args = {"--engine", "bits"};
    args.insert(args.end(), more.begin(), more.end());
    const Json bits = report(args);
    CHECK(bits["engine"].get<std::string>().rfind("bits, ", 0) == 0);
    for (const char* same :
         {"passed", "m", "n", "k", "results", "beats", "mismatches", "missing", "nan_results",
          "overflow_results", "pair_beats", "relative_error", "relative_error_nvfp4"}) {
      CAPTURE(same);
      CHECK(bits[same] == verilated[same]);
    }
  }
}

TEST_CASE("cosim refuses a waveform of the bits engine, and engines that it has not", "[cli][bits]") {
  const Sandbox box;
  const std::string tensor = "testbench/data/use_lite_attention.safetensors:embedding.weight";
  const auto refused = [&](const Args& more, const std::string& word) {
    Args args = {"cosim", "--acts", tensor, "--weights", tensor};
    args.insert(args.end(), more.begin(), more.end());
    const Run run = box.run(args);
    INFO(run.err);
    CHECK(run.code == 2);
    CHECK(run.out.empty());
    CHECK(run.err.find(word) != std::string::npos);
  };
  refused({"--engine", "bits", "--wave", box / "w.fst"}, "--engine verilated");
  refused({"--engine", "yosys"}, "--engine");
  refused({"--engine", "bits", "--threads", "0"}, "--threads");
  CHECK_FALSE(std::filesystem::exists(box / "w.fst"));
}
