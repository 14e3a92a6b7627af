#include "model/core/dtype.hpp"

#include <iterator>

#include "model/core/float_bits.hpp"

namespace if4 {
namespace {

struct DTypeRow {
  std::string_view name;
  std::size_t size;
};

/// One row for each enumerator, in their order.
constexpr DTypeRow kDTypes[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
                                {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
                                {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8}};
static_assert(static_cast<std::size_t>(DType::kU64) + 1 == std::size(kDTypes));

}  // namespace

std::string_view dtype_name(DType dtype) { return kDTypes[static_cast<std::size_t>(dtype)].name; }

std::size_t dtype_size(DType dtype) { return kDTypes[static_cast<std::size_t>(dtype)].size; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kDTypes); ++i) {
    if (kDTypes[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 31U;
  const std::uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  // The exponents are biased by 15 and 127. Those of NaN and infinity are 31 and 255.
  return float_from_bits(sign | (exponent == 31 ? 255U : exponent + 112U) << 23 | mantissa << 13);
}

float bfloat16_to_float(std::uint16_t bits) {
  return float_from_bits(static_cast<std::uint32_t>(bits) << 16);
}

std::optional<std::size_t> byte_count(DType dtype, const Shape& shape) {
  std::size_t count = dtype_size(dtype);
  bool empty = false;
  for (const std::size_t dimension : shape) {
    if (dimension == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(count, dimension, &count)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : count;
}

}  // namespace if4
