// `if4 vectors` and `if4 replay` as a user runs them.
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/kit/dot_products.hpp"
#include "model/kit/plan.hpp"
#include "sim/mac/mac_unit.hpp"
#include "testbench/support/file_testing.hpp"
#include "testbench/support/mac_testing.hpp"
#include "testbench/support/program_testing.hpp"

namespace {

using namespace if4::testing;
using if4::Format;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool in_if4(Format format) { return format == Format::kIF4 || format == Format::kNVFP4; }

/// The text with the n-th line that begins with `start` changed.
std::string with_line(std::string text, const std::string& start, int n, const std::string& line) {
  std::size_t place = 0;
  for (int i = 0; i < n; ++i) place = text.find("\n" + start, place) + 1;
  REQUIRE(place != 0);
  return text.replace(place, text.find('\n', place) - place, line);
}

}  // namespace

TEST_CASE("vector files are made and replayed, and a wrong result is found", "[cli]") {
  const Sandbox box;
  const std::string path = box / "v.txt";
  for (const std::string& order : {std::string("exact"), std::string("lane-fp32")}) {
    box.output({"vectors", "-o", path, "--random", "20", "--beats", "5", "--result", order});
    CHECK(contains(box.output({"replay", path}), "20 of 20"));
    CHECK(contains(box.output({"replay", path, "--result", order}), "20 of 20"));
    CHECK(contains(get(path), "# rounding: " + order + "\n"));

    std::string text = get(path);
    std::size_t place = 0;
    for (int i = 0; i < 3; ++i) place = text.find("\nR ", place) + 1;
    text[place + 9] = text[place + 9] == '0' ? '1' : '0';  // the last digit of the third result
    put(box / "wrong.txt", text);
    const Run run = box.run({"replay", box / "wrong.txt"});
    CHECK(run.code == 1);
    CHECK(run.err.empty());
    CHECK(contains(run.out, "wrong.txt: dot product 3: "));
    CHECK(contains(run.out, ", testpoint random.vectors\n"));
    CHECK(contains(run.out, "19 of 20"));
    CHECK(contains(run.out, "20 of 20 results equal to the exact model"));

    check_refused(
        box, {{"replay", path, "--result", order == "exact" ? "lane-fp32" : "exact"}, {"v.txt", "--result"}});
  }
  // Another seed gives others, and the same seed the same.
  box.output({"vectors", "-o", path, "--random", "20"});
  box.output({"vectors", "-o", box / "same.txt", "--random", "20", "--seed", "1", "--result", "exact"});
  box.output({"vectors", "-o", box / "other.txt", "--random", "20", "--seed", "2"});
  CHECK(get(path) == get(box / "same.txt"));
  CHECK(get(path) != get(box / "other.txt"));
}

TEST_CASE("the plan of every build passes on its unit", "[cli]") {
  const Sandbox box;
  const std::string path = box / "v.txt";
  std::set<std::string> tried;
  for (const if4::UnitBuild& build : if4::unit_builds()) {
    const if4::UnitBuild* unit = if4::build_of(build.mac);
    const int width = if4::acc_width(build.mac);
    const std::string name(if4::format_name(build.mac.format)), lanes = std::to_string(build.mac.lanes);
    const std::string scaled = build.mac.scaled ? "scaled " : "";
    if (!tried.insert(scaled + name + " " + lanes + " " + std::to_string(width)).second) continue;
    INFO(build.name);
    Args args = {"vectors", "--plan", "-o", path, "--format", name, "--lanes", lanes};
    if (build.mac.acc_width != 0) args.insert(args.end(), {"--acc-width", std::to_string(width)});
    if (build.mac.scaled) args.emplace_back("--scaled");
    const std::string made = box.output(args);
    CHECK(contains(made, "; " + scaled + "exact results of " + name + ", " + lanes +
                             " lanes, accumulator of " + std::to_string(width) + " bits\n"));
    CHECK_FALSE(contains(made, "left out"));
    const std::string report = box.output({"replay", path});
    INFO(report);
    CHECK(report.rfind("PASS", 0) == 0);
    CHECK(contains(report, name + ", " + lanes + " lanes, accumulator of " + std::to_string(width) + " bits" +
                               (scaled.empty() ? "; " : ", scaled results; ")));
    CHECK(contains(report, unit == nullptr ? "not checked: this program has none of " + name
                                           : "results equal to the exact model; resets dropped"));
  }
  CHECK(tried.size() > 12);
}

