// The arithmetic of the MAC published with arXiv 2603.28765, bit for bit: FP32 lanes, rounded at every step.
//
// For each beat and each of the 16 lanes
//     product = a * w                      FP16, exact: a multiple of 1/4, at most 64
//     scale   = s_a * s_w                  FP32, exact: the significands have 4 bits
//     scale   = scale * factor             FP32; f32(6/7) for one INT4 operand, f32(36/49) for two
//     lane    = lane + product * scale     FP32 multiplication, then FP32 addition, in the order of the beats
// and at the end the 16 lanes are added in FP32 by a tree of adjacent pairs: (0+1), (2+3), ...
// The result depends on the order of the beats and is *not* the correctly rounded dot product.
// Every operation is rounded to nearest even and none may be fused, so the build compiles the
// model with -ffp-contract=off.
//
// Code 0x8 is legal (FP4 -0, INT4 -8). The published unit reads the scale magnitude 0x7F, the NaN of E4M3, as
// 448, and so does this model.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/core/format.hpp"

namespace if4 {

/// What a lane holds before its first addition. The choice shows only in the sign of a result that is zero.
enum class LaneStart : std::uint8_t {
  kZero,          ///< +0, as in the published script that makes expected results
  kFirstProduct,  ///< nothing: the first product is stored and not added, as in the published RTL
};

class LaneFp32Mac {
 public:
  explicit LaneFp32Mac(LaneStart lane_start = LaneStart::kZero) : lane_start_(lane_start) {}

  /// Begins a new dot product. The constructor does so too.
  void start();
  /// Adds the 16 products of a block of activations and a block of weights, in either order.
  void beat(const Block& a, const Block& w);
  /// The dot product so far, without the tensors' amax factors; +0 before the first beat.
  float result() const;

 private:
  LaneStart lane_start_;
  bool first_ = true;
  std::array<float, kBlockSize> lanes_{};
};

/// The result for those pairs of blocks (activations, weights).
float lane_fp32_dot_product(const std::vector<std::pair<Block, Block>>& pairs,
                            LaneStart lane_start = LaneStart::kZero);

}  // namespace if4
