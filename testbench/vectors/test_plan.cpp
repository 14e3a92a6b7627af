// testbench/kit/testplan against the stimuli of model/kit: no testpoint is empty, and no stimulus is without one.
#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "model/core/text.hpp"
#include "model/kit/plan.hpp"
#include "model/kit/sums.hpp"
#include "testbench/support/catch.hpp"

namespace {

using namespace if4;

using Set = std::set<std::string>;

/// An entry of the text.
struct Entry {
  std::string name, what;
  Set where, stimuli, checks;
};

/// What the lines of a testpoint are.
struct Facts {
  Set stimuli;
  unsigned results = 0, values = 0, nans = 0, overflows = 0;
};

Set set_of(const std::string& text) {
  const auto all = words(text);
  return Set(all.begin(), all.end());
}

std::vector<Entry> read_testplan(std::istream& in) {
  std::vector<Entry> entries;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t begin = line.find_first_not_of(' ');
    const std::size_t blank = line.find(' ', begin);
    const std::string key = line.substr(begin, blank - begin);
    const std::string value = blank == std::string::npos ? "" : line.substr(blank + 1);
    if (key == "testpoint") {
      entries.push_back({value, "", {}, {}, {}});
      continue;
    }
    REQUIRE_FALSE(entries.empty());
    Entry& entry = entries.back();
    if (key == "what")
      entry.what = value;
    else if (key == "where")
      entry.where = set_of(value);
    else if (key == "stimuli")
      entry.stimuli = set_of(value);
    else if (key == "checks")
      entry.checks = set_of(value);
    else
      FAIL("testplan: " + line);
  }
  return entries;
}

std::vector<Entry> testplan() {
  std::ifstream in("testbench/kit/testplan");
  REQUIRE(in.good());
  return read_testplan(in);
}

std::map<std::string, Facts> facts_of(const MacConfig& config, std::uint64_t seed = 1) {
  std::map<std::string, Facts> all;
  Facts* now = nullptr;
  bool open = false;
  write_plan(config, seed, [&](const VectorLine& line) {
    if (const auto* name = std::get_if<TestpointLine>(&line)) {
      CHECK(all.count(name->name) == 0);
      now = &all[name->name];
      return;
    }
    REQUIRE(now != nullptr);
    if (const auto* beat = std::get_if<BeatLine>(&line)) {
      now->stimuli.insert("beats");
      open = !beat->last;
    } else if (const auto* result = std::get_if<ResultLine>(&line)) {
      ++now->results;
      ++(result->result.nan ? now->nans : result->result.overflow ? now->overflows : now->values);
    } else if (const auto* stalls = std::get_if<StallLine>(&line)) {
      if (stalls->input != 0) now->stimuli.insert("stalls_in");
      if (stalls->output != 0) now->stimuli.insert("stalls_out");
    } else if (const auto* reset = std::get_if<ResetLine>(&line)) {
      now->stimuli.insert(reset->between_edges ? "reset_between" : "reset_edge");
      if (open) now->stimuli.insert("unfinished");
      open = false;
    } else {
      now->stimuli.insert(std::holds_alternative<WaitLine>(line)   ? "wait"
                          : std::holds_alternative<HoldLine>(line) ? "hold"
                                                                   : "idle");
    }
  });
  return all;
}

bool has_types(const MacConfig& config, const std::string& name) {
  const auto pairs = type_pairs(config.format);
  return std::any_of(pairs.begin(), pairs.end(),
                     [&](TypePair types) { return type_pair_name(types) == name; });
}

/// Whether the unit is one of those that a word of `where` names.
bool applies(const std::string& word, const MacConfig& config) {
  const FormatTraits& format = traits(config.format);
  if (word == "always") return true;
  if (word == "floats") return format.exponent_bits != 0;
  if (word == "two_types") return mixes_types(config.format);
  if (word == "one_type") return !mixes_types(config.format);
  if (word == "divisor") return sum_divisor(config) != 1;
  if (word == "blocks") return config.lanes > 16;
  if (word == "sums") return (Int128{1} << (acc_width(config) - 1)) > 16 * largest_beat(config);
  if (word == "ends") return plan_reaches_ends(config);
  return has_types(config, word);
}

