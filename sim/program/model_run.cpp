#include "sim/program/model_run.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "model/core/error.hpp"
#include "model/core/text.hpp"

namespace if4 {

void add_model_run(CLI::App& app, ModelRunOptions& options) {
  const std::string by_default = "; default ";
  add_whole(app, "--tokens", options.tokens, 1, kMaxGemmSize,
            "tokens of a sequence that are taken in" + by_default + std::to_string(ModelRun{}.tokens));
  add_whole(app, "--batch", options.batch, 1, kMaxGemmSize, "sequences at a time" + by_default + "1");
  add_flag(app, "--decode", options.decode, "one more token of each sequence, not all of them");
  add_whole(app, "--context", options.context, 1, kMaxGemmSize,
            "with --decode: keys and values that the token sees, its own included");
}

ModelRun model_run(const ModelRunOptions& options) {
  if (options.decode && options.tokens != 0)
    throw InputError("--tokens: --decode is of one token; --context says how many it sees");
  if (options.decode && options.context == 0) throw InputError("--decode: give --context too");
  if (!options.decode && options.context != 0) throw InputError("--context: only with --decode");
  ModelRun run;
  if (options.tokens != 0) run.tokens = options.tokens;
  if (options.batch != 0) run.batch = options.batch;
  run.decode = options.decode;
  run.context = options.context;
  return run;
}

void print_notes(const ModelTopology& topology) {
  for (const std::string& note : topology.notes) fmt::print(stderr, "if4: {}\n", one_line(note));
}

}  // namespace if4
