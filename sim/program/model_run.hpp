// The options that say what a network does, shared by commands that list or run its products.
#pragma once

#include "sim/network/model_topology.hpp"
#include "sim/program/options.hpp"

namespace if4 {

/// As they were given; 0 or false where they were not.
struct ModelRunOptions {
  std::uint64_t tokens = 0, batch = 0, context = 0;
  bool decode = false;

  bool any() const { return tokens != 0 || batch != 0 || context != 0 || decode; }
};

/// --tokens, --batch, --decode and --context.
void add_model_run(CLI::App& app, ModelRunOptions& options);
/// The run that they describe. Throws InputError if they contradict each other.
ModelRun model_run(const ModelRunOptions& options);
/// Prints the notes to stderr, a line each.
void print_notes(const ModelTopology& topology);

}  // namespace if4
