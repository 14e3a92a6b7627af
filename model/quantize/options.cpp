#include "model/quantize/options.hpp"

#include <cstddef>
#include <string>

#include "model/core/error.hpp"
#include "model/quantize/candidates.hpp"

namespace if4 {

std::string_view rule_name(Rule rule) {
  switch (rule) {
    case Rule::kMse:
      return "mse";
    case Rule::kMae:
      return "mae";
    case Rule::kAbsMax:
      return "abs_max";
  }
  return "";
}

std::optional<Rule> rule_from_name(std::string_view name) {
  for (const Rule rule : kRules) {
    if (rule_name(rule) == name) return rule;
  }
  return std::nullopt;
}

bool uses_rule(const QuantizeOptions& options) {
  return options.search || candidates(options.format).size() > 1;
}

void check_options(const Shape& shape, const QuantizeOptions& options) {
  if (options.transpose && shape.size() < 2) {
    throw InputError("a tensor of shape " + to_string(shape) +
                     " has no matrix to transpose; two or more dimensions are needed");
  }
  if (options.square && block_size(options.format) != kBlockSize) {
    throw InputError("there are no 2D blocks of " + std::string(format_name(options.format)));
  }
  QuantizedTensor result;  // its blocks are not made, only its rows are asked for
  result.shape = options.transpose ? transposed(shape) : shape;
  result.flattened = flattens(options.format, result.shape);
  if (options.rotate && result.columns() % kBlockSize != 0) {
    throw InputError("rotation needs rows of a multiple of 16 values, not of " +
                     std::to_string(result.columns()));
  }
}

}  // namespace if4
