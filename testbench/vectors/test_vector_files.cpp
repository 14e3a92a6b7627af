// Vector files of version 2, as text and for $readmemh: what is written is read, and what is malformed is refused.
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/kit/dot_products.hpp"
#include "model/kit/memh.hpp"
#include "model/kit/plan.hpp"
#include "model/kit/vectors.hpp"
#include "testbench/support/file_testing.hpp"

namespace {

using namespace if4;
using if4::testing::get;
using if4::testing::TempDir;
namespace fs = std::filesystem;

const std::string kHeader =
    "# if4 vectors 2\n# format: if4\n# lanes: 16\n# accumulator: 64\n# rounding: exact\n";
const std::string kBeat = "B 0 E8 41 E97F359DB46F0B73 636DA0FB66B74D6B\n";
const std::string kLast = "B 1 94 65 C7EDCA3F62B4AD37 57A50C679C7F4770\n";
const std::string kResult = "R C802A96C 0 0\n";

std::vector<VectorLine> read_lines(const std::string& text, VectorHeader* header = nullptr) {
  std::istringstream in(text);
  VectorReader reader(in, "v.txt");
  std::vector<VectorLine> lines;
  while (const auto line = reader.next()) lines.push_back(*line);
  if (header != nullptr) *header = reader.header().value();
  return lines;
}

std::string error_of(const std::string& text) {
  try {
    read_lines(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

std::string text_of(const VectorHeader& header, const std::vector<VectorLine>& lines) {
  std::string text = header_text(header);
  std::uint64_t results = 0;
  for (const VectorLine& line : lines) {
    text += line_text(header.mac, line);
    results += std::holds_alternative<ResultLine>(line);
  }
  return text + end_text(results);
}

std::vector<VectorLine> plan_lines(const MacConfig& config) {
  std::vector<VectorLine> lines;
  write_plan(config, 1, [&](const VectorLine& line) { lines.push_back(line); });
  return lines;
}

}  // namespace

TEST_CASE("the plan of every unit is read as it was written", "[vectors][long]") {
  for (int number = 0; number < kMacFormatCount; ++number) {
    for (const int lanes : {16, 32, 64}) {
      const VectorHeader header{
          {static_cast<Format>(number), lanes, 0}, ResultOrder::kExact, 7, "if4 1.2 (abc)"};
      INFO(format_name(header.mac.format) << " " << lanes);
      const std::vector<VectorLine> lines = plan_lines(header.mac);
      const std::string text = text_of(header, lines);
      VectorHeader read;
      const std::vector<VectorLine> again = read_lines(text, &read);
      CHECK(read.mac.format == header.mac.format);
      CHECK(read.mac.lanes == lanes);
      CHECK(read.mac.acc_width == acc_width(header.mac));
      CHECK(read.rounding == ResultOrder::kExact);
      CHECK(read.seed == 7);
      CHECK(read.generator == "if4 1.2 (abc)");
      CHECK(again.size() == lines.size());
      CHECK((text_of(read, again) == text));
    }
  }
}

TEST_CASE("a file says that its results are scaled, and none that says nothing has such", "[vectors]") {
  const VectorHeader header{{Format::kIF3, 16, 0, true}, ResultOrder::kExact, 7, "if4 1.2 (abc)"};
  CHECK(header_text(header).find("\n# scaled: 1\n") != std::string::npos);
  CHECK(header_text({{Format::kIF3}, ResultOrder::kExact, 7, ""}).find("scaled") == std::string::npos);
  const std::string lines = kBeat + kLast + kResult + "E 1\n";
  const auto scaled = [&](const std::string& line) {
    VectorHeader read;
    read_lines(kHeader + line + lines, &read);
    return read.mac.scaled;
  };
  CHECK(scaled("# scaled: 1\n"));
  CHECK_FALSE(scaled("# scaled: 0\n"));
  CHECK_FALSE(scaled(""));
  CHECK(error_of(kHeader + "# scaled: 2\n" + lines) ==
        "v.txt:6: scaled is '2', not a whole number from 0 to 1");
  CHECK(error_of(kHeader + "# scaled: yes\n" + lines).rfind("v.txt:6: scaled is 'yes'", 0) == 0);
  CHECK(error_of(kHeader + "# scaled: 1\n# scaled: 1\n" + lines) == "v.txt:7: 'scaled' for the second time");
  CHECK(error_of(kHeader + lines.substr(0, kBeat.size()) + "# scaled: 1\n") ==
        "v.txt:7: 'scaled' belongs above the first testpoint and the first beat");
  std::string lane = kHeader;
  lane.replace(lane.find("exact"), 5, "lane-fp32");
  CHECK(error_of(lane + "# scaled: 1\n" + lines) ==
        "v.txt:7: results are scaled, and lane-fp32 has none that are");
}

TEST_CASE("a file of version 2 in the words of its description", "[vectors]") {
  const std::string text = kHeader + "# testpoint: ties.int_float\n" + kBeat + kLast + kResult +
                           "S 60 0\nX edge 3\nX between 255\nW 16\nH 8\nI 65535\n" + kBeat + "X edge 0\n" +
                           kLast + "R 7FC00000 0 1\nE 2\n";
  VectorHeader header;
  const std::vector<VectorLine> lines = read_lines(text, &header);
  CHECK(header.seed == 0);
  REQUIRE(lines.size() == 14);
  CHECK(std::get<TestpointLine>(lines[0]).name == "ties.int_float");
  const auto& beat = std::get<BeatLine>(lines[1]);
  CHECK_FALSE(beat.last);
  REQUIRE(beat.blocks.size() == 1);
  CHECK(beat.blocks[0].first == Block{0xE97F359DB46F0B73, 0xE8});
  CHECK(beat.blocks[0].second == Block{0x636DA0FB66B74D6B, 0x41});
  CHECK(std::get<BeatLine>(lines[2]).last);
  CHECK(std::get<ResultLine>(lines[3]).result == MacResult{0xC802A96C, false, false});
  CHECK(std::get<StallLine>(lines[4]).input == 60);
  CHECK(std::get<StallLine>(lines[4]).output == 0);
  CHECK_FALSE(std::get<ResetLine>(lines[5]).between_edges);
  CHECK(std::get<ResetLine>(lines[5]).clocks == 3);
  CHECK(std::get<ResetLine>(lines[6]).between_edges);
  CHECK(std::get<WaitLine>(lines[7]).clocks == 16);
  CHECK(std::get<HoldLine>(lines[8]).clocks == 8);
  CHECK(std::get<IdleLine>(lines[9]).clocks == 65535);
  CHECK(std::get<ResultLine>(lines[13]).result == MacResult{kResultNaN, false, true});

  // Dot product by dot product, without the beat that a reset drops.
  std::istringstream in(text);
  DotProductReader dot_products(in, "v.txt");
  CHECK(dot_products.next().value().beats.size() == 2);
  CHECK(dot_products.next().value().beats.size() == 1);
  CHECK_FALSE(dot_products.next().has_value());

  // Block 0 is rightmost in the ports of a wider unit.
  const std::string wide =
      "# if4 vectors 2\r\n#lanes: 32\n# note\n\n# rounding: exact\n# accumulator: 60\n# format: if3\n"
      " b 1 0x0102 0304 000000000001000000000002 0X000000000003000000000004 \nr 00000000 0 0\ne 1\n";
  const std::vector<VectorLine> loose = read_lines(wide, &header);
  const BlockPairs& blocks = std::get<BeatLine>(loose.at(0)).blocks;
  REQUIRE(blocks.size() == 2);
  CHECK(blocks[0].first == Block{2, 2});
  CHECK(blocks[0].second == Block{4, 4});
  CHECK(blocks[1].first == Block{1, 1});
  CHECK(blocks[1].second == Block{3, 3});
}

TEST_CASE("a file that is cut off anywhere is refused", "[vectors]") {
  const std::string text =
      text_of({{}, ResultOrder::kExact, 1, "x"},
              {TestpointLine{"a.b"}, StallLine{1, 2}, BeatLine{{{}}, false}, BeatLine{{{}}, true},
               ResultLine{}, WaitLine{12}, BeatLine{{{}}, true}, ResultLine{}}) +
      "";
  CHECK(read_lines(text).size() == 8);
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {  // the end of the last line may be missing
    INFO(text.substr(0, size));
    CHECK(error_of(text.substr(0, size)).rfind("v.txt:", 0) == 0);
  }
  CHECK(error_of(kHeader + kLast + kResult) ==
        "v.txt:7: the file ends without its last line, E and the number of results");
  CHECK(error_of(kHeader) == "v.txt:5: the file ends without its last line, E and the number of results");
  CHECK(error_of(kHeader + kLast) == "v.txt:6: the file ends before the result of the beats above");
}

namespace {

const std::string kGood = kLast + kResult;

/// The header with something in place of a part of it.
std::string header(const std::string& from, const std::string& to) {
  std::string text = kHeader;
  return text.replace(text.find(from), from.size(), to);
}

const struct {
  std::string text;
  const char* error;
} kMalformed[] = {
    // The version.
    {header("2", "3") + kGood,
     "v.txt:1: version 3 of vector files, and this program reads version 2 and the published script's "
     "lines"},
    {header("2", "1") + kGood,
     "v.txt:1: version 1 of vector files, and this program reads version 2 and the published script's "
     "lines"},
    {header("2", "two") + kGood, "v.txt:1: the version is 'two', not a whole number"},
    {header("2", "2 draft") + kGood, "v.txt:1: the version is '2', not a whole number"},
    {header("2", "2.1") + kGood, "v.txt:1: the version is '2.1', not a whole number"},
    {"# format: if4\n# if4 vectors 2\n" + kGood,
     "v.txt:2: the version of the file belongs above all other lines"},
    {kHeader + "# if4 vectors 2\n" + kGood, "v.txt:6: the version of the file belongs above all other lines"},
    {header("# if4 vectors 2\n", "") + kGood,
     "v.txt:5: a beat of version 2, and no line '# if4 vectors 2' at the top"},
    // The header.
    {header("if4\n", "fp8\n") + kGood, "v.txt:2: unknown format 'fp8'"},
    {header("if4\n", "mxfp4\n") + kGood, "v.txt:2: unknown format 'mxfp4'"},
    {header("# format: if4\n", "") + kGood, "v.txt:5: no line '# format: ...' above"},
    {header("# lanes: 16\n", "") + kGood, "v.txt:5: no line '# lanes: ...' above"},
    {header("# accumulator: 64\n", "") + "# testpoint: a\n", "v.txt:5: no line '# accumulator: ...' above"},
    {header("# rounding: exact\n", "") + "E 0\n", "v.txt:5: no line '# rounding: ...' above"},
    {header("lanes: 16", "lanes: 48") + kGood, "v.txt:3: lanes is '48', not 16, 32 or 64"},
    {header("64", "121") + kGood, "v.txt:4: accumulator is '121', not a whole number from 0 to 120"},
    {header("64", "53") + kGood,
     "v.txt:6: an accumulator of 53 bits cannot hold one beat of if4 with 16 lanes, which has 54"},
    {header("exact", "truncate") + kGood, "v.txt:5: rounding is 'truncate', not exact or lane-fp32"},
    {header("16\n", "16\n# lanes: 16\n") + kGood, "v.txt:4: 'lanes' for the second time"},
    {header("16", "16 32") + kGood, "v.txt:3: one value of 'lanes' expected"},
    {header("16\n", "16\n# seed: -1\n") + kGood, "v.txt:4: seed is '-1', not a whole number"},
    {kHeader + kGood + "# lanes: 16\nE 1\n",
     "v.txt:8: 'lanes' belongs above the first testpoint and the first beat"},
    {kHeader + "# testpoint: a\n# seed: 1\n",
     "v.txt:7: 'seed' belongs above the first testpoint and the first beat"},
    {kHeader + "# testpoint: Ties\n",
     "v.txt:6: the name of a testpoint is 1 to 64 characters of a-z, 0-9, '_' and '.'"},
    {kHeader + "# testpoint: " + std::string(65, 'a') + "\n",
     "v.txt:6: the name of a testpoint is 1 to 64 characters of a-z, 0-9, '_' and '.'"},
    {kHeader + kBeat + "# testpoint: a\n", "v.txt:7: a testpoint inside a dot product"},
    // Lines of another format, of another width, and of the published script.
    {header("if4\n", "if3\n") + kGood, "v.txt:6: a_codes is 'C7EDCA3F62B4AD37', not 12 hexadecimal digits"},
    {header("if4\n", "if6_e2m3\n").replace(0, 0, ""),
     "v.txt:5: the file ends without its last line, E and the number of results"},
    {header("lanes: 16", "lanes: 32") + kGood, "v.txt:6: a_scale is '94', not 4 hexadecimal digits"},
    {kHeader + "1 38 B9 0123456789ABCDEF FEDCBA9876543210\n",
     "v.txt:6: '1' is none of B, R, S, X, W, H, I and E"},
    // Beats and results.
    {kHeader + "B 2 94 65 C7EDCA3F62B4AD37 57A50C679C7F4770\n", "v.txt:6: 'last' is '2', not 0 or 1"},
    {kHeader + "B 1 94 65 C7EDCA3F62B4AD37\n", "v.txt:6: 'B last a_scale w_scale a_codes w_codes' expected"},
    {kHeader + "B 1 94 6G C7EDCA3F62B4AD37 57A50C679C7F4770\n",
     "v.txt:6: w_scale is '6G', not 2 hexadecimal digits"},
    {kHeader + "B 1 94 65 C7EDCA3F62B4AD37 57A50C679C7F47701\n",
     "v.txt:6: w_codes is '57A50C679C7F47701', not 16 hexadecimal digits"},
    {kHeader + kBeat + kResult, "v.txt:7: a result where the beat above is not the last of its dot product"},
    {kHeader + kResult, "v.txt:6: a result without a beat before it"},
    {kHeader + kGood + kResult, "v.txt:8: a result without a beat before it"},
    {kHeader + kLast + kLast, "v.txt:7: no result of the beat above, which is the last of its dot product"},
    {kHeader + kLast + "X edge 1\n",
     "v.txt:7: no result of the beat above, which is the last of its dot product"},
    {kHeader + kLast + "W 1\n", "v.txt:7: no result of the beat above, which is the last of its dot product"},
    {kHeader + kLast + "R C802A96C\n", "v.txt:7: 'R result nan overflow' expected"},
    {kHeader + kLast + "R C802A96 0 0\n", "v.txt:7: the result is 'C802A96', not 8 hexadecimal digits"},
    {kHeader + kLast + "R C802A96C 0 2\n", "v.txt:7: a flag is '2', not 0 or 1"},
    {kHeader + kLast + "R 7FC00000 1 1\n", "v.txt:7: both flags are set, and a unit sets one at most"},
    {kHeader + kLast + "R C802A96C 1 0\n", "v.txt:7: a flag is set, and the result is not the NaN 7FC00000"},
    {kHeader + kLast + "R 7FC00000 0 0\n", "v.txt:7: the result is the NaN 7FC00000, and no flag is set"},
    {header("exact", "lane-fp32") + kLast + "R 7FC00000 1 0\n",
     "v.txt:7: a flag is set, and lane-fp32 has none"},
    // What is between them.
    {kHeader + "S 256 0\n", "v.txt:6: input is '256', not a whole number from 0 to 255"},
    {kHeader + "S 0 -1\n", "v.txt:6: output is '-1', not a whole number from 0 to 255"},
    {kHeader + "S 0\n", "v.txt:6: 'S input output' expected"},
    {kHeader + "X both 1\n", "v.txt:6: X is 'both', not edge or between"},
    {kHeader + "X edge 256\n", "v.txt:6: the number of clocks is '256', not a whole number from 0 to 255"},
    {kHeader + "X 3\n", "v.txt:6: 'X edge|between clocks' expected"},
    {kHeader + "W 65536\n", "v.txt:6: the number of clocks is '65536', not a whole number from 0 to 65535"},
    {kHeader + "H 0x10\n", "v.txt:6: the number of clocks is '0x10', not a whole number from 0 to 65535"},
    {kHeader + "I\n", "v.txt:6: 'I clocks' expected"},
    {kHeader + "Q 1\n", "v.txt:6: 'Q' is none of B, R, S, X, W, H, I and E"},
    {kHeader + "BB 1\n", "v.txt:6: 'BB' is none of B, R, S, X, W, H, I and E"},
    // The end.
    {kHeader + "E 0\n", "v.txt:6: the file has no dot product"},
    {kHeader + kGood + "E 2\n", "v.txt:8: the end is of '2' results, and there are 1 above"},
    {kHeader + kGood + "E 1x\n", "v.txt:8: the end is of '1x' results, and there are 1 above"},
    {kHeader + kGood + kBeat + "E 1\n", "v.txt:9: the end before the result of the beats above"},
    {kHeader + kGood + "E 1\nW 1\n", "v.txt:9: a line after the end"},
    {kHeader + kGood + "E 1\n# testpoint: a\n", "v.txt:9: a line after the end"},
};

}  // namespace

TEST_CASE("malformed files of version 2 are refused with the place", "[vectors]") {
  for (const auto& c : kMalformed) {
    CAPTURE(c.text);
    CHECK(error_of(c.text) == c.error);
  }
  CHECK(error_of(kHeader + kGood + "E 1\n\n# the end\n") == "");
}

namespace {

/// What the files of a folder must be.
struct Memh {
  std::string stimulus, expected, points;
  std::size_t stimuli = 1, results = 0, names = 0;
};

/// An argument has so many digits.
Memh memh_of(const MacConfig& mac, const std::vector<VectorLine>& lines, std::size_t digits) {
  Memh files;
  std::string point;
  const auto add = [&](const std::string& op, const std::string& arg) {
    files.stimulus += op + point + arg + "\n";
    ++files.stimuli;
  };
  const auto arg = [digits](unsigned long value) { return hex_text(value, digits); };
  for (const VectorLine& line : lines) {
    if (const auto* testpoint = std::get_if<TestpointLine>(&line)) {
      std::string name;
      for (const char c : testpoint->name) name += hex_text(static_cast<unsigned char>(c), 2);
      files.points += std::string(128 - name.size(), '0') + name + "\n";
      point = hex_text(files.names++, 4);
    } else if (const auto* result = std::get_if<ResultLine>(&line)) {
      const char* flags = result->result.overflow ? "0002" : result->result.nan ? "0001" : "0000";
      files.expected += point + flags + hex_text(result->result.bits, 8) + "\n";
      ++files.results;
    } else if (const auto* beat = std::get_if<BeatLine>(&line)) {
      const PortTexts ports = port_texts(mac, beat->blocks);
      add(beat->last ? "03" : "01", ports.w_codes + ports.a_codes + ports.w_scale + ports.a_scale);
    } else if (const auto* stalls = std::get_if<StallLine>(&line)) {
      add("10", arg(stalls->output * 256 + stalls->input));
    } else if (const auto* reset = std::get_if<ResetLine>(&line)) {
      add("20", arg(files.results * 65536 + reset->clocks * 256 + (reset->between_edges ? 1 : 0)));
    } else if (const auto* wait = std::get_if<WaitLine>(&line)) {
      add("30", arg(files.results * 65536 + wait->clocks));
    } else if (const auto* hold = std::get_if<HoldLine>(&line)) {
      add("40", arg(hold->clocks));
    } else {
      add("50", arg(std::get<IdleLine>(line).clocks));
    }
  }
  files.stimulus += "FF" + point + arg(0) + "\n";
  return files;
}

}  // namespace

TEST_CASE("files for $readmemh say what the lines say", "[vectors]") {
  const TempDir dir;
  for (const auto& [format, lanes, digits] :
       {std::tuple(Format::kIF3, 16, 28), {Format::kIF4, 32, 72}, {Format::kIF6E2M3, 64, 208}}) {
    const VectorHeader header{{format, lanes, 0}, ResultOrder::kExact, 3, "if4 test"};
    const std::string name(format_name(format)), folder = dir / name;
    const std::vector<VectorLine> lines = plan_lines(header.mac);
    MemhWriter writer(folder, header);
    for (const VectorLine& line : lines) writer.write(line);
    CHECK_FALSE(fs::exists(folder));
    writer.commit();

    const Memh files = memh_of(header.mac, lines, static_cast<std::size_t>(digits));
    CHECK((get(folder + "/stimulus.memh") == files.stimulus));
    CHECK((get(folder + "/expected.memh") == files.expected));
    CHECK((get(folder + "/points.memh") == files.points));
    const std::string config = get(folder + "/if4_kit_config.svh");
    const auto defines = [&](const std::string& macro, std::size_t value) {
      return config.find("`define IF4_KIT_" + macro + " " + std::to_string(value) + "\n") !=
             std::string::npos;
    };
    CHECK(defines("CODE_BITS", static_cast<std::size_t>(traits(format).code_bits)));
    CHECK(defines("LANES", static_cast<std::size_t>(lanes)));
    CHECK(defines("STIMULI", files.stimuli));
    CHECK(defines("RESULTS", files.results));
    CHECK(defines("POINTS", files.names));

    using Json = nlohmann::json;
    Json index = Json::parse(get(folder + "/index.json"));
    CHECK(index["testpoints"].size() == files.names);
    CHECK(index["testpoints"][1] == Json({{"id", 1}, {"name", "codes.int_float"}}));
    for (const auto& file : index["files"]) CHECK(fs::exists(folder + "/" + file.get<std::string>()));
    CHECK(std::distance(fs::directory_iterator(folder), fs::directory_iterator()) ==
          static_cast<std::ptrdiff_t>(index["files"].size() + 1));
    index.erase("files");
    index.erase("testpoints");
    CHECK(index ==
          Json({{"version", 2},
                {"generator", "if4 test"},
                {"format", name},
                {"lanes", lanes},
                {"code_bits", traits(format).code_bits},
                {"accumulator", acc_width(header.mac)},
                {"rounding", "exact"},
                {"seed", 3},
                {"counts",
                 {{"stimuli", files.stimuli}, {"results", files.results}, {"points", files.names}}}}));
  }
}

TEST_CASE("a folder for $readmemh is new, and complete or not there", "[vectors]") {
  const TempDir dir;
  fs::create_directory(dir / "taken");
  testing::put(dir / "taken/file", "");
  CHECK(testing::error_of(dir / "taken", [&] {
          MemhWriter(dir / "taken", VectorHeader{});
        }).find("not empty") != std::string::npos);
  { MemhWriter unfinished(dir / "new", VectorHeader{}); }
  CHECK(dir.entries() == 1);
}
