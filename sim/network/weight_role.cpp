#include "sim/network/weight_role.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "model/core/text.hpp"

namespace if4 {
namespace {

struct RoleTraits {
  Role role;
  std::string_view name;
  std::string_view ends;  // of a tensor's name without .weight, each between blanks; whole parts between dots
};
constexpr RoleTraits kRoles[] = {
    {Role::kEmbedding, "", " embed_tokens wte word_embeddings tok_embeddings embed_in embedding "},
    {Role::kPosition, "",
     " wpe position_embeddings token_type_embeddings embed_positions position_embedding "
     "relative_attention_bias "
     "shared "},
    {Role::kPatches, "patches", " patch_embeddings.projection patch_embed.proj patch_embedding "},
    {Role::kQuery, "attention.q", " q_proj query q_lin wq "},
    {Role::kKey, "attention.k", " k_proj key k_lin wk "},
    {Role::kValue, "attention.v", " v_proj value v_lin wv "},
    {Role::kQueryKeyValue, "attention.qkv", " c_attn qkv_proj query_key_value Wqkv attn.qkv "},
    {Role::kScores, "attention.scores", " "},
    {Role::kValues, "attention.values", " "},
    {Role::kAttentionOutput, "attention.o",
     " o_proj out_lin wo attention.output.dense attn.c_proj attention.c_proj attention.dense "
     "self_attention.dense "
     "self_attn.dense self_attn.out_proj attn.out_proj attention.out_proj attn.proj "},
    {Role::kRouter, "router", " mlp.gate block_sparse_moe.gate router feed_forward.router moe.gate "},
    {Role::kGate, "ffn.gate", " gate_proj w1 "},
    {Role::kUp, "ffn.up", " up_proj w3 fc1 intermediate.dense c_fc dense_h_to_4h lin1 fc_in "},
    {Role::kGateUp, "ffn.gate_up", " gate_up_proj "},
    {Role::kDown, "ffn.down", " down_proj w2 fc2 output.dense mlp.c_proj dense_4h_to_h lin2 fc_out "},
    {Role::kOther, "", " "},
    {Role::kPooler, "pooler", " pooler.dense "},
    {Role::kHead, "head", " classifier score "},
    {Role::kVocabulary, "vocabulary", " lm_head embed_out cls.predictions.decoder "},
};
static_assert(std::size(kRoles) == static_cast<std::size_t>(Role::kVocabulary) + 1, "a role is missing");

// Calls use() with each word of a text.
template <typename Use>
void each_word(std::string_view text, char separator, Use use) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

}  // namespace

std::string_view role_name(Role role) { return kRoles[static_cast<std::size_t>(role)].name; }

Role role_of(std::string_view name) {
  for (const std::string_view end : {".weight", "_blocks"})
    if (name.size() > end.size() && name.substr(name.size() - end.size()) == end)
      name.remove_suffix(end.size());
  Role found = Role::kOther;
  std::size_t longest = 0;
  for (const RoleTraits& role : kRoles) {
    each_word(role.ends, ' ', [&](std::string_view end) {
      if (end.size() <= longest || !ends_with(name, end)) return;
      longest = end.size();
      found = role.role;
    });
  }
  return found;
}

WeightName take_apart(std::string_view name) {
  WeightName result;
  bool numbered = false;
  each_word(name, '.', [&](std::string_view part) {
    const bool number = std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (number && !numbered) {
      result.stack = result.pattern;
      result.layer = result.pattern + "." + std::string(part);
      numbered = true;
    }
    result.pattern += (result.pattern.empty() ? "" : ".") + (number ? std::string("*") : std::string(part));
    if (part == "experts") result.expert = true;
    if (part.rfind("shared_expert", 0) == 0) result.shared = true;
    if (contains_any(part, {"vision", "visual", "audio", "image_encoder"})) result.picture = true;
  });
  return result;
}

}  // namespace if4
