// The description of a network: a JSON file of its operations, in any order, each with the names of those whose results it
// takes. README.md has the keys, and what each operation computes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace if4 {

enum class OpKind : std::uint8_t {
  kEmbed,
  kPosition,
  kSinusoid,
  kLinear,
  kScores,
  kValues,
  kNorm,
  kSoftmax,
  kSlice,
  kScale,
  kAdd,
  kRelu,
  kGelu,
  kTanh,
  kMean,
  kSqrtMean,
  kFirst,
  kUnit,
};

/// A key of an operation, beside "name", "op" and "in".
enum class OpKey : std::uint8_t { kWeight, kBias, kEpsilon, kBy, kHeads, kPart, kParts };
inline constexpr std::array<std::string_view, 7> kOpKeys = {"weight", "bias", "epsilon", "by",
                                                            "heads",  "part", "parts"};

struct OpTraits {
  OpKind kind;
  std::string_view name;  ///< in the description and in reports
  std::size_t inputs;
  std::uint8_t required, allowed;  ///< a bit for each OpKey
};
/// By number.
const std::array<OpTraits, 18>& op_table();
const OpTraits& traits(OpKind kind);
/// Whether the array computes it.
constexpr bool is_product(OpKind kind) {
  return kind == OpKind::kLinear || kind == OpKind::kScores || kind == OpKind::kValues;
}

struct Operation {
  std::string name;
  OpKind kind = OpKind::kEmbed;
  std::vector<std::size_t> inputs;  ///< indices of operations that come before it
  std::string weight, bias;         ///< names of tensors; empty: none
  double epsilon = 0.0;
  double by = 1.0;
  std::size_t heads = 0, part = 0, parts = 0;
};

struct Description {
  std::string path;
  std::string name;                   ///< of the network, on one line
  std::vector<std::string> weights;   ///< paths of the files of its tensors, at least one
  std::string tokenizer;              ///< path; empty: none
  std::size_t most_tokens = 0;        ///< tokens of a sentence beyond so many are left out; 0: none are
  std::vector<Operation> operations;  ///< in an order in which they can run
  std::size_t output = 0;             ///< index of the operation whose result is that of the network
};

/// Throws InputError, naming the file and the operation, unless the file is a description whose every operation is known,
/// has its keys and no others, has a name of its own, takes results that exist, and does not wait for its own.
Description read_description(const std::string& path);

}  // namespace if4
