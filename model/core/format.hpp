// Block-scaled formats: what a code and a scale byte mean. This is the only C++ definition of either.
//
// A block is 16 codes of 3, 4 or 6 bits and one scale byte. The value of an element is
//     code value * factor of its type * s * amax / (span * scale_max)
// where s is the E4M3 magnitude in bits 6:0 of the scale byte, and amax is an FP32 number that is stored once
// for a tensor. The part before s is an integer over a denominator that all elements of a format share:
//     operand(format, type, code) * weight(format, type) / (divisor * 2^fraction_bits)
// MXFP4 differs: its blocks have 32 codes, and its scale byte is E8M0. It has no amax; in the formula amax
// counts as 1, and so does span * scale_max.
// IF3, IF4 and IF6 are from "Adaptive Block-Scaled Data Types", arXiv 2603.28765; MixFP4 is
// from arXiv 2605.31035.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace if4 {

/// Values that share one scale byte, in all formats but MXFP4: see block_size().
inline constexpr int kBlockSize = 16;
/// Largest finite E4M3 magnitude, 0x7E.
inline constexpr float kScaleMax = 448.0F;

/// Bit 7 of the scale byte: the element type of the whole block, where the format has two.
inline constexpr std::uint8_t kScaleIntBit = 0x80;
/// Bits 6:0 of the scale byte: an E4M3 number without its sign.
inline constexpr std::uint8_t kScaleMagnitudeMask = 0x7F;
/// Bits 6:0 of the one NaN that E4M3 has. It has no infinity.
inline constexpr std::uint8_t kScaleNaN = 0x7F;

/// How the codes of a block are read.
enum class ElementType : std::uint8_t {
  kFloat,  ///< ExMy: a sign in the top bit, subnormals, no infinity and no NaN; -0 counts as 0
  kInt,    ///< an integer times a factor that gives it the span of the float type
};

/// A tensor format. The quantizer makes all of them, and the MAC units multiply the first kMacFormatCount.
/// The numbers of these are the values of the RTL parameter `Format`.
enum class Format : std::uint8_t {
  kIF4 = 0,
  kMixFP4 = 1,
  kNVFP4 = 2,
  kNVINT4 = 3,
  kIF3 = 4,
  kIF6E2M3 = 5,
  kIF6E3M2 = 6,
  kNVFP6E2M3 = 7,
  kNVFP6E3M2 = 8,
  kNVINT3,    ///< the integers of IF3 alone
  kNVINT6,    ///< the integers of IF6 alone
  kNVFP3,     ///< the floats of IF3 alone
  kNVFP4_46,  ///< NVFP4 "4/6": the largest magnitude of a block maps to 6 or to 4
  kNVFP4_4,   ///< NVFP4 in which the largest magnitude of a block maps to 4
  kMXFP4,     ///< E2M1 with a power of two as scale: the largest magnitude of a block maps to 6 at most
  kMXFP4_4,   ///< the same with 4 at most
};

/// How an integer is coded.
enum class IntCode : std::uint8_t {
  kNone,  ///< the format has no integers
  kTwosComplement,
  kSignMagnitude,  ///< the sign in the top bit, the magnitude below it
};

/// What a scale byte is.
enum class ScaleCode : std::uint8_t {
  kE4M3,  ///< bit 7: the element type, in formats that have two; bits 6:0: an unsigned E4M3 number
  kE8M0,  ///< 2^(byte - 127), and NaN for 0xFF
};

/// All that tells one format from another.
struct FormatTraits {
  std::string_view name;  ///< on the command line and in files
  int code_bits;
  int exponent_bits;  ///< x of the float type ExMy; 0 where the format has no floats
  int mantissa_bits;  ///< y of the float type ExMy
  IntCode int_code;
  int float_weight;             ///< weight of a float operand, which counts units of 2^-fraction_bits
  int int_weight;               ///< weight of an integer operand
  int divisor;                  ///< odd factor of the common denominator: 2^b - 1 for some b
  int fraction_bits;            ///< exponent of its other factor, a power of two
  float span;                   ///< element value that amax maps to where the scale is scale_max
  float scale_max = kScaleMax;  ///< the scale of a block whose largest magnitude is amax
  ScaleCode scale_code = ScaleCode::kE4M3;
  int block_size = kBlockSize;  ///< codes that share a scale byte
};

