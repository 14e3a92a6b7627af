// if4 array as a user runs it.
#include <cmath>
#include <csignal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "model/core/error.hpp"
#include "model/files/safetensors.hpp"
#include "model/files/tensor_file.hpp"
#include "sim/report/array_report.hpp"
#include "sim/verilated/wave_file.hpp"
#include "testbench/support/program_testing.hpp"

namespace {

using namespace if4::testing;
using Json = nlohmann::json;

Json read_json(const std::string& path) { return Json::parse(get(path)); }

void write_tensors(const std::string& path) {
  std::vector<float> values;
  for (int i = 0; i < 20 * 40; ++i) values.push_back(static_cast<float>(i * 7 % 23 - 11));
  const std::size_t size = values.size() * sizeof(float);
  if4::write_safetensors(path,
                         {{"a", if4::DType::kF32, {20, 40}, values.data(), size},
                          {"w", if4::DType::kF32, {20, 40}, values.data(), size},
                          {"other", if4::DType::kF32, {40, 20}, values.data(), size}},
                         {});
}

/// What the spans of a timeline's tiles add up to.
struct TracedTiles {
  std::uint64_t count = 0, beats = 0;
};

/// Checks a timeline at 1 GHz: every track has a name, spans of a track follow each other, times are those of
/// the cycles, and none is after `cycles`, the end of the last span of the layers.
TracedTiles check_trace(const Json& timeline, std::uint64_t cycles) {
  TracedTiles tiles;
  std::uint64_t last = 0;
  std::map<int, double> ends;  // by track
  std::map<int, std::string> names;
  for (const Json& event : timeline["traceEvents"]) {
    for (const char* key : {"ph", "pid", "tid", "ts", "name"}) CHECK(event.contains(key));
    const int track = event["tid"];
    if (event["ph"] == "M") names[track] = event["args"]["name"];
    if (event["ph"] != "X") continue;
    CHECK(names.count(0) + names.count(track) == 2);  // process and thread have a name
    const std::uint64_t begin = event["args"]["cycle"];
    const std::uint64_t end = begin + event["args"]["cycles"].get<std::uint64_t>();
    const double from = event["ts"], to = from + event["dur"].get<double>();
    constexpr double kRounding = 1e-5;
    CHECK(from >= ends[track] - kRounding);
    CHECK(from >= static_cast<double>(begin) / 1000 - kRounding);  // microseconds
    CHECK(std::abs(to - static_cast<double>(end) / 1000) < kRounding);
    ends[track] = to;
    if (event["cat"] == "tile") {
      ++tiles.count;
      tiles.beats += event["args"]["cycles"].get<std::uint64_t>();
    }
    CHECK(end <= cycles);
    last = std::max(last, end);
  }
  CHECK(last == cycles);
  return tiles;
}

}  // namespace