TEST_CASE("replay finds wrong flags, and results of another accumulator", "[cli]") {
  const Sandbox box;
  box.output({"vectors", "--plan", "-o", box / "v.txt", "--acc-width", "60"});
  const std::string text = get(box / "v.txt");
  CHECK(box.output({"replay", box / "v.txt"}).rfind("PASS", 0) == 0);
  for (const auto& [file, line] :
       {std::pair("nan.txt", "R 7FC00000 1 0"), {"overflow.txt", "R 7FC00000 0 1"}}) {
    std::string other = line;
    std::swap(other[11], other[13]);
    put(box / file, with_line(text, line, 1, other));
    const Run run = box.run({"replay", box / file});
    CHECK(run.code == 1);
    CHECK(contains(run.out, "FAIL"));
    CHECK(contains(run.out, ", testpoint "));
  }
  put(box / "wider.txt", with_line(text, "# accumulator", 1, "# accumulator: 64"));
  CHECK(box.run({"replay", box / "wider.txt"}).code == 1);
}

TEST_CASE("the plan of a wide accumulator says what it leaves out", "[cli]") {
  const Sandbox box;
  const std::string made = box.output({"vectors", "--plan", "-o", box / "v.txt", "--acc-width", "90"});
  CHECK(contains(made, "left out: the ends of this accumulator and overflow"));
  CHECK(contains(made, "--acc-width up to 67 has them"));
  CHECK_FALSE(contains(get(box / "v.txt"), "overflow."));
  CHECK(contains(box.output({"replay", box / "v.txt"}),
                 "not checked: this program has none of if4 with these parameters"));
}

TEST_CASE("vectors writes text, files for $readmemh, or both, of the same lines", "[cli]") {
  const Sandbox box;
  const std::string text = box / "v.txt", memh = box / "memh", alone = box / "alone";
  const Args what = {"vectors", "--plan", "--random", "30", "--beats", "2", "--lanes", "32"};
  const auto with = [&](std::initializer_list<std::string> more) {
    Args args = what;
    args.insert(args.end(), more);
    return args;
  };
  CHECK(contains(box.output(with({"-o", text, "--memh", memh})), "v.txt, " + memh + ": "));
  box.output(with({"--memh", alone}));
  for (const auto& file : fs::directory_iterator(memh))
    CHECK((get(file.path().string()) == get(alone + "/" + file.path().filename().string())));
  const auto index = nlohmann::json::parse(get(memh + "/index.json"));
  std::size_t results = 0;
  if4::DotProductReader reader(text);
  while (reader.next()) ++results;
  CHECK(index["counts"]["results"] == results);
  CHECK(index["testpoints"].back()["name"] == "random.vectors");
  CHECK(contains(get(text), "\n# generator: " + index["generator"].get<std::string>() + "\n"));

  // Neither is written where the other cannot be.
  fs::remove(text);
  check_refused(box, {with({"-o", text, "--memh", memh}), {"memh", "not empty"}});
  CHECK_FALSE(fs::exists(text));
  check_refused(box, {with({"-o", box / "none/v.txt", "--memh", box / "new"}), {"none/v.txt"}});
  CHECK_FALSE(fs::exists(box / "new"));
}

