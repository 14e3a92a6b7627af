// The formats in exact rational numbers (GMP), an oracle that shares no code with the model: nothing here includes
// or calls model/. Written from the text of the formats, and slow on purpose.
#pragma once

#include <gmpxx.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace if4::rational {

/// Names of the formats: if4, mixfp4, nvfp4, nvint4, if3, if6_e2m3, if6_e3m2, nvfp6_e2m3, nvfp6_e3m2, in the
/// order of the RTL's numbers. Codes have 4, 4, 4, 4, 3, 6, 6, 6, 6 bits.
const std::vector<std::string_view>& format_names();

/// Values of all codes, in order, before the block's scale and with the factor of an integer type, in a block
/// whose scale byte has that bit 7. Throws std::domain_error for an unknown name.
std::vector<mpq_class> element_values(std::string_view format, bool bit7);

/// One of the values of IF4: FP4 (0x8 gives 0) or INT4 (-8..7) times 6/7.
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