TEST_CASE("if4 array refuses bad products and systems", "[cli][array-cli]") {
  const Sandbox box;
  const auto large_array = [](Args args) {
    args.insert(args.end(), {"--rows", "256", "--cols", "256", "--acts-buffer", "1024G", "--weights-buffer",
                             "1024G", "--output-buffer", "1G"});
    return args;
  };
  const BadInput table[] = {
      {{"array", "--gemm", "1,2"}, {"--gemm", "'1,2'"}},
      {{"array", "--gemm", "1,2,3,4"}, {"--gemm"}},
      {{"array", "--gemm", "0,2,3"}, {"--gemm", "'0,2,3'"}},
      {{"array", "--gemm", "1,2,20000000"}, {"--gemm"}},
      {{"array", "--gemm", "8,8,8", "--rows", "0"}, {"--rows", "'0'"}},
      {{"array", "--gemm", "8,8,8", "--rows", "257"}, {"--rows", "'257'"}},
      {{"array", "--gemm", "8,8,8", "--cols", "x"}, {"--columns", "'x'"}},
      {{"array", "--gemm", "8,8,8", "--lanes", "17"}, {"--lanes", "'17'"}},
      {{"array", "--gemm", "8,8,8", "--format", "fp8"}, {"--format", "'fp8'", "nvfp4"}},
      {{"array", "--gemm", "8,8,8", "--acc-width", "1"}, {"--acc-width", "'1'"}},
      {{"array", "--gemm", "8,8,8", "--clock", "0"}, {"--clock", "'0'"}},
      {{"array", "--gemm", "8,8,8", "--clock", "nan"}, {"--clock", "'nan'"}},
      {{"array", "--gemm", "8,8,8", "--overlap", "yes"}, {"--overlap", "'yes'"}},
      {{"array", "--gemm", "8,8,8", "--order", "mk"}, {"--order", "'mk'"}},
      {{"array", "--gemm", "8,8,8", "--acts-buffer", "64Q"}, {"--acts-buffer", "'64Q'"}},
      {{"array", "--gemm", "8,8,8", "--dram-bandwidth", "1e9"}, {"--dram-bandwidth", "'1e9'"}},
      {{"array", "--gemm", "8,8,8", "--dram-burst", "0"}, {"--dram-burst", "'0'"}},
      {{"array", "--gemm", "8,8,8", "--dram-latency", "-1"}, {"--dram-latency", "'-1'"}},
      {{"array", "--gemm", "8,8,8", "--acts-banks", "-1"}, {"--acts-banks", "'-1'"}},
      {{"array", "--gemm", "8,8,8", "--depth", "3"}, {"--depth", "'3'", "0 or 1"}},
      {{"array", "--gemm", "8,8,8", "--engine", "verilog"}, {"--engine", "'verilog'"}},
      {{"array", "--gemm", "8,8,8", "--threads", "0"}, {"--threads"}},
      {{"array", "--gemm", "8,8,8", "--seed", "-1"}, {"--seed", "'-1'"}},
      {{"array", "--gemm", "8,8,8", "--wave-cycles", "0"}, {"--wave-cycles", "'0'"}},
      {{"array", "--gemm", "8,8,160", "--acts-buffer", "1K"},
       {"acts-buffer", "K = 160", "720 bytes", "--acts-buffer 1440"}},
      {{"array", "--gemm", "8,8,160", "--weights-buffer", "1K"},
       {"weights-buffer", "K = 160", "720 bytes", "--weights-buffer 1440"}},
      {{"array", "--gemm", "8,8,16", "--output-buffer", "255"}, {"256 bytes", "--output-buffer 256"}},
      {{"array", "--gemm", "16000000,16000000,1"}, {"tiles"}},
      {{"array", "--gemm", "8,8,8", "--timing-only", "--engine", "systemc-model"}, {"--timing-only"}},
      {{"array", "--gemm", "8,8,8", "--engine", "systemc-rtl", "--rows", "200"},
       {"no Verilated array", "if4_array_8x8"}},
      {{"array", "--gemm", "8,8,8", "--engine", "systemc-grid", "--lanes", "64"},
       {"no Verilated cell", "if4_array_cell_32"}},
      {large_array({"array", "--gemm", "8388608,8388608,16777216", "--timing-only"}),
       {"--gemm", "too large"}},
      {large_array({"array", "--gemm", "8000000,8000000,1"}), {"--gemm", "GB of memory"}},
      {{"array", "--gemm", "8,8,8", "--format", "mxfp4"}, {"--format", "'mxfp4'", "nvfp4"}},
  };
  for (const BadInput& bad : table) check_refused(box, bad);
}

TEST_CASE("if4 array refuses bad configurations", "[cli][array-cli]") {
  const Sandbox box;
  const auto file = [&box](const std::string& name, const std::string& text) {
    put(box / name, text);
    return box / name;
  };
  const std::string no_json = file("no.json", "rows = 3\n");
  const std::string list = file("list.json", "[1]");
  const std::string unknown = file("unknown.json", R"({"rows": 8, "depth": 3})");
  const std::string value = file("value.json", R"({"rows": "many"})");
  const std::string nested = file("nested.json", R"({"rows": {"a": 1}})");
  const std::string broken = file("broken.json", "{\n\"rows\": 8,\n}\n");
  const std::string twice = file("twice.json", R"({"rows": 8, "lanes": 16, "rows": 4})");
  const std::string beyond = file("beyond.json", R"({"clock": 1e999})");
  const BadInput table[] = {
      {{"array", "--gemm", "8,8,8", "--config", box / "none.json"}, {"none.json"}},
      {{"array", "--gemm", "8,8,8", "--config", no_json}, {no_json, "JSON"}},
      {{"array", "--gemm", "8,8,8", "--config", list}, {list, "object"}},
      {{"array", "--gemm", "8,8,8", "--config", unknown}, {unknown, "'depth'"}},
      {{"array", "--gemm", "8,8,8", "--config", value}, {value, "'rows'", "'many'"}},
      {{"array", "--gemm", "8,8,8", "--config", nested}, {nested, "'rows'"}},
      {{"array", "--gemm", "8,8,8", "--config", broken}, {broken + ": line 3"}},
      {{"array", "--gemm", "8,8,8", "--config", twice}, {twice, "'rows'", "twice"}},
      {{"array", "--gemm", "8,8,8", "--config", beyond}, {beyond, "range"}},
  };
  for (const BadInput& bad : table) check_refused(box, bad);
}

