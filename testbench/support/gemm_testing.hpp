// Random operands of a product, and what the golden MAC makes of them, for the tests of the fast product and
// of the system.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "model/core/tensor.hpp"
#include "model/mac/mac.hpp"

namespace if4::testing {

/// Uniform in [least, most].
std::uint64_t pick(std::mt19937_64& random, std::uint64_t least, std::uint64_t most);

enum class Values {
  kFinite,   ///< all codes and scales but NaN
  kNaN,      ///< all codes and scales; one scale in 128 is NaN
  kLargest,  ///< the largest scale everywhere, and codes of the largest magnitudes
};
QuantizedTensor random_operand(std::mt19937_64& random, Format format, std::uint64_t rows,
                               std::uint64_t columns, Values values);

/// Every result of ExactMac, [M][N].
std::vector<MacResult> golden_product(const MacConfig& mac, const QuantizedTensor& a,
                                      const QuantizedTensor& w);
/// MacResult::bits of each.
std::vector<std::uint32_t> bits_of(const std::vector<MacResult>& results);

}  // namespace if4::testing
