// The paper's claims beside our figures: those that need no synthesis are recomputed, and README.md shows the tables.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/files/tensor_file.hpp"
#include "testbench/support/program_testing.hpp"
#include "testbench/support/shell_testing.hpp"

using namespace if4::testing;
using Json = nlohmann::json;

namespace {

const std::string kScript = "python3 -B scripts/claims/claims.py ";
const std::string kHeader = "measure,of,over,input,paper,ours\n";

Outcome claims(const std::string& arguments) {
  return run_shell(".", "IF4_PROGRAM='" + Sandbox::program() + "' " + kScript + arguments);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The mean, the variance, and the fourth moment over the square of the variance.
std::vector<double> moments(const std::string& file) {
  const if4::Tensor tensor = if4::read_tensor({file, ""});
  double sums[3] = {};
  for (const float value : tensor.values) {
    const auto x = static_cast<double>(value);
    sums[0] += x;
    sums[1] += x * x;
    sums[2] += x * x * x * x;
  }
  for (double& sum : sums) sum /= static_cast<double>(tensor.values.size());
  return {sums[0], sums[1], sums[2] / (sums[1] * sums[1])};
}

}  // namespace

TEST_CASE("the claims without synthesis are recomputed", "[claims][cli]") {
  const Sandbox box;
  const Outcome outcome = claims("check --cheap --out '" + box.folder() + "'");
  INFO(outcome.text);
  CHECK(outcome.status == 0);
  CHECK(contains(outcome.text, " recomputed, 0 differ from the file"));
  CHECK(contains(outcome.text, "left out  area of lane_fp32_if4 over lane_fp32_nvfp4, sg13g2_"));
  CHECK_FALSE(contains(outcome.text, "DIFFERS"));

  // The inputs are what they are called: variances 1 and 2, fourth moments 3 and 6.
  const std::vector<double> normal = moments(box / "normal.npy"), laplace = moments(box / "laplace.npy");
  CHECK(std::fabs(normal[0]) < 0.005);
  CHECK(std::fabs(normal[1] - 1.0) < 0.01);
  CHECK(std::fabs(normal[2] - 3.0) < 0.03);
  CHECK(std::fabs(laplace[0]) < 0.007);
  CHECK(std::fabs(laplace[1] - 2.0) < 0.03);
  CHECK(std::fabs(laplace[2] - 6.0) < 0.2);

  // One of the ratios, from the program's report.
  const Json report = Json::parse(get(box / "laplace.json"));
  const auto error = [&](const std::string& format) {
    for (const Json& row : report["formats"])
      if (row["format"] == format && row["search"] == false) return row["relative_mse"].get<double>();
    return 0.0;
  };
  char line[80];
  std::snprintf(line, sizeof line, "\nerror,if4,nvfp4_46,laplace,,%.3f\n", error("if4") / error("nvfp4_46"));
  CHECK(contains(get("scripts/claims/claims.csv"), line));
}

TEST_CASE("README.md shows the claims", "[claims][readme][cli]") {
  const Outcome table = claims("table");
  CHECK(table.status == 0);
  const std::string readme = get("README.md");
  std::size_t rows = 0;
  for (std::size_t begin = 0, end = 0; (end = table.text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    const std::string row = table.text.substr(begin, end - begin);
    INFO(row);
    CHECK(contains(readme, row + "\n"));
    ++rows;
  }
  CHECK(rows > 10);
}

TEST_CASE("a claim that differs, and none that is recomputed", "[claims][cli]") {
  const Sandbox box;
  const std::string file = box / "claims.csv";
  const std::string arguments = "--cheap --data '" + file + "' --out '" + box / "out" + "'";
  put(file, kHeader + "error,if4,nvfp4,weights,,0.001\nerror,if4,if4,weights,,1.000\n");
  const Outcome wrong = claims(arguments);
  INFO(wrong.text);
  CHECK(wrong.status == 1);
  CHECK(contains(wrong.text, "DIFFERS   squared error of if4 over nvfp4, weights"));
  CHECK(contains(wrong.text, "equal     squared error of if4 over if4, weights"));
  CHECK(contains(wrong.text, "2 of 2 recomputed, 1 differ"));

  put(file, kHeader + "area,if4,nvfp4,osu018_stdcells,,1.3\n");
  const Outcome nothing = claims(arguments);
  CHECK(nothing.status == 1);
  CHECK(contains(nothing.text, "nothing was recomputed"));
}

TEST_CASE("claims files that cannot be read", "[claims][cli]") {
  const Sandbox box;
  const std::string file = box / "claims.csv";
  const std::string row = "error,if4,nvfp4,weights,,0.7\n";
  const std::pair<std::string, std::string> table[] = {
      {"", "first line"},
      {"measure,of\n", "first line"},
      {kHeader, "no claim"},
      {kHeader + "error,if4,nvfp4,weights,0.7\n", "line 2: 5 cells"},
      {kHeader + row + "speed,if4,nvfp4,weights,,0.7\n", "line 3: measure 'speed'"},
      {kHeader + "error,if4,nvfp4,osu018_stdcells,,0.7\n", "line 2: input 'osu018_stdcells'"},
      {kHeader + "area,if4,nvfp4,weights,,0.7\n", "line 2: input 'weights'"},
      {kHeader + "error,if4,nvfp4,weights,,\n", "line 2: ours is ''"},
      {kHeader + "error,if4,nvfp4,weights,,nan\n", "line 2: ours is 'nan'"},
      {kHeader + "error,if4,nvfp4,weights,-1,0.7\n", "line 2: paper is '-1'"},
      {kHeader + row + row, "line 3: the squared error of if4 over nvfp4, weights is there twice"},
      {kHeader + "error,if4,fp5,weights,,0.7\n", "if4 compare has no format 'fp5'"},
  };
  for (const auto& [text, part] : table) {
    put(file, text);
    const Outcome outcome = claims("--cheap --data '" + file + "' --out '" + box / "out" + "'");
    INFO(text << outcome.text);
    CHECK(outcome.status == 2);
    CHECK(std::count(outcome.text.begin(), outcome.text.end(), '\n') == 1);
    CHECK(contains(outcome.text, part));
  }
  CHECK(claims("--data '" + box / "none.csv" + "'").status == 2);
  for (const std::string library : {"nowhere/cells.lib", "nowhere/osu018_stdcells.lib"}) {
    const Outcome outcome = claims("--liberty '" + library + "' --out '" + box / "out" + "'");
    INFO(outcome.text);
    CHECK(outcome.status == 2);
    CHECK(std::count(outcome.text.begin(), outcome.text.end(), '\n') == 1);
    CHECK(contains(outcome.text, library));
  }
}
