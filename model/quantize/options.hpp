// What a user chooses about the quantization of a tensor.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/core/format.hpp"
#include "model/core/tensor.hpp"

namespace if4 {

/// Which of the ways to code a block counts as the one with the smaller error. The error of an element is its
/// dequantized value minus its original value.
enum class Rule : std::uint8_t {
  kMse,     ///< the sum of the squared errors
  kMae,     ///< the sum of the absolute errors
  kAbsMax,  ///< the largest absolute error
};
/// All of them.
inline constexpr std::array kRules = {Rule::kMse, Rule::kMae, Rule::kAbsMax};

/// "mse", "mae" or "abs_max": the name used on the command line and in files.
std::string_view rule_name(Rule rule);
/// The rule of that name (lower case), or nothing.
std::optional<Rule> rule_from_name(std::string_view name);

struct QuantizeOptions {
  Format format = Format::kIF4;
  Rule rule = Rule::kMse;  ///< without effect where a block can be coded in one way only: see uses_rule()
  bool search = false;     ///< also try neighbouring scales: see search_steps()
  bool square = false;     ///< 16 x 16 values share one scale and type; not for MXFP4
  bool rotate = false;     ///< rotate() every 16 values first; rows must be a multiple of 16 long
  bool transpose = false;  ///< transpose each matrix of the last two dimensions before all else
  /// The seed of stochastic rounding. Without a seed, values are rounded to the nearest code, ties to even.
  std::optional<std::uint64_t> seed = std::nullopt;
};

/// Whether the rule decides anything: a block has two candidates, or its scale is searched.
bool uses_rule(const QuantizeOptions& options);

/// Throws InputError where a tensor of that shape (before transposition) cannot be quantized
/// with these options.
void check_options(const Shape& shape, const QuantizeOptions& options);

}  // namespace if4
