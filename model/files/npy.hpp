// NumPy .npy files, format versions 1 to 3.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <string>

#include "model/core/tensor.hpp"

namespace if4 {

/// The array of a file as FP32, NaN and infinities included; shape () has one value.
/// Accepts dtype '<f4' and '<f2' in C order. Throws InputError "FILE: ..." on anything else, on a malformed
/// header and on a data size that is not exactly that of the shape.
Tensor read_npy(const std::string& path);

}  // namespace if4
