// A network on a batch of sentences.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/graph/network.hpp"
#include "sim/graph/product.hpp"

namespace if4 {

/// The ids of the tokens of each sentence.
class Batch {
 public:
  Batch() = default;
  /// Throws InputError "PLACE: sentence 3: ..." (from 1) unless every sentence has a token, no more than the network has positions
  /// for, and every id is below the vocabulary. Tokens beyond `most_tokens` of the description are left out.
  Batch(const Network& network, std::vector<std::vector<std::uint32_t>> ids, const std::string& place);

  std::size_t sentences() const { return ids_.size(); }
  std::size_t tokens() const { return starts_.back(); }
  const std::vector<std::uint32_t>& ids(std::size_t sentence) const { return ids_[sentence]; }
  std::size_t length(std::size_t sentence) const { return ids_[sentence].size(); }
  /// How many tokens come before the sentence; that of one past the last is tokens().
  std::size_t start(std::size_t sentence) const { return starts_[sentence]; }
  /// The sum of the squared lengths of the sentences before: where its scores begin, times heads.
  std::size_t square_start(std::size_t sentence) const { return squares_[sentence]; }
  /// How many sentences were cut off after `most_tokens`.
  std::size_t cut() const { return cut_; }

 private:
  std::vector<std::vector<std::uint32_t>> ids_;
  std::vector<std::size_t> starts_ = {0}, squares_ = {0};
  std::size_t cut_ = 0;
};

/// How many values a result of that shape has.
std::size_t value_count(const ResultShape& shape, const Batch& batch);
/// Where those of a sentence begin; of one past the last, where they end.
std::size_t value_start(const ResultShape& shape, const Batch& batch, std::size_t sentence);

/// Is called with the result of each operation, in their order.
using Results = std::function<void(std::size_t step, const std::vector<float>& values)>;

/// Runs the network and returns the values of its output, row by row. All values are FP32. Whatever is no product is
/// computed in double from FP32 and rounded once, sums from left to right, so that no library of the machine decides the last bit. Throws
/// InputError, naming the operation, where a value is not finite.
std::vector<float> run_network(const Network& network, const Batch& batch, Multiplier& multiplier,
                               const Results& results = {});

}  // namespace if4
