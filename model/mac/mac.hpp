// The golden MAC in its exact form: it adds integers and rounds once, at the end.
//
// A beat multiplies one or more blocks of activations with as many blocks of weights. By
// model/core/format.hpp an element is operand * weight / (r * 2^f), with r the format's divisor and f its
// fraction bits, and a scale is m * 2^(x - 10). The product of two blocks is therefore the integer
//     D * k * m_a * m_w * 2^(x_a + x_w - 2)   in units of 2^(-18 - 2f) / r^2
// where D is the sum of the 16 products of operands and k = weight_a * weight_w. (IF4: units of 2^-20 / 49,
// and k = 49, 84 or 144.) A beat is the sum of its blocks' integers, each with its own two scales. The result
// of a dot product is the sum of its beats times the unit, rounded to nearest even. It leaves out amax:
// multiply by amax_a * amax_w / (span * 448)^2 for real values. A scaled MAC leaves out the factor 1 / r^2 too,
// before it rounds: multiply by amax_a * amax_w / (r * span * 448)^2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/core/format.hpp"
#include "model/core/tensor.hpp"

namespace if4 {

using Int128 = __int128;

/// The quiet NaN that is the result of a dot product with a NaN scale or an overflow.
inline constexpr std::uint32_t kResultNaN = 0x7FC00000;

/// The result of one dot product.
struct MacResult {
  std::uint32_t bits = 0;  ///< FP32: kResultNaN where a flag is set, otherwise +0 or a normal number
  bool nan = false;        ///< a scale byte was NaN (0x7F or 0xFF)
  bool overflow = false;   ///< a partial sum left the accumulator; not set together with nan
};

inline bool operator==(const MacResult& a, const MacResult& b) {
  return a.bits == b.bits && a.nan == b.nan && a.overflow == b.overflow;
}
inline bool operator!=(const MacResult& a, const MacResult& b) { return !(a == b); }

/// The parameters of a MAC unit that its results depend on.
struct MacConfig {
  Format format = Format::kIF4;
  int lanes = kBlockSize;  ///< elements that a beat multiplies: 16, 32 or 64
  int acc_width = 0;       ///< bits of the two's complement accumulator, 2..120; 0 means default_acc_width()
  bool scaled = false;     ///< results are r^2 times as large, which in formats with r = 1 is the same
};

/// Throws std::invalid_argument, naming the field, unless the configuration is one that the comments above
/// allow. So do all functions below that take a configuration.
void check(const MacConfig& config);

/// Blocks of either operand in a beat: 1, 2 or 4.
constexpr int blocks_per_beat(const MacConfig& config) { return config.lanes / kBlockSize; }

/// What a sum is divided by: r^2, and 1 where the configuration is scaled.
constexpr int sum_divisor(const MacConfig& config) {
  const int r = config.scaled ? 1 : traits(config.format).divisor;
  return r * r;
}
/// How many times as large as its value a result is: 1, and r^2 where the configuration is scaled.
constexpr int result_factor(const MacConfig& config) {
  return sum_divisor({config.format}) / sum_divisor(config);
}

/// Largest |operand * weight| of any code of a format.
int largest_element(Format format);
/// Largest magnitude of a beat without a NaN scale, in units: all elements have the largest magnitude and all
/// scales are 448. In every format there is a positive beat of that magnitude.
Int128 largest_beat(const MacConfig& config);
/// The width of the narrowest accumulator that holds any one beat: the RTL takes no narrower one.
int beat_width(const MacConfig& config);
/// The width of the narrowest accumulator that holds the sum of 1,024 of the largest beats. With 16 lanes
/// that is 64 bits for IF4 and 57 to 79 bits for the other formats.
int default_acc_width(const MacConfig& config);
/// config.acc_width, or the default where it is 0.
int acc_width(const MacConfig& config);
/// How many of the largest beats an accumulator of acc_width() bits can add up; one more may overflow.
Int128 beats_held(const MacConfig& config);

/// The product of two blocks in units: within +-2^53 for IF4, within +-2^68 for any format. A NaN scale
/// counts as the significand 15 and the exponent 15 of its bits.
Int128 block_product(Format format, const Block& a, const Block& w);

/// The bits of sum * unit rounded to the nearest FP32 number, ties to even; those of +0 for 0. |sum| must be
/// at most 2^119; the result is then never subnormal and never infinite.
std::uint32_t round_sum(const MacConfig& config, Int128 sum);

/// Computes one dot product after the other as the RTL does: an overflow is judged after every beat.
class ExactMac {
 public:
  /// Throws as check() does.
  explicit ExactMac(const MacConfig& config = {});

  /// Adds a beat of blocks_per_beat() blocks of either operand. Where a row ends inside a beat, the blocks
  /// that it lacks are Block{}.
  void beat(const Block* a, const Block* w);
  /// Adds a beat of one block of either operand. Throws std::invalid_argument where there are more
  /// than 16 lanes.
  void beat(const Block& a, const Block& w);
  /// Returns the result of the beats since the last finish() or the construction, and starts the
  /// next dot product.
  MacResult finish();

 private:
  MacConfig config_;
  int blocks_;
  Int128 limit_;  ///< 2^(acc_width - 1): the accumulator holds -limit_ to limit_ - 1
  Int128 sum_ = 0;
  bool nan_ = false;
  bool overflow_ = false;
};

/// The dot product of those pairs of blocks (activations, weights) on an ExactMac: blocks_per_beat() pairs
/// make a beat, and a last beat that lacks some is filled up with Block{}.
MacResult dot_product(const MacConfig& config, const std::vector<std::pair<Block, Block>>& pairs);
/// The dot product of row m of the activations and row n of the weights, which must have as many blocks.
MacResult dot_product(const MacConfig& config, const QuantizedTensor& activations, std::size_t m,
                      const QuantizedTensor& weights, std::size_t n);

}  // namespace if4
