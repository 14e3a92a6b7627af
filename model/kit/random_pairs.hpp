// Random operands of a MAC unit.
#pragma once

#include <cstddef>
#include <random>

#include "model/kit/vector_line.hpp"

namespace if4 {

/// What random_beats() draws from. Every code is possible in every mode, and every byte that is not excluded.
enum class Mix : std::uint8_t {
  kUniform,  ///< all codes and scale bytes alike; one scale in 128 is NaN
  kFinite,   ///< the same without NaN scales
  kExtreme,  ///< the codes of largest magnitude, -0 (or the most negative integer) and 0; scales at both ends
};
/// `count` beats, that is count * blocks_per_beat() pairs.
BlockPairs random_beats(std::mt19937_64& random, std::size_t count, Mix mix, const MacConfig& config = {});

}  // namespace if4
