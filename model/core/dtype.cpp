#include "model/core/dtype.hpp"

#include <iterator>

#include "model/core/float_bits.hpp"

namespace if4 {
namespace {

struct DTypeRow {
  std::string_view name;
  std::size_t bits;  ///< of an element; 0 where that is not known
};

/// One row for each enumerator, in their order.
constexpr DTypeRow kDTypes[] = {
    {"?", 0},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"BOOL", 8},        {"U8", 8},
    {"I8", 8},   {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
    {"I16", 16}, {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},
    {"F32", 32}, {"F64", 64},    {"I64", 64},    {"U64", 64},    {"C64", 64}};
static_assert(kDTypeCount == std::size(kDTypes));

std::size_t bits_of(DType dtype) { return kDTypes[static_cast<std::size_t>(dtype)].bits; }

}  // namespace

std::string_view dtype_name(DType dtype) { return kDTypes[static_cast<std::size_t>(dtype)].name; }

std::size_t dtype_size(DType dtype) { return bits_of(dtype) < 8 ? 1 : bits_of(dtype) / 8; }

DType dtype_from_name(std::string_view name) {
  for (std::size_t i = 1; i < std::size(kDTypes); ++i) {
    if (kDTypes[i].name == name) return static_cast<DType>(i);
  }
  return DType::kOther;
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
  if (dtype == DType::kOther) return std::nullopt;
  std::size_t bits = bits_of(dtype);
  bool empty = false;
  for (const std::size_t dimension : shape) {
    if (dimension == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(bits, dimension, &bits)) {
      return std::nullopt;
    }
  }
  if (empty) return 0;
  return bits % 8 == 0 ? std::optional(bits / 8) : std::nullopt;
}

}  // namespace if4
