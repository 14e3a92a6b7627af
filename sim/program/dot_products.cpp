#include "sim/program/dot_products.hpp"

#include <array>
#include <string>

#include "model/core/error.hpp"
#include "model/core/float_bits.hpp"
#include "model/kit/vectors.hpp"
#include "model/mac/lane_fp32.hpp"

namespace if4 {

std::string_view result_order_name(ResultOrder order) {
  return order == ResultOrder::kExact ? "exact" : "lane-FP32";
}

void add_result_order(CLI::App& app, ResultOrder& order, const std::string& help) {
  const std::array orders = {ResultOrder::kExact, ResultOrder::kLaneFp32};
  add_choice(app, "--result", order, choices_of(orders, rounding_name), help);
}

Format common_format(Format activations, Format weights) {
  if (activations == weights) return activations;
  if (reads_as_if4(activations) && reads_as_if4(weights)) return Format::kIF4;
  throw InputError("activations in " + std::string(format_name(activations)) + " and weights in " +
                   std::string(format_name(weights)) + " cannot be multiplied");
}

std::uint32_t lane_fp32_result(Format format, BlockPairs pairs) {
  for (auto& [a, w] : pairs) {
    if (format == Format::kIF4) break;
    a.scale &= kScaleMagnitudeMask;  // NVFP4 ignores bit 7
    w.scale &= kScaleMagnitudeMask;
  }
  return float_bits(lane_fp32_dot_product(pairs));
}

}  // namespace if4
