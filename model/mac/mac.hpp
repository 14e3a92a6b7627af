// The golden MAC, exact form: integers, one rounding at the end.
//
// A beat multiplies one or more blocks of activations with as many blocks of weights. By
// model/core/format.hpp an element is operand * weight / (r * 2^f), with r the format's divisor and f its
// fraction bits, and a scale is m * 2^(x - 10). The product of two blocks is therefore the integer
//     D * k * m_a * m_w * 2^(x_a + x_w - 2)   in units of 2^(-18 - 2f) / r^2
// where D is the sum of the 16 products of operands and k = weight_a * weight_w. (IF4: units of 2^-20 / 49,
// and k = 49, 84 or 144.) A beat is the sum of its blocks' integers, each with its own two scales. The result
// of a dot product is the sum of its beats times the unit, rounded to nearest even. It leaves out amax:
// multiply by amax_a * amax_w / (span * 448)^2 for real values.
#pragma once

#include <cstdint>

#include "model/core/format.hpp"

namespace if4 {

using Int128 = __int128;

/// Quiet NaN, the result of a dot product that has no number.
inline constexpr std::uint32_t kResultNaN = 0x7FC00000;

/// What the MAC gives for one dot product.
struct MacResult {
  std::uint32_t bits = 0;  ///< FP32; kResultNaN where a flag is set, otherwise +0 or normal
  bool nan = false;        ///< a scale was NaN (0x7F or 0xFF)
  bool overflow = false;   ///< a partial sum left the accumulator; never together with nan
};

inline bool operator==(const MacResult& a, const MacResult& b) {
  return a.bits == b.bits && a.nan == b.nan && a.overflow == b.overflow;
}
inline bool operator!=(const MacResult& a, const MacResult& b) { return !(a == b); }

/// One build of the unit.
struct MacConfig {
  Format format = Format::kIF4;
  int lanes = kBlockSize;  ///< products a beat: 16, 32 or 64
  int acc_width = 0;       ///< bits of the accumulator, two's complement, 2..120; 0: default_acc_width()
};

/// Throws std::invalid_argument, naming the field, unless the configuration is one that the comments above
/// allow. All functions of a configuration do.
void check(const MacConfig& config);

/// Blocks on each operand port: 1, 2 or 4.
constexpr int blocks_per_beat(const MacConfig& config) { return config.lanes / kBlockSize; }

/// Largest magnitude of a beat without a NaN scale, in units: every element the largest, both scales 448. It
/// is reached with a plus sign.
Int128 largest_beat(const MacConfig& config);
/// The narrowest accumulator that holds 1,024 of the largest beats: for 16 lanes 64 bits for IF4, 57 to 79
/// for others.
int default_acc_width(const MacConfig& config);
/// config.acc_width, or the default where it is 0.
int acc_width(const MacConfig& config);
/// How many of the largest beats that accumulator holds; one more may overflow.
Int128 beats_held(const MacConfig& config);

/// D: the sum of the 16 integer products of operands, within +-2304 for 4-bit formats.
int dot_product(Format format, const Block& a, const Block& w);

/// The product of two blocks in units; of IF4 within +-2^53, of any format within +-2^68. A NaN scale counts
/// as the significand 15 and exponent 15 of its bits.
Int128 block_product(Format format, const Block& a, const Block& w);

/// sum * unit rounded to the nearest FP32, ties to even; +0 for 0. |sum| <= 2^119; never subnormal or
/// infinite.
std::uint32_t round_sum(Format format, Int128 sum);

/// One dot product at a time, as the RTL accumulates it: partial sums in the order of the beats.
class ExactMac {
 public:
  /// One configuration for its life. Throws as check() does.
  explicit ExactMac(const MacConfig& config = {});

  /// Adds a beat: blocks_per_beat() blocks each. A block that a short row lacks is Block{}.
  void beat(const Block* a, const Block* w);
  /// The same for 16 lanes, one block each. Throws std::invalid_argument for more lanes.
  void beat(const Block& a, const Block& w);
  /// The result of the beats since the last finish() (or construction); starts the next dot product.
  MacResult finish();

 private:
  Format format_;
  int blocks_;
  Int128 limit_;  ///< 2^(acc_width - 1): the sum is within -limit_..limit_ - 1
  Int128 sum_ = 0;
  bool nan_ = false;
  bool overflow_ = false;
};

}  // namespace if4
