// The formats in exact rational numbers (GMP), for oracles that share no code with the model: nothing here
// includes or calls model/. Written from the text of the formats, and slow on purpose.
#pragma once

#include <gmpxx.h>

#include <cstdint>

namespace if4::rational {

/// Value of a 4-bit code (0..15) before its block's scale, the factor 6/7 of INT4 included.
/// FP4 is E2M1 with the sign in bit 3 (0x8 gives 0); INT4 is two's complement, -8..7.
mpq_class element_value(bool is_int, unsigned code);

/// E4M3 magnitude in bits 6:0 of a scale byte; bit 7, the element type, is ignored.
/// Throws std::domain_error for 0x7F and 0xFF, which are NaN.
mpq_class scale_value(std::uint8_t scale);

/// The FP32 number nearest to `value`: the one of its neighbours with the smaller exact distance, the even
/// significand where both are as far. Rounds to subnormals; 2^128 - 2^103 and more in magnitude is infinity.
/// Zero has a plus sign, also where a negative value rounds to it.
float round_to_fp32(const mpq_class& value);

/// A finite FP32 number, exactly.
mpq_class exact(float value);

}  // namespace if4::rational
