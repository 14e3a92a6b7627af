// The program if4 as a user runs it: exit codes, one line on stderr for bad input and nothing left behind,
// and what its subcommands make of each other's files.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "model/files/safetensors.hpp"
#include "model/files/tensor_file.hpp"
#include "model/quantize/quantizer.hpp"
#include "testbench/support/file_testing.hpp"
#include "testbench/support/program_testing.hpp"
#include "testbench/support/tensor_testing.hpp"

namespace {

using namespace if4::testing;
using Json = nlohmann::json;

if4::TensorBytes bytes(const std::string& name, const if4::Tensor& tensor) {
  return {name, if4::DType::kF32, tensor.shape, tensor.values.data(), tensor.values.size() * sizeof(float)};
}

/// in.safetensors: a [4, 40], b [3, 40], short [3, 32], nan [2, 16] with value 17 NaN, ints I32 [4].
void write_input(const Sandbox& box) {
  const if4::Tensor a = two_kinds_of_blocks(4, 40, 1), b = two_kinds_of_blocks(3, 40, 2),
                    few = two_kinds_of_blocks(3, 32, 3);
  if4::Tensor nan = two_kinds_of_blocks(2, 16, 4);
  nan.values[17] = std::nanf("");
  const std::vector<std::int32_t> ints{1, 2, 3, 4};
  const if4::TensorBytes integers{"ints", if4::DType::kI32, {4}, ints.data(), 16};
  if4::write_safetensors(box / "in.safetensors",
                         {bytes("a", a), bytes("b", b), bytes("short", few), bytes("nan", nan), integers},
                         {});
}

/// A safetensors file with that header and `data` zero bytes. `length`: what it says of its header.
std::string file_with(const std::string& header, std::size_t data, std::uint64_t length) {
  std::string text;
  for (int i = 0; i < 8; ++i) text += static_cast<char>(length >> (8 * i) & 0xFFU);
  return text + header + std::string(data, '\0');
}

/// The words of lower-case letters that follow `mark` in the text.
std::set<std::string> words_after(const std::string& text, const std::string& mark) {
  std::set<std::string> words;
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const std::size_t begin = at + mark.size();
    const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz", begin);
    if (end != begin) words.insert(text.substr(begin, end - begin));
  }
  return words;
}

/// A co-simulation's report without names and times.
Json counts_only(Json json) {
  for (const char* key : {"activations", "weights", "seconds", "checked_beats_per_second", "relative_error",
                          "relative_error_nvfp4"}) {
    json.erase(key);
  }
  return json;
}

}  // namespace

TEST_CASE("the command line refuses what it does not know", "[cli]") {
  const Sandbox box;
  write_input(box);
  const std::string in = box / "in.safetensors", out = box / "out.safetensors";
  const std::string a = in + ":a", b = in + ":b";
  const BadInput table[] = {
      {{}, {"subcommand"}},
      {{"multiply"}, {"'multiply' is not a command"}},
      {{"quantize", in, "-o", out, "--fast"}, {"--fast"}},
      {{"quantize", in}, {"--output"}},
      {{"quantize", a, "-o", out, "--format", "fp8"}, {"--format", "fp8"}},
      {{"quantize", a, "-o", out, "--rule", "best"}, {"--rule", "best"}},
      {{"quantize", a, "-o", out, "--scale-layout", "square"}, {"--scale-layout", "square", "linear|tiled"}},
      {{"quantize", a, "-o", out, "--threads", "1025"}, {"--threads", "1025"}},
      {{"cosim", "--acts", a}, {"--weights"}},
      {{"cosim", "--acts", a, "--weights", b, "--stall-in", "100"}, {"--stall-in"}},
      {{"cosim", "--acts", a, "--weights", b, "--stall-out", "-1"}, {"--stall-out"}},
      {{"cosim", "--acts", a, "--weights", b, "--stall-out", "some"}, {"--stall-out"}},
      {{"cosim", "--acts", a, "--weights", b, "--wave-cycles", "0"}, {"--wave-cycles"}},
      {{"vectors", "-o", out, "--random", "0"}, {"--random"}},
      {{"vectors", "-o", out, "--beats", "1025"}, {"--beats"}},
      {{"vectors", "-o", out, "--result", "double"}, {"--result", "double"}},
      {{"vectors", "-o", out, "--acts", a}, {"--acts"}},
  };
  for (const BadInput& bad : table) check_refused(box, bad);
}

