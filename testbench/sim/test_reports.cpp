// What reports say of the program that made them, and of operands that differ.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <regex>

#include "model/files/safetensors.hpp"
#include "testbench/support/program_testing.hpp"

using namespace if4::testing;
using Json = nlohmann::json;

TEST_CASE("the version and the commit, alone and in reports", "[cli]") {
  const Sandbox box;
  const std::string version = box.output({"--version"});
  INFO(version);
  CHECK(
      std::regex_match(version, std::regex(R"(if4 [0-9]+\.[0-9]+\.[0-9]+( \([0-9a-f]{12}(-dirty)?\))?\n)")));
  std::FILE* const script = ::popen("scripts/version.sh", "r");
  REQUIRE(script != nullptr);
  char number[32] = {};
  CHECK(std::fscanf(script, "%31s", number) == 1);
  ::pclose(script);
  // The commit may be another one by now.
  CHECK(version.rfind(std::string("if4 ") + number, 0) == 0);

  const std::string rows = "testbench/data/use_lite_attention.safetensors:embedding.weight";
  box.output({"cosim", "--acts", rows, "--weights", rows, "--json", box / "c.json"});
  box.output({"array", "--gemm", "8,8,8", "--json", box / "a.json"});
  for (const char* report : {"c.json", "a.json"})
    CHECK(Json::parse(get(box / report))["generator"].get<std::string>() + "\n" == version);
}

TEST_CASE("a copy of the project in another repository has no commit of its own", "[cli]") {
  if (std::system("git --version >/dev/null 2>&1") != 0) return;  // a checkout has brought it
  const TempDir folder;
  const std::string copy = folder / "ip";
  const std::string commands = "exec >/dev/null 2>&1; git init -q '" + (folder / ".") + "'; mkdir -p '" +
                               copy + "'; cp -r scripts '" + copy + "' && cd '" + (folder / ".") +
                               "' && git add . && git -c user.name=n -c user.email=e commit -qm c; '" + copy +
                               "/scripts/version.sh' >'" + (folder / "out") + "'";
  REQUIRE(std::system(("bash -c \"" + commands + "\"").c_str()) == 0);
  CHECK(std::regex_match(get(folder / "out"), std::regex(R"([0-9]+\.[0-9]+\.[0-9]+\n)")));
}

TEST_CASE("cosim names the rule of each operand, and says which has none", "[cli]") {
  const Sandbox box;
  const std::vector<float> values(16 * 64, 1.5F);
  const std::string in = box / "in.safetensors", nv = box / "nv.safetensors";
  if4::write_safetensors(in, {{"w", if4::DType::kF32, {16, 64}, values.data(), values.size() * 4}}, {});
  box.output({"quantize", in, "-o", nv, "--format", "nvfp4"});
  const auto says = [&](const std::string& a, const std::string& w, const std::string& line,
                        const std::string& rule) {
    const std::string report =
        box.output({"cosim", "--acts", a + ":w", "--weights", w + ":w", "--json", box / "r.json"});
    INFO(report);
    CHECK(report.find("  format            " + line + "\n") != std::string::npos);
    CHECK(Json::parse(get(box / "r.json"))["rule"] == rule);
  };
  says(in, in, "if4, rule mse", "mse");
  says(in, nv, "if4 x nvfp4, rule mse x none", "mse x none");
  says(nv, in, "nvfp4 x if4, rule none x mse", "none x mse");
  says(nv, nv, "nvfp4", "");
}

// What cosim prints of two trained tensors with some options more, and its JSON.
static std::pair<std::string, Json> cosim_reports(const Sandbox& box, const Args& more) {
  const std::string tensors = "testbench/data/use_lite_attention.safetensors:";
  Args args = {"cosim",
               "--acts",
               tensors + "embedding.weight",
               "--weights",
               tensors + "layers.0.attention.qkv.weight",
               "--json",
               box / "r.json"};
  args.insert(args.end(), more.begin(), more.end());
  const std::string text = box.output(args);
  return {text, Json::parse(get(box / "r.json"))};
}

TEST_CASE("cosim reports the same with both engines, and says which one it was", "[cli][bits]") {
  const Sandbox box;
  const auto report = [&](const Args& more) {
    const auto [text, json] = cosim_reports(box, more);
    INFO(text);
    const bool bits = std::find(more.begin(), more.end(), "bits") != more.end();
    CHECK((text.find(" beats on the bits engine against the golden model\n") != std::string::npos) == bits);
    CHECK((text.find(" beats on the Verilated RTL against the golden model\n") != std::string::npos) ==
          !bits);
    return json;
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

TEST_CASE("cosim on the scaled unit has the errors of the other one, with either engine and in a waveform",
          "[cli][bits]") {
  const Sandbox box;
  const auto report = [&](const Args& more) {
    const auto [text, json] = cosim_reports(box, more);
    INFO(text);
    const bool scaled = std::find(more.begin(), more.end(), "--scaled") != more.end();
    CHECK((text.find("  scaled            results leave out the factor 1/49\n") != std::string::npos) ==
          scaled);
    return json;
  };
  const Json plain = report({});
  CHECK(plain["scaled"] == false);
  for (const Args& more : {Args{}, Args{"--engine", "bits"}, Args{"--wave", box / "w.fst"}}) {
    Args args = {"--scaled"};
    args.insert(args.end(), more.begin(), more.end());
    const Json scaled = report(args);
    CHECK(scaled["scaled"] == true);
    CHECK(scaled["passed"] == true);
    CHECK(scaled["results"] == plain["results"]);
    CHECK(scaled["cycles"].get<int>() > 0);
    // A result may be rounded the other way, which is 2^-24 of it.
    const double error = scaled["relative_error"], expected = plain["relative_error"];
    CHECK(std::abs(error - expected) < 1e-6 * expected);
    CHECK(scaled["relative_error_nvfp4"] == plain["relative_error_nvfp4"]);
  }
  CHECK(std::filesystem::file_size(box / "w.fst") > 0);
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
