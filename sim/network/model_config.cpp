#include "sim/network/model_config.hpp"

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string_view>

#include "model/core/error.hpp"
#include "model/core/json_object.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"
#include "sim/system/geometry.hpp"

namespace if4 {
namespace {

using Json = nlohmann::json;
using Keys = std::initializer_list<const char*>;

// What families of models call the same.
const Keys kHeads = {"num_attention_heads", "n_head", "n_heads", "num_heads"};
const Keys kKeyHeads = {"num_key_value_heads", "num_kv_heads", "n_head_kv", "num_attention_groups"};

// A JSON object, and the file that it is from for messages.
class Entries {
 public:
  Entries(std::string path, const Json& json) : path_(std::move(path)), json_(json) {}

  [[noreturn]] void fail(const std::string& key, const std::string& message) const {
    throw InputError(one_line(path_) + ": " + quoted_name(key) + " " + message);
  }
  // The first of the keys that is there with another value than null, or empty.
  std::string find(Keys keys) const {
    for (const char* key : keys)
      if (json_.contains(key) && !json_[key].is_null()) return key;
    return "";
  }
  // The number under the first of the keys that is there, 0 without one.
  std::uint64_t number(Keys keys) const {
    const std::string key = find(keys);
    if (key.empty()) return 0;
    const Json& value = json_[key];
    const bool good = value.is_number_integer() && value >= 1 && value <= kMaxGemmSize;
    if (!good)
      fail(key, "is " + quoted_name(value.dump(-1, ' ', false, Json::error_handler_t::replace)) + ", not " +
                    whole_number_range(1, kMaxGemmSize));
    return value.get<std::uint64_t>();
  }
  std::optional<bool> flag(const char* key) const {
    if (find({key}).empty()) return std::nullopt;
    if (!json_[key].is_boolean()) fail(key, "is neither true nor false");
    return json_[key].get<bool>();
  }
  // Whether a list of names has one that ends so, and whether it is there.
  bool any_ends(const char* key, std::initializer_list<std::string_view> ends) const {
    if (find({key}).empty()) return false;
    if (!json_[key].is_array()) fail(key, "is not a list");
    for (const Json& name : json_[key]) {
      if (!name.is_string()) fail(key, "is not a list of names");
      const auto& text = name.get_ref<const std::string&>();
      for (const std::string_view end : ends)
        if (text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0)
          return true;
    }
    return false;
  }

 private:
  std::string path_;
  const Json& json_;
};

void read_attention(const Entries& entries, ModelConfig& config) {
  config.heads = entries.number(kHeads);
  config.kv_heads = entries.number(kKeyHeads);
  if (config.kv_heads == 0 && entries.flag("multi_query").value_or(false)) config.kv_heads = 1;
  if (config.kv_heads == 0) config.kv_heads = config.heads;
  config.head_size = entries.number({"head_dim", "head_size", "kv_channels"});
  if (config.heads == 0) return;
  if (config.heads % config.kv_heads != 0) {
    entries.fail(entries.find(kKeyHeads), "is " + std::to_string(config.kv_heads) +
                                              ", which does not divide the " + std::to_string(config.heads) +
                                              " heads of queries");
  }
  if (config.head_size == 0 && config.hidden != 0) {
    if (config.hidden % config.heads != 0) {
      entries.fail(entries.find(kHeads), "is " + std::to_string(config.heads) +
                                             ", which does not divide the hidden size, " +
                                             std::to_string(config.hidden));
    }
    config.head_size = config.hidden / config.heads;
  }
}

}  // namespace

ModelConfig read_model_config(const std::string& path) {
  constexpr std::uint64_t kMaxFile = std::uint64_t{4} << 20;
  const InputFile file(path);
  if (file.size() > kMaxFile) file.fail("is larger than 4 MiB, too large for a configuration");
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());
  const Json json = parse_json_object(path, text);
  const Entries whole(path, json);
  // Models of text and images have the numbers of either in an object of its own.
  const bool nested =
      whole.find(kHeads).empty() && json.contains("text_config") && json["text_config"].is_object();
  const Entries entries(path, nested ? json["text_config"] : json);

  ModelConfig config;
  config.path = path;
  config.hidden = entries.number({"hidden_size", "n_embd", "d_model", "dim"});
  config.layers = entries.number({"num_hidden_layers", "n_layer", "n_layers", "num_layers"});
  read_attention(entries, config);
  config.experts_per_token = entries.number(
      {"num_experts_per_tok", "experts_per_token", "num_experts_per_token", "moe_topk", "moe_k"});
  if (entries.flag("use_sliding_window").value_or(true)) config.window = entries.number({"sliding_window"});
  config.image = entries.number({"image_size"});
  config.patch = entries.number({"patch_size"});
  config.tied = whole.flag("tie_word_embeddings");
  if (!config.tied) config.tied = entries.flag("tie_word_embeddings");
  config.known_architecture = !whole.find({"architectures"}).empty();
  config.masked = whole.any_ends("architectures", {"ForMaskedLM", "ForPreTraining"});
  config.language_model = config.masked || whole.any_ends("architectures", {"ForCausalLM", "LMHeadModel",
                                                                            "ForConditionalGeneration"});
  config.encoder_decoder = whole.flag("is_encoder_decoder").value_or(false);
  return config;
}

}  // namespace if4
