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
  const std::size_t columns = options.transpose ? row_count(shape) : column_count(shape);
  if (options.square && block_size(options.format) != kBlockSize) {
    throw InputError("there are no 2D blocks of " + std::string(format_name(options.format)));
  }
  if (options.rotate && columns % kBlockSize != 0) {
    throw InputError("rotation needs rows of a multiple of 16 values, not of " + std::to_string(columns));
  }
}

}  // namespace if4
