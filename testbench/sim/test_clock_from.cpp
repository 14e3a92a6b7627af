// if4 array --clock-from: the clock that a synthesis of the array allows.
#include <nlohmann/json.hpp>

#include "testbench/support/program_testing.hpp"

namespace {

using namespace if4::testing;
using Json = nlohmann::json;

/// What `make area` leaves of an array, as far as it matters here.
Json result_of(const Json& parameters, double path_ns) {
  return {{"name", "array"}, {"top", "if4_array"}, {"parameters", parameters}, {"critical_path_ns", path_ns}};
}

const Args kRun = {"array", "--gemm", "8,8,8", "--timing-only"};

Args with(Args args, const Args& more) {
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

/// The line of a report that begins with "clock".
std::string clock_line(const std::string& text) {
  const auto begin = text.find("\n  clock ");
  REQUIRE(begin != std::string::npos);
  const std::string line = text.substr(begin + 1, text.find('\n', begin + 1) - begin - 1);
  return line.substr(line.find_first_not_of(' ', line.find("clock") + 5));
}

}  // namespace

TEST_CASE("if4 array: the clock of a synthesis", "[cli][array-cli][clock-from]") {
  const Sandbox box;
  const std::string file = box / "result.json", json = box / "o.json";
  const Args options = {"--rows", "16", "--cols", "4", "--lanes", "32", "--format", "nvfp4", "--json", json};
  const auto run = [&](const Args& more) { return box.run(with(with(kRun, options), more)); };
  put(file, result_of({{"Format", 2}, {"Rows", 16}, {"Cols", 4}, {"Lanes", 32}}, 8.0).dump());

  const Run taken = run({"--clock-from", file});
  INFO(taken.out << taken.err);
  CHECK(taken.code == 0);
  CHECK(taken.err.empty());
  CHECK(clock_line(taken.out) == "125 MHz; synthesis of this array allows 125");
  const Json report = Json::parse(get(json));
  CHECK(report["config"]["clock"] == 125.0);
  CHECK(report["synthesized_mhz"] == 125.0);
  const double cycles = report["total"]["cycles"].get<double>();
  CHECK(report["total"]["seconds_at_clock"].get<double>() == Approx(cycles * 8e-9));

  // The configuration of a report gives the same clock again, which nothing backs there.
  put(box / "c.json", report["config"].dump());
  CHECK(clock_line(box.output(with(kRun, {"--config", box / "c.json"}))) ==
        "125 MHz, assumed: no synthesis backs it");

  // A clock that was chosen stays, on the command line or in a file.
  const Run slower = run({"--clock-from", file, "--clock", "125"});
  CHECK(slower.err.empty());
  CHECK(clock_line(slower.out) == "125 MHz; synthesis of this array allows 125");
  put(box / "c.json", R"({"clock": 125.001})");
  for (const Args& chosen : {Args{"--clock", "125.001"}, Args{"--config", box / "c.json"}}) {
    const Run faster = run(with({"--clock-from", file}, chosen));
    CHECK(faster.code == 0);
    CHECK(faster.err ==
          "if4: warning: the clock of 125.001 MHz is above the 125 MHz that " + file + " allows\n");
    CHECK(clock_line(faster.out) == "125.001 MHz, above the 125 that synthesis of this array allows");
    CHECK(Json::parse(get(json))["config"]["clock"] == 125.001);
  }

  const Run assumed = run({});
  CHECK(assumed.err.empty());
  CHECK(clock_line(assumed.out) == "1000 MHz, assumed: no synthesis backs it");
  CHECK(Json::parse(get(json))["synthesized_mhz"].is_null());

  // The clock that is printed is one that can be given back: never rounded up.
  put(file, result_of({{"Format", 2}, {"Rows", 16}, {"Cols", 4}, {"Lanes", 32}}, 7.9301).dump());
  CHECK(clock_line(run({"--clock-from", file}).out) == "126.101 MHz; synthesis of this array allows 126.101");
}

TEST_CASE("if4 array: parameters that a synthesis leaves out are those of the RTL",
          "[cli][array-cli][clock-from]") {
  const Sandbox box;
  const std::string file = box / "result.json";
  const auto takes = [&](const Json& parameters, const Args& options) {
    put(file, result_of(parameters, 8.0).dump());
    return box.run(with(with(kRun, options), {"--clock-from", file})).code == 0;
  };
  CHECK(takes(Json::object(), {}));
  CHECK(takes({{"AccWidth", 64}}, {}));
  CHECK(takes({{"SharedOutput", 0}}, {}));
  CHECK(takes({{"SharedOutput", 1}}, {"--shared-output"}));
  CHECK_FALSE(takes({{"SharedOutput", 1}}, {}));
  CHECK_FALSE(takes(Json::object(), {"--shared-output"}));
  CHECK(takes({{"Depth", 0}}, {}));
  CHECK(takes({{"Depth", 1}}, {"--depth", "1"}));
  CHECK_FALSE(takes({{"Depth", 1}}, {}));
  CHECK_FALSE(takes(Json::object(), {"--depth", "1"}));
  CHECK_FALSE(takes({{"Depth", 2}}, {"--depth", "1"}));
  CHECK_FALSE(takes({{"AccWidth", 65}}, {}));
  CHECK_FALSE(takes({{"Rows", 4}}, {"--cols", "4"}));
  CHECK_FALSE(takes({{"Lanes", 32}}, {}));
  CHECK_FALSE(takes({{"Format", 1}}, {}));
}

TEST_CASE("if4 array refuses bad results of a synthesis", "[cli][array-cli][clock-from]") {
  const Sandbox box;
  const auto check = [&](const std::string& text, const Args& named) {
    const std::string file = box / "result.json";
    put(file, text);
    Args all = named;
    all.push_back(file);
    check_refused(box, {with(kRun, {"--clock-from", file}), all});
  };
  const auto changed = [](const char* name, const Json& value) {
    Json result = result_of(Json::object(), 8.0);
    result[name] = value;
    return result.dump();
  };
  check("", {"JSON"});
  check("[1]", {"object"});
  check("{}", {"make area", "top"});
  check(R"({"configurations": [{"top": "if4_array", "critical_path_ns": 8}]})", {"top"});
  check(R"({"top": "if4_array", "critical_path_ns": 8})", {"parameters"});
  check(R"({"top": "if4_array", "parameters": {}})", {"critical_path_ns"});
  check(R"({"top": "if4_array", "top": "if4_array", "parameters": {}, "critical_path_ns": 8})", {"twice"});
  check(changed("top", "if4_mac"), {"'if4_mac'", "if4_array"});
  check(changed("top", "lane\nfp32"), {"'lane\\nfp32'"});
  check(changed("top", 1), {"top"});
  for (const Json& path : {Json(0), Json(-8.0), Json(1e-9), Json(1e9), Json(1e300)})
    check(changed("critical_path_ns", path), {"critical_path_ns", "no path"});
  for (const Json& path : {Json("8"), Json(nullptr), Json(true)})
    check(changed("critical_path_ns", path), {"critical_path_ns"});
  check(changed("parameters", Json::array()), {"parameters"});
  for (const auto& [name, value] : std::vector<std::pair<std::string, Json>>{
           {"Width", 1}, {"Rows", "8"}, {"Rows", -1}, {"Rows", 8.5}, {"Cols", 300}, {"Cols", 4294967304}})
    check(changed("parameters", {{name, value}}), {"'" + name + "'"});
  for (const auto& [name, value] : std::vector<std::pair<std::string, Json>>{{"Format", 9},
                                                                             {"Rows", 0},
                                                                             {"Lanes", 17},
                                                                             {"SharedOutput", 2},
                                                                             {"AccWidth", 1},
                                                                             {"AccWidth", 121}})
    check(changed("parameters", {{name, value}}), {"no array"});
  check(changed("parameters", {{"Rows", 16}}), {"another array", "16 x 8", "8 x 8"});
  check_refused(box, {with(kRun, {"--clock-from", box / "none.json"}), {"none.json"}});
  put(box / "result.json", result_of(Json::object(), 8.0).dump());
  check_refused(box, {with(kRun, {"--clock-from", box / "result.json", "--json", box / "result.json"}),
                      {"--json", "--clock-from"}});
}
