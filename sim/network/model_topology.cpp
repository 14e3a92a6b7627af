#include "sim/network/model_topology.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/model_folder.hpp"
#include "sim/network/model_config.hpp"
#include "sim/network/model_weights.hpp"
#include "sim/network/weight_role.hpp"

namespace if4 {
namespace {

// Weights that are multiplied alike, one in each layer or one for each expert of each layer.
struct Group {
  std::string name;
  Role role = Role::kOther;
  bool expert = false, shared = false;
  std::uint64_t n = 0, k = 0;
  std::uint64_t weights = 0;
  std::map<std::string, std::uint64_t> experts;  // of each layer
};

class Builder {
 public:
  Builder(const std::string& path, const ModelRun& run) : path_(path), run_(run) {}
  ModelTopology build();

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw InputError(one_line(path_) + ": " + message);
  }
  void note(const std::string& text) { result_.notes.push_back(text); }
  void read();
  void place(const ModelWeight& weight);
  void place_matrix(const ModelWeight& weight, Role role, const WeightName& name);
  bool stored_transposed(Role role, std::uint64_t rows, std::uint64_t columns) const;
  void add_group(const Group& group);
  void add_experts(const Group& group);
  void add_attention();
  std::string attention_problem() const;
  void add_head();
  void add(const std::string& name, std::uint64_t m, std::uint64_t n, std::uint64_t k, std::uint64_t count);
  void note_weights();
  std::uint64_t rows() const { return run_.decode ? run_.batch : run_.tokens * run_.batch; }