TEST_CASE("bad files are refused with one line, and nothing is left behind", "[cli]") {
  const Sandbox box;
  write_input(box);
  const std::string in = box / "in.safetensors", out = box / "out.safetensors";
  const std::string whole = get(in);
  put(box / "cut.safetensors", whole.substr(0, whole.size() - 5));
  put(box / "stub.safetensors", "1234");
  put(box / "long.safetensors", file_with("{}", 0, std::uint64_t{1} << 40));
  const std::string lying = R"({"t":{"dtype":"F32","shape":[4,16],"data_offsets":[0,128]}})";
  put(box / "lying.safetensors", file_with(lying, 128, lying.size()));
  put(box / "text.safetensors", file_with("not JSON", 0, 8));
  put(box / "unfinished.txt", "1 38 B8 0123456789ABCDEF FEDCBA9876543210\n");
  put(box / "digits.txt", "# two lines\n1 38 B8 0123 FEDCBA9876543210\nR 00000000\n");
  put(box / "empty.txt", "# nothing\n");
  const std::string a = in + ":a";
  const BadInput table[] = {
      {{"quantize", box / "none.safetensors", "-o", out}, {"none.safetensors"}},
      {{"inspect", box / "none.npy", "--json"}, {"none.npy"}},
      {{"quantize", box.folder(), "-o", out}, {box.folder()}},
      {{"quantize", box / "cut.safetensors", "-o", out}, {"cut.safetensors"}},
      {{"inspect", box / "stub.safetensors"}, {"stub.safetensors"}},
      {{"inspect", box / "long.safetensors"}, {"long.safetensors", "header"}},
      {{"inspect", box / "lying.safetensors"}, {"lying.safetensors", "'t'"}},
      {{"dequantize", box / "text.safetensors", "-o", out}, {"text.safetensors", "header"}},
      {{"quantize", in + ":ints", "-o", out}, {"in.safetensors", "'ints'", "I32"}},
      {{"quantize", in + ":nan", "-o", out}, {"in.safetensors", "'nan'", "value 17 is NaN"}},
      {{"quantize", in, "-o", out}, {"'nan'", "value 17 is NaN"}},
      {{"quantize", in + ":c", "-o", out}, {"in.safetensors", "'c'"}},
      {{"dequantize", a, "-o", out}, {"in.safetensors", "'a'"}},
      {{"cosim", "--acts", a, "--weights", in + ":short"}, {"K is 40 and 32"}},
      {{"cosim", "--acts", a, "--weights", in + ":c", "--json", out}, {"'c'"}},
      {{"cosim", "--acts", in, "--weights", a}, {"in.safetensors", "'a'"}},
      {{"vectors", "-o", out, "--acts", a, "--weights", in + ":short"}, {"K is 40 and 32"}},
      {{"vectors", "-o", out, "--acts", a, "--weights", in + ":nan"}, {"value 17 is NaN"}},
      {{"replay", box / "none.txt"}, {"none.txt"}},
      {{"replay", box / "unfinished.txt"}, {"unfinished.txt:1"}},
      {{"replay", box / "digits.txt"}, {"digits.txt:2", "a_codes"}},
      {{"replay", box / "empty.txt"}, {"empty.txt"}},
      {{"replay", in}, {"in.safetensors"}},
  };
  for (const BadInput& bad : table) check_refused(box, bad);
}

TEST_CASE("outputs that cannot be written", "[cli]") {
  const Sandbox box;
  write_input(box);
  const std::string a = box / "in.safetensors:a", b = box / "in.safetensors:b";
  box.output({"quantize", a, "-o", box / "q.safetensors"});
  const std::string inside_file = box / "in.safetensors/out.safetensors";
  const std::string nowhere = box / "nowhere/out.safetensors";
  for (const std::string& out : {std::string("/dev/full"), inside_file, nowhere, box.folder()}) {
    check_refused(box, {{"quantize", a, "-o", out}, {out}});
    check_refused(box, {{"dequantize", box / "q.safetensors", "-o", out}, {out}});
    check_refused(box, {{"vectors", "-o", out, "--random", "1000"}, {out}});
    check_refused(box, {{"cosim", "--acts", a, "--weights", b, "--json", out}, {out}});
  }
  check_refused(box, {{"cosim", "--acts", a, "--weights", b, "--wave", nowhere}, {nowhere}});
  check_refused(box, {{"cosim", "--acts", a, "--weights", b, "--wave", box.folder()}, {box.folder()}});
}

