// if4 array: products of matrices on the array with its memories.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/output_path.hpp"
#include "sim/program/array_runner.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/model_run.hpp"
#include "sim/program/operands.hpp"
#include "sim/program/options.hpp"
#include "sim/program/system_options.hpp"
#include "sim/report/array_chart.hpp"
#include "sim/report/text.hpp"

namespace if4 {
namespace {

struct Arguments {
  std::string gemm;      // "M,N,K"
  std::string topology;  // FILE
  std::string model;     // FILE or FOLDER, whose products are run
  ModelRunOptions model_run;
  std::string activations;  // FILE:NAME, plain (quantized first) or quantized
  std::string weights;
  Rule rule = Rule::kMse;  // of plain tensors
  SystemOptions system;
  ArrayRunOptions run;
  std::string csv, json, svg;  // files; empty: none
};

// What is run.
struct Job {
  std::vector<Layer> layers;
  std::optional<Operands> operands;    // of the only layer; without them random ones, or none
  std::string network, operands_text;  // for the report
};

// Throws InputError if two files of a run are one.
void check_files(const Arguments& args) {
  RunFiles files;
  const auto file_of = [](const std::string& operand) {
    return operand.empty() ? operand : parse_tensor_ref(operand).path;
  };
  files.use("--topology", args.topology, false);
  files.use("--config", args.system.config, false);
  files.use("--clock-from", args.system.clock_from, false);
  files.use("--acts", file_of(args.activations), false);
  files.use("--weights", file_of(args.weights), false);
  files.use("--csv", args.csv, true);
  files.use("--json", args.json, true);
  files.use("--trace", args.run.trace, true);
  files.use("--svg", args.svg, true);
  files.use("--wave", args.run.wave.file, true);
  if (args.model.empty()) return;
  for (const std::string* output : {&args.csv, &args.json, &args.run.trace, &args.svg, &args.run.wave.file})
    if (!output->empty()) check_not_input(*output, model_inputs(args.model));
}

void check_args(const Arguments& args) {
  const bool tensors = !args.activations.empty() || !args.weights.empty();
  const int sources = (args.gemm.empty() ? 0 : 1) + (args.topology.empty() ? 0 : 1) +
                      (args.model.empty() ? 0 : 1) + (tensors ? 1 : 0);
  if (sources != 1)
    throw InputError("array: give one of --gemm, --topology, --model, or --acts and --weights");
  if (args.model.empty() && args.model_run.any())
    throw InputError("array: --tokens, --batch, --decode and --context are of --model");
  if (tensors && (args.activations.empty() || args.weights.empty()))
    throw InputError("array: give both --acts and --weights");
  if (args.run.timing_only && traits(args.run.engine).systemc)
    throw InputError("--timing-only: only the fast engine can leave the results out");
  if (!args.run.wave.file.empty() && args.run.engine != ArrayEngine::kSystemcRtl)
    throw InputError("--wave: only systemc-rtl writes waveforms");
  check_files(args);
}

// The product of two tensors of files.
Job read_product(const Arguments& args, Format format) {
  const QuantizeOptions quantize{format, args.rule};
  ProductOperand a = read_operand(args.activations, quantize);
  ProductOperand w = read_operand(args.weights, quantize);
  for (const ProductOperand* operand : {&a, &w}) {
    const Format other = operand->quantized.format;
    if (other == format) continue;
    throw InputError(operand->name + " is in " + std::string(format_name(other)) +
                     (has_mac(other)
                          ? ", the array in " + std::string(format_name(format)) + "; choose " +
                                std::string(format_name(other)) + " with --format"
                          : ", which no array multiplies; quantize it to one of those of --format"));
  }
  check_product(a, w);
  Job job;
  job.operands_text = a.name + " x " + w.name;
  job.layers = {{one_line(parse_tensor_ref(args.weights).name),
                 {a.quantized.rows(), w.quantized.rows(), a.quantized.columns()},
                 1,
                 job.operands_text}};
  job.operands = Operands{std::move(a.quantized), std::move(w.quantized)};
  return job;
}

// The file or folder of a network without its folder, and the end ".csv".
std::string network_name(const std::string& path) {
  std::filesystem::path name(path);
  if (!name.has_filename()) name = name.parent_path();  // "FOLDER/"
  return one_line((name.extension() == ".csv" ? name.stem() : name.filename()).string());
}

std::string model_text(const std::string& path, const ModelRun& run) {
  return network_name(path) +
         (run.decode ? fmt::format(", a token after {}", run.context)
                     : fmt::format(", {} tokens", run.tokens)) +
         (run.batch == 1 ? "" : fmt::format(", batch {}", run.batch));
}

// Grows the buffers of `config` that nobody chose until they hold what the layers need.
Job make_job(const Arguments& args, SystemConfig& config) {
  Job job;
  if (!args.topology.empty()) {
    job.layers = read_topology(args.topology);
    job.network = network_name(args.topology);
  } else if (!args.model.empty()) {
    const ModelRun run = model_run(args.model_run);
    const ModelTopology topology = model_topology(args.model, run);
    print_notes(topology);
    job.layers = topology.layers;
    job.network = model_text(args.model, run);
  } else if (!args.gemm.empty()) {
    job.layers = {{"gemm", parse_gemm(args.gemm), 1, "--gemm"}};
    job.network = "one product of " + to_string(job.layers[0].shape);
  } else {
    job = read_product(args, config.array.mac.format);
    job.network = job.layers[0].name + ", " + to_string(job.layers[0].shape);
  }
  if (!args.run.wave.file.empty() && job.layers.size() != 1)
    throw InputError("--wave: a waveform is of one layer");
  if (args.run.timing_only) {
    job.operands_text = "none";
  } else if (!job.operands) {
    job.operands_text = fmt::format("random, seed {}", args.run.seed);
  }
  for (const Layer& layer : job.layers) fit_buffers(config, layer.shape);
  check_layers(job.layers, config, args.run);
  return job;
}

int run(const Arguments& args) {
  check_args(args);
  ArraySummary summary;
  summary.config = make_config(args.system);
  summary.engine = traits(args.run.engine).name;
  summary.results = !args.run.timing_only;
  const Job job = make_job(args, summary.config);
  summary.network = job.network;
  summary.operands = job.operands_text;

  ReportFile csv(args.csv), json(args.json), svg(args.svg);
  WaveFile wave(args.run.wave.file);
  bool left_out = false;
  {
    ArrayRunOptions options = args.run;
    options.wave.file = wave.temporary();
    ArrayRunner runner(summary.config, options);
    for (std::size_t i = 0; i < job.layers.size(); ++i) {
      summary.layers.push_back(
          runner.run(job.layers[i], i, job.layers.size(), job.operands ? &*job.operands : nullptr));
    }
    runner.commit();
    left_out = runner.left_out();
  }
  wave.commit();
  csv.write([&] { return to_csv(summary); });
  json.write([&] { return to_json(summary); });
  svg.write([&] { return to_svg(summary); });

  std::string text = to_text(summary);
  for (const auto& [label, file] : {std::pair{"CSV", &args.csv},
                                    {"JSON", &args.json},
                                    {"trace", &args.run.trace},
                                    {"waveform", &args.run.wave.file},
                                    {"charts", &args.svg}}) {
    if (file->empty()) continue;
    const bool moved = file == &args.run.wave.file && summary.layers.front().wave_first != 0;
    text += report_line(label, one_line(*file) + (moved ? " (around the first mismatch)" : ""));
  }
  if (left_out) {
    text += report_line(
        "", fmt::format("layers that would bring it above {} tiles are left out", TraceWriter::kMaxTiles));
  }
  fmt::print("{}", text);
  return summary.passed() ? 0 : 1;
}

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  args->run.wave.cycles = 10'000;
  ArrayRunOptions& run_options = args->run;
  add_text(app, "--gemm", args->gemm, "M,N,K", "one product of random operands, [M, K] times [N, K]");
  add_text(app, "--topology", args->topology, "FILE",
           "CSV file of products or convolutions: name, M, N, K[, count]");
  add_text(app, "--model", args->model, "FILE|FOLDER",
           "run the products of a network, as `if4 topology` lists them");
  add_model_run(app, args->model_run);
  add_operands(app, args->activations, args->weights);
  add_rule(app, args->rule, "which error decides between the candidates of a block of plain tensors");
  add_whole(app, "--seed", run_options.seed, 0, kAnyWhole, "seed of random operands");
  add_engine(
      app, run_options.engine,
      "what runs: closed forms and SIMD, or SystemC with the array in C++, of Verilated cells, or Verilated");
  add_flag(app, "--timing-only", run_options.timing_only, "count cycles and compute no results; fast only");
  add_threads(app, run_options.threads, "threads that compute the exact results");
  add_text(app, "--csv", args->csv, "FILE", "report to write, a line for each layer and one for all");
  add_text(app, "--json", args->json, "FILE", "report as JSON to write");
  add_text(app, "--trace", run_options.trace, "FILE", "timeline to write, for ui.perfetto.dev");
  add_text(app, "--wave", run_options.wave.file, "FILE",
           "FST waveform of the array to write; systemc-rtl only");
  add_whole(app, "--wave-cycles", run_options.wave.cycles, 1, kAnyWhole, "cycles in the waveform");
  add_text(app, "--svg", args->svg, "FILE", "picture to write: where the time went, and the roofline");
  add_text(
      app, "--clock-from", args->system.clock_from, "FILE",
      "result.json that `make area` leaves of this array: its critical path gives the clock, or with --clock "
      "the highest one that goes without a warning");
  add_system(app, args->system);
  return [args] { return run(*args); };
}

}  // namespace

const Command kArrayCommand = {
    "array", "run matrix products on the systolic array with its memories: cycles, traffic, exact results",
    set_up};

}  // namespace if4
