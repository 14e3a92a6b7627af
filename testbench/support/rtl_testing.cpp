#include "testbench/support/rtl_testing.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string>

#include "testbench/support/file_testing.hpp"

namespace if4::testing {

std::string unit_text(const UnitBuild& config) {
  return "unit " + std::string(config.name) + ", SEED=" + std::to_string(test_seed());
}

Driven check_driven(MacUnit& unit, const std::vector<Beats>& dot_products, Against against,
                    const Stalls& stalls) {
  constexpr std::size_t kMostPairs = 80;  // longer dot products are not printed
  constexpr std::size_t kMostFailures = 4;
  const MacConfig& config = unit.build().mac;
  INFO(unit_text(unit.build()));
  const Driven driven = drive(unit, dot_products, stalls);
  REQUIRE(driven.protocol_errors.empty());
  REQUIRE(driven.results.size() == dot_products.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < dot_products.size(); ++i) {
    const Beats& beats = dot_products[i];
    const MacResult expected =
        against == Against::kModel ? model_result(beats, config) : exact_result(beats, config);
    if (driven.results[i] == expected) continue;
    if (++wrong <= kMostFailures) {
      UNSCOPED_INFO("dot product " << i << " of " << beats.size() << " pairs of blocks\n"
                                   << (beats.size() <= kMostPairs ? to_text(beats, config.format) : "")
                                   << "expected " << to_text(expected) << ", RTL "
                                   << to_text(driven.results[i]));
    }
  }
  REQUIRE(wrong == 0);
  return driven;
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
