// Turns the quantized tensors of a whole model back into FP32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/checkpoint/model_quantizer.hpp"

namespace if4 {

struct DequantizeSummary {
  struct Dequantized {
    std::string name;
    Shape shape;
    std::size_t nan_scales = 0;  ///< blocks that are NaN
  };
  std::vector<Dequantized> tensors;  ///< in the order of the file
  std::size_t copied = 0;            ///< how many tensors were copied unchanged
};

/// Writes the quantized tensors of a file or of a folder of shards as F32, or the one that `input` names; without
/// a name the other tensors are copied, and so is the metadata that does not describe quantized tensors. The
/// output is a folder where the input is one, as quantize_model() has it. The memory that this takes grows with
/// the largest tensor. Throws InputError as read_quantized() does, where nothing is quantized, where a name is
/// taken, and where the output is the input or has the name of another kind of file.
DequantizeSummary dequantize_model(const TensorRef& input, const std::string& output,
                                   std::optional<std::uint64_t> shard_size, const ModelProgress& progress);

}  // namespace if4
