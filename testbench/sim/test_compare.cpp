// if4 compare of products, rules and single tensors, through the real executable.
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "model/files/safetensors.hpp"
#include "model/files/tensor_file.hpp"
#include "testbench/support/program_testing.hpp"
#include "testbench/support/python_testing.hpp"

using namespace if4::testing;
using Json = nlohmann::json;

namespace {

const std::string kSample = "testbench/data/use_lite_attention.safetensors";
const std::string kActivations = "embedding.weight";
const std::string kWeights = "layers.0.attention.qkv.weight";

Json compared(const Sandbox& box, Args args) {
  args.insert(args.begin(), "compare");
  args.insert(args.end(), {"--json", box / "report.json"});
  box.output(args);
  return Json::parse(get(box / "report.json"));
}

// The entry of a way to quantize; `rule` is empty for null.
Json entry(const Json& report, const std::string& format, const std::string& rule, bool search) {
  std::vector<Json> found;
  for (const Json& row : report["formats"]) {
    const std::string other = row["rule"].is_null() ? "" : row["rule"].get<std::string>();
    if (row["format"] == format && other == rule && row["search"] == search) found.push_back(row);
  }
  INFO(format << "/" << rule << " search " << search);
  REQUIRE(found.size() == 1);
  return found.front();
}

Args product_args(const std::string& file = kSample) {
  return {"--acts", file + ":" + kActivations, "--weights", file + ":" + kWeights};
}

Args operator+(Args args, const Args& more) {
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

// A file of matrices a [16, 32], b [24, 32] and c [4, 48], a vector, and one with a NaN.
void write_tensors(const std::string& path) {
  std::mt19937_64 rng(test_seed() + 320);
  std::normal_distribution<float> normal;
  std::vector<float> values(1024);
  for (float& x : values) x = normal(rng);
  const std::vector<float> bad = {1, 2, NAN, 4};
  const auto f32 = if4::DType::kF32;
  if4::write_safetensors(path,
                         {{"a", f32, {16, 32}, values.data(), 16 * 32 * 4},
                          {"b", f32, {24, 32}, values.data() + 100, 24 * 32 * 4},
                          {"c", f32, {4, 48}, values.data() + 50, 4 * 48 * 4},
                          {"odd", f32, {4, 30}, values.data(), 4 * 30 * 4},
                          {"bad", f32, {1, 4}, bad.data(), 16}},
                         {});
}

}  // namespace

TEST_CASE("if4 compare of a product against exact rationals", "[cli][accuracy]") {
  const Sandbox box;
  compared(box, product_args() + Args{"--all-rules"});
  Args arguments = {box / "report.json", kSample, kActivations, kWeights};
  const std::tuple<std::string, std::string, bool> ways[] = {
      {"if4", "mse", false},      {"if4", "mae", false},  {"if4", "abs_max", false}, {"if4", "mse", true},
      {"mixfp4", "mse", false},   {"nvfp4", "", false},   {"nvfp4", "mae", true},    {"nvint4", "", false},
      {"nvfp4_46", "mse", false}, {"nvfp4_4", "", false}, {"mxfp4", "", false},
  };
  for (const auto& [format, rule, search] : ways) {
    const std::string way = format + (rule.empty() ? "" : "/" + rule) + (search ? "+search" : "");
    std::string file = way;
    for (char& c : file) c = c == '/' ? '.' : c;
    file = box / (file + ".safetensors");
    Args quantize = {"quantize", kSample, "-o", file, "--format", format};
    if (!rule.empty()) quantize = quantize + Args{"--rule", rule};
    if (search) quantize.push_back("--search");
    box.output(quantize);
    arguments.push_back(way + "=" + file);
  }
  run_python("testbench/sim/product_oracle.py", arguments);
}

TEST_CASE("if4 compare of a product agrees with if4 cosim", "[cli][accuracy]") {
  const Sandbox box;
  const Json report = compared(box, product_args());
  box.output(Args{"cosim"} + product_args() + Args{"--json", box / "cosim.json"});
  const Json cosim = Json::parse(get(box / "cosim.json"));
  const auto root = [&](const char* format, const char* rule) {
    return std::sqrt(entry(report, format, rule, false)["product"]["relative_mse"].get<double>());
  };
  const double unit = cosim["relative_error"], nvfp4 = cosim["relative_error_nvfp4"];
  CHECK(std::fabs(root("if4", "mse") - unit) < 1e-9);
  CHECK(std::fabs(root("nvfp4", "") - nvfp4) < 1e-9);
}

TEST_CASE("what the report of a product says", "[cli][accuracy]") {
  const Sandbox box;
  const std::string text = box.output(Args{"compare"} + product_args() + Args{"--svg", box / "p.svg"});
  const Json report = compared(box, product_args());
  CHECK(report["activations"]["shape"] == Json({64, 256}));
  CHECK(report["weights"]["name"] == kSample + ":" + kWeights);
  CHECK(report["generator"].get<std::string>().rfind("if4 ", 0) == 0);
  CHECK(report["formats"].size() == 2 * static_cast<std::size_t>(if4::kFormatCount));
  for (const Json& row : report["formats"]) {
    const std::string name = row["format"];
    CHECK(text.find("\n" + name + " ") != std::string::npos);
    CHECK(get(box / "p.svg").find(">" + name + "<") != std::string::npos);
    for (const char* key : {"2d", "rht", "transpose"}) CHECK(row[key] == false);
    CHECK(row["stochastic"].is_null());
    for (const Json* errors : {&row, &row["activations"], &row["weights"], &row["product"]}) {
      const double mse = (*errors)["relative_mse"], decibel = (*errors)["sqnr_db"];
      CHECK(std::fabs(decibel + 10 * std::log10(mse)) < 1e-9);
    }
    const double low = std::min(row["activations"]["relative_mse"], row["weights"]["relative_mse"]);
    const double high = std::max(row["activations"]["relative_mse"], row["weights"]["relative_mse"]);
    CHECK(row["relative_mse"] >= low);
    CHECK(row["relative_mse"] <= high);
  }
  // Every rule: three rows of the formats that it decides in, and one of the others.
  const Json all = compared(box, product_args() + Args{"--all-rules", "--format", "if4,nvfp4", "--rht"});
  CHECK(all["formats"].size() == 3 + 3 + 1 + 3);
  for (const char* rule : {"mse", "mae", "abs_max"}) {
    CHECK(entry(all, "if4", rule, false)["rht"] == true);
    entry(all, "nvfp4", rule, true);
  }
  const auto error = [&](const char* rule) {
    return entry(all, "if4", rule, false)["relative_mse"].get<double>();
  };
  CHECK(error("mse") < error("mae"));
  CHECK(error("mae") < error("abs_max"));
  const Json mae = compared(box, product_args() + Args{"--rule", "mae", "--format", "if4", "--rht"});
  CHECK(entry(mae, "if4", "mae", false) == entry(all, "if4", "mae", false));
}

TEST_CASE("if4 compare of operands that are quantized", "[cli][accuracy]") {
  const Sandbox box;
  write_tensors(box / "in.safetensors");
  box.output({"quantize", box / "in.safetensors", "-o", box / "q.safetensors", "--format", "nvfp4",
              "--include", "a", "--include", "b"});
  const auto product = [&](const std::string& file) {
    return Args{"--acts", box / file + ":a", "--weights", box / file + ":b"};
  };
  // What nvfp4 stands for is quantized to it without a loss, and to others with one.
  const Json report = compared(box, product("q.safetensors") + Args{"--format", "nvfp4,nvint4"});
  const Json nvfp4 = entry(report, "nvfp4", "", false)["product"];
  CHECK(nvfp4["relative_mse"].get<double>() < 1e-12);
  CHECK(entry(report, "nvint4", "", false)["product"]["relative_mse"].get<double>() > 1e-4);
}

TEST_CASE("if4 compare says null where there is no figure", "[cli][accuracy]") {
  const Sandbox box;
  if4::write_tensor(box / "a.safetensors", "a", {{1, 3}, {1, 2, 5}});
  if4::write_tensor(box / "w.safetensors", "w", {{1, 3}, {3, -4, 1}});
  const Args product = {"--acts", box / "a.safetensors", "--weights", box / "w.safetensors", "--format",
                        "nvfp4"};
  const Json none = entry(compared(box, product), "nvfp4", "", false)["product"];
  CHECK(none["relative_mse"].is_null());
  CHECK(none["sqnr_db"].is_null());
  const std::string text = box.output(Args{"compare"} + product);
  CHECK(text.find("inf   -inf") != std::string::npos);
  CHECK(text.find("exact") == std::string::npos);
}

TEST_CASE("the errors of each tensor of a model", "[cli][accuracy]") {
  const Sandbox box;
  write_tensors(box / "in.safetensors");
  const Args model = {box / "in.safetensors", "--exclude", "bad", "--tensors"};
  const Json report = compared(box, model);
  const std::string text = box.output(Args{"compare"} + model);
  const std::string inspected = box.output({"inspect", box / "in.safetensors", "--json"});
  CHECK(report["input"] == box / "in.safetensors");
  std::map<std::string, Json> expected;
  for (const Json& row : Json::parse(inspected)) expected[row["name"]] = row;
  const Json if4 = entry(report, "if4", "mse", false), nvfp4 = entry(report, "nvfp4", "", false);
  REQUIRE(if4["tensors"].size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    const std::string name = if4["tensors"][i]["name"];
    CHECK(report["tensors"][i]["shape"] == expected.at(name)["shape"]);
    const auto close = [](const Json& a, const Json& b) {
      return std::fabs(a.get<double>() - b.get<double>()) <= 1e-12 * std::fabs(b.get<double>());
    };
    CHECK(close(if4["tensors"][i]["relative_mse"], expected.at(name)["if4"]["relative_mse"]));
    CHECK(close(nvfp4["tensors"][i]["relative_mse"], expected.at(name)["nvfp4"]["relative_mse"]));
    CHECK(close(if4["tensors"][i]["int_share"], expected.at(name)["int_share"]));
    CHECK(text.find("\n" + name + " ") != std::string::npos);
  }
  // Not without being asked for.
  CHECK_FALSE(entry(compared(box, {box / "in.safetensors", "--exclude", "bad"}), "if4", "mse", false)
                  .contains("tensors"));
}

TEST_CASE("if4 compare refuses what it cannot compare", "[cli][accuracy]") {
  const Sandbox box;
  const std::string in = box / "in.safetensors";
  write_tensors(in);
  const auto product = [&](const char* a, const char* b) {
    return Args{"compare", "--acts", in + ":" + a, "--weights", in + ":" + b};
  };
  const Args good = product("a", "b");
  const BadInput table[] = {
      {{"compare"}, {"--acts and --weights"}},
      {good + Args{in}, {"--acts and --weights"}},
      {{"compare", "--acts", in + ":a"}, {"--weights", "both operands"}},
      {{"compare", "--weights", in + ":a"}, {"--acts", "both operands"}},
      {product("a", "c"), {in + ":a", in + ":c", "K is 32 and 48"}},
      {product("a", "missing"), {in, "missing"}},
      {product("bad", "bad"), {in, "bad", "value 2 is NaN"}},
      {product("odd", "odd") + Args{"--rht"}, {in + ":odd", "multiple of 16"}},
      {good + Args{"--include", "a"}, {"--include"}},
      {good + Args{"--exclude", "a"}, {"--exclude"}},
      {good + Args{"--transpose"}, {"--transpose"}},
      {good + Args{"--tensors"}, {"--tensors"}},
      {good + Args{"--format", "fp5"}, {"--format", "'fp5'", "nvint4"}},
      {good + Args{"--format", ""}, {"--format"}},
      {good + Args{"--format", "if4,"}, {"--format", "''"}},
      {good + Args{"--format", "if4,nvfp4,if4"}, {"--format", "if4 is there twice"}},
      {good + Args{"--format", "mxfp4", "--2d"}, {in + ":a", "2D blocks of mxfp4"}},
      {good + Args{"--rule", "mae", "--all-rules"}, {"--rule", "--all-rules"}},
      {good + Args{"--svg", box / "x.svg", "--all-rules"}, {"--svg", "--all-rules"}},
      {good + Args{"--json", in}, {"the output is the input"}},
      {good + Args{"--json", box / "x", "--svg", box / "x"}, {"--json", "--svg"}},
      {good + Args{"--json", box / "none/x"}, {"none/x"}},
      {{"compare", in, "--format", "if4", "--include", "bad", "--json", box / "x"}, {in, "bad", "value 2"}},
  };
  for (const BadInput& bad : table) check_refused(box, bad);
}
