#include "sim/program/dot_products.hpp"

#include <array>
#include <cctype>
#include <string>

#include "model/core/error.hpp"
#include "model/core/float_bits.hpp"
#include "model/mac/lane_fp32.hpp"
#include "model/mac/mac.hpp"

namespace if4 {

std::string_view result_order_name(ResultOrder order) {
  return order == ResultOrder::kExact ? "exact" : "lane-FP32";
}

void add_result_order(CLI::App& app, ResultOrder& order, const std::string& help) {
  const auto name = [](ResultOrder choice) {
    std::string lower(result_order_name(choice));
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return lower;
  };
  const std::array orders = {ResultOrder::kLaneFp32, ResultOrder::kExact};
  add_choice(app, "--result", order, choices_of(orders, name), help);
}

Format common_format(Format activations, Format weights) {
  if (activations == weights) return activations;
  if (reads_as_if4(activations) && reads_as_if4(weights)) return Format::kIF4;
  throw InputError("activations in " + std::string(format_name(activations)) + " and weights in " +
                   std::string(format_name(weights)) + " cannot be multiplied");
}

DotProduct as_if4(DotProduct dot_product) {
  for (auto& [a, w] : dot_product.beats) {
    if (dot_product.format == Format::kIF4) break;
    a.scale &= kScaleMagnitudeMask;  // NVFP4 ignores bit 7
    w.scale &= kScaleMagnitudeMask;
  }
  dot_product.format = Format::kIF4;
  return dot_product;
}

std::uint32_t lane_fp32_result(const DotProduct& dot) { return float_bits(lane_fp32_dot_product(dot.beats)); }

MacResult exact_result(const DotProduct& dot) { return dot_product({dot.format}, dot.beats); }

}  // namespace if4