const Set kWhere = {"always",    "float_float", "int_float", "float_int", "int_int", "floats",
                    "two_types", "one_type",    "divisor",   "blocks",    "sums",    "ends"};
const Set kChecks = {"value", "nan", "overflow", "order", "due", "stable", "progress", "known"};

/// Whether the lines can show that a check of the testpoint fails.
bool can_check(const std::string& check, const Facts& facts) {
  const auto has = [&](const char* stimulus) { return facts.stimuli.count(stimulus) != 0; };
  if (check == "value") return facts.values != 0;
  if (check == "nan") return facts.nans != 0;
  if (check == "overflow") return facts.overflows != 0;
  if (check == "order") return facts.results > 1;
  if (check == "due") return has("wait");
  if (check == "stable") return has("stalls_out") || has("hold");
  if (check == "progress") return has("hold");
  return has("reset_edge") || has("reset_between");
}

std::string joined_words(const Set& set) {
  std::string text;
  for (const std::string& word : set) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// What is wrong with the text by itself.
std::vector<std::string> faults(const std::vector<Entry>& entries) {
  std::vector<std::string> found;
  Set names;
  for (const Entry& entry : entries) {
    const auto fault = [&](const std::string& text) { found.push_back(entry.name + ": " + text); };
    if (!names.insert(entry.name).second) fault("twice");
    if (entry.what.size() < 20 || entry.what.back() != '.') fault("no sentence");
    if (entry.where.empty()) fault("nowhere");
    if (entry.stimuli.count("beats") == 0) fault("no beats");
    if (entry.checks.empty()) fault("checks nothing");
    for (const std::string& word : entry.where) {
      if (kWhere.count(word) == 0) fault("where " + word + "?");
    }
    for (const std::string& word : entry.checks) {
      if (kChecks.count(word) == 0) fault("checks " + word + "?");
    }
  }
  return found;
}

/// What the text and the lines for a unit say differently.
std::vector<std::string> differences(const std::vector<Entry>& entries, std::map<std::string, Facts> facts,
                                     const MacConfig& config) {
  std::vector<std::string> found;
  for (const Entry& entry : entries) {
    const bool wanted = std::all_of(entry.where.begin(), entry.where.end(),
                                    [&](const std::string& word) { return applies(word, config); });
    const auto place = facts.find(entry.name);
    if (wanted != (place != facts.end()))
      found.push_back(entry.name + (wanted ? ": no stimuli" : ": stimuli where the text has none"));
    if (place == facts.end()) continue;
    const Facts& lines = place->second;
    if (lines.results == 0) found.push_back(entry.name + ": no result");
    if (lines.stimuli != entry.stimuli)
      found.push_back(entry.name + ": stimuli are " + joined_words(lines.stimuli));
    for (const std::string& check : entry.checks) {
      if (!can_check(check, lines)) found.push_back(entry.name + ": nothing to check " + check + " by");
    }
    // Results of a kind that the text does not name are not mapped either.
    if (lines.nans != 0 && entry.checks.count("nan") == 0) found.push_back(entry.name + ": NaN");
    if (lines.overflows != 0 && entry.checks.count("overflow") == 0)
      found.push_back(entry.name + ": overflow");
    facts.erase(place);
  }
  for (const auto& [name, lines] : facts) found.push_back(name + ": not in the text");
  return found;
}

std::vector<MacConfig> configs() {
  std::vector<MacConfig> all;
  for (int number = 0; number < kMacFormatCount; ++number) {
    for (const int lanes : {16, 32, 64}) {
      MacConfig config{static_cast<Format>(number), lanes, 0};
      all.push_back(config);
      if (lanes == 32) continue;
      config.acc_width = beat_width(config);
      all.push_back(config);
      config.acc_width = 110;
      all.push_back(config);
      config = {config.format, lanes, 0, true};
      all.push_back(config);
    }
  }
  return all;
}

}  // namespace

