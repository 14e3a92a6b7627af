// The element types that tensors of a file may have, and the conversion of the two of 16 bits to FP32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/core/tensor.hpp"

namespace if4 {

/// The element types of a safetensors file. Only F32, F16 and BF16 can be read as a Tensor.
enum class DType : std::uint8_t {
  kBool,
  kU8,
  kI8,
  kF8E4M3,
  kF8E5M2,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kF64,
  kI64,
  kU64
};

/// The name in the header of a file: "F32", "BF16", "F8_E4M3", ...
std::string_view dtype_name(DType dtype);
/// Bytes of an element: 1, 2, 4 or 8.
std::size_t dtype_size(DType dtype);
/// The element type of that name, or nothing.
std::optional<DType> dtype_from_name(std::string_view name);

/// The number with these FP16 bits, exact. NaN stays NaN, and infinity stays infinity.
float half_to_float(std::uint16_t bits);
/// The number with these BF16 bits, exact.
float bfloat16_to_float(std::uint16_t bits);

/// Bytes of a tensor: dtype_size() times all dimensions. Nothing where the product of the dimensions that are
/// not 0 overflows 64 bits, even if another one is 0.
std::optional<std::size_t> byte_count(DType dtype, const Shape& shape);

}  // namespace if4
