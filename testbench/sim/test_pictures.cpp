// What pictures and timelines show: of made-up runs, and of networks as `if4 array` writes them.
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "sim/report/array_chart.hpp"
#include "sim/report/format_chart.hpp"
#include "sim/report/svg.hpp"
#include "testbench/support/program_testing.hpp"
#include "testbench/support/python_testing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;
using Json = nlohmann::json;

constexpr const char* kCheck = "testbench/sim/check_pictures.py";

void check_shows(const std::string& svg, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    INFO(text);
    CHECK(svg.find(text) != std::string::npos);
  }
}

void check_picture(const std::string& svg) {
  const TempDir folder;
  put(folder / "a.svg", svg);
  run_python(kCheck, {folder / "a.svg"});
}

// The errors of a format with these signal-to-noise ratios; an infinite one has no noise.
FormatErrors row(Format format, double plain, double searched) {
  FormatErrors errors;
  errors.format = format;
  const auto set = [](TensorSummary& summary, double decibels) {
    summary.signal = 1.0;
    summary.noise = std::pow(10.0, -decibels / 10.0);
  };
  set(errors.plain, plain);
  set(errors.searched, searched);
  return errors;
}

LayerReport layer(const std::string& name, std::uint64_t count, const CycleCounts& cycles) {
  LayerReport report;
  report.layer = {name, {64, 64, 160}, count, "here"};
  report.stats.cycles = cycles;
  report.stats.bytes.dram_weights = 10'240;
  report.checked = 1;
  return report;
}

// Two layers on 8 x 8 cells of 16 lanes; 640 of the beats of each are useful.
ArraySummary summary() {
  ArraySummary summary;
  summary.network = "a & b";
  summary.operands = "random, seed 1";
  CycleCounts waiting;
  waiting.beats = 700;
  waiting.activations = 300;
  CycleCounts quick;
  quick.beats = 640;
  quick.fill_drain = 60;
  summary.layers = {layer("slow", 1, waiting), layer("<quick>", 3, quick)};
  return summary;
}

}  // namespace

TEST_CASE("texts of pictures are XML, fit, and are cut between characters", "[report]") {
  CHECK(escaped("a<b> & \"c\" \\ d") == "a&lt;b&gt; &amp; &quot;c&quot; \\ d");
  CHECK(escaped("\xC3\xA9\xE5\xB1\xA4\xF0\x9F\x98\x80") == "\xC3\xA9\xE5\xB1\xA4\xF0\x9F\x98\x80");
  const std::string replaced = "\xEF\xBF\xBD";
  for (const std::string& text :
       {std::string(1, '\0'), std::string("\x1B"), std::string("\n"), std::string("\x7F"),
        std::string("\x80"), std::string("\xC3"), std::string("\xEF\xBF\xBE"), std::string("\xEF\xBF\xBF")})
    CHECK(escaped("a" + text + "b") == "a" + replaced + "b");
  CHECK(fitted("short", 100.0, kPlain) == "short");
  std::string name;
  for (int i = 0; i < 30; ++i) name += "\xC3\xA9\xE5\xB1\xA4";
  for (const double width : {0.0, 20.0, 55.0, 130.0, 400.0}) {
    const std::string cut = fitted("start." + name + ".end", width, kPlain);
    CHECK((text_width(cut, kPlain) <= width || cut == "\xE2\x80\xA6"));
    CHECK(escaped(cut).find(replaced) == std::string::npos);
  }
  CHECK(fitted(std::string(3'000'000, 'x'), 60.0, kPlain) == "xxx\xE2\x80\xA6xx");
  CHECK(wrapped("one two three", text_width("one two", kPlain), kPlain) ==
        std::vector<std::string>{"one two", "three"});
  CHECK(wrapped("", 10.0, kPlain) == std::vector<std::string>{""});
  CHECK(ticks(34.7, 6) == std::vector<double>{0, 10, 20, 30});
  CHECK(ticks(1.0, 6) == std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1});
  CHECK(ticks(6.0, 6).size() == 7);
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1'000) == "1,000");
  CHECK(grouped(18'446'744'073'709'551'615ULL) == "18,446,744,073,709,551,615");
}

