// The golden MAC, exact form: integers, one rounding at the end.
//
// With e = 7h for FP4 (h: magnitude in halves) and e = 12q for INT4, every element is e/14, and a beat is the
// integer
//     D * k * m_a * m_w * 2^(x_a + x_w - 2)   in units of 2^-20 / 49
// where D is the sum of the 16 products of h or q, k = 49 (FP,FP), 84 (mixed) or 144 (INT,INT), and m, x are
// the significand and exponent of the scales. |beat| < 2^53. The result of a dot product is the sum of its
// beats times 2^-20 / 49, rounded to nearest even. It leaves out amax: multiply by amax_a * amax_w / 2688^2
// for real values.
#pragma once

#include <cstdint>

#include "model/format.hpp"

namespace if4 {

/// Quiet NaN, the result of a dot product that has no number.
inline constexpr std::uint32_t kResultNaN = 0x7FC00000;

/// What the MAC gives for one dot product.
struct MacResult {
  std::uint32_t bits = 0;  ///< FP32; kResultNaN where a flag is set, otherwise +0 or normal
  bool nan = false;        ///< a scale was NaN (0x7F or 0xFF)
  bool overflow = false;   ///< a partial sum left the 64-bit accumulator; never together with nan
};

inline bool operator==(const MacResult& a, const MacResult& b) {
  return a.bits == b.bits && a.nan == b.nan && a.overflow == b.overflow;
}
inline bool operator!=(const MacResult& a, const MacResult& b) { return !(a == b); }

/// D: the sum of the 16 integer element products, within +-2304.
int dot_product(const Block& a, const Block& w);

/// One beat in units of 2^-20 / 49, within +-2^53. A NaN scale counts as the significand 15 and exponent 15
/// of its bits.
std::int64_t beat_value(const Block& a, const Block& w);

/// sum * 2^-20 / 49 rounded to the nearest FP32, ties to even; +0 for 0. Never subnormal or infinite.
std::uint32_t round_sum(std::int64_t sum);

/// One dot product at a time, as the RTL accumulates it: 64 bits, partial sums in the order of the beats.
class ExactMac {
 public:
  void beat(const Block& a, const Block& w);
  /// The result of the beats since the last finish() (or construction); starts the next dot product.
  MacResult finish();

 private:
  std::int64_t sum_ = 0;
  bool nan_ = false;
  bool overflow_ = false;
};

}  // namespace if4
