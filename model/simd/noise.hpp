// The noise of stochastic rounding, from a counter-based generator: a value depends on the seed and on its
// number alone, so that any thread can make any of them.
#pragma once

#include <cstdint>

namespace if4 {

/// The two keys that a seed gives.
struct NoiseKey {
  std::uint32_t low;
  std::uint32_t high;
};

/// Makes them with the output function of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom
/// number generators").
constexpr NoiseKey noise_key(std::uint64_t seed) {
  std::uint64_t z = seed + 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  z ^= z >> 31;
  return {static_cast<std::uint32_t>(z), static_cast<std::uint32_t>(z >> 32)};
}

/// A bijection of 32-bit numbers in which every input bit changes every output bit with a probability near
/// 1/2. It is "lowbias32" of C. Wellons' hash-prospector.
constexpr std::uint32_t mix32(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7FEB352DU;
  x ^= x >> 15;
  x *= 0x846CA68BU;
  x ^= x >> 16;
  return x;
}

/// Number `index` of the sequence: a multiple of 2^-24 in [-1/2, 1/2), of which all are equally likely.
constexpr float noise(NoiseKey key, std::uint64_t index) {
  const std::uint32_t inner = mix32(static_cast<std::uint32_t>(index >> 32) + key.high);
  const std::uint32_t bits = mix32(mix32(static_cast<std::uint32_t>(index) ^ key.low) + inner);
  return static_cast<float>(bits >> 8) * 0x1p-24F - 0.5F;
}

}  // namespace if4
