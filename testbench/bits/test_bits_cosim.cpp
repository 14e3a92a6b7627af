// The product on the bits engine: against the Verilated one, and on units that are broken in known ways.
#include <algorithm>
#include <cstring>
#include <map>

#include "model/core/error.hpp"
#include "model/core/float_bits.hpp"
#include "sim/bits/cosim.hpp"
#include "sim/bits/kernel.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/gemm_testing.hpp"
#include "testbench/support/mac_testing.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

// How the outputs of the units of the build "broken" differ from those of the default build, in a product of one vector
// and one piece.
struct Break {
  enum class Output { kReady, kValid, kResult, kNaN, kOverflow } output = Output::kReady;
  int unit = 0;
  std::uint64_t first = 0, last = 0;  // clocks after the reset of the piece
  bool value = false;                 // of ready_o and valid_o; a bit of another output is inverted
  std::uint64_t calls = 0;
} broken;

constexpr std::uint64_t kResets = 2;  // clocks in reset: one when the units are made, one before the piece

constexpr int kFlipped = 7;  // bit of the result

template <std::size_t Kernel>
void broken_clock(const std::uint64_t* const* port, const std::uint64_t* state, std::uint64_t* next,
                  std::uint64_t* out) {
  const BitsKernel& kernel = bits_netlist("if4_mac").kernels[Kernel];
  kernel.clock(port, state, next, out);
  const std::uint64_t call = broken.calls++;
  if (call < broken.first + kResets || call > broken.last + kResets) return;
  // The output, and how far the plane that breaks is from its first.
  struct Name {
    std::string_view name;
    int bit;
    bool flips;
  };
  static const std::map<Break::Output, Name> names = {{Break::Output::kReady, {"ready_o", 0, false}},
                                                      {Break::Output::kValid, {"valid_o", 0, false}},
                                                      {Break::Output::kResult, {"result_o", kFlipped, true}},
                                                      {Break::Output::kNaN, {"nan_o", 0, true}},
                                                      {Break::Output::kOverflow, {"overflow_o", 0, true}}};
  const auto& [name, bit, flips] = names.at(broken.output);
  int plane = 0;
  for (const BitsPort& output : bits_netlist("if4_mac").outputs) {
    if (output.name == name) {
      std::uint64_t& word = out[(plane + bit) * kernel.words + broken.unit / 64];
      const std::uint64_t one = std::uint64_t{1} << (broken.unit % 64);
      word = flips ? word ^ one : broken.value ? word | one : word & ~one;
    }
    plane += output.bits;
  }
}

BitsNetlist make_broken() {
  BitsNetlist netlist = bits_netlist("if4_mac");
  decltype(&broken_clock<0>) clocks[] = {broken_clock<0>, broken_clock<1>, broken_clock<2>};
  for (std::size_t i = 0; i < netlist.kernels.size(); ++i) netlist.kernels[i].clock = clocks[i];
  return netlist;
}

const BitsRegistration k_broken("broken", make_broken);

BitsChoice broken_choice() {
  BitsChoice choice;
  choice.build.name = "broken";
  return choice;
}

struct Operands {
  QuantizedTensor a, w;
};

Operands random_operands(std::mt19937_64& random, std::size_t m, std::size_t n, std::size_t k,
                         Values values) {
  return {random_operand(random, Format::kIF4, m, k, values),
          random_operand(random, Format::kIF4, n, k, values)};
}

std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits(values.size());
  if (!values.empty()) std::memcpy(bits.data(), values.data(), values.size() * sizeof(float));
  return bits;
}

void check_same(const CosimReport& report, const CosimReport& expected) {
  CHECK(report.passed());
  CHECK(report.results == expected.results);
  CHECK(report.beats == expected.beats);
  CHECK(report.pair_beats == expected.pair_beats);
  CHECK(report.nan_results == expected.nan_results);
  CHECK(report.overflow_results == expected.overflow_results);
  CHECK(bits_of(report.products) == bits_of(expected.products));
  CHECK(report.first_mismatches.empty());
}

