// What a model's config.json says that the shapes of its weights do not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace if4 {

/// The entries that products follow from. A number that is missing is 0; the others are 1 to 16,777,216.
struct ModelConfig {
  std::string path;             ///< of the file; empty: there is none
  std::uint64_t hidden = 0;     ///< the values of a token between layers
  std::uint64_t layers = 0;     ///< hidden layers
  std::uint64_t heads = 0;      ///< of queries
  std::uint64_t kv_heads = 0;   ///< of keys and values; those of queries unless the file says otherwise
  std::uint64_t head_size = 0;  ///< values of a head; hidden / heads unless the file says otherwise
  std::uint64_t experts_per_token = 0;  ///< of a mixture of experts
  std::uint64_t window = 0;             ///< the most keys that a token sees, where there is such a limit
  std::uint64_t image = 0, patch = 0;   ///< edges of an image and of its patches, in pixels
  std::optional<bool> tied;             ///< the head over the vocabulary is the embedding
  bool language_model = false;          ///< by its architecture, it has such a head
  bool masked = false;                  ///< and the head is for every token
  bool encoder_decoder = false;         ///< an encoder beside the decoder
  bool known_architecture = false;      ///< "architectures" is there
};

/// Reads the file of a model of text, or the part "text_config" of it. Throws InputError, naming the file and the key,
/// unless the file is a JSON object, every key of these that is there has a value of its kind, the heads of keys and
/// values divide those of queries, and hidden / heads is whole where it has to be.
ModelConfig read_model_config(const std::string& path);

}  // namespace if4
