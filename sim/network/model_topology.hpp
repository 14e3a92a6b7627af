// The products that a network does, from the shapes of its weights and its config.json.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/network/topology.hpp"

namespace if4 {

/// What the network does: it takes in all tokens of its sequences, or one more token of each.
struct ModelRun {
  std::uint64_t tokens = 512;  ///< of a sequence, if it takes them in
  std::uint64_t batch = 1;     ///< sequences at a time
  bool decode = false;         ///< one more token of each
  std::uint64_t context = 0;   ///< keys and values that such a token sees, its own included
};

struct ModelTopology {
  std::vector<Layer> layers;
  std::vector<std::string> notes;  ///< what is missing in the list, or assumed: each a sentence on one line
};

/// `path` as for read_model_weights(); config.json is taken from its folder, if it is there. README.md states which
/// products there are. Throws InputError as read_model_weights() and read_model_config() do, where config.json lacks an
/// entry that is needed, where a size leaves its range, and where there is no product at all.
ModelTopology model_topology(const std::string& path, const ModelRun& run);

/// The files and folders that model_topology() reads, as check_not_input() takes them.
std::vector<std::string> model_inputs(const std::string& path);

}  // namespace if4
