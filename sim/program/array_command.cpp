// if4 array: products of matrices on the array with its memories.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"
#include "model/files/output_path.hpp"
#include "sim/program/array_runner.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/model_run.hpp"
#include "sim/program/operands.hpp"
#include "sim/program/options.hpp"
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
  Rule rule = Rule::kMse;                                  // of plain tensors
  std::string config;                                      // JSON file of knobs
  std::vector<std::pair<std::string, std::string>> knobs;  // and those that the command line sets
  ArrayRunOptions run;
  std::string csv, json, svg;  // files; empty: none
};

// What is run.
struct Job {
  std::vector<Layer> layers;
  std::optional<Operands> operands;  // of the only layer; without them random ones, or none
  std::string operands_text;         // for the report
};

// A file of the report, created before anything runs: a run of hours does not end at a folder that is
// missing.
class ReportFile {
 public:
  explicit ReportFile(const std::string& path)
      : file_(path.empty() ? nullptr : std::make_unique<AtomicFile>(path)) {}
  template <typename Text>
  void write(const Text& text) {
    if (file_ == nullptr) return;
    file_->write(text());
    file_->commit();
  }

 private:
  std::unique_ptr<AtomicFile> file_;
};

SystemConfig make_config(const Arguments& args) {
  SystemConfig config;
  if (!args.config.empty()) read_config(args.config, config);
  for (const auto& [name, value] : args.knobs) set_knob(config, name, value, "--" + name);
  check(config);
  return config;
}

// Throws InputError if two files of a run are one.
void check_files(const Arguments& args) {
  std::map<std::string, std::string> used;  // by path: the option
  const auto use = [&used](const char* option, const std::string& path, bool written) {
    if (path.empty()) return;
    std::error_code error;
    const std::string name =
        std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error).string();
    if (error || name.rfind("/dev/", 0) == 0 || name.rfind("/proc/", 0) == 0) return;
    const auto [known, is_new] = used.emplace(name, option);
    if (!is_new && written)
      throw InputError(std::string(option) + ": " + one_line(path) + " is the file of " + known->second);
  };
  const auto file_of = [](const std::string& operand) {
    return operand.empty() ? operand : parse_tensor_ref(operand).path;
  };
  use("--topology", args.topology, false);
  use("--config", args.config, false);
  use("--acts", file_of(args.activations), false);
  use("--weights", file_of(args.weights), false);
  use("--csv", args.csv, true);
  use("--json", args.json, true);
  use("--trace", args.run.trace, true);
  use("--svg", args.svg, true);
  use("--wave", args.run.wave.file, true);
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

// Grows the buffers of `config` that nobody chose until they hold what the layers need.
Job make_job(const Arguments& args, SystemConfig& config) {
  Job job;
  if (!args.topology.empty()) {
    job.layers = read_topology(args.topology);
  } else if (!args.model.empty()) {
    const ModelTopology topology = model_topology(args.model, model_run(args.model_run));
    print_notes(topology);
    job.layers = topology.layers;
  } else if (!args.gemm.empty()) {
    job.layers = {{"gemm", parse_gemm(args.gemm), 1, "--gemm"}};
  } else {
    job = read_product(args, config.array.mac.format);
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
  summary.config = make_config(args);
  summary.engine = traits(args.run.engine).name;
  summary.results = !args.run.timing_only;
  const Job job = make_job(args, summary.config);
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

void add_knobs(CLI::App& app, Arguments& args) {
  for (const Knob& knob : knobs()) {
    const std::string name(knob.name);
    const auto set = [&args, name](const std::string& value) { args.knobs.emplace_back(name, value); };
    const std::string names = name == "columns" ? "--columns,--cols" : "--" + name;
    if (knob.type.empty()) {
      add_flag(
          app, names, [set] { set("true"); }, std::string(knob.help));
    } else {
      const std::string by_default = "; default " + knob_text(knob.get(SystemConfig{}));
      add_text(app, names, set, std::string(knob.type), std::string(knob.help) + by_default);
    }
  }
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
  Choices<ArrayEngine> engines;
  for (const ArrayEngineTraits& engine : kArrayEngines) engines.emplace_back(engine.name, engine.engine);
  add_choice(
      app, "--engine", run_options.engine, engines,
      "what runs: closed forms and SIMD, or SystemC with the array in C++, of Verilated cells, or Verilated");
  add_flag(app, "--timing-only", run_options.timing_only, "count cycles and compute no results; fast only");
  add_threads(app, run_options.threads, "threads that compute the exact results");
  add_text(app, "--csv", args->csv, "FILE", "report to write, a line for each layer");
  add_text(app, "--json", args->json, "FILE", "report as JSON to write");
  add_text(app, "--trace", run_options.trace, "FILE", "timeline to write, for ui.perfetto.dev");
  add_text(app, "--wave", run_options.wave.file, "FILE",
           "FST waveform of the array to write; systemc-rtl only");
  add_whole(app, "--wave-cycles", run_options.wave.cycles, 1, kAnyWhole, "cycles in the waveform");
  add_text(app, "--svg", args->svg, "FILE", "picture to write: roofline, and where the cycles went");
  add_text(app, "--config", args->config, "FILE",
           "JSON file of the options below, such as {\"rows\": 16}; the command line wins over it");
  add_knobs(app, *args);
  return [args] { return run(*args); };
}

}  // namespace

const Command kArrayCommand = {
    "array", "run matrix products on the systolic array with its memories: cycles, traffic, exact results",
    set_up};

}  // namespace if4
