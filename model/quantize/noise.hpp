// The noise of stochastic rounding: a counter-based generator. A value depends on the seed and on its number
// alone, so any thread can make any of them.
#pragma once

#include <cstdint>

namespace if4 {

/// Two keys made of a seed.
struct NoiseKey {
  std::uint32_t low;
  std::uint32_t high;
};

/// The output function of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators").
constexpr NoiseKey noise_key(std::uint64_t seed) {
  std::uint64_t z = seed + 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  z ^= z >> 31;
  return {static_cast<std::uint32_t>(z), static_cast<std::uint32_t>(z >> 32)};
}

/// A bijection of 32 bits in which every input bit changes every output bit with a probability near 1/2:
/// "lowbias32" of C. Wellons' hash-prospector.
constexpr std::uint32_t mix32(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7FEB352DU;
  x ^= x >> 15;
  x *= 0x846CA68BU;
  x ^= x >> 16;
  return x;
}

/// Number `index` of the sequence: a multiple of 2^-24 in [-1/2, 1/2), all equally likely.
constexpr float noise(NoiseKey key, std::uint64_t index) {
  const std::uint32_t inner = mix32(static_cast<std::uint32_t>(index >> 32) + key.high);
  const std::uint32_t bits = mix32(mix32(static_cast<std::uint32_t>(index) ^ key.low) + inner);
  return static_cast<float>(bits >> 8) * 0x1p-24F - 0.5F;
}

}  // namespace if4
