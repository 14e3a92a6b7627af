// Waveforms: the indices beside the signals, the clocks that they cover, and that GTKWave finds what the save
// files of rtl/waves name.
#include <fmt/format.h>

#include <random>
#include <set>
#include <sstream>
#include <string>

#include "sim/mac/cosim.hpp"
#include "sim/mac/mac_unit.hpp"
#include "testbench/support/mac_testing.hpp"
#include "testbench/support/program_testing.hpp"
#include "testbench/support/rational.hpp"
#include "testbench/support/wave_reader.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

constexpr const char* kActs = "testbench/data/use_lite_attention.safetensors:embedding.weight";
constexpr const char* kWeights =
    "testbench/data/use_lite_attention.safetensors:layers.0.attention.qkv.weight";

// The names of signals in a save file: in lines that begin with none of its marks, behind an alias, or bit by
// bit.
std::set<std::string> named_signals(const std::string& file) {
  std::istringstream lines(get(file));
  std::set<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    REQUIRE_FALSE(line.empty());
    const bool alias = line[0] == '+' || line[0] == '#';
    if (!alias && std::string("[*@-^").find(line[0]) != std::string::npos) continue;
    std::istringstream words(alias ? line.substr(line.find('}') + 1) : line);
    for (std::string word; words >> word;)
      names.insert(word[0] == '(' ? word.substr(word.find(')') + 1) : word);
  }
  return names;
}

void check_save_file(const std::string& name, const std::string& wave) {
  const WaveReader reader(wave);
  const std::set<std::string> names = named_signals("rtl/waves/" + name + ".gtkw");
  CHECK(names.size() > 20);
  CHECK(names.count("index.k[31:0]") == 1);
  for (const std::string& signal : names) {
    INFO("rtl/waves/" << name << ".gtkw names " << signal);
    CHECK(reader.has(signal));
  }
}

}  // namespace

TEST_CASE("every signal that a save file of GTKWave names is in the waveform", "[waves][cli]") {
  const Sandbox box;
  box.output(
      {"cosim", "--acts", kActs, "--weights", kWeights, "--wave", box / "mac.fst", "--wave-cycles", "20"});
  check_save_file("if4_mac", box / "mac.fst");
  box.output({"array", "--gemm", "8,8,32", "--engine", "systemc-rtl", "--wave", box / "array.fst"});
  check_save_file("if4_array", box / "array.fst");
}

TEST_CASE("a waveform says which block a beat is, and which product a result is", "[waves][cli]") {
  const Sandbox box;
  box.output({"cosim", "--acts", kActs, "--weights", kWeights, "--stall-in", "30", "--stall-out", "60",
              "--wave", box / "mac.fst", "--wave-cycles", "3000"});
  const WaveReader wave(box / "mac.fst");
  const auto is = [&](const char* signal, std::uint64_t time) { return wave.value(signal, time) != 0; };
  const auto index = [&](const std::string& name, std::uint64_t time) {
    return wave.value("index." + name + "[31:0]", time);
  };
  std::uint64_t m = 0, n = 0, k = 0, result_m = 0, result_n = 0, results = 0, rows = 0;
  for (std::uint64_t time = 2; time + 1 < wave.last_time(); time += 2) {
    CAPTURE(time);
    if (is("TOP.valid_i", time)) {
      REQUIRE(index("m", time) == m);
      REQUIRE(index("n", time) == n);
      REQUIRE(index("k", time) == k);
      if (is("TOP.ready_o", time)) {
        ++k;
        if (is("TOP.last_i", time)) k = 0, ++n;
        // How many products a row has is known from the next one.
        if (index("m", time + 2) != m) rows = n, n = 0, ++m;
      }
    }
    if (is("TOP.valid_o", time)) {
      REQUIRE(index("result_m", time) == result_m);
      REQUIRE(index("result_n", time) == result_n);
      if (is("TOP.ready_i", time)) ++results, ++result_n;
      if (rows != 0 && result_n == rows) result_n = 0, ++result_m;
    }
  }
  CHECK(results > 10);
}