TEST_CASE("the picture of the formats has its decibels at the bars and on an axis", "[report]") {
  const double exact = std::numeric_limits<double>::infinity();
  const std::vector<FormatErrors> rows = {row(Format::kIF4, 22.0, 24.0),   row(Format::kNVFP4, 20.0, 20.5),
                                          row(Format::kNVINT4, 2.0, 2.25), row(Format::kMXFP4, -3.0, 10.0),
                                          row(Format::kIF3, exact, exact), row(Format::kIF6E2M3, 40.0, 40.0)};
  const std::string svg = to_svg(rows, "model <1>");
  check_shows(svg, {">Quantization error by format</text>",
                    ">model &lt;1&gt;</text>",
                    ">dB</text>",
                    ">0</text>",
                    ">10</text>",
                    ">20</text>",
                    ">30</text>",
                    ">40</text>",
                    ">22.00</text>",
                    ">+2.00</text>",
                    ">20.00</text>",
                    ">+0.50</text>",
                    ">2.00 +0.25</text>",
                    ">-3.00 +13.00</text>",
                    ">exact</text>",
                    ">0.00631</text>",
                    ">4.5</text>",
                    ">6.5</text>",
                    "if4: 22.00 dB, with scale search 24.00 dB; relative MSE 0.006310, 0.003981",
                    "prefers-color-scheme:dark"});
  check_picture(svg);
  // Lengths of the bars of each format, plain and gained.
  std::map<std::string, std::vector<double>> lengths;
  const std::regex group("<g data-name=\"(\\w+)\">([^]*?)</g>"), rect("<rect [^>]*width=\"([0-9.]+)\"");
  for (std::sregex_iterator found(svg.begin(), svg.end(), group), end; found != end; ++found) {
    const std::string inside = (*found)[2];
    for (std::sregex_iterator one(inside.begin(), inside.end(), rect); one != end; ++one)
      lengths[(*found)[1]].push_back(std::stod((*one)[1]));
  }
  const double decibel = 268.0 / 40.0;
  const std::map<std::string, std::vector<double>> expected = {{"if4", {22 * decibel, 2 * decibel}},
                                                               {"nvfp4", {20 * decibel, 0.5 * decibel}},
                                                               {"nvint4", {2 * decibel, 0.25 * decibel}},
                                                               {"mxfp4", {10 * decibel}},
                                                               {"if3", {40 * decibel}},
                                                               {"if6_e2m3", {40 * decibel}}};
  REQUIRE(lengths.size() == expected.size());
  for (const auto& [name, bars] : expected) {
    INFO(name);
    REQUIRE(lengths[name].size() == bars.size());
    for (std::size_t i = 0; i < bars.size(); ++i) CHECK(std::abs(lengths[name][i] - bars[i]) < 0.002);
  }
}

TEST_CASE("the picture of a run names what ran, and where its time went in words", "[report]") {
  ArraySummary run = summary();
  const std::string svg = to_svg(run);
  check_shows(svg, {">a &amp; b</text>",
                    "8 x 8 cells of 16 lanes, if4",
                    "1000 MHz",
                    "DRAM 64 B/cycle",
                    "operands: random, seed 1",
                    ">Total: 3.100 us</text>",
                    ">3,100 cycles, 4 runs</text>",
                    ">useful</text>",
                    ">2.560 us</text>",
                    ">82.6 %</text>",
                    ">unused at the edges of tiles</text>",
                    ">waiting for activations</text>",
                    ">0.300 us</text>",
                    ">9.7 %</text>",
                    ">filling and draining</text>",
                    ">array: 1,024 MACs a cycle</text>",
                    ">DRAM: 64 bytes a cycle</text>",
                    ">MACs a byte of DRAM traffic</text>",
                    ">slow</text>",
                    ">&lt;quick&gt;, 3 runs</text>",
                    ">2.100 us, 91.4 % useful</text>",
                    ">0.5 us</text>",
                    "slow: 64.0 MACs a byte, 655.4 MACs a cycle",
                    "&lt;quick&gt; 64x64x160: filling and draining, 60 cycles, 8.6 %"});
  for (const char* absent : {">acts<", "waiting for weights", "waiting for room", "FAIL"})
    CHECK(svg.find(absent) == std::string::npos);
  check_picture(svg);
  run.layers[0].mismatches = 1;
  check_shows(to_svg(run), {">FAIL: this run is not correct, see its report</text>"});
  // One layer has no bar beside that of the whole, and ideal memory no roofline.
  run.layers.pop_back();
  run.config.ideal_memory = true;
  const std::string one = to_svg(run);
  CHECK(one.find("Where the time of each layer") == std::string::npos);
  CHECK(one.find("Roofline") == std::string::npos);
}

