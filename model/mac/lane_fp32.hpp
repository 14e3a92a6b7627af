// The arithmetic of the MAC published with arXiv 2603.28765, bit for bit: FP32 lanes, rounded at every step.
//
// For each beat and each of the 16 lanes
//     product = a * w                       FP16, exact: a multiple of 1/4, at most 64
//     scale   = s_a * s_w                   FP32 (exact: 4-bit significands)
//     scale   = scale * factor              FP32; f32(6/7) where one operand is INT4, f32(36/49) where both
//     are lane    = lane + product * scale      FP32 multiplication, then FP32 addition, in beat order
// and at the end the 16 lanes are added in FP32 by a tree of adjacent pairs: (0+1), (2+3), ...
// The result depends on the order of the beats; it is *not* the correctly rounded dot product. Rounding is to
// nearest even and nothing may be fused: the build compiles the model with -ffp-contract=off.
//
// What that unit leaves undefined is defined here: code 0x8 is legal (FP4 -0, INT4 -8), and scale magnitude
// 0x7F, E4M3's NaN, reads as 448, as it does there.
#pragma once

#include <array>
#include <cstdint>

#include "model/core/format.hpp"

namespace if4 {

/// What a lane holds before its first addition. The two differ only in the sign of a zero result.
enum class LaneStart : std::uint8_t {
  kZero,          ///< +0, as in the published generator of expected results
  kFirstProduct,  ///< the first beat is stored, not added, as in the published RTL
};

class LaneFp32Mac {
 public:
  explicit LaneFp32Mac(LaneStart lane_start = LaneStart::kZero) : lane_start_(lane_start) {}

  /// Begins a new dot product. A new object has begun one.
  void start();
  /// Adds the 16 products of one block of activations and one of weights. Their order does not matter.
  void beat(const Block& a, const Block& w);
  /// The dot product so far, without the tensors' amax factors; +0 before the first beat.
  float result() const;

 private:
  LaneStart lane_start_;
  bool first_ = true;
  std::array<float, kBlockSize> lanes_{};
};

}  // namespace if4