/// One row for each format, by its number. The factor of the integers is int_weight / (divisor *
/// 2^fraction_bits): 6/7 for IF4, 4/3 for IF3, 7.5/31 and 28/31 for IF6. It is 1 for MixFP4, whose float and
/// integer blocks have scales of their own, and where there are integers only.
inline constexpr std::array<FormatTraits, 16> kFormatTraits = {{
    {"if4", 4, 2, 1, IntCode::kTwosComplement, 7, 12, 7, 1, 6.0F},
    {"mixfp4", 4, 2, 1, IntCode::kSignMagnitude, 1, 2, 1, 1, 6.0F},
    {"nvfp4", 4, 2, 1, IntCode::kNone, 1, 0, 1, 1, 6.0F},
    {"nvint4", 4, 0, 0, IntCode::kTwosComplement, 0, 1, 1, 0, 7.0F},
    {"if3", 3, 2, 0, IntCode::kSignMagnitude, 3, 4, 3, 0, 4.0F},
    {"if6_e2m3", 6, 2, 3, IntCode::kSignMagnitude, 31, 60, 31, 3, 7.5F},
    {"if6_e3m2", 6, 3, 2, IntCode::kSignMagnitude, 31, 448, 31, 4, 28.0F},
    {"nvfp6_e2m3", 6, 2, 3, IntCode::kNone, 1, 0, 1, 3, 7.5F},
    {"nvfp6_e3m2", 6, 3, 2, IntCode::kNone, 1, 0, 1, 4, 28.0F},
    {"nvint3", 3, 0, 0, IntCode::kSignMagnitude, 0, 1, 1, 0, 3.0F},
    {"nvint6", 6, 0, 0, IntCode::kSignMagnitude, 0, 1, 1, 0, 31.0F},
    {"nvfp3", 3, 2, 0, IntCode::kNone, 1, 0, 1, 0, 4.0F},
    {"nvfp4_46", 4, 2, 1, IntCode::kNone, 1, 0, 1, 1, 6.0F, 256.0F},
    {"nvfp4_4", 4, 2, 1, IntCode::kNone, 1, 0, 1, 1, 4.0F},
    {"mxfp4", 4, 2, 1, IntCode::kNone, 1, 0, 1, 1, 6.0F, 1.0F, ScaleCode::kE8M0, 32},
    {"mxfp4_4", 4, 2, 1, IntCode::kNone, 1, 0, 1, 1, 4.0F, 1.0F, ScaleCode::kE8M0, 32},
}};

/// How many formats the MAC units multiply: those with the numbers 0 to 8.
inline constexpr int kMacFormatCount = 9;
/// How many formats there are.
inline constexpr int kFormatCount = static_cast<int>(kFormatTraits.size());
/// Bits of the widest code.
inline constexpr int kMaxCodeBits = 6;

constexpr const FormatTraits& traits(Format format) {
  return kFormatTraits[static_cast<std::size_t>(format)];
}

/// Codes that share a scale byte: 16, or 32.
constexpr std::size_t block_size(Format format) {
  return static_cast<std::size_t>(traits(format).block_size);
}

/// Bytes of the codes of a block: 6, 8, 12 or 16.
constexpr std::size_t code_bytes(Format format) {
  return static_cast<std::size_t>(traits(format).code_bits * traits(format).block_size / 8);
}

/// Whether the MAC units multiply the format.
constexpr bool has_mac(Format format) { return static_cast<int>(format) < kMacFormatCount; }

/// Whether bit 7 of the scale byte tells integers from floats.
constexpr bool mixes_types(Format format) {
  return traits(format).exponent_bits != 0 && traits(format).int_code != IntCode::kNone;
}

/// What amax is divided by in the value of an element: span * scale_max, and 1 for MXFP4.
constexpr float amax_divisor(Format format) {
  const FormatTraits& t = traits(format);
  return t.scale_code == ScaleCode::kE8M0 ? 1.0F : t.span * t.scale_max;
}

/// The span of IF4 and NVFP4.
inline constexpr float kSpan = traits(Format::kIF4).span;

/// "if4", "nvfp6_e3m2": the name used on the command line and in files.
std::string_view format_name(Format format);
/// The format of that name (lower case), or nothing.
std::optional<Format> format_from_name(std::string_view name);