TEST_CASE("if4 array refuses bad operands and outputs", "[cli][array-cli]") {
  const Sandbox box;
  write_tensors(box / "in.safetensors");
  const std::string a = box / "in.safetensors:a";
  if4::write_tensor(box / "square.safetensors", "s", {{16, 16}, std::vector<float>(256, 1.5F)});
  const std::string rotated = box / "rotated.safetensors", straight = box / "straight.safetensors";
  box.output({"quantize", box / "square.safetensors", "-o", rotated, "--rht"});
  box.output({"quantize", box / "square.safetensors", "-o", straight});
  const BadInput table[] = {
      {{"array", "--acts", a}, {"--acts", "--weights"}},
      {{"array", "--gemm", "8,8,8", "--wave", box / "w.fst"}, {"--wave", "systemc-rtl"}},
      {{"array", "--gemm", "8,8,8", "--csv", box / "o", "--json", box / "./o"}, {"--json", "--csv"}},
      {{"array", "--acts", rotated + ":s", "--weights", straight + ":s"},
       {rotated + ":s is rotated", straight}},
      {{"array", "--acts", box / "square.safetensors:s", "--weights", rotated + ":s"},
       {rotated + ":s is rot"}},
      {{"cosim", "--acts", straight + ":s", "--weights", rotated + ":s"},
       {rotated + ":s is rotated", straight}},
      {{"vectors", "-o", box / "v.txt", "--acts", rotated + ":s", "--weights", straight + ":s"}, {"rotated"}},
      {{"array", "--acts", a, "--weights", box / "in.safetensors:other"},
       {"[20, 40]", "[40, 20]", "K is 40 and 20"}},
      {{"array", "--acts", a, "--weights", box / "in.safetensors:none"}, {"'none'"}},
      {{"array", "--gemm", "8,8,8", "--json", box / "no/where.json"}, {"no/where.json"}},
      {{"array", "--gemm", "8,8,8", "--csv", box.folder()}, {box.folder()}},
      {{"array", "--gemm", "8,8,8", "--trace", "/dev/full"}, {"/dev/full"}},
      {{"array", "--gemm", "8,8,8", "--svg", "/dev/full"}, {"/dev/full"}},
  };
  for (const BadInput& bad : table) check_refused(box, bad);
}

TEST_CASE("if4 array names the format that it cannot multiply", "[cli][array-cli]") {
  const Sandbox box;
  if4::write_tensor(box / "s.safetensors", "s", {{32, 32}, std::vector<float>(1024, 1.5F)});
  const std::string plain = box / "s.safetensors:s", mx = box / "mx.safetensors", nv = box / "nv.safetensors";
  box.output({"quantize", box / "s.safetensors", "-o", mx, "--format", "mxfp4"});
  box.output({"quantize", box / "s.safetensors", "-o", nv, "--format", "nvfp4"});
  check_refused(box,
                {{"array", "--acts", plain, "--weights", mx + ":s"}, {mx, "mxfp4", "no array multiplies"}});
  // An option is named only where it helps.
  CHECK(box.run({"array", "--acts", plain, "--weights", mx + ":s"}).err.find("with --format") ==
        std::string::npos);
  check_refused(box,
                {{"array", "--acts", plain, "--weights", nv + ":s"}, {nv, "choose nvfp4 with --format"}});
  box.output({"array", "--acts", plain, "--weights", nv + ":s", "--format", "nvfp4"});
}

TEST_CASE("Default buffers grow to hold what the layers need", "[cli][array-cli]") {
  const Sandbox box;
  const auto buffers = [&](Args args) {
    args.insert(args.begin(), {"array", "--timing-only", "--json", box / "o.json"});
    box.output(args);
    const Json config = read_json(box / "o.json")["config"];
    return std::vector<std::uint64_t>{config["acts-buffer"], config["weights-buffer"],
                                      config["output-buffer"]};
  };
  using Sizes = std::vector<std::uint64_t>;
  constexpr std::uint64_t kMega = 1 << 20;
  CHECK(buffers({"--gemm", "512,768,768"}) == Sizes{kMega, kMega, 65536});
  // A tile of 256 x 256 results; two panels of 128 rows of 28672 / 16 blocks of 9 bytes.
  CHECK(buffers({"--gemm", "256,256,64", "--rows", "256", "--cols", "256"}) == Sizes{kMega, kMega, 262144});
  CHECK(buffers({"--gemm", "1,32000,28672", "--rows", "128", "--cols", "128"}) ==
        Sizes{kMega, 4 * kMega, 65536});
  // One system for all layers, and what was chosen stays.
  put(box / "t.csv", "a, 8, 8, 16\nb, 8, 1, 2000000\nc, 1, 8, 16\n");
  CHECK(buffers({"--topology", box / "t.csv", "--weights-buffer", "3M"}) ==
        Sizes{32 * kMega, 3 * kMega, 65536});
  put(box / "c.json", "{\"acts-buffer\": \"1M\"}");
  check_refused(box, {{"array", "--topology", box / "t.csv", "--config", box / "c.json"},
                      {"t.csv: line 2", "--acts-buffer 18000000"}});
  CHECK(buffers({"--gemm", "1,32000,28672", "--rows", "128", "--cols", "128", "--ideal-memory"}) ==
        Sizes{kMega, kMega, 65536});
}

