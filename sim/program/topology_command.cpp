// if4 topology: the products that a network does, from the shapes of its weights.
#include <fmt/format.h>

#include <memory>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"
#include "model/files/output_path.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/model_run.hpp"

namespace if4 {
namespace {

struct Arguments {
  std::string model, output;
  ModelRunOptions run;
};

int run(const Arguments& args) {
  const ModelRun run = model_run(args.run);
  if (!args.output.empty()) check_not_input(args.output, model_inputs(args.model));
  const ModelTopology topology = model_topology(args.model, run);
  std::vector<std::string> comments = {
      fmt::format("{}: {}, {} at a time.", one_line(args.model),
                  run.decode ? fmt::format("a token that sees {} keys and values", run.context)
                             : fmt::format("{} tokens taken in", run.tokens),
                  run.batch == 1 ? "one sequence" : fmt::format("{} sequences", run.batch))};
  comments.insert(comments.end(), topology.notes.begin(), topology.notes.end());
  const std::string text = topology_text(topology.layers, comments);
  if (args.output.empty()) {
    fmt::print("{}", text);
  } else {
    write_text_file(args.output, text);
  }
  print_notes(topology);
  return 0;
}

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  add_text(app, "model", args->model, "FILE|FOLDER",
           "safetensors file, folder of shards, or its index; config.json "
           "beside it tells the attention")
      .required();
  add_model_run(app, args->run);
  add_text(app, "-o,--output", args->output, "FILE", "CSV file to write; default the standard output");
  return [args] { return run(*args); };
}

}  // namespace

const Command kTopologyCommand = {
    "topology", "list the matrix products of a network, for `if4 array --topology`, from its weights' shapes",
    set_up};

}  // namespace if4
