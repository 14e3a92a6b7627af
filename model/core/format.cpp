#include "model/core/format.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace if4 {

std::string_view format_name(Format format) { return traits(format).name; }

std::optional<Format> format_from_name(std::string_view name) {
  for (int number = 0; number < kFormatCount; ++number) {
    const auto format = static_cast<Format>(number);
    if (format_name(format) == name) return format;
  }
  return std::nullopt;
}

float scale_magnitude(std::uint8_t byte) {
  const Scale scale = decode_scale(byte);
  if (scale.nan) return std::numeric_limits<float>::quiet_NaN();
  return std::ldexp(static_cast<float>(scale.significand), scale.exponent - 10);
}

float scale_value(Format format, std::uint8_t byte) {
  if (traits(format).scale_code == ScaleCode::kE4M3) return scale_magnitude(byte);
  return byte == 0xFF ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0F, byte - 127);
}

std::uint8_t encode_scale_magnitude(float value) {
  if (value == 0.0F) return 0;
  if (value >= kScaleMax) return kScaleNaN - 1;
  // The unit of the last place is 2^-9 for values below 2^-5 (the subnormals and the smallest normal
  // numbers), and 2^(e-3) for values in [2^e, 2^(e+1)).
  int exponent = 0;
  std::frexp(value, &exponent);  // value in [2^(exponent-1), 2^exponent)
  const int ulp_exponent = std::max(exponent - 4, -9);
  const int units = static_cast<int>(std::nearbyint(std::ldexp(value, -ulp_exponent)));
  // Consecutive E4M3 magnitudes have consecutive codes, so this holds for subnormals too, and where a value
  // is rounded up to the next power of two (units = 16).
  return static_cast<std::uint8_t>((ulp_exponent + 9) * 8 + units);
}

}  // namespace if4