TEST_CASE("if4 array: every engine gives the same report", "[cli][array-cli]") {
  const Sandbox box;
  write_tensors(box / "in.safetensors");
  const std::string a = box / "in.safetensors:a", w = box / "in.safetensors:w";
  std::map<std::string, Json> reports;
  for (const std::string engine : {"fast", "systemc-model", "systemc-grid", "systemc-rtl"}) {
    const std::string json = box / (engine + ".json");
    const std::string text =
        box.output({"array", "--acts", a, "--weights", w, "--engine", engine, "--json", json});
    INFO(text);
    CHECK(text.find("PASS") != std::string::npos);
    CHECK(text.find("0 of 400 results") != std::string::npos);
    Json report = read_json(json);
    CHECK(report["passed"] == true);
    report["layers"][0].erase("simulation_seconds");
    reports[engine] = report;
  }
  // 3 x 3 tiles of 3 beats, fewer than the 8 cycles that results of a tile take to leave.
  const Json& layer = reports["fast"]["layers"][0];
  CHECK(layer["tiles"] == 9);
  CHECK(layer["beat_cycles"] == 27);
  CHECK(layer["interval_cycles"] > 0);
  CHECK(layer["macs"] == 20 * 20 * 40);
  for (const auto& [engine, report] : reports) {
    INFO(engine);
    CHECK(report["layers"] == reports["fast"]["layers"]);
    CHECK(report["total"] == reports["fast"]["total"]);
  }
}