TEST_CASE("a waveform of the array says which beat of which tile is offered", "[waves][cli]") {
  const Sandbox box;
  box.output({"array", "--gemm", "20,30,64", "--engine", "systemc-rtl", "--wave", box / "array.fst"});
  const WaveReader wave(box / "array.fst");
  const auto index = [&](const std::string& name, std::uint64_t time) {
    return wave.value("index." + name + "[31:0]", time);
  };
  std::set<std::pair<std::uint64_t, std::uint64_t>> tiles;
  std::uint64_t tile = 0, k = 0;
  for (std::uint64_t time = 2; time < wave.last_time(); time += 2) {
    if (wave.value("TOP.valid_i", time) == 0) continue;
    CAPTURE(time);
    REQUIRE(index("tile", time) == tile);
    REQUIRE(index("k", time) == k);
    REQUIRE((wave.value("TOP.last_i", time) != 0) == (k == 3));
    tiles.insert({index("m", time), index("n", time)});
    REQUIRE(tiles.size() == tile + 1);
    if (wave.value("TOP.ready_o", time) != 0 && ++k == 4) k = 0, ++tile;
  }
  CHECK(tile == 3 * 4);
  for (const auto& [m, n] : tiles) {
    CHECK((m % 8 == 0 && m < 20));
    CHECK((n % 8 == 0 && n < 30));
  }
}

TEST_CASE("a waveform covers the clocks that it is asked for", "[waves][cli]") {
  const TempDir folder;
  const auto check = [&](std::uint64_t first, std::uint64_t cycles, std::uint64_t first_time,
                         std::uint64_t last_time) {
    CAPTURE(first, cycles);
    std::uint32_t number = 100;
    {
      MacUnit unit(Wave{folder / "wave.fst", cycles, first, {{"number", &number}}});
      for (; unit.cycles() < 50; ++number) unit.step();
    }
    const WaveReader wave(folder / "wave.fst");
    CHECK(wave.first_time() == first_time);
    CHECK(wave.last_time() == last_time);
    // Clock n is at the times 2n + 2 and 2n + 3, and the number of the clock is 100 + n.
    for (std::uint64_t time = std::max<std::uint64_t>(first_time, 2); time <= last_time; ++time)
      CHECK(wave.value("index.number[31:0]", time) == 100 + time / 2 - 1);
  };
  check(0, 5, 0, 11);
  check(1, 5, 4, 13);
  check(20, 1, 42, 43);
  check(40, 1000, 82, 101);
}

TEST_CASE("the filter of GTKWave shows scales, blocks, sums and results as numbers", "[waves][cli]") {
  const TempDir folder;
  std::string input, expected;
  const auto add = [&](const std::string& value, const std::string& text) {
    input += value + '\n';
    expected += text + '\n';
  };
  const auto number = [](const mpq_class& value) { return fmt::format("{:g}", value.get_d()); };
  const auto scale_text = [&](unsigned scale) {
    const auto byte = static_cast<std::uint8_t>(scale);
    const bool nan = (scale & 0x7F) == 0x7F;
    return (nan ? "?red?" : "") + std::string(scale >= 0x80 ? "INT " : "FP ") +
           (nan ? "NaN" : number(rational::scale_value(byte)));
  };
  std::mt19937_64 random(test_seed() + 81);
  for (unsigned scale = 0; scale < 256; ++scale) {
    add(fmt::format("{:02x}", scale), scale_text(scale));
    const std::uint64_t codes = random();
    std::string text = scale_text(scale) + ":";
    for (int i = 0; i < 16; ++i) {
      const auto code = static_cast<unsigned>(codes >> (4 * i) & 15);
      text += " " + (scale < 0x80 && code == 8 ? "-0" : number(rational::element_value(scale >= 0x80, code)));
    }
    add(fmt::format("{:02X}{:016X}", scale, codes), text);
  }
  add("c46a0000", "-936");
  add("00000000", "0");
  add("7fc00000", "?red?NaN");
  add(fmt::format("{:016x}", std::uint64_t{49 * 3} << 19), "1.5");
  add(fmt::format("{:016x}", 0 - (std::uint64_t{49 * 3} << 19)), "-1.5");
  for (const char* other : {"xx", "3", "", "0000000", "xxxxxxxxxxxxxxxxxx"}) add(other, other);
  put(folder / "in", input);
  REQUIRE(std::system(
              ("rtl/waves/decode.py <'" + (folder / "in") + "' >'" + (folder / "out") + "'").c_str()) == 0);
  CHECK(get(folder / "out") == expected);
}