TEST_CASE("replay takes scaled results for scaled alone, and a file that says nothing for values", "[cli]") {
  const Sandbox box;
  box.output({"vectors", "--random", "20", "-o", box / "v.txt"});
  box.output({"vectors", "--random", "20", "-o", box / "s.txt", "--scaled"});
  const std::string plain = get(box / "v.txt"), scaled = get(box / "s.txt");
  CHECK_FALSE(contains(plain, "scaled"));
  // Nothing but that line and the results differ, and in nvfp4 nothing but that line.
  put(box / "bad.txt", with_line(scaled, "# scaled", 1, "# note"));
  put(box / "too.txt", with_line(plain, "# seed", 1, "# scaled: 1"));
  for (const char* file : {"bad.txt", "too.txt"}) {
    const Run run = box.run({"replay", box / file});
    CHECK(run.code == 1);
    CHECK(contains(run.out, "exact model       0 of 20 results equal"));
  }
  box.output({"vectors", "--random", "20", "-o", box / "n.txt", "--format", "nvfp4"});
  box.output({"vectors", "--random", "20", "-o", box / "ns.txt", "--format", "nvfp4", "--scaled"});
  CHECK(with_line(get(box / "ns.txt"), "# scaled", 1, "") ==
        with_line(get(box / "n.txt"), "# rounding", 1, "# rounding: exact\n"));
  CHECK(contains(box.output({"replay", box / "ns.txt"}), "20 of 20 results equal to the exact model"));
  // The files for $readmemh say so in their index.
  box.output({"vectors", "--random", "2", "--memh", box / "memh", "--scaled"});
  CHECK(contains(get(box / "memh/index.json"), "\"scaled\": true"));
}

TEST_CASE("what vectors refuses", "[cli]") {
  const Sandbox box;
  const std::string out = box / "v.txt";
  const BadInput table[] = {
      {{"vectors", "--plan"}, {"-o FILE or --memh DIR"}},
      {{"vectors", "-o", out}, {"--plan, --random N, or --acts and --weights"}},
      {{"vectors", "-o", out, "--plan", "--lanes", "48"}, {"--lanes", "48", "16|32|64"}},
      {{"vectors", "-o", out, "--plan", "--acc-width", "53"},
       {"--acc-width 53", "one beat of if4", "54 bits"}},
      {{"vectors", "-o", out, "--random", "1", "--acc-width", "121"}, {"--acc-width", "121"}},
      {{"vectors", "-o", out, "--plan", "--format", "mxfp4"}, {"--format", "mxfp4"}},
      {{"vectors", "-o", out, "--plan", "--result", "lane-fp32"}, {"--plan", "--result lane-fp32"}},
      {{"vectors", "-o", out, "--random", "1", "--lanes", "32", "--result", "lane-fp32"}, {"16 lanes"}},
      {{"vectors", "-o", out, "--plan", "--acts", "a.npy", "--weights", "a.npy"}, {"--plan"}},
      {{"vectors", "-o", out, "--random", "1", "--scaled", "--result", "lane-fp32"}, {"--scaled"}},
  };
  for (const BadInput& bad : table) check_refused(box, bad);
  CHECK_FALSE(fs::exists(out));
  check_refused(box, {{"vectors", "--plan", "-o", box / "x", "--memh", box / "./x"}, {"--memh", "-o"}});
  // The output is the input.
  fs::copy_file("testbench/data/use_lite_ffn.safetensors", box / "a.safetensors");
  const std::string name = box / "a.safetensors:layers.0.ffn.up.weight";
  check_refused(
      box, {{"vectors", "-o", box / "a.safetensors", "--acts", name, "--weights", name}, {"a.safetensors"}});
}

TEST_CASE("vector files of every format", "[cli]") {
  const Sandbox box;
  const std::string path = box / "v.txt";
  for (int number = 0; number < if4::kMacFormatCount; ++number) {
    const auto format = static_cast<Format>(number);
    const std::string name(if4::format_name(format));
    CAPTURE(name);
    const std::string tensor = "testbench/data/use_lite_ffn.safetensors:layers.0.ffn.up.weight";
    const auto check = [&](const Args& what, std::size_t count, int lanes) {
      Args args = {"vectors", "-o", path, "--format", name, "--lanes", std::to_string(lanes)};
      args.insert(args.end(), what.begin(), what.end());
      box.output(args);
      if4::DotProductReader reader(path);
      std::size_t found = 0;
      while (const auto dot_product = reader.next()) {
        CHECK(dot_product->format == format);
        if (++found <= 30)
          CHECK(exact_result(dot_product->beats, {format, lanes}) == if4::MacResult{dot_product->result});
      }
      CHECK(found == count);
      CHECK(box.output({"replay", path}).rfind("PASS", 0) == 0);
    };
    check({"--random", "30", "--beats", "4"}, 30, 16);
    check({"--random", "30", "--beats", "4"}, 30, 64);
    check({"--acts", tensor, "--weights", tensor}, 64 * 64, 32);

    const Run lane = box.run(
        {"vectors", "-o", box / "lane.txt", "--random", "9", "--result", "lane-fp32", "--format", name});
    CHECK(lane.code == (in_if4(format) ? 0 : 2));
    CHECK(fs::exists(box / "lane.txt") == in_if4(format));
    if (in_if4(format)) {
      CHECK(box.output({"replay", box / "lane.txt"}).rfind("PASS", 0) == 0);
      fs::remove(box / "lane.txt");
    } else {
      CHECK(contains(lane.err, name));
      CHECK(box.run({"cosim", "--format", name, "--acts", tensor, "--weights", tensor}).code == 2);
    }
  }
}

