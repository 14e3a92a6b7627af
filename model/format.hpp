// Block-scaled 4-bit formats: what a code and a scale byte mean. The only C++ definition of either.
//
// A block is 16 codes of 4 bits and one scale byte. The value of an element is
//     code value * factor of its type * s * amax / (kSpan * kScaleMax)
// with s the E4M3 magnitude in bits 6:0 of the scale byte and amax the FP32 number stored once a tensor.
// Source: "Adaptive Block-Scaled Data Types", arXiv 2603.28765.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace if4 {

/// Values that share one scale byte.
inline constexpr int kBlockSize = 16;
/// Largest element magnitude before the scale; both element types span +-6.
inline constexpr float kSpan = 6.0F;
/// Largest finite E4M3 magnitude, 0x7E.
inline constexpr float kScaleMax = 448.0F;

/// Bit 7 of the scale byte: the element type of the whole block.
inline constexpr std::uint8_t kScaleIntBit = 0x80;
/// Bits 6:0 of the scale byte: E4M3 without its sign.
inline constexpr std::uint8_t kScaleMagnitudeMask = 0x7F;
/// E4M3 has no infinity and one NaN.
inline constexpr std::uint8_t kScaleNaN = 0x7F;

/// How the 16 codes of a block are read.
enum class ElementType : std::uint8_t {
  kFloat,  ///< FP4, E2M1: sign in bit 3, magnitude 0, .5, 1, 1.5, 2, 3, 4, 6; factor 1. 0x8 is -0 and counts
           ///< as 0.
  kInt,    ///< INT4, two's complement -8..7 (the quantizer emits -7..7); factor exactly 6/7.
};

/// A tensor format. Both store the same bytes; NVFP4 never sets bit 7 of a scale.
enum class Format : std::uint8_t { kIF4, kNVFP4 };

/// "if4" or "nvfp4": the name used on the command line and in files.
std::string_view format_name(Format format);
/// The format of that name (lower case), or nothing.
std::optional<Format> format_from_name(std::string_view name);

/// E2M1 magnitudes of the code bits 2:0, in halves: 0..12.
inline constexpr std::array<int, 8> kFp4Halves = {0, 1, 2, 3, 4, 6, 8, 12};

/// FP4 code (0..15) in halves, -12..12; 0x8 gives 0.
constexpr int fp4_halves(unsigned code) {
  const int magnitude = kFp4Halves[code & 7U];
  return (code & 8U) != 0 ? -magnitude : magnitude;
}

/// INT4 code (0..15) as an integer, -8..7.
constexpr int int4_value(unsigned code) {
  const int low = static_cast<int>(code & 15U);
  return low >= 8 ? low - 16 : low;
}

/// A scale byte taken apart: s = significand * 2^(exponent - 10).
struct Scale {
  ElementType type;
  int significand;  ///< 0..15: bit 3 is 1 unless subnormal
  int exponent;     ///< 1..15: max(exponent field, 1)
  bool nan;         ///< bits 6:0 are 0x7F; significand and exponent are then those of the bits, 15 and 15
};

constexpr Scale decode_scale(std::uint8_t byte) {
  const int field = (byte >> 3) & 15;
  const int mantissa = byte & 7;
  return Scale{(byte & kScaleIntBit) != 0 ? ElementType::kInt : ElementType::kFloat,
               field == 0 ? mantissa : 8 + mantissa, field == 0 ? 1 : field,
               (byte & kScaleMagnitudeMask) == kScaleNaN};
}

/// s as a float (exact); quiet NaN for 0x7F. Bit 7 is ignored.
float scale_magnitude(std::uint8_t byte);

/// `value` rounded to nearest even E4M3, saturated to 448; bit 7 is 0. value must be >= 0 and not NaN.
std::uint8_t encode_scale_magnitude(float value);

/// 16 codes and their scale: what one operand port of the MAC takes in one beat.
struct Block {
  std::uint64_t codes = 0;  ///< element i in bits 4i+3:4i
  std::uint8_t scale = 0;

  constexpr unsigned code(int i) const { return static_cast<unsigned>(codes >> (4 * i)) & 15U; }
};

}  // namespace if4
