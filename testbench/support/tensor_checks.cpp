// The comparison of tensor_testing.hpp. It is a file of its own, as benchmarks link the rest without the test framework.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "testbench/support/catch.hpp"
#include "testbench/support/tensor_testing.hpp"

namespace if4::testing {

namespace {

/// "byte 17 of 96, 0x3A for 0x3B", or nothing where both are the same.
std::string difference(const std::vector<std::uint8_t>& actual, const std::vector<std::uint8_t>& expected) {
  if (actual.size() != expected.size()) return "sizes differ";
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (actual[i] == expected[i]) continue;
    char text[96];
    std::snprintf(text, sizeof text, "byte %zu of %zu, 0x%02X for 0x%02X", i, actual.size(), actual[i],
                  expected[i]);
    return text;
  }
  return "";
}

}  // namespace

void check_same(const QuantizedTensor& actual, const QuantizedTensor& expected) {
  CHECK(actual.shape == expected.shape);
  CHECK(actual.flattened == expected.flattened);
  CHECK(std::memcmp(&actual.amax, &expected.amax, sizeof actual.amax) == 0);
  CHECK(difference(actual.scales, expected.scales) == "");
  CHECK(difference(actual.codes, expected.codes) == "");
}

}  // namespace if4::testing
