// What a test case of random stimuli tells of itself: a digest of what it fed to the design, by which a regression sees
// that two seeds differ, and how many results it compared.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/core/format.hpp"
#include "model/core/tensor.hpp"

namespace if4::testing {

/// Adds a number to the digest of the test case that runs; on the main thread only. Not for seeds: what is noted must be
/// what the design or the model gets, so that a generator that forgets its seed shows.
void note_stimulus(std::uint64_t value);
/// The same of the pairs of blocks of dot products, and where each ends.
void note_stimulus(const std::vector<std::vector<std::pair<Block, Block>>>& dot_products);
/// The same of shape and values.
void note_stimulus(const Tensor& tensor);
/// The same of shape, scales and codes.
void note_stimulus(const QuantizedTensor& tensor);

/// So many results were compared, beside the assertions of the test.
void count_checks(std::uint64_t results);

/// The digest of the test case, in hexadecimal, or nothing where it noted no stimulus; the next test case starts anew.
std::string take_digest();
/// All that were counted.
std::uint64_t counted_checks();

}  // namespace if4::testing