TEST_CASE("a report that cannot be printed is an error", "[cli]") {
  const Sandbox box;
  const if4::Tensor tensor = two_kinds_of_blocks(1, 16, 1);
  std::vector<if4::TensorBytes> many;  // a report longer than stdio's buffer
  for (int i = 0; i < 200; ++i) many.push_back(bytes("tensor" + std::to_string(i), tensor));
  if4::write_safetensors(box / "many.safetensors", many, {});
  const std::string first = box / "many.safetensors:tensor0";
  const std::string all = box / "many.safetensors";
  const Args table[] = {{"--help"},
                        {"quantize", "--help"},
                        {"inspect", first},
                        {"inspect", all},
                        {"quantize", first, "-o", box / "q.safetensors"},
                        {"cosim", "--acts", first, "--weights", first}};
  for (const Args& args : table) {
    const Run run = box.run(args, "/dev/full");
    INFO(args[0] << ": " << run.err);
    CHECK(run.code == 2);
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
    CHECK(run.err.find("standard output") != std::string::npos);
  }
}

TEST_CASE("help is no error, and names the commands that README.md names", "[cli]") {
  const Sandbox box;
  const std::string help = box.output({"--help"});
  for (const char* said : {"F32, BF16 or F16", "Exit code 0"}) CHECK(help.find(said) != std::string::npos);
  const std::set<std::string> commands = words_after(help.substr(help.find("Subcommands:")), "\n  ");
  CHECK(commands.size() >= 8);

  std::set<std::string> in_readme;
  std::istringstream readme(get("README.md"));
  for (std::string line; std::getline(readme, line);) {
    if (line.rfind("| `if4 ", 0) == 0)
      in_readme.merge(words_after(line.substr(0, line.find('|', 1)), "`if4 "));
  }
  CHECK(in_readme == commands);

  for (const std::string& command : commands) {
    INFO(command);
    const std::string text = box.output({command, "--help"});
    CHECK(text.find("if4 " + command + " [OPTIONS]") != std::string::npos);
    CHECK(text.back() == '\n');
  }
}

TEST_CASE("help lists the names that an option takes, its default first", "[cli]") {
  const Sandbox box;
  const std::string macs = "if4|mixfp4|nvfp4|nvint4|if3|if6_e2m3|if6_e3m2|nvfp6_e2m3|nvfp6_e3m2";
  const std::string all = macs + "|nvint3|nvint6|nvfp3|nvfp4_46|nvfp4_4|mxfp4|mxfp4_4";
  const std::pair<std::string, Args> table[] = {
      {"quantize", {"--format " + all + "\n", "--rule mse|mae|abs_max ", "--scale-layout linear|tiled "}},
      {"compare", {"--rule mse|mae|abs_max "}},
      {"inspect", {"--rule mse|mae|abs_max "}},
      {"cosim", {"--format if4|nvfp4 ", "--rule mse|mae|abs_max ", "; default 2000\n"}},
      {"vectors",
       {"--format " + macs + "\n", "--result exact|lane-fp32 ", "--beats N ", "1 to 1024; default 10\n",
        "--lanes 16|32|64 ", "--acc-width N "}},
      {"replay", {"--result lane-fp32|exact "}},
      {"array",
       {"--format " + macs + "\n", "--engine fast|systemc-model|systemc-grid|systemc-rtl\n", "--order mn|nm ",
        "; default 10000\n", "; default 1048576\n"}},
  };
  for (const auto& [command, parts] : table) {
    const std::string help = box.output({command, "--help"});
    for (const std::string& part : parts) {
      INFO(command << ": " << part << "\n" << help);
      CHECK(help.find(part) != std::string::npos);
    }
  }
}