// What is wrong with the square of a tensor, in these words; empty where nothing is.
std::string message_of(const QuantizedTensor& a, const CosimOptions& options, const BitsChoice& choice) {
  try {
    cosimulate_bits(a, a, options, choice);
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("the bits engine reports of a product what the Verilated unit does", "[bits]") {
  std::mt19937_64 random(test_seed() + 710);
  struct Shape {
    std::size_t m, n, k;
  };
  // Fewer rows than a vector has units, one more, and rows of weights as the longer side; pieces of one column and of many.
  for (const Shape& shape :
       {Shape{3, 5, 40}, {9, 70, 100}, {513, 6, 16}, {20, 1100, 32}, {1, 1, 16}, {40, 20, 3000}}) {
    for (const Values values : {Values::kFinite, Values::kNaN, Values::kLargest}) {
      const auto [a, w] = random_operands(random, shape.m, shape.n, shape.k, values);
      const CosimReport expected = cosimulate(a, w, {});
      for (const BitsKernel& kernel : bits_netlist("if4_mac").kernels) {
        for (const unsigned threads : {1U, 3U}) {
          CosimOptions options;
          options.threads = threads;
          CAPTURE(shape.m, shape.n, shape.k, int(values), kernel.target, threads, test_seed());
          BitsChoice choice;
          choice.target = kernel.target;
          const CosimReport report = cosimulate_bits(a, w, options, choice);
          check_same(report, expected);
          CHECK(report.engine.find(std::string(kernel.target)) != std::string::npos);
          // A beat a clock, and the latency once for each piece of a unit's row.
          const std::uint64_t latencies = report.cycles - report.beats;
          CHECK(latencies % (MacUnit::kLatency * std::max(shape.m, shape.n)) == 0);
          CHECK(latencies > 0);
        }
      }
    }
  }
}

TEST_CASE("the bits engine tells an overflow from a NaN scale", "[bits]") {
  constexpr std::size_t kBlocks = 1250;  // more than the accumulator holds of the largest
  QuantizedTensor a = make_quantized(Format::kIF4, {3, kBlocks * 16}),
                  w = make_quantized(Format::kIF4, {2, kBlocks * 16});
  const Block largest{0x8888888888888888, 0xFE}, nan{0, 0x7F};
  for (std::size_t b = 0; b < kBlocks; ++b) {
    for (std::size_t row = 0; row < 2; ++row) a.set_block(row, b, largest);
    w.set_block(0, b, largest);
  }
  a.set_block(1, kBlocks - 1, nan);
  const CosimReport expected = cosimulate(a, w, {});
  CHECK(expected.overflow_results == 1);
  CHECK(expected.nan_results == 2);
  for (const unsigned stalls : {0U, 10U}) {
    CosimOptions options;
    options.stalls.input_percent = stalls;
    check_same(cosimulate_bits(a, w, options), expected);
  }
}

TEST_CASE("units of the bits engine with stalls of their own give the same", "[bits]") {
  std::mt19937_64 random(test_seed() + 711);
  const auto [a, w] = random_operands(random, 130, 40, 50, Values::kNaN);
  const CosimReport expected = cosimulate(a, w, {});
  const std::uint64_t unstalled = cosimulate_bits(a, w, {}).cycles;
  for (const auto& [input, output] : {std::pair{0U, 30U}, {50U, 0U}, {60U, 70U}, {0U, 99U}}) {
    for (const BitsKernel& kernel : bits_netlist("if4_mac").kernels) {
      CosimOptions options;
      options.stalls = {input, output, random()};
      CAPTURE(input, output, options.stalls.seed, kernel.target, test_seed());
      BitsChoice choice;
      choice.target = kernel.target;
      const CosimReport report = cosimulate_bits(a, w, options, choice);
      check_same(report, expected);
      CHECK(report.cycles > unstalled);
      CHECK(cosimulate_bits(a, w, options, choice).cycles == report.cycles);
      // One other seed may well take as many cycles in sum; hardly all of several.
      bool differs = false;
      for (int other = 0; other < 8 && !differs; ++other) {
        ++options.stalls.seed;
        differs = cosimulate_bits(a, w, options, choice).cycles != report.cycles;
      }
      CHECK(differs);
    }
  }
}

TEST_CASE("the bits engine counts what it did without comparing, and nothing is no success", "[bits]") {
  std::mt19937_64 random(test_seed() + 712);
  const auto [a, w] = random_operands(random, 5, 7, 64, Values::kFinite);
  CosimOptions options;
  options.compare = false;
  const CosimReport report = cosimulate_bits(a, w, options);
  CHECK(report.results == 35);
  CHECK(report.beats == 35 * 4);
  CHECK(report.products.empty());
  CHECK_FALSE(cosimulate_bits(make_quantized(Format::kIF4, {0, 64}), w, {}).passed());

  std::uint64_t last = 0, total = 0;
  options.progress = [&](std::uint64_t done, std::uint64_t of) {
    CHECK(done >= last);
    last = done;
    total = of;
  };
  options.threads = 1;
  cosimulate_bits(a, w, options);
  CHECK(last == 35);
  CHECK(total == 35);
  options.progress = [](std::uint64_t, std::uint64_t) { throw InputError("enough"); };
  CHECK_THROWS_AS(cosimulate_bits(a, w, options), InputError);
}

TEST_CASE("the bits engine refuses what it cannot do", "[bits]") {
  const QuantizedTensor a = make_quantized(Format::kIF4, {2, 32});
  CHECK_THROWS_AS(cosimulate_bits(a, make_quantized(Format::kIF4, {2, 48}), {}), InputError);
  CosimOptions options;
  options.wave.file = "w.fst";
  CHECK(message_of(a, options, {}).find("--engine verilated") != std::string::npos);
  options.wave.file.clear();
  options.golden.lanes = 32;
  CHECK_THROWS_AS(cosimulate_bits(a, a, options), std::invalid_argument);
  BitsChoice choice;
  choice.build.name = "if4_mac_none";
  CHECK(message_of(a, {}, choice).find("if4_mac_none") != std::string::npos);
  choice.build.name = "if4_mac";
  choice.target = "none";
  CHECK_THROWS_AS(cosimulate_bits(a, a, {}, choice), std::invalid_argument);
}

TEST_CASE("a wrong result of one unit of the bits engine is named", "[bits]") {
  std::mt19937_64 random(test_seed() + 713);
  const bool weights_longer = GENERATE(false, true);
  const auto output = GENERATE(Break::Output::kResult, Break::Output::kNaN, Break::Output::kOverflow);
  constexpr std::size_t kLong = 70, kShort = 9, kBlocks = 3;
  const auto [a, w] = random_operands(random, weights_longer ? kShort : kLong,
                                      weights_longer ? kLong : kShort, 16 * kBlocks, Values::kFinite);
  const int unit = GENERATE(0, 66, 69);  // the last one that has a row, too
  constexpr std::uint64_t kColumn = 4;
  const std::uint64_t clock = kColumn * kBlocks + kBlocks - 1 + MacUnit::kLatency;
  broken = {output, unit, clock, clock};
  const CosimReport report = cosimulate_bits(a, w, {}, broken_choice());
  CHECK_FALSE(report.passed());
  CHECK(report.results == kLong * kShort);
  CHECK(report.missing == 0);
  CHECK(report.mismatches == 1);
  CHECK(report.products.empty());
  REQUIRE(report.first_mismatches.size() == 1);
  const CosimMismatch& wrong = report.first_mismatches[0];
  const auto row = static_cast<std::size_t>(unit);
  CHECK(wrong.m == (weights_longer ? kColumn : row));
  CHECK(wrong.n == (weights_longer ? row : kColumn));
  CHECK(wrong.unit == row);
  CHECK(wrong.clock == clock);
  CHECK(report.first_wrong_clock == clock);
  CHECK(wrong.expected == dot_product({}, a, wrong.m, w, wrong.n));
  const bool of_result = output == Break::Output::kResult;
  CHECK(wrong.actual.bits == (wrong.expected.bits ^ (of_result ? 1U << kFlipped : 0U)));
  CHECK(wrong.actual.nan == (output == Break::Output::kNaN));
  CHECK(wrong.actual.overflow == (output == Break::Output::kOverflow));
}

TEST_CASE("one unit of the bits engine that breaks the handshake is seen, and the others are right",
          "[bits]") {
  std::mt19937_64 random(test_seed() + 714);
  constexpr std::size_t kRows = 100, kColumns = 8, kBlocks = 2;
  const Operands operands = random_operands(random, kRows, kColumns, 16 * kBlocks, Values::kFinite);
  constexpr int kUnit = 70;
  const std::uint64_t first_result = kBlocks - 1 + MacUnit::kLatency;
  const unsigned percent = GENERATE(0U, 40U);
  CAPTURE(percent);
  CosimOptions options;
  options.stalls.output_percent = percent;
  const auto run = [&](Break what) {
    broken = what;
    const CosimReport report = cosimulate_bits(operands.a, operands.w, options, broken_choice());
    CHECK_FALSE(report.passed());
    for (const CosimMismatch& wrong : report.first_mismatches) CHECK(wrong.unit == std::size_t{kUnit});
    CHECK(report.results >= (kRows - 1) * kColumns);
    return report;
  };
  constexpr std::uint64_t kAlways = 1U << 30;
  const CosimReport never = run({Break::Output::kValid, kUnit, 0, kAlways, false});
  CHECK(never.missing == kColumns);
  CHECK(never.mismatches == 0);
  CHECK(never.results == (kRows - 1) * kColumns);
  CHECK(never.beats == kRows * kColumns * kBlocks);
  const CosimReport refuses = run({Break::Output::kReady, kUnit, 0, kAlways, false});
  CHECK(refuses.beats == (kRows - 1) * kColumns * kBlocks);
  CHECK(refuses.missing + refuses.mismatches > 0);
  if (percent == 0) {
    // A result before any beat can have been added up, and one after all.
    CHECK(run({Break::Output::kValid, kUnit, 0, 0, true}).mismatches > 0);
    const std::uint64_t last = kColumns * kBlocks - 1 + MacUnit::kLatency;
    CHECK(run({Break::Output::kValid, kUnit, last + 2, last + 2, true}).mismatches == 1);
    // A result that is withheld for a clock in which the unit hands it on is lost, and so is the last one.
    const CosimReport lost = run({Break::Output::kValid, kUnit, first_result, first_result, false});
    CHECK(lost.missing == 1);
    CHECK(lost.mismatches > 0);
    // A result that is right, but comes before its beats.
    const QuantizedTensor zeros = make_quantized(Format::kIF4, {kRows, 16});
    broken = {Break::Output::kValid, kUnit, 0, 0, true};
    CHECK(cosimulate_bits(zeros, zeros, options, broken_choice()).first_wrong_clock == std::uint64_t{0});
    // A beat that was taken is offered again.
    CHECK(run({Break::Output::kReady, kUnit, 3, 3, false}).mismatches > 0);
  }
}

TEST_CASE("a planted difference of the golden model shows in the bits engine", "[bits]") {
  std::mt19937_64 random(test_seed() + 715);
  const auto [a, w] = random_operands(random, 12, 5, 64, Values::kLargest);
  CosimOptions options;
  options.golden.acc_width = beat_width({});
  const CosimReport report = cosimulate_bits(a, w, options);
  CHECK(report.mismatches == cosimulate(a, w, options).mismatches);
  CHECK_FALSE(report.passed());
  CHECK(report.first_mismatches.size() == std::min<std::size_t>(8, report.mismatches));
}