TEST_CASE("the published script's lines are replayed as before", "[cli]") {
  const Sandbox box;
  // FP4 1 * 1, or INT4 2 * 2 * 36/49: NVFP4 ignores bit 7 of a scale.
  const std::string beat = "1 B8 B8 0000000000000002 0000000000000002\n";
  put(box / "v.txt", "# format: nvfp4\n" + beat + "R 3F800000\n");
  CHECK(box.output({"replay", box / "v.txt"}).rfind("PASS", 0) == 0);
  CHECK(box.output({"replay", box / "v.txt", "--result", "exact"}).rfind("PASS", 0) == 0);
  // A format of its own for each part of the file.
  put(box / "both.txt", beat + "R 403C14E6\n# format: nvfp4\n" + beat + "R 3F800000\n");
  const std::string both = box.output({"replay", box / "both.txt", "--result", "exact"});
  CHECK(contains(both, "1 of 1 results equal to the exact model, if4"));
  CHECK(contains(both, "1 of 1 results equal to the exact model, nvfp4"));
  // NaN scales, which the script reads as 448 and has no flags for.
  put(box / "nan.txt", "1 7F 38 0000000000000002 0000000000000002\nR 43E00000\n");
  CHECK(contains(box.output({"replay", box / "nan.txt"}), "NaN scales        in 1 dot products"));
  put(box / "nan.txt", "1 7F 38 0000000000000002 0000000000000002\nR 7FC00000\n");
  CHECK(box.output({"replay", box / "nan.txt", "--result", "exact"}).rfind("PASS", 0) == 0);
  // Other formats have exact results alone.
  put(box / "if3.txt", "# format: if3\n1 38 38 000000000001 000000000001\nR 3F800000\n");
  CHECK(box.output({"replay", box / "if3.txt", "--result", "exact"}).rfind("PASS", 0) == 0);
  check_refused(box, {{"replay", box / "if3.txt"}, {"if3.txt:3", "if3", "--result exact"}});
}

TEST_CASE("replay refuses bad files of version 2 with one line", "[cli]") {
  const Sandbox box;
  box.output({"vectors", "-o", box / "v.txt", "--random", "3", "--beats", "2"});
  const std::string text = get(box / "v.txt");
  const std::pair<std::string, std::string> table[] = {
      {text.substr(0, text.size() / 2), "bad.txt:"},
      {text.substr(0, text.rfind("E ")), "bad.txt:17: the file ends"},
      {with_line("\n" + text, "# if4", 1, "# if4 vectors 3").substr(1), "bad.txt:1: version 3"},
      {with_line(text, "# format", 1, "# format: if3"), "bad.txt:9: a_codes"},
      {with_line(text, "# lanes", 1, "# lanes: 32"), "bad.txt:9: a_scale"},
      {with_line(text, "R", 2, "R 00000000 1 0"), "bad.txt:14: a flag"},
      {with_line(text, "R", 2, "X edge 3"), "bad.txt:14: no result"},
      {with_line(text, "B 0", 2, "W 70000"), "bad.txt:12: the number of clocks"},
      {with_line(text, "E", 1, "E 4"), "bad.txt:18: the end"},
  };
  for (const auto& [bytes, message] : table) {
    put(box / "bad.txt", bytes);
    check_refused(box, {{"replay", box / "bad.txt"}, {message}});
  }
}
