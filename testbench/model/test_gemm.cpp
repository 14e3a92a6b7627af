// The fast product against the golden MAC, on every path and with every kernel.
#include <algorithm>
#include <random>
#include <string>

#include "model/mac/gemm.hpp"
#include "model/mac/gemm_kernel.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/gemm_testing.hpp"
#include "testbench/support/stimuli.hpp"

namespace {

using namespace if4::testing;
using if4::Format;
using if4::GemmPath;

// Compares, and returns the path taken.
GemmPath check_product(const if4::MacConfig& mac, const if4::QuantizedTensor& a,
                       const if4::QuantizedTensor& w) {
  note_stimulus(a);
  note_stimulus(w);
  const std::vector<if4::MacResult> expected = golden_product(mac, a, w);
  std::uint64_t nan = 0, overflow = 0;
  for (const if4::MacResult& result : expected) {
    nan += result.nan ? 1 : 0;
    overflow += result.overflow ? 1 : 0;
  }
  INFO(if4::format_name(mac.format) << ", " << a.rows() << " x " << w.rows() << " x " << a.columns()
                                    << ", lanes " << mac.lanes << ", accumulator " << mac.acc_width
                                    << ", seed " << test_seed());
  for (const if4::NamedGemmKernel& kernel : if4::gemm_kernels()) {
    INFO(kernel.name);
    if4::GemmOptions options;
    options.kernel = kernel.name;
    options.threads = 1 + static_cast<unsigned>(a.rows() % 3);
    const if4::GemmResult result = if4::gemm(mac, a, w, options);
    CHECK(result.bits == bits_of(expected));
    CHECK(result.nan == nan);
    CHECK(result.overflow == overflow);
  }
  return if4::gemm_path(mac, a, w);
}

}  // namespace

TEST_CASE("The fast product equals the golden MAC in every format", "[gemm]") {
  std::mt19937_64 random(test_seed() + 910);
  int paths[3] = {0, 0, 0};
  for (int number = 0; number < if4::kMacFormatCount; ++number) {
    for (const Values values : {Values::kFinite, Values::kNaN, Values::kLargest}) {
      for (int i = 0; i < 8; ++i) {
        if4::MacConfig mac;
        mac.format = static_cast<Format>(number);
        mac.lanes = 16 << pick(random, 0, 2);
        mac.scaled = i % 3 == 2;
        // A narrow accumulator overflows, sometimes.
        if (i >= 6) mac.acc_width = if4::acc_width(mac) - static_cast<int>(pick(random, 4, 16));
        const std::uint64_t k = pick(random, 1, 300);
        const auto a = random_operand(random, mac.format, pick(random, 1, 20), k, values);
        const auto w = random_operand(random, mac.format, pick(random, 1, 40), k, values);
        ++paths[static_cast<int>(check_product(mac, a, w))];
      }
    }
  }
  for (const int count : paths) CHECK(count > 10);
}

TEST_CASE("The fast product holds the largest sums", "[gemm]") {
  std::mt19937_64 random(test_seed() + 911);
  for (int number = 0; number < if4::kMacFormatCount; ++number) {
    if4::MacConfig mac;
    mac.format = static_cast<Format>(number);
    // The most beats that the accumulator holds, and one more.
    const auto held = static_cast<std::uint64_t>(if4::beats_held(mac));
    const auto most = random_operand(random, mac.format, 2, held * 16, Values::kLargest);
    const auto most_w = random_operand(random, mac.format, 3, held * 16, Values::kLargest);
    CHECK(check_product(mac, most, most_w) != GemmPath::kAccumulator);
    const auto more = random_operand(random, mac.format, 2, (held + 1) * 16, Values::kLargest);
    const auto more_w = random_operand(random, mac.format, 3, (held + 1) * 16, Values::kLargest);
    check_product(mac, more, more_w);
  }
}

TEST_CASE("The fast product refuses operands that do not fit together", "[gemm]") {
  std::mt19937_64 random(test_seed() + 912);
  const auto a = random_operand(random, Format::kIF4, 2, 32, Values::kFinite);
  CHECK_THROWS_AS(if4::gemm({}, a, random_operand(random, Format::kIF4, 2, 33, Values::kFinite)),
                  std::invalid_argument);
  CHECK_THROWS_AS(if4::gemm({}, a, random_operand(random, Format::kNVFP4, 2, 32, Values::kFinite)),
                  std::invalid_argument);
}

// A case of the regression's suite `quantizer`.
TEST_CASE("The fast product on random operands", "[.case_quantizer][long]") {
  std::mt19937_64 random(test_seed() + 913);
  for (int i = 0; i < 150; ++i) {
    if4::MacConfig mac;
    mac.format = static_cast<Format>(pick(random, 0, if4::kMacFormatCount - 1));
    mac.lanes = 16 << pick(random, 0, 2);
    if (pick(random, 0, 3) == 0) mac.acc_width = if4::acc_width(mac) - static_cast<int>(pick(random, 4, 16));
    mac.scaled = pick(random, 0, 3) == 0;
    const auto values = static_cast<Values>(pick(random, 0, 2));
    const std::uint64_t k = pick(random, 1, 300);
    const auto a = random_operand(random, mac.format, pick(random, 1, 20), k, values);
    const auto w = random_operand(random, mac.format, pick(random, 1, 40), k, values);
    check_product(mac, a, w);
    count_checks(a.rows() * w.rows() * if4::gemm_kernels().size());
  }
}