TEST_CASE("quantize, inspect, dequantize and cosim work on each other's files", "[cli]") {
  const Sandbox box;
  write_input(box);
  const std::string a = box / "in.safetensors:a", b = box / "in.safetensors:b";
  const std::string qa = box / "qa.safetensors", qb = box / "qb.safetensors";
  const bool nvfp4 = GENERATE(false, true);
  const Args choice = nvfp4 ? Args{"--format", "nvfp4"} : Args{"--format", "if4", "--rule", "mae"};
  const if4::QuantizeOptions options{nvfp4 ? if4::Format::kNVFP4 : if4::Format::kIF4, if4::Rule::kMae};
  const auto with_choice = [&choice](Args args) {
    args.insert(args.end(), choice.begin(), choice.end());
    return args;
  };
  box.output(with_choice({"quantize", a, "-o", qa}));
  box.output(with_choice({"quantize", b, "-o", qb}));

  const Json inspected = Json::parse(box.output({"inspect", qa, "--json"}));
  REQUIRE(inspected.size() == 1);
  CHECK(inspected[0]["name"] == "a");
  CHECK(inspected[0]["shape"] == Json({4, 40}));
  CHECK(inspected[0]["format"] == (nvfp4 ? "nvfp4" : "if4"));
  CHECK((inspected[0]["int_share"] == 0.0) == nvfp4);
  CHECK(box.output({"inspect", qa + ":a"}).find("[4, 40]") != std::string::npos);

  box.output({"dequantize", qa, "-o", box / "back.safetensors"});
  const if4::Tensor back = if4::read_tensor({box / "back.safetensors", "a"});
  const if4::Tensor expected = if4::dequantize(if4::quantize(two_kinds_of_blocks(4, 40, 1), options));
  CHECK(back.shape == expected.shape);
  CHECK(back.values == expected.values);

  box.output(with_choice({"cosim", "--acts", a, "--weights", b, "--json", box / "p.json"}));
  const std::string wave = box / "w.fst";
  CHECK(box.output({"cosim", "--acts", qa, "--weights", qb, "--json", box / "q.json", "--wave", wave})
            .find("PASS") == 0);
  CHECK(fs::file_size(wave) > 100);
  const Json plain = Json::parse(get(box / "p.json"));
  CHECK(counts_only(plain) == counts_only(Json::parse(get(box / "q.json"))));
  CHECK(plain["passed"] == true);
  CHECK(plain["results"] == 12);
  CHECK(plain["beats"] == 12 * 3);  // 40 values are two blocks and a half
  CHECK(plain["relative_error"] > 0.0);
  const Json& pairs = plain["pair_beats"];
  int beats = 0;
  for (const char* pair : {"fp_fp", "fp_int", "int_fp", "int_int"}) beats += pairs[pair].get<int>();
  CHECK(beats == 36);
  CHECK((pairs["fp_fp"] == 36) == nvfp4);

  // The products themselves: those of a vector file, which replay checks on the unit.
  for (const char* order : {"exact", "lane-fp32"}) {
    box.output(with_choice({"vectors", "-o", box / "p.txt", "--acts", a, "--weights", b, "--result", order}));
    box.output({"vectors", "-o", box / "q.txt", "--acts", qa, "--weights", qb, "--result", order});
    CHECK(get(box / "p.txt") == get(box / "q.txt"));
    CHECK(box.output({"replay", box / "q.txt"}).find("PASS") == 0);
  }
}

TEST_CASE("stalls change the clocks of a co-simulation and nothing else", "[cli]") {
  const Sandbox box;
  write_input(box);
  const std::string a = box / "in.safetensors:a", b = box / "in.safetensors:b";
  const auto report = [&](const std::string& name, const Args& more) {
    Args args = {"cosim", "--acts", a, "--weights", b, "--json", box / name};
    args.insert(args.end(), more.begin(), more.end());
    box.output(args);
    return counts_only(Json::parse(get(box / name)));
  };
  const Args stalls = {"--stall-in", "40", "--stall-out", "60", "--seed", "7"};
  Json free = report("free.json", {});
  Json stalled = report("stalled.json", stalls);
  CHECK(stalled == report("again.json", stalls));
  CHECK(stalled["beats_per_cycle"] < free["beats_per_cycle"]);
  for (const char* key : {"cycles", "beats_per_cycle", "stalls"}) {
    CHECK(stalled[key] != free[key]);
    free.erase(key);
    stalled.erase(key);
  }
  CHECK(stalled == free);
}