TEST_CASE("the test plan has all stimuli, and stimuli for all of its testpoints", "[kit][long]") {
  const std::vector<Entry> entries = testplan();
  CHECK(faults(entries) == std::vector<std::string>{});
  Set used;
  for (const MacConfig& config : configs()) {
    INFO(format_name(config.format) << ", " << config.lanes << " lanes, " << acc_width(config) << " bits"
                                    << (config.scaled ? ", scaled" : ""));
    const auto facts = facts_of(config);
    for (const auto& [name, lines] : facts) used.insert(name);
    CHECK(differences(entries, facts, config) == std::vector<std::string>{});
  }
  for (const Entry& entry : entries) CHECK(used.count(entry.name) == 1);
}

TEST_CASE("violations of the test plan are found", "[kit]") {
  const MacConfig config;
  const std::vector<Entry> entries = testplan();
  const auto facts = facts_of(config);
  const auto at = [&](const std::string& name) {
    return static_cast<std::size_t>(
        std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.name == name; }) -
        entries.begin());
  };
  const std::size_t place = at("stalls.hold");
  REQUIRE(place < entries.size());
  const struct {
    const char* found;
    void (*plant)(Entry&, Facts&);
  } table[] = {
      {"stalls.hold: no sentence", [](Entry& entry, Facts&) { entry.what.clear(); }},
      {"stalls.hold: nowhere", [](Entry& entry, Facts&) { entry.where.clear(); }},
      {"stalls.hold: where here?", [](Entry& entry, Facts&) { entry.where = {"here"}; }},
      {"stalls.hold: checks nothing", [](Entry& entry, Facts&) { entry.checks.clear(); }},
      {"stalls.hold: checks all?", [](Entry& entry, Facts&) { entry.checks.insert("all"); }},
      {"stalls.hold: no beats", [](Entry& entry, Facts&) { entry.stimuli.erase("beats"); }},
      {"stalls.hold: stimuli where the text has none",
       [](Entry& entry, Facts&) { entry.where = {"blocks"}; }},
      {"stalls.hold: stimuli are beats hold wait",
       [](Entry& entry, Facts&) { entry.stimuli.insert("idle"); }},
      {"stalls.hold: stimuli are beats hold idle wait",
       [](Entry&, Facts& facts) { facts.stimuli.insert("idle"); }},
      {"stalls.hold: no result", [](Entry&, Facts& facts) { facts.results = 0; }},
      {"stalls.hold: nothing to check value by", [](Entry&, Facts& facts) { facts.values = 0; }},
      {"stalls.hold: nothing to check nan by", [](Entry& entry, Facts&) { entry.checks.insert("nan"); }},
      {"stalls.hold: nothing to check overflow by",
       [](Entry& entry, Facts&) { entry.checks.insert("overflow"); }},
      {"stalls.hold: nothing to check known by", [](Entry& entry, Facts&) { entry.checks.insert("known"); }},
      {"stalls.hold: nothing to check due by", [](Entry&, Facts& facts) { facts.stimuli.erase("wait"); }},
      {"stalls.hold: nothing to check progress by",
       [](Entry&, Facts& facts) { facts.stimuli.erase("hold"); }},
      {"stalls.hold: NaN", [](Entry&, Facts& facts) { facts.nans = 1; }},
      {"stalls.hold: overflow", [](Entry&, Facts& facts) { facts.overflows = 1; }},
      {"stalls.hold: not in the text", [](Entry& entry, Facts&) { entry.name = "stalls.other"; }},
      {"stalls.other: no stimuli", [](Entry& entry, Facts&) { entry.name = "stalls.other"; }},
  };
  for (const auto& violation : table) {
    INFO(violation.found);
    auto changed = entries;
    auto lines = facts;
    violation.plant(changed[place], lines["stalls.hold"]);
    std::vector<std::string> found = faults(changed);
    for (const std::string& text : differences(changed, lines, config)) found.push_back(text);
    CHECK(std::count(found.begin(), found.end(), violation.found) == 1);
  }
  auto twice = entries;
  twice.push_back(entries[place]);
  CHECK(faults(twice) == std::vector<std::string>{"stalls.hold: twice"});
}
