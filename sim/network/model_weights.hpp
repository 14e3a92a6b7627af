// The weights of a model, by name and shape. Their values are not read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/core/tensor.hpp"

namespace if4 {

struct ModelWeight {
  std::string name;
  Shape
      shape;  ///< as the model has it: quantized ones as before, and fused experts in MXFP4 as [experts, rows, columns]
};

struct ModelWeights {
  std::vector<ModelWeight> weights;   ///< of two dimensions and more, in the order of the file
  std::vector<std::string> left_out;  ///< names of weights in a quantization that is not known
};

/// `path`: a safetensors file, plain or quantized, a folder of them, or its index. Throws InputError as SafetensorsFile
/// does.
ModelWeights read_model_weights(const std::string& path);

}  // namespace if4
