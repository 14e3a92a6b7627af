// What a weight of a network does, by its name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace if4 {

/// The kinds of weights, in the order of a layer's products. Each has a row in weight_role.cpp.
enum class Role : std::uint8_t {
  kEmbedding,  ///< A table that is looked up: no product, unless it is the head over the vocabulary too.
  kPosition,   ///< The same without a second use.
  kPatches,    ///< the pixels of a patch to a token
  kQuery,
  kKey,
  kValue,
  kQueryKeyValue,  ///< the three in one
  kScores,         ///< queries by keys: no weight
  kValues,         ///< scores by values: no weight
  kAttentionOutput,
  kRouter,  ///< chooses the experts of a token
  kGate,
  kUp,
  kGateUp,  ///< the two in one
  kDown,
  kOther,
  kPooler,      ///< for each sequence
  kHead,        ///< classes, for each sequence
  kVocabulary,  ///< for the last token of each sequence
};

/// "attention.q": the name in a topology; for kOther, none.
std::string_view role_name(Role role);

/// The role of a tensor, by the names that models of Hugging Face's transformers give it: "h.0.attn.c_attn.weight".
Role role_of(std::string_view name);

/// The name of a tensor taken apart.
struct WeightName {
  std::string pattern;   ///< with * for each number: "model.layers.*.self_attn.q_proj.weight"
  std::string stack;     ///< what is before the first number: "model.layers"
  std::string layer;     ///< stack and first number; empty without a number
  bool expert = false;   ///< one of several experts, which has a number of its own or is a slice of a tensor
  bool shared = false;   ///< an expert of every token
  bool picture = false;  ///< of the part of a model that sees or hears
};
WeightName take_apart(std::string_view name);

}  // namespace if4
