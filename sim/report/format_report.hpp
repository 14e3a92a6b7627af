// What `if4 compare` reports: the error of every format on the tensors of one file, as text for people and JSON
// for programs.
#pragma once

#include <string>
#include <vector>

#include "model/checkpoint/model_quantizer.hpp"

namespace if4 {

/// The errors of one format over all tensors of the file.
struct FormatErrors {
  Format format = Format::kIF4;
  TensorSummary plain;     ///< with the scale that the rule of the format gives
  TensorSummary searched;  ///< with neighbouring scales of each block tried too
};

/// Bits that a value takes in blocks without padding: its code, and its share of the scale byte.
double bits_per_value(Format format);
/// Blocks of integers among all blocks, in percent.
double int_percent(const TensorSummary& summary);

/// One row for each format, in the order given.
std::string to_text(const std::vector<FormatErrors>& rows);
std::string to_json(const std::vector<FormatErrors>& rows);

}  // namespace if4