TEST_CASE("bars of layers are as long as the report says, of 1 to 500 layers", "[report][array-cli][cli]") {
  const Sandbox box;
  const auto check = [&](const Args& more) {
    Args args = {"array", "--timing-only", "--svg", box / "a.svg", "--csv", box / "a.csv"};
    args.insert(args.end(), more.begin(), more.end());
    box.output(args);
    run_python(kCheck, {box / "a.svg", box / "a.csv"});
  };
  check({"--gemm", "1,1,1", "--dram-bandwidth", "4096", "--clock", "0.001"});
  check({"--gemm", "9,8,64", "--ideal-memory", "--clock", "1000000"});
  check({"--topology", "sim/topologies/bert_base_512.csv", "--rows", "32", "--cols", "32"});
  check({"--topology", "sim/topologies/whisper_base.csv", "--overlap", "false", "--acts-banks", "1"});
  std::string many = "<odd> \"\" & \xE5\xB1\xA4, 8, 8, 16, 2\n";
  for (int i = 0; i < 499; ++i) {
    many += "model.layers." + std::to_string(i) + ".a_projection_with_a_long_name.weight, " +
            std::to_string(1 + i * 37 % 300) + ", " + std::to_string(8 + i * 91 % 500) + ", 64, " +
            std::to_string(1 + i % 5) + "\n";
  }
  put(box / "many.csv", many);
  check({"--topology", box / "many.csv", "--dram-bandwidth", "0.01"});
  check_shows(get(box / "a.svg"), {"the 60 layers that take the most; 440 others take "});
}

TEST_CASE("a timeline begins with the first run that is drawn, and names the others",
          "[report][array-cli][cli]") {
  const Sandbox box;
  // The first and the third have no room: 8,388,608 / 8 tiles.
  put(box / "net.csv",
      "first, 8388608, 8, 16, 1\nsecond, 8, 8, 16, 3\nthird, 8388608, 8, 16, 2\nfourth, 8, 8, 16, 1\n");
  box.output(
      {"array", "--topology", box / "net.csv", "--timing-only", "--trace", box / "t", "--json", box / "j"});
  const Json report = Json::parse(get(box / "j"));
  const std::uint64_t second = report["layers"][1]["cycles"], third = report["layers"][2]["cycles"];
  std::vector<std::string> layers;
  std::set<std::string> waits;
  const Json timeline = Json::parse(get(box / "t"));
  for (const Json& event : timeline["traceEvents"]) {
    if (event["ph"] != "X") continue;
    if (event["tid"] == 1)
      layers.push_back(event["name"].get<std::string>() + " " + event["args"]["cycle"].dump() + " " +
                       event["args"]["cycles"].dump());
    if (event["cat"] == "wait") waits.insert(event["name"]);
  }
  const auto text = [](const std::string& name, std::uint64_t from, std::uint64_t cycles) {
    return name + " " + std::to_string(from) + " " + std::to_string(cycles);
  };
  CHECK(layers ==
        std::vector<std::string>{text("second 8x8x16", 0, second),
                                 text("second: 2 more runs, not drawn", second, 2 * second),
                                 text("third 8388608x8x16: 2 runs, not drawn", 3 * second, 2 * third),
                                 text("fourth 8x8x16", 3 * second + 2 * third, second)});
  CHECK(waits == std::set<std::string>{"waiting for activations", "waiting for weights"});
}
