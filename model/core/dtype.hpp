// The element types that tensors of a file may have, and the two of 16 bits as FP32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/core/tensor.hpp"

namespace if4 {

/// Element types a file may hold. Only F32, F16 and BF16 can be read as a Tensor.
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

/// The name in the header: "F32", "BF16", "F8_E4M3", ...
std::string_view dtype_name(DType dtype);
/// Bytes per element: 1, 2, 4 or 8.
std::size_t dtype_size(DType dtype);
std::optional<DType> dtype_from_name(std::string_view name);

/// FP16 bits as FP32, exact; NaN stays NaN, infinity infinity.
float half_to_float(std::uint16_t bits);
/// BF16 bits as FP32, exact.
float bfloat16_to_float(std::uint16_t bits);

/// dtype_size * all dimensions. Nothing on overflow of 64 bits, even if another dimension is zero.
std::optional<std::size_t> byte_count(DType dtype, const Shape& shape);

}  // namespace if4
