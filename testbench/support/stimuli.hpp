// What a test case of random stimuli tells of itself: a digest of what it fed to the design, by which a regression sees
// that two seeds differ, and how many results it compared.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "model/core/float_bits.hpp"
#include "model/core/format.hpp"
#include "model/core/tensor.hpp"

namespace if4::testing {

/// What the test case that runs has told so far.
struct Told {
  std::uint64_t low = 0, high = 0;  ///< the digest: each step is a bijection of it for a given value
  std::uint64_t count = 0;          ///< of values
  std::uint64_t checks = 0;         ///< of the whole run
};
inline Told told;

/// Adds a number to the digest of the test case that runs; on the main thread only. Not for seeds: what is noted must be
/// what the design or the model gets, so that a generator that forgets its seed shows.
inline void note_stimulus(std::uint64_t value) {
  const auto mixed = [](std::uint64_t x) { return x ^ x >> 32; };
  told.low = mixed((told.low ^ value) * 0x9E3779B97F4A7C15);
  told.high = mixed((told.high + value) * 0xD6E8FEB86659FD93 + told.low);
  ++told.count;
}

/// The same of a block.
inline void note_stimulus(const Block& block) {
  note_stimulus(static_cast<std::uint64_t>(block.codes));
  note_stimulus(static_cast<std::uint64_t>(block.codes >> 64));
  note_stimulus(std::uint64_t{block.scale});
}

/// The same of the pairs of blocks of dot products, and of where each ends.
inline void note_stimulus(const std::vector<std::vector<std::pair<Block, Block>>>& dot_products) {
  for (const auto& pairs : dot_products) {
    note_stimulus(std::uint64_t{pairs.size()});
    for (const auto& [a, w] : pairs) {
      note_stimulus(a);
      note_stimulus(w);
    }
  }
}

/// The same of shape and values.
inline void note_stimulus(const Tensor& tensor) {
  for (const std::size_t size : tensor.shape) note_stimulus(std::uint64_t{size});
  for (const float value : tensor.values) note_stimulus(std::uint64_t{float_bits(value)});
}

/// The same of shape, scales and codes.
inline void note_stimulus(const QuantizedTensor& tensor) {
  for (const std::size_t size : tensor.shape) note_stimulus(std::uint64_t{size});
  for (const std::uint8_t scale : tensor.scales) note_stimulus(std::uint64_t{scale});
  for (const std::uint8_t codes : tensor.codes) note_stimulus(std::uint64_t{codes});
}

/// So many results were compared, beside the assertions of the test.
inline void count_checks(std::uint64_t results) { told.checks += results; }

/// The digest of the test case, in hexadecimal, or nothing where it noted no stimulus; the next test case starts anew.
inline std::string take_digest() {
  char text[40] = "";
  if (told.count != 0) {
    std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(told.low),
                  static_cast<unsigned long long>(told.high));
  }
  told = {0, 0, 0, told.checks};
  return text;
}

}  // namespace if4::testing
