// NumPy .npy files of the format versions 1 to 3.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <string>

#include "model/core/tensor.hpp"

namespace if4 {

/// Whether a file is to be read as .npy: its name ends with ".npy", or it begins as a .npy file does,
/// whatever its name is. Throws InputError where the name does not tell and the file cannot be read.
bool is_npy(const std::string& path);

/// The array of a file as FP32, with NaN and infinities as they are. The shape () has one value.
/// Accepts FP16, FP32 and FP64 of either byte order, in C order or in Fortran order; FP64 is rounded to the nearest
/// FP32 number. Throws InputError "FILE: ..." for any other array, for a malformed header, where the size of the
/// data is not exactly that of the shape, and where a finite value is beyond FP32.
Tensor read_npy(const std::string& path);

}  // namespace if4