/// The type of a block with that scale byte. Formats of one type ignore bit 7.
constexpr ElementType element_type(Format format, std::uint8_t scale) {
  if (traits(format).int_code == IntCode::kNone) return ElementType::kFloat;
  if (traits(format).exponent_bits == 0) return ElementType::kInt;
  return (scale & kScaleIntBit) != 0 ? ElementType::kInt : ElementType::kFloat;
}

/// The element of that code as the integer that the MAC multiplies: a float in units of
/// 2^-fraction_bits, or the integer itself. `type` must be a type of the format. Bits of `code` above
/// the width of a code are ignored.
constexpr int operand(Format format, ElementType type, unsigned code) {
  const FormatTraits& t = traits(format);
  const int sign = 1 << (t.code_bits - 1);
  const bool negative = (code & static_cast<unsigned>(sign)) != 0;
  const int low = static_cast<int>(code & static_cast<unsigned>(sign - 1));
  if (type == ElementType::kInt) {
    if (t.int_code == IntCode::kTwosComplement) return negative ? low - sign : low;
    return negative ? -low : low;
  }
  const int hidden = 1 << t.mantissa_bits;
  const int field = low >> t.mantissa_bits;
  const int mantissa = low & (hidden - 1);
  // The exponent field 0 is that of the subnormals, which have no hidden one and the exponent of field 1.
  const int magnitude = field == 0 ? mantissa : (hidden | mantissa) << (field - 1);
  return negative ? -magnitude : magnitude;
}

/// What the operands of that type are multiplied by, so that all elements of the format have one denominator.
constexpr int weight(Format format, ElementType type) {
  return type == ElementType::kInt ? traits(format).int_weight : traits(format).float_weight;
}

/// The value of an FP4 (E2M1) code, 0..15, in halves: -12..12, and 0 for the code 0x8.
constexpr int fp4_halves(unsigned code) { return operand(Format::kIF4, ElementType::kFloat, code); }

/// The value of an INT4 code, 0..15, which is two's complement: -8..7.
constexpr int int4_value(unsigned code) { return operand(Format::kIF4, ElementType::kInt, code); }

/// An E4M3 scale byte taken apart: s = significand * 2^(exponent - 10).
struct Scale {
  ElementType type;  ///< what bit 7 says; formats of one type ignore it: see element_type()
  int significand;   ///< 0..15; bit 3 is 1 unless s is subnormal or 0
  int exponent;      ///< 1..15: the exponent field, but 1 where that is 0
  bool nan;          ///< bits 6:0 are 0x7F; significand and exponent are then what the bits say, 15 and 15
};

constexpr Scale decode_scale(std::uint8_t byte) {
  const int field = (byte >> 3) & 15;
  const int mantissa = byte & 7;
  return Scale{(byte & kScaleIntBit) != 0 ? ElementType::kInt : ElementType::kFloat,
               field == 0 ? mantissa : 8 + mantissa, field == 0 ? 1 : field,
               (byte & kScaleMagnitudeMask) == kScaleNaN};
}

/// s of an E4M3 byte, exact; a quiet NaN for 0x7F. Bit 7 is ignored.
float scale_magnitude(std::uint8_t byte);

/// s of a scale byte of the format: scale_magnitude() of an E4M3 byte, or the power of two of an E8M0 byte.
float scale_value(Format format, std::uint8_t byte);

/// The E4M3 byte that is nearest to `value`, ties to even; 448 for larger values. Bit 7 is 0. The value must
/// be >= 0 and not NaN.
std::uint8_t encode_scale_magnitude(float value);

/// The codes of a block. That of element i begins at bit code_bits * i; the bits above the last code are 0.
using Codes = unsigned __int128;

/// 16 or 32 codes and their scale byte. Only together with a format do they have a meaning.
struct Block {
  Codes codes = 0;
  std::uint8_t scale = 0;

  /// Code i, in a format whose codes have that many bits.
  constexpr unsigned code(int i, int bits = 4) const {
    return static_cast<unsigned>(codes >> (bits * i)) & ((1U << bits) - 1);
  }
};
constexpr bool operator==(const Block& a, const Block& b) { return a.codes == b.codes && a.scale == b.scale; }

}  // namespace if4
