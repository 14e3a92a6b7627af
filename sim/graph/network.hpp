// A network that can run: its operations with their tensors, and the shape of every result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/core/tensor.hpp"
#include "sim/graph/description.hpp"

namespace if4 {

/// What a result has a row for.
enum class RowsOf : std::uint8_t {
  kTokens,     ///< each token of each sentence
  kSentences,  ///< each sentence
  kHeads,      ///< each head and token of each sentence; a row has a value for each token of the sentence
};
struct ResultShape {
  RowsOf rows = RowsOf::kTokens;
  std::size_t columns = 0;  ///< 0 for kHeads, whose rows are as long as the sentence
  std::size_t heads = 0;    ///< of kHeads
};
/// "tokens x 256", "sentences x 512", "4 heads x tokens x tokens": for messages.
std::string to_string(const ResultShape& shape);

/// An operation of the network.
struct Step {
  Operation operation;
  const Tensor* weight = nullptr;  ///< null: none
  const Tensor* bias = nullptr;
  ResultShape shape;
};

class Network {
 public:
  /// Reads the description and the tensors that it names. Throws InputError, naming the description and the operation,
  /// where a tensor is missing or of the wrong shape, where the result of an operation does not fit one that takes it,
  /// and where the output is neither a row for each token nor one for each sentence; and as SafetensorsFile does.
  explicit Network(const std::string& path);
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  const Description& description() const { return description_; }
  const std::vector<Step>& steps() const { return steps_; }
  const Step& output() const { return steps_[description_.output]; }
  /// Ids of tokens are below this, the least number of rows of the tables that they are looked up in.
  std::size_t vocabulary() const { return vocabulary_; }
  /// The most tokens that a sentence can have; 0 without a limit.
  std::size_t positions() const { return positions_; }
  /// The files that were read.
  std::vector<std::string> files() const;

 private:
  void read_tensors();
  void bind(std::size_t index);

  Description description_;
  std::map<std::string, Tensor> tensors_;  // by name; the steps point to them
  std::vector<Step> steps_;
  std::size_t vocabulary_ = 0, positions_ = 0;
};

}  // namespace if4
