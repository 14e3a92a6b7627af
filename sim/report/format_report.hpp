// What `if4 compare` reports: the error of every format on the tensors of one file, or on the product of two, as text
// for people and JSON for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/checkpoint/model_quantizer.hpp"

namespace if4 {

/// The errors of one way to quantize: the sums over all tensors, or over both operands of a product.
struct FormatSummary : TensorSummary {
  std::vector<ErrorSums> tensors;    ///< of each, in the order of FormatComparison; may be left out
  std::optional<ErrorSums> product;  ///< of the results
};

/// The errors of one format and rule.
struct FormatErrors {
  Format format = Format::kIF4;
  Rule rule = Rule::kMse;
  FormatSummary plain;     ///< with the scale that the rule of the format gives
  FormatSummary searched;  ///< with neighbouring scales of each block tried too
};

/// A tensor that was quantized.
struct ComparedTensor {
  std::string name;
  Shape shape;
};

struct FormatComparison {
  std::string input;  ///< the file or model; empty for a product
  std::vector<ComparedTensor>
      tensors;              ///< activations and weights of a product; of a model, if they are asked for
  QuantizeOptions options;  ///< what all rows have in common
  std::vector<FormatErrors> rows;  ///< all those of a rule before those of the next

  bool of_product() const { return input.empty(); }
};

/// Bits that a value takes in blocks without padding: its code, and its share of the scale byte.
double bits_per_value(Format format);
/// Blocks of integers among all blocks, in percent.
double int_percent(const ErrorSums& sums);

/// One row for each format and rule, in the order given, and a table of the tensors of a model if there are any.
std::string to_text(const FormatComparison& comparison);
/// One entry for each format, rule and search. The rule is null where it decides nothing, and there is one such entry.
/// sqnr_db is null where nothing was lost.
std::string to_json(const FormatComparison& comparison);

}  // namespace if4
