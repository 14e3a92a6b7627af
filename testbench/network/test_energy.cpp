// The energy of a run, and the files that it is from.
#include "sim/graph/energy.hpp"
#include "testbench/network/network_testing.hpp"
#include "testbench/support/program_testing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;
using Json = nlohmann::ordered_json;

// An array of made-up figures.
Json entry(const std::string& format, double scale = 1.0) {
  return {{"format", format},
          {"rows", 8},
          {"columns", 8},
          {"lanes", 16},
          {"acc-width", 0},
          {"shared-output", false},
          {"beat_pj", 1000.0 * scale},
          {"idle_pj", 50.0},
          {"tile_pj", 300.0},
          {"leakage_mw", 0.25},
          {"clock_mhz", 80.0},
          {"pj_per_mac", 1.0}};
}
std::string table(const std::vector<Json>& arrays) {
  Json json;
  json["library"] = "made up";
  json["arrays"] = arrays;
  return json.dump();
}

SystemConfig system_of(Format format) {
  SystemConfig config;
  config.array.mac.format = format;
  return config;
}

}  // namespace

TEST_CASE("the energy of a run by hand", "[network]") {
  // 1,000 cycles at 100 MHz are 10 us: 2 mW are 20 nJ. 600 beats of 7 pJ, 400 other cycles of 3 pJ, 5 tiles of 11 pJ.
  SystemConfig config;
  config.clock_mhz = 100.0;
  RunStats run;
  run.cycles.beats = 600;
  run.cycles.weights = 390;
  run.cycles.fill_drain = 10;
  run.tiles = 5;
  const ArrayEnergy array = {7.0, 3.0, 11.0, 2.0, 50.0};
  CHECK(energy_pj(array, config, run) == Approx(4200.0 + 1200.0 + 55.0 + 20000.0).epsilon(1e-14));
  CHECK(energy_pj(array, config, RunStats{}) == 0.0);
}

TEST_CASE("energies of arrays are found by the array", "[network]") {
  const TempDir folder;
  Json wide = entry("if4", 4.0), fixed = entry("nvfp4", 2.0);
  wide["rows"] = 16;
  wide["lanes"] = 64;
  fixed["shared-output"] = true;
  put(folder / "e.json", table({entry("if4"), wide, fixed}));
  const EnergyTable energies(folder / "e.json");
  CHECK(energies.library() == "made up");
  SystemConfig config = system_of(Format::kIF4);
  CHECK(energies.of(config.array).beat_pj == 1000.0);
  config.array.mac.acc_width = acc_width(config.array.mac);  // that of 0, in so many words
  CHECK(energies.of(config.array).beat_pj == 1000.0);
  config = system_of(Format::kIF4);
  config.array.rows = 16;
  config.array.mac.lanes = 64;
  CHECK(energies.of(config.array).beat_pj == 4000.0);
  config.array.columns = 7;
  check_contains(error_of(folder / "e.json", [&] { energies.of(config.array); }),
                 "no array if4 16x7 Lanes=64;");
  config = system_of(Format::kNVFP4);
  check_contains(error_of(folder / "e.json", [&] { energies.of(config.array); }),
                 "no array nvfp4 8x8; make energy ARRAY=\"nvfp4 8x8\"");
  config.array.shared_output = true;
  CHECK(energies.of(config.array).beat_pj == 2000.0);
}