  const std::string path_;
  const ModelRun run_;
  ModelConfig config_;
  ModelWeights weights_;
  ModelTopology result_;
  std::vector<Group> groups_;
  std::map<std::tuple<std::string, std::uint64_t, std::uint64_t, bool>, std::size_t>
      positions_;  // in groups_
  const ModelWeight* embedding_ = nullptr;
  std::uint64_t hidden_ = 0;
  bool has_vocabulary_ = false, pictures_left_out_ = false;
  std::vector<std::string> pictures_, others_,
      odd_;  // names of weights that are left out, or whose role is not known
};

std::filesystem::path folder_of(const std::string& path) {
  const std::filesystem::path given(path);
  if (std::filesystem::is_directory(given)) return given;
  return given.has_parent_path() ? given.parent_path() : ".";
}

// The first of the names stands for all.
std::string and_such(const std::vector<std::string>& names) {
  return std::to_string(names.size()) + (names.size() == 1 ? " weight, " : " weights, such as ") +
         quoted_name(names[0]) + ", ";
}

void Builder::read() {
  weights_ = read_model_weights(path_);
  const std::string config = (folder_of(path_) / "config.json").string();
  if (std::filesystem::exists(config)) config_ = read_model_config(config);
  for (const ModelWeight& weight : weights_.weights) {
    if (embedding_ == nullptr && role_of(weight.name) == Role::kEmbedding && weight.shape.size() == 2)
      embedding_ = &weight;
  }
  hidden_ = config_.hidden != 0 ? config_.hidden : embedding_ != nullptr ? embedding_->shape[1] : 0;
  // A model that only sees pictures is not a model with pictures.
  pictures_left_out_ =
      std::any_of(weights_.weights.begin(), weights_.weights.end(), [](const ModelWeight& weight) {
        const Role role = role_of(weight.name);
        return (role == Role::kQuery || role == Role::kQueryKeyValue) && !take_apart(weight.name).picture;
      });
}

// Linear layers are kept as [outputs, inputs]. GPT-2's Conv1D is the other way around, and so are most fused experts:
// which one it is shows in where the hidden size stands.
bool Builder::stored_transposed(Role role, std::uint64_t rows, std::uint64_t columns) const {
  const bool from_hidden = role != Role::kDown && role != Role::kAttentionOutput;
  return from_hidden ? rows == hidden_ && columns != hidden_ : columns == hidden_ && rows != hidden_;
}

void Builder::place(const ModelWeight& weight) {
  const Role role = role_of(weight.name);
  const WeightName name = take_apart(weight.name);
  if (role == Role::kEmbedding || role == Role::kPosition) return;
  if (std::find(weight.shape.begin(), weight.shape.end(), 0U) != weight.shape.end()) {
    odd_.push_back(weight.name);
  } else if (name.picture && pictures_left_out_) {
    pictures_.push_back(weight.name);
  } else if (weight.shape.size() == 2 || (weight.shape.size() == 3 && name.expert)) {
    place_matrix(weight, role, name);
  } else if (role == Role::kPatches && config_.image != 0 && config_.patch != 0) {
    const std::uint64_t edge = config_.image / config_.patch;
    std::uint64_t inputs = 1;
    for (std::size_t i = 1; i < weight.shape.size(); ++i)
      inputs = std::min(inputs * std::min(weight.shape[i], kMaxGemmSize + 1), kMaxGemmSize + 1);
    add(std::string(role_name(role)), edge * edge * run_.batch, weight.shape[0], inputs, 1);
  } else if (weight.name.find("weight") != std::string::npos) {
    odd_.push_back(weight.name);
  }
}

void Builder::place_matrix(const ModelWeight& weight, Role role, const WeightName& name) {
  const bool fused = weight.shape.size() == 3;
  std::uint64_t n = weight.shape[fused ? 1 : 0], k = weight.shape[fused ? 2 : 1];
  const bool either_way = fused || weight.name.find(".c_") != std::string::npos;
  if (either_way && stored_transposed(role, n, k)) std::swap(n, k);
  if (std::max(n, k) > kMaxGemmSize)
    fail("tensor " + quoted_name(weight.name) + ": a size of " + to_string(weight.shape) + " is not " +
         whole_number_range(1, kMaxGemmSize));
  if (role == Role::kVocabulary) has_vocabulary_ = true;
  if (role == Role::kOther) others_.push_back(weight.name);
  Group group;
  group.role = role;
  group.expert = name.expert;
  group.shared = name.shared;
  group.n = n;
  group.k = k;
  group.name = role == Role::kOther ? name.pattern : std::string(role_name(role));
  constexpr std::string_view kWeight = ".weight", kFeedForward = "ffn.";
  if (role == Role::kOther && group.name.size() > kWeight.size() &&
      group.name.compare(group.name.size() - kWeight.size(), kWeight.size(), kWeight) == 0)
    group.name.resize(group.name.size() - kWeight.size());
  if ((group.expert || group.shared) && group.name.rfind(kFeedForward, 0) == 0)
    group.name = (group.shared ? "shared." : "experts.") + group.name.substr(kFeedForward.size());
  const auto [known, is_new] = positions_.emplace(std::tuple(group.name, n, k, group.expert), groups_.size());
  if (is_new) groups_.push_back(group);
  Group& found = groups_[known->second];
  ++found.weights;
  if (group.expert) found.experts[name.layer] += fused ? weight.shape[0] : 1;
}

void Builder::add(const std::string& name, std::uint64_t m, std::uint64_t n, std::uint64_t k,
                  std::uint64_t count) {
  for (const auto& [what, value] : {std::pair{"M", m}, {"N", n}, {"K", k}, {"count", count}}) {
    if (value == 0 || value > kMaxGemmSize)
      fail(name + ": " + what + " is " + std::to_string(value) + ", not " +
           whole_number_range(1, kMaxGemmSize));
  }
  result_.layers.push_back({one_line(name), {m, n, k}, count, one_line(path_) + ": " + one_line(name)});
}

// The tokens of a layer are spread evenly over its experts.
void Builder::add_experts(const Group& group) {
  if (config_.path.empty()) {
    note(group.name + " is left out: without config.json nothing says how many experts a token has.");
    return;
  }
  const std::uint64_t chosen = config_.experts_per_token;
  if (chosen == 0) throw InputError(one_line(config_.path) + ": 'num_experts_per_tok' is missing");
  std::map<std::uint64_t, std::uint64_t> layers;  // by their number of experts
  for (const auto& [layer, experts] : group.experts) ++layers[experts];
  for (const auto& [experts, count] : layers) {
    if (chosen > experts) {
      throw InputError(one_line(config_.path) + ": 'num_experts_per_tok' is " + std::to_string(chosen) +
                       ", more than the " + std::to_string(experts) + " experts of " + group.name);
    }
    const std::uint64_t all = rows() * chosen;
    const std::uint64_t used = std::min(experts, all), more = all % used;
    if (more != 0) add(group.name, all / used + 1, group.n, group.k, more * count);
    add(group.name, all / used, group.n, group.k, (used - more) * count);
  }
}

void Builder::add_group(const Group& group) {
  if (group.expert && !group.shared) {
    add_experts(group);
    return;
  }
  const bool once = group.role == Role::kPooler || group.role == Role::kHead ||
                    (group.role == Role::kVocabulary && !config_.masked);
  add(group.name, once ? run_.batch : rows(), group.n, group.k, group.weights);
}

// Why the products of attention cannot be told; empty if they can.
std::string Builder::attention_problem() const {
  if (config_.path.empty()) return "there is no config.json beside the weights";
  if (config_.encoder_decoder) return "it is an encoder and a decoder";
  if (config_.heads == 0) return "config.json has no 'num_attention_heads'";
  if (config_.head_size == 0) return "config.json has neither 'hidden_size' nor 'head_dim'";
  const std::uint64_t queries = config_.heads * config_.head_size,
                      keys = config_.kv_heads * config_.head_size;
  for (const Group& group : groups_) {
    const std::uint64_t expected = group.role == Role::kQuery           ? queries
                                   : group.role == Role::kKey           ? keys
                                   : group.role == Role::kQueryKeyValue ? queries + 2 * keys
                                                                        : group.n;
    if (group.n == expected) continue;
    return group.name + " has " + std::to_string(group.n) + " outputs, and config.json makes it " +
           std::to_string(expected) + ": " + std::to_string(config_.heads) + " heads, " +
           std::to_string(config_.kv_heads) + " of keys and values, of " + std::to_string(config_.head_size);
  }
  return "";
}

void Builder::add_attention() {
  std::uint64_t layers = 0;
  for (const Group& group : groups_)
    if (group.role == Role::kQuery || group.role == Role::kQueryKeyValue) layers += group.weights;
  if (layers == 0) {
    note("No attention is known in it: its products of scores and values, if it has any, are missing.");
    return;
  }
  const std::string problem = attention_problem();
  if (!problem.empty()) {
    note("attention.scores and attention.values are missing: " + problem + ".");
    return;
  }
  if (config_.layers != 0 && config_.layers != layers)
    note("config.json says " + std::to_string(config_.layers) + " layers, and " + std::to_string(layers) +
         " have weights.");
  const std::uint64_t context = run_.decode ? run_.context : run_.tokens;
  if (config_.window != 0 && config_.window < context)
    note("Every layer counts as if a token saw all " + std::to_string(context) + "; in some it sees " +
         std::to_string(config_.window) + ".");
  // The queries that share a head of keys and values are multiplied with it together.
  const std::uint64_t queries = config_.heads / config_.kv_heads * (run_.decode ? 1 : run_.tokens);
  const std::uint64_t count = layers * config_.kv_heads * run_.batch;
  add(std::string(role_name(Role::kScores)), queries, context, config_.head_size, count);
  add(std::string(role_name(Role::kValues)), queries, config_.head_size, context, count);
}

// A head that is the embedding has no tensor of its own.
void Builder::add_head() {
  if (has_vocabulary_ || embedding_ == nullptr) return;
  if (config_.path.empty()) {
    note(
        "Without config.json nothing says whether the embedding is the head over the vocabulary too; it "
        "counts as none.");
    return;
  }
  const bool tied = config_.tied.value_or(config_.language_model);
  if (config_.language_model && !tied)
    note("The head over the vocabulary is missing: config.json has it apart from the embedding.");
  if (!tied || (config_.known_architecture && !config_.language_model)) return;
  add(std::string(role_name(Role::kVocabulary)), config_.masked ? rows() : run_.batch, embedding_->shape[0],
      embedding_->shape[1], 1);
}

void Builder::note_weights() {
  if (!others_.empty()) note(and_such(others_) + "of no known role: a product for every token each.");
  if (!odd_.empty()) note("Left out: " + and_such(odd_) + "of no two dimensions, or empty.");
  if (!pictures_.empty()) note("Left out: " + and_such(pictures_) + "of what sees or hears.");
  if (!weights_.left_out.empty())
    note("Left out: " + and_such(weights_.left_out) + "of integers in no known layout.");
  const bool experts =
      std::any_of(groups_.begin(), groups_.end(), [](const Group& g) { return g.expert && !g.shared; });
  if (experts && !config_.path.empty()) note("Tokens are spread evenly over the experts.");
  if (config_.encoder_decoder) note("Encoder and decoder count as if both took in the same tokens.");
}

ModelTopology Builder::build() {
  if (rows() > kMaxGemmSize)
    fail("--tokens times --batch is " + std::to_string(rows()) + ", not " +
         whole_number_range(1, kMaxGemmSize));
  read();
  for (const ModelWeight& weight : weights_.weights) place(weight);
  const auto order = [](const Group& group) {
    const bool feed_forward = group.role >= Role::kGate && group.role <= Role::kDown;
    return std::tuple(group.role >= Role::kPooler  ? 2
                      : group.role >= Role::kOther ? 1
                                                   : 0,
                      feed_forward               ? 1
                      : group.role > Role::kDown ? 2
                                                 : 0,
                      group.shared   ? 1
                      : group.expert ? 2
                                     : 0,
                      group.role);
  };
  std::stable_sort(groups_.begin(), groups_.end(),
                   [&](const Group& a, const Group& b) { return order(a) < order(b); });
  const auto after = std::find_if(groups_.begin(), groups_.end(),
                                  [](const Group& g) { return g.role >= Role::kAttentionOutput; });
  std::for_each(groups_.begin(), after, [&](const Group& group) { add_group(group); });
  add_attention();
  std::for_each(after, groups_.end(), [&](const Group& group) { add_group(group); });
  add_head();
  note_weights();
  if (result_.layers.empty()) {
    std::string why;
    for (const std::string& note : result_.notes) why += " " + note;
    fail("no product is known of it." + why);
  }
  return std::move(result_);
}

}  // namespace

std::vector<std::string> model_inputs(const std::string& path) {
  const std::filesystem::path folder = folder_of(path);
  if (is_model_folder(path)) return {folder.string()};
  return {path, (folder / "config.json").string()};
}

ModelTopology model_topology(const std::string& path, const ModelRun& run) {
  return Builder(path, run).build();
}

}  // namespace if4
