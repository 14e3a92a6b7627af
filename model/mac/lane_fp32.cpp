#include "model/mac/lane_fp32.hpp"

#include <cstddef>

namespace if4 {

namespace {

constexpr float kOneIntFactor = static_cast<float>(6.0 / 7.0);
constexpr float kTwoIntFactor = static_cast<float>(36.0 / 49.0);  // 0x3F3C14E6

/// An element without the factor 6/7 of INT4. FP4 0x8 is -0, whose sign becomes part of the sign
/// of a product.
float element(ElementType type, unsigned code) {
  if (type == ElementType::kInt) return static_cast<float>(int4_value(code));
  return code == 8 ? -0.0F : static_cast<float>(fp4_halves(code)) * 0.5F;
}

float magnitude(std::uint8_t scale) {
  return (scale & kScaleMagnitudeMask) == kScaleNaN ? kScaleMax : scale_magnitude(scale);
}

}  // namespace

void LaneFp32Mac::start() {
  first_ = true;
  lanes_.fill(0.0F);
}

void LaneFp32Mac::beat(const Block& a, const Block& w) {
  const ElementType a_type = decode_scale(a.scale).type;
  const ElementType w_type = decode_scale(w.scale).type;
  float scale = magnitude(a.scale) * magnitude(w.scale);
  if (a_type == ElementType::kInt && w_type == ElementType::kInt) {
    scale *= kTwoIntFactor;
  } else if (a_type == ElementType::kInt || w_type == ElementType::kInt) {
    scale *= kOneIntFactor;
  }
  for (int i = 0; i < kBlockSize; ++i) {
    const float product = element(a_type, a.code(i)) * element(w_type, w.code(i));
    const float scaled = product * scale;
    float& lane = lanes_[static_cast<std::size_t>(i)];
    lane = first_ && lane_start_ == LaneStart::kFirstProduct ? scaled : lane + scaled;
  }
  first_ = false;
}

float LaneFp32Mac::result() const {
  std::array<float, kBlockSize> sums = lanes_;
  for (std::size_t count = sums.size() / 2; count > 0; count /= 2) {
    for (std::size_t i = 0; i < count; ++i) sums[i] = sums[2 * i] + sums[2 * i + 1];
  }
  return sums[0];
}

float lane_fp32_dot_product(const std::vector<std::pair<Block, Block>>& pairs, LaneStart lane_start) {
  LaneFp32Mac mac(lane_start);
  for (const auto& [a, w] : pairs) mac.beat(a, w);
  return mac.result();
}

}  // namespace if4
