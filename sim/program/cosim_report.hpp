// What `if4 cosim` reports, as text for people and as JSON for programs.
#pragma once

#include <optional>
#include <string>

#include "model/quantize/options.hpp"
#include "sim/mac/cosim.hpp"

namespace if4 {

/// Relative errors of a product C against the product of the unquantized tensors: ||C - C_ref|| / ||C_ref||
/// (Frobenius norms, in double).
struct ProductErrors {
  double unit = 0.0;   ///< what the unit computed
  double nvfp4 = 0.0;  ///< the same tensors in NVFP4, exact golden model
};

/// Everything in the report. The errors are there only where the unquantized tensors were given.
struct CosimSummary {
  std::string activations, weights;  ///< FILE:NAME
  std::string format, rule;          ///< rule may be empty
  std::size_t m = 0, n = 0, k = 0;
  CosimOptions options;
  CosimReport report;
  std::optional<ProductErrors> errors;
};

/// Computes the errors. `report` must hold the products of the quantized tensors with those amax.
ProductErrors product_errors(const Tensor& activations, const Tensor& weights, double unit_scale,
                             const CosimReport& report);

/// amax_a * amax_w / 2688^2: what a result of the unit is multiplied by to get the value of the dot product.
double product_scale(const QuantizedTensor& activations, const QuantizedTensor& weights);

std::string to_text(const CosimSummary& summary);
std::string to_json(const CosimSummary& summary);

}  // namespace if4
