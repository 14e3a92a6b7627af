// Quantizes the tensors of a whole file, in memory that does not grow with the file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/files/tensor_file.hpp"
#include "model/quantize/quantizer.hpp"

namespace if4 {

struct ModelOptions {
  QuantizeOptions quantize;
  std::vector<std::string> include;  ///< patterns of names: * any text, ? one character
  std::vector<std::string> exclude;
  bool tiled = false;    ///< scales in the layout of tensor cores: tiled_scales.hpp
  unsigned threads = 0;  ///< 0: one a core
};

struct TensorSummary {
  std::string name;
  Shape shape;  ///< as stored: transposed if that is an option
  std::uint64_t values = 0;
  std::uint64_t blocks = 0;
  std::uint64_t int_blocks = 0;
  double amax = 0.0;
  double noise = 0.0;   ///< sum of squared errors
  double signal = 0.0;  ///< sum of squares of the values as they were quantized
};

struct ModelSummary {
  std::vector<TensorSummary> tensors;  ///< the quantized ones, in file order
  std::size_t copied = 0;              ///< tensors copied unchanged
  std::uint64_t input_bytes = 0;       ///< of the tensors quantized
  std::uint64_t output_bytes = 0;      ///< of their codes, scales and amax

  TensorSummary total() const;  ///< all tensors together: sums; amax the largest
};

/// noise / signal, 0 where both are 0; and -10 log10 of it.
double relative_mse(const TensorSummary& summary);
double sqnr_db(const TensorSummary& summary);

/// Called now and then, with the bytes of input seen and to be seen. May throw to end the work.
using ModelProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// Whether `name` matches the pattern as a whole.
bool matches(const std::string& pattern, const std::string& name);

/// Quantizes a file, or with a name in `input` one tensor of it. Of a safetensors file without a name those
/// F32, F16 and BF16 tensors are taken that match an include pattern (without patterns: that have two or more
/// dimensions) and no exclude pattern; the others are copied, and so is the metadata. `output` gets its name
/// when it is complete; it may be empty: then the errors are measured and nothing is written.
/// The input is mapped; beyond that the memory is a few megabytes, and with tiled scales or 2D blocks what
/// the scales of one tensor or 16 rows take. Throws InputError, naming file and tensor, also where nothing is
/// to be quantized.
ModelSummary quantize_model(const TensorRef& input, const std::string& output, const ModelOptions& options,
                            const ModelProgress& progress);

}  // namespace if4
