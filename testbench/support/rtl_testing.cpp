#include "testbench/support/rtl_testing.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <sstream>
#include <string>

#include "model/core/parallel.hpp"
#include "testbench/support/file_testing.hpp"

namespace if4::testing {

std::string unit_text(const UnitBuild& config) {
  return "unit " + std::string(config.name) + ", SEED=" + std::to_string(test_seed());
}

namespace {

// What is wrong with what the unit gave, with its inputs; empty where nothing is.
std::string failure_text(const MacUnit& unit, const std::vector<Beats>& dot_products, Against against,
                         const Driven& driven) {
  constexpr std::size_t kMostPairs = 80;  // longer dot products are not printed
  constexpr std::size_t kMostFailures = 4;
  const MacConfig& config = unit.build().mac;
  std::ostringstream text;
  if (!driven.protocol_errors.empty()) text << driven.protocol_errors << '\n';
  if (driven.results.size() != dot_products.size())
    text << driven.results.size() << " results of " << dot_products.size() << " dot products\n";
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < std::min(driven.results.size(), dot_products.size()); ++i) {
    const Beats& beats = dot_products[i];
    const MacResult expected =
        against == Against::kModel ? model_result(beats, config) : exact_result(beats, config);
    if (driven.results[i] == expected) continue;
    if (++wrong > kMostFailures) continue;
    text << "dot product " << i << " of " << beats.size() << " pairs of blocks\n"
         << (beats.size() <= kMostPairs ? to_text(beats, config.format) : "") << "expected "
         << to_text(expected) << ", RTL " << to_text(driven.results[i]) << '\n';
  }
  if (wrong > 0) text << wrong << " of " << dot_products.size() << " results are wrong\n";
  return text.str().empty() ? "" : unit_text(unit.build()) + '\n' + text.str();
}

}  // namespace

Driven check_driven(MacUnit& unit, const std::vector<Beats>& dot_products, Against against,
                    const Stalls& stalls) {
  Driven driven = drive(unit, dot_products, stalls);
  REQUIRE(failure_text(unit, dot_products, against, driven) == "");
  return driven;
}

std::string failure_of(MacUnit& unit, const std::vector<Beats>& dot_products, Against against,
                       const Stalls& stalls) {
  return failure_text(unit, dot_products, against, drive(unit, dot_products, stalls));
}

void check_units(std::uint64_t seed,
                 const std::function<std::string(const UnitBuild&, std::mt19937_64&)>& test) {
  const auto& builds = unit_builds();
  REQUIRE_FALSE(builds.empty());
  std::vector<std::string> failures(builds.size());
  parallel_for(builds.size(), 0, [&](std::size_t i) {
    std::mt19937_64 random(seed + (std::uint64_t{i} << 32));
    failures[i] = test(builds[i], random);
  });
  for (const std::string& failure : failures) CHECK(failure == "");
}

std::vector<Beats> random_dot_products(std::mt19937_64& random, std::size_t count, std::size_t longest,
                                       Mix mix, const MacConfig& config) {
  std::vector<Beats> dot_products;
  for (std::size_t i = 0; i < count; ++i)
    dot_products.push_back(random_beats(random, 1 + random() % longest, mix, config));
  return dot_products;
}

std::size_t count_beats(const std::vector<Beats>& dot_products, const MacConfig& config) {
  std::size_t pairs = 0;
  for (const Beats& beats : dot_products) pairs += beats.size();
  return pairs / static_cast<std::size_t>(blocks_per_beat(config));
}

Beats one_product(const MacConfig& config, int lane, unsigned a_code, bool a_bit7, unsigned w_code,
                  bool w_bit7) {
  constexpr std::uint8_t kOne = 0x38;
  Beats beat(static_cast<std::size_t>(blocks_per_beat(config)));
  auto& [a, w] = beat[static_cast<std::size_t>(lane / kBlockSize)];
  const int shift = traits(config.format).code_bits * (lane % kBlockSize);
  a = {static_cast<Codes>(a_code) << shift, static_cast<std::uint8_t>(kOne | (a_bit7 ? kScaleIntBit : 0))};
  w = {static_cast<Codes>(w_code) << shift, static_cast<std::uint8_t>(kOne | (w_bit7 ? kScaleIntBit : 0))};
  return beat;
}

namespace {

std::vector<UnitBuild> units(bool iterative) {
  std::vector<UnitBuild> result;
  std::copy_if(unit_builds().begin(), unit_builds().end(), std::back_inserter(result),
               [iterative](const UnitBuild& config) { return config.iterative == iterative; });
  return result;
}

}  // namespace

std::vector<UnitBuild> pipelined_units() { return units(false); }
std::vector<UnitBuild> iterative_units() { return units(true); }

Simulation simulate(const std::string& top, const std::string& arguments) {
  const TempDir folder;
  const std::string program = folder / "program", log = folder / "log";
  const std::string command = "{ iverilog -g2012 -s " + top + " -o " + program + " " + arguments +
                              " && vvp -N " + program + "; } >" + log + " 2>&1";
  const int status = std::system(command.c_str());
  return {status, get(log)};
}

}  // namespace if4::testing
