// The parts that the fast quantizer cuts a tensor into.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/core/format.hpp"

namespace if4 {

inline constexpr std::size_t kPiece = kBlockSize;
/// Values of a part that is a number of blocks: 16 KB of FP32, which stay in the first cache.
inline constexpr std::size_t kFlatValues = 4096;
/// Parts that a thread takes at a time. They follow each other in memory, which is read fastest in order.
inline constexpr std::size_t kRun = 16;
/// Rows of a part that is a band of rows, and the values that are taken of each row at a time.
inline constexpr std::size_t kBandRows = 16;
inline constexpr std::size_t kBandValues = 256;
/// Values in which a thread looks for the largest magnitude at a time.
inline constexpr std::size_t kLargestValues = std::size_t{1} << 16;
inline constexpr std::uint32_t kInfinityBits = 0x7F800000;

inline std::size_t divided_up(std::size_t a, std::size_t b) { return a / b + (a % b != 0 ? 1 : 0); }

}  // namespace if4
