#include "sim/bits/planes.hpp"

#include <algorithm>

namespace if4 {
namespace {

// One step of a transposition: the columns of `mask` of the lower rows change places with those `shift` above them of the
// upper rows.
void exchange(std::uint64_t* upper, std::uint64_t* lower, int shift, std::uint64_t mask, int words) {
  for (int w = 0; w < words; ++w) {
    const std::uint64_t moved = ((upper[w] >> shift) ^ lower[w]) & mask;
    lower[w] ^= moved;
    upper[w] ^= moved << shift;
  }
}

}  // namespace

void transpose(std::uint64_t* square) {
  std::uint64_t mask = 0x00000000FFFFFFFFU;
  for (int size = 32; size != 0; size >>= 1, mask ^= mask << size) {
    for (int row = 0; row < 64; row += 2 * size)
      exchange(square + row, square + row + size, size, mask, size);  // the rows row + i and row + size + i
  }
}

void numbers_to_planes(std::uint64_t* numbers, int count, std::uint64_t* planes, int words, int word) {
  transpose(numbers);
  for (int bit = 0; bit < count; ++bit) planes[bit * words + word] = numbers[bit];
}

void planes_to_numbers(const std::uint64_t* planes, int words, std::uint32_t* numbers) {
  constexpr int kRows = 32;  // two squares of 32 x 32 bits in each word
  std::uint64_t rows[kRows * kMostWords];
  std::copy(planes, planes + kRows * words, rows);
  std::uint64_t mask = 0x0000FFFF0000FFFFU;
  for (int size = kRows / 2; size != 0; size >>= 1, mask ^= mask << size) {
    for (int row = 0; row < kRows; row += 2 * size)
      exchange(rows + row * words, rows + (row + size) * words, size, mask, size * words);
  }
  for (int w = 0; w < words; ++w) {
    for (int row = 0; row < kRows; ++row) {
      numbers[64 * w + row] = static_cast<std::uint32_t>(rows[row * words + w]);
      numbers[64 * w + kRows + row] = static_cast<std::uint32_t>(rows[row * words + w] >> kRows);
    }
  }
}

}  // namespace if4