TEST_CASE("files of energies that are something else are refused", "[network]") {
  const TempDir folder;
  const auto refused = [&](const std::string& text, const std::string& fragment) {
    put(folder / "e.json", text);
    INFO(text);
    check_contains(error_of(folder / "e.json", [&] { EnergyTable{folder / "e.json"}; }), fragment);
  };
  for (const char* const text : {"", "{", "[]", "{} {}"}) refused(text, "e.json: ");
  refused("{}", "'library' or 'arrays'");
  refused(table({}), "'library' or 'arrays'");
  refused(table({Json(1)}), "array 1 is not an object");
  refused(table({entry("if4"), entry("nvfp4"), entry("if4")}), "array 3: if4 8x8 is there twice");
  const Json good = entry("if4");
  for (const auto& item : good.items()) {
    if (item.key() == "pj_per_mac") continue;
    Json one = entry("if4");
    one.erase(item.key());
    refused(table({entry("nvfp4"), one}), "array 2: '" + item.key() + "' is missing");
    one[item.key()] = Json::array();
    refused(table({one}), "array 1: '" + item.key() + "' is not");
    one[item.key()] = nullptr;
    refused(table({one}), "array 1: '" + item.key() + "' is not");
  }
  for (const char* const name : {"beat_pj", "idle_pj", "tile_pj", "leakage_mw", "clock_mhz"}) {
    Json one = entry("if4");
    for (const Json& value : {Json(-1.0), Json("5"), Json(1e16), Json(true)}) {
      one[name] = value;
      refused(table({one}), std::string("array 1: '") + name + "' is not a number from 0");
    }
  }
  for (const char* const name : {"beat_pj", "clock_mhz"}) {
    Json one = entry("if4");
    one[name] = 0;
    refused(table({one}), std::string("array 1: '") + name + "' is 0");
  }
  Json one = entry("if5");
  refused(table({one}), "array 1: 'format'");
  one = entry("if4");
  one["rows"] = 257;
  refused(table({one}), "array 1: 'rows'");
  one["rows"] = 8;
  one["acc-width"] = 0;
  one["lanes"] = 48;
  refused(table({one}), "array 1: 'lanes'");
}

TEST_CASE("if4 network gives energies by layer", "[cli][network]") {
  const Sandbox box;
  put(box / "e.json", table({entry("if4"), entry("nvfp4", 0.5)}));
  const Args start = {"network",       kCut + "network.json", "--input", kCut + "sentences.safetensors",
                      "--energy-from", box / "e.json"};
  const auto with = [&start](const Args& more) {
    Args all = start;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const std::string text = box.output(
      with({"--format", "fp32,if4,nvfp4,if4+search", "--clock", "50", "--json", box / "out.json"}));
  check_contains(text, " energy ");
  check_contains(text, "cells of made up, in pJ a product: if4 ");
  CHECK(text.find("allow 80 MHz") == std::string::npos);
  const Json json = Json::parse(get(box / "out.json"));
  CHECK(json["library"] == "made up");
  CHECK_FALSE(json["formats"][0].contains("total"));
  for (std::size_t i = 1; i < 4; ++i) {
    const Json& format = json["formats"][i];
    double sum = 0.0;
    for (const Json& layer : format["layers"]) {
      const auto number = [&](const char* name) { return layer[name].get<double>(); };
      const double beat = format["format"] == "nvfp4" ? 500.0 : 1000.0;
      // 0.25 mW in cycles of 20 ns are 5 pJ a cycle.
      const double expected = number("beat_cycles") * beat +
                              (number("cycles") - number("beat_cycles")) * 50.0 + number("tiles") * 300.0 +
                              number("cycles") * 5.0;
      CHECK(number("energy_pj") == Approx(expected).epsilon(1e-12));
      sum += number("energy_pj");
    }
    CHECK(format["total"]["energy_pj"].get<double>() == Approx(sum).epsilon(1e-12));
  }
  // The layers of one format have a column, too; 1000 MHz is more than these cells allow.
  const std::string one = box.output(start);
  check_contains(one, " energy ");
  check_contains(one, "these cells allow 80 MHz, so the times at 1000 MHz are not theirs");
  check_refused(box, {with({"--format", "if4,nvint4"}), {"e.json", "no array nvint4 8x8"}});
  check_refused(box, {with({"--rows", "4"}), {"e.json", "no array if4 4x8"}});
  check_refused(box, {with({"--json", box / "e.json"}), {"e.json"}});
  check_refused(box, {{"network", kCut + "network.json", "--text", "a", "--energy-from", box / "none.json"},
                      {"none.json"}});
}

TEST_CASE("energies of the network's arrays come with the project", "[network]") {
  const EnergyTable energies("scripts/network/energy.json");
  for (const Format format : {Format::kIF4, Format::kMixFP4, Format::kNVFP4, Format::kNVINT4})
    CHECK(energies.of(system_of(format).array).beat_pj > 0.0);
}