TEST_CASE("if4 array: files of a run of several layers", "[cli][array-cli]") {
  const Sandbox box;
  put(box / "net.csv",
      "\xEF\xBB\xBFLayer, M, N, K, count,\n\"odd, 20, 30, 70, 1,\n# again\nwide, 4, 100, 33, 3,\r\n");
  const std::string config = box / "c.json";
  put(config, R"({"rows": 3, "columns": 64, "format": "nvfp4", "overlap": false, "dram-bandwidth": 7.5})");
  const std::string csv = box / "o.csv", json = box / "o.json", trace = box / "o.trace", svg = box / "o.svg";
  const Args args = {"array",     "--topology", box / "net.csv", "--config", config,
                     "--columns", "5",          "--csv",         csv,        "--json",
                     json,        "--trace",    trace,           "--svg",    svg};
  const std::string text = box.output(args);
  CHECK(text.find("PASS") != std::string::npos);
  CHECK(text.find("3 x 5 cells") != std::string::npos);  // the command line wins over the file
  CHECK(text.find("nvfp4") != std::string::npos);

  const Json report = read_json(json);
  CHECK(report["config"]["dram-bandwidth"] == 7.5);
  CHECK(report["layers"].size() == 2);
  const std::uint64_t first = report["layers"][0]["cycles"], second = report["layers"][1]["cycles"];
  CHECK(report["total"]["cycles"] == first + 3 * second);
  CHECK(report["total"]["macs"] == 20 * 30 * 70 + 3 * 4 * 100 * 33);
  std::uint64_t sum = 0;
  for (const char* part : {"beat_cycles", "fill_drain_cycles", "interval_cycles", "activation_wait_cycles",
                           "weight_wait_cycles", "output_wait_cycles", "bank_cycles"}) {
    sum += report["total"][part].get<std::uint64_t>();
  }
  CHECK(sum == report["total"]["cycles"]);

  std::istringstream lines(get(csv));
  std::string header, line;
  std::getline(lines, header);
  const auto fields = [](const std::string& row) { return std::count(row.begin(), row.end(), ','); };
  std::getline(lines, line);
  CHECK(line.rfind("\"\"\"odd\",20,30,70,1,", 0) == 0);
  CHECK(fields(line) == fields(header) + 1);
  std::getline(lines, line);
  CHECK(line.rfind("wide,4,100,33,3,", 0) == 0);
  CHECK(line.find("," + std::to_string(second) + ",") != std::string::npos);
  CHECK(fields(line) == fields(header) + 1);
  std::getline(lines, line);
  CHECK(line.rfind("total,,,,4,81600,", 0) == 0);
  CHECK(line.find("," + std::to_string(first + 3 * second) + ",") != std::string::npos);
  const std::string end = ",net,fast,\"random, seed 1\",3,5,16,nvfp4,0,false,0,1000.0,false,mn,false,";
  CHECK(line.find(end) != std::string::npos);
  CHECK(header.find(
            ",network,engine,operands,rows,columns,lanes,format,acc_width,shared_output,depth,clock,") !=
        std::string::npos);
  CHECK(fields(line) == fields(header) + 1);  // the comma of the operands
  CHECK(!std::getline(lines, line));

  const TracedTiles tiles = check_trace(read_json(trace), first + 3 * second);
  CHECK(tiles.count == 7 * 6 + 2 * 20);
  CHECK(tiles.beats == 7 * 6 * 5 + 2 * 20 * 3);
  const std::string picture = get(svg);
  CHECK(picture.rfind("<svg ", 0) == 0);
  CHECK(picture.find("wide") != std::string::npos);
  CHECK(picture.find("nan") == std::string::npos);
  CHECK(picture.find("inf") == std::string::npos);

  // Long names are cut between characters.
  std::string name = "x";
  for (int i = 0; i < 40; ++i) name += "\xC3\xA9";
  put(box / "long.csv", name + ", 8, 8, 16\n");
  const std::string table = box.output({"array", "--topology", box / "long.csv", "--svg", svg});
  CHECK_NOTHROW(Json(table).dump());
  CHECK_NOTHROW(Json(get(svg)).dump());

  const std::string timing = box.output({"array", "--topology", box / "net.csv", "--config", config,
                                         "--columns", "5", "--timing-only", "--json", json});
  CHECK(timing.find("timing only") != std::string::npos);
  CHECK(read_json(json)["total"] == report["total"]);
}

TEST_CASE("if4 array: the waveform of the Verilated array", "[cli][array-cli]") {
  const Sandbox box;
  const std::string wave = box / "a.fst";
  box.output({"array", "--gemm", "8,8,64", "--engine", "systemc-rtl", "--wave", wave});
  CHECK(std::filesystem::file_size(wave) > 1000);
  const std::string shorter = box / "b.fst";
  box.output(
      {"array", "--gemm", "8,8,64", "--engine", "systemc-rtl", "--wave", shorter, "--wave-cycles", "2"});
  CHECK(std::filesystem::file_size(shorter) < std::filesystem::file_size(wave));
}

TEST_CASE("A waveform that is not whole does not appear", "[cli][array-cli]") {
  const Sandbox box;
  const std::string wave = box / "a.fst";
  box.output({"array", "--gemm", "8,8,64", "--engine", "systemc-rtl", "--wave", wave});
  const std::string whole = get(wave);
  put(wave, "old");
  for (const std::size_t cut : {std::size_t{0}, std::size_t{4}, std::size_t{400}, whole.size() - 1}) {
    if4::WaveFile file(wave);
    put(file.temporary(), whole.substr(0, cut));
    CHECK_THROWS_AS(file.commit(), if4::InputError);
  }
  CHECK(box.names() == std::set<std::string>{wave});
  CHECK(get(wave) == "old");
  if4::WaveFile file(wave);
  put(file.temporary(), whole);
  file.commit();
  CHECK(get(wave) == whole);
}

TEST_CASE("An interrupted run of the array leaves nothing behind", "[cli][array-cli]") {
  const Sandbox box;
  const int signal = GENERATE(SIGINT, SIGTERM, SIGHUP);
  // Tens of seconds each, if nothing ended it: a loaded machine may let this test wait between two looks.
  check_interrupted(box,
                    {"array", "--gemm", "400,400,32000", "--engine", "systemc-rtl", "--wave", box / "w.fst",
                     "--wave-cycles", "100"},
                    signal);
  check_interrupted(
      box, {"array", "--gemm", "1200,1200,32000", "--engine", "systemc-model", "--trace", box / "t"}, signal);
  check_interrupted(box, {"array", "--gemm", "8000,8000,32768", "--json", box / "j", "--threads", "3"},
                    signal);
}
