// Planes of bits in memory, and the way between them and numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace if4 {

/// The most words that a plane has.
inline constexpr int kMostWords = 8;

/// `count` planes of `words` words each (sim/bits/kernel.hpp), all zero.
class Planes {
 public:
  Planes(std::size_t count, int words)
      : words_(static_cast<std::size_t>(words)), lines_((count * words_ + kLine - 1) / kLine) {}
  std::uint64_t* operator[](std::size_t plane) { return lines_.data()->words + plane * words_; }
  const std::uint64_t* operator[](std::size_t plane) const { return lines_.data()->words + plane * words_; }

 private:
  static constexpr std::size_t kLine = kMostWords;
  struct alignas(8 * kLine) Line {  // aligned as the widest vector
    std::uint64_t words[kLine] = {};
  };
  std::size_t words_;
  std::vector<Line> lines_;
};

/// A bit of every unit, as a plane has it; words beyond those of the plane stay 0.
using Mask = std::array<std::uint64_t, kMostWords>;

/// Transposes 64 x 64 bits in place: bit j of word i becomes bit i of word j.
void transpose(std::uint64_t* square);

/// Writes bits 0..count - 1 of 64 numbers into word `word` of `count` planes; count is up to 64. The numbers are
/// destroyed.
void numbers_to_planes(std::uint64_t* numbers, int count, std::uint64_t* planes, int words, int word);

/// The numbers of 32 bits that 32 planes hold, one for each of the 64 * words units.
void planes_to_numbers(const std::uint64_t* planes, int words, std::uint32_t* numbers);

}  // namespace if4
