// The element types that tensors of a file may have, and the conversion of the two of 16 bits to FP32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/core/tensor.hpp"

namespace if4 {

/// The element types that the reference implementation of safetensors knows, and kOther for all that others may
/// add: tensors of such a type are copied. Only F32, F16 and BF16 can be read as a Tensor.
enum class DType : std::uint8_t {
  kOther,
  kF4,
  kF6E2M3,
  kF6E3M2,
  kBool,
  kU8,
  kI8,
  kF8E4M3,
  kF8E5M2,
  kF8E8M0,
  kF8E4M3Fnuz,
  kF8E5M2Fnuz,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kF64,
  kI64,
  kU64,
  kC64
};
/// How many there are.
inline constexpr std::size_t kDTypeCount = static_cast<std::size_t>(DType::kC64) + 1;

/// The name in the header of a file: "F32", "BF16", "F8_E4M3", ... That of kOther is "?".
std::string_view dtype_name(DType dtype);
/// Bytes of an element, to which it is aligned: 1, 2, 4 or 8. That is 1 where elements are smaller than a byte,
/// and where their size is not known.
std::size_t dtype_size(DType dtype);
/// The element type of that name; kOther where there is none.
DType dtype_from_name(std::string_view name);

/// The number with these FP16 bits, exact. NaN stays NaN, and infinity stays infinity.
float half_to_float(std::uint16_t bits);
/// The number with these BF16 bits, exact.
float bfloat16_to_float(std::uint16_t bits);

/// Bytes of a tensor. Nothing where its bits, counted without the dimensions that are 0, overflow 64 bits; where
/// it ends inside a byte; and of kOther.
std::optional<std::size_t> byte_count(DType dtype, const Shape& shape);

}  // namespace if4