TEST_CASE("a mismatch names its clock, and the waveform shows the clocks around the first one",
          "[waves][cli]") {
  const TempDir folder;
  // MixFP4 reads the integers of IF4 otherwise, so most dot products of such blocks differ.
  const auto tensor = [](std::size_t rows, std::uint8_t (*scale)(std::size_t)) {
    QuantizedTensor result;
    result.format = Format::kIF4;
    result.shape = {rows, 64};
    result.amax = 1.0F;
    result.codes.assign(rows * 32, 0x22);
    for (std::size_t row = 0; row < rows; ++row)
      for (int block = 0; block < 4; ++block) result.scales.push_back(scale(row));
    return result;
  };
  // Only rows 70 and 90 have integers, 2 * 6/7 in IF4 and 2 in MixFP4.
  const QuantizedTensor acts =
      tensor(100, [](std::size_t row) -> std::uint8_t { return row == 70 || row == 90 ? 0xB8 : 0x38; });
  const QuantizedTensor weights = tensor(2, [](std::size_t) -> std::uint8_t { return 0x38; });
  CosimOptions options;
  options.golden.format = Format::kMixFP4;
  options.wave = {folder / "wave.fst", 80, 0, {}};
  const CosimReport report = cosimulate(acts, weights, options);
  REQUIRE(report.mismatches == 4);
  const CosimMismatch& first = report.first_mismatches.front();
  CHECK(first.m == 70);
  CHECK(first.n == 0);
  // The last of 4 * (140 + 1) beats is taken in the clock before, counted from 0, and 6 clocks are the latency.
  CHECK(first.clock == 4 * 141 - 1 + 6);
  CHECK(report.first_wrong_clock == first.clock);
  CHECK(report.cycles == 4 * 200 + 6);
  const WaveReader wave(folder / "wave.fst");
  const std::uint64_t time = 2 * first.clock + 2;
  CHECK(wave.first_time() <= time - 2 * 60);
  CHECK(wave.last_time() >= time + 2 * 8);
  CHECK(wave.last_time() - wave.first_time() == 2 * 80 - 1);
  CHECK(wave.first_time() == 2 * report.wave_first + 2);
  CHECK(wave.value("TOP.valid_o", time) == 1);
  CHECK(wave.value("TOP.result_o[31:0]", time) == first.actual.bits);
  CHECK(wave.value("index.result_m[31:0]", time) == 70);
  CHECK(wave.value("index.result_n[31:0]", time) == 0);

  // One that is long enough stays as it is.
  options.wave.cycles = 2000;
  CHECK(cosimulate(acts, weights, options).wave_first == 0);
  CHECK(WaveReader(folder / "wave.fst").first_time() == 0);
}

TEST_CASE("the window of a waveform ends after the clock that it is to show", "[waves][cli]") {
  const auto first = [](std::uint64_t cycles, std::uint64_t clock) {
    return wave_around({"", cycles, 0, {}}, clock).first;
  };
  CHECK(first(80, 0) == 0);
  CHECK(first(80, 69) == 0);
  CHECK(first(80, 70) == 1);
  CHECK(first(80, 1000) == 931);
  CHECK(first(1, 0) == 0);
  CHECK(first(1, 7) == 7);
  CHECK(first(std::numeric_limits<std::uint64_t>::max(), 1000000) == 0);
}
