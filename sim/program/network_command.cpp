// if4 network: a whole network on the array, in one or several formats, against FP32.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/output_path.hpp"
#include "model/files/tensor_file.hpp"
#include "sim/graph/energy.hpp"
#include "sim/graph/evaluation.hpp"
#include "sim/graph/sentences.hpp"
#include "sim/graph/tokenizer.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/system_options.hpp"
#include "sim/report/network_report.hpp"
#include "sim/report/text.hpp"

namespace if4 {
namespace {

constexpr double kAllowed = 1e-5;  // difference of FP32 to a reference

struct Arguments {
  std::string network;              // the description
  std::string ids, sentences;       // files
  std::vector<std::string> texts;   // sentences
  std::string formats;              // names between commas; empty: that of the system
  std::vector<std::string> layers;  // that the engine runs; empty: all
  std::string output, reference, json;
  std::string energy;  // file of energies of arrays; empty: none
  Rule rule = Rule::kMse;
  ArrayRunOptions run;
  SystemOptions system;
};

// A format of --format.
struct Choice {
  std::string name;
  bool quantized = true;
  Format format = Format::kIF4;
  bool search = false;
};

Choice read_choice(const std::string& text) {
  constexpr std::string_view kSearch = "+search";
  Choice choice;
  choice.name = text;
  if (text == "fp32") {
    choice.quantized = false;
    return choice;
  }
  choice.search = ends_with(text, kSearch);
  const auto format =
      format_from_name(std::string_view(text).substr(0, text.size() - (choice.search ? kSearch.size() : 0)));
  if (format && has_mac(*format)) {
    choice.format = *format;
    return choice;
  }
  std::string all;
  for (int number = 0; number < kMacFormatCount; ++number)
    all += std::string(format_name(static_cast<Format>(number))) + ", ";
  throw InputError("--format: " + quoted_name(text) + " is not one of " + all +
                   "each with +search if wanted, and fp32");
}

std::vector<Choice> read_choices(const std::string& text, Format by_default) {
  if (text.empty()) return {read_choice(std::string(format_name(by_default)))};
  std::vector<Choice> choices;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    choices.push_back(read_choice(text.substr(begin, end - begin)));
    begin = end + 1;
    for (std::size_t i = 0; i + 1 < choices.size(); ++i)
      if (choices[i].name == choices.back().name)
        throw InputError("--format: " + choices.back().name + " is there twice");
  }
  return choices;
}

void check_args(const Arguments& args) {
  const int sources =
      (args.ids.empty() ? 0 : 1) + (args.sentences.empty() ? 0 : 1) + (args.texts.empty() ? 0 : 1);
  if (sources != 1) throw InputError("network: give one of --input, --sentences and --text");
  if (!args.layers.empty() && args.run.engine == ArrayEngine::kFast)
    throw InputError("--layers: say which layers an engine of SystemC runs again; give --engine too");
  if (!args.output.empty()) check_safetensors_name(args.output);
}

// The outputs must be no inputs, and no two of them one file.
void check_files(const Arguments& args, const Network& network) {
  std::vector<std::string> inputs = network.files();
  for (const std::string* input : {&args.ids, &args.sentences, &args.energy, &args.system.config})
    if (!input->empty()) inputs.push_back(*input);
  if (!args.reference.empty()) inputs.push_back(parse_tensor_ref(args.reference).path);
  for (const std::string* output : {&args.output, &args.json})
    if (!output->empty()) check_not_input(*output, inputs);
  RunFiles files;
  files.use("--output", args.output, true);
  files.use("--json", args.json, true);
}

// The sentences; `texts` is set to those that are text.
Batch read_batch(const Arguments& args, const Network& network, std::vector<std::string>& texts) {
  if (!args.ids.empty()) return Batch(network, read_ids(args.ids), one_line(args.ids));
  texts = args.sentences.empty() ? args.texts : read_sentences(args.sentences);
  const std::string place = args.sentences.empty() ? "--text" : one_line(args.sentences);
  const Description& description = network.description();
  if (description.tokenizer.empty())
    throw InputError(one_line(description.path) + ": has no 'tokenizer', so sentences must be ids: --input");
  const Tokenizer tokenizer(description.tokenizer);
  std::vector<std::vector<std::uint32_t>> ids;
  for (const std::string& text : texts)
    ids.push_back(tokenizer.encode(text, place + ": sentence " + std::to_string(ids.size() + 1)));
  return Batch(network, std::move(ids), place);
}

void print_notes(const Network& network, const Batch& batch) {
  if (batch.cut() == 0) return;
  std::fprintf(
      stderr,
      "note: %zu of %zu sentences are longer than the %zu tokens that the network takes, and end there\n",
      batch.cut(), batch.sentences(), network.description().most_tokens);
}

// Runs products of chosen layers on an engine.
class EngineRuns {
 public:
  EngineRuns(const Arguments& args, const Network& network) : options_(args.run), layers_(args.layers) {
    for (const std::string& name : layers_) {
      const auto& steps = network.steps();
      const bool known = std::any_of(steps.begin(), steps.end(), [&](const Step& step) {
        return is_product(step.operation.kind) && step.operation.name == name;
      });
      if (!known) throw InputError("--layers: the network has no product called " + quoted_name(name));
    }
  }

  // What Evaluation::run() is to call while `config` exists; null for the fast engine, whose results are those that were
  // computed already.
  QuantizedMultiplier::Watch watch(const SystemConfig& config) {
    reports_.clear();
    if (options_.engine == ArrayEngine::kFast) return {};
    runner_ = std::make_unique<ArrayRunner>(config, options_);
    return [this](const std::string& name, const QuantizedTensor& a, const QuantizedTensor& w) {
      if (!layers_.empty() && std::find(layers_.begin(), layers_.end(), name) == layers_.end()) return;
      const Layer layer = {name, {a.rows(), w.rows(), a.columns()}, 1, "operation " + quoted_name(name)};
      const Operands operands = {a, w};
      reports_.push_back(runner_->run(layer, 0, 1, &operands));
    };
  }
  // Adds what the engine gave to the layers of the last run.
  void add_to(FormatResult& result) const {
    for (const LayerReport& report : reports_) {
      for (LayerResult& layer : result.layers) {
        if (layer.name != report.layer.name) continue;
        layer.engine_results += report.checked;
        layer.engine_mismatches += report.mismatches;
        if (layer.engine_mismatch.empty()) layer.engine_mismatch = report.first_mismatch;
        layer.cycles_agree = layer.cycles_agree && report.cycles_agree;
      }
    }
  }

 private:
  const ArrayRunOptions& options_;
  const std::vector<std::string>& layers_;
  std::unique_ptr<ArrayRunner> runner_;
  std::vector<LayerReport> reports_;
};

Shape output_shape(const Network& network, const Batch& batch) {
  const ResultShape& shape = network.output().shape;
  return {shape.rows == RowsOf::kTokens ? batch.tokens() : batch.sentences(), shape.columns};
}

// The largest difference between the FP32 output and the reference.
double difference(const Tensor& reference, const std::vector<float>& output) {
  double largest = 0.0;
  for (std::size_t i = 0; i < output.size(); ++i) {
    largest = std::max(largest,
                       std::fabs(static_cast<double>(output[i]) - static_cast<double>(reference.values[i])));
  }
  return largest;
}

// The safetensors file of what the network gives in each format.
std::string output_bytes(const std::string& path, const Network& network, const NetworkSummary& summary,
                         const Shape& shape) {
  const std::string name = network.output().operation.name;
  std::vector<TensorBytes> tensors;
  for (const FormatResult& format : summary.formats) {
    tensors.push_back({summary.formats.size() == 1 ? name : name + "." + format.name, DType::kF32, shape,
                       format.output.data(), format.output.size() * sizeof(float)});
  }
  const SafetensorsLayout layout = layout_safetensors(path, tensors, {{"network", summary.network}});
  std::string bytes = layout.start;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    bytes.resize(std::max<std::size_t>(bytes.size(), layout.offsets[i] + tensors[i].size));
    std::memcpy(bytes.data() + layout.offsets[i], tensors[i].data, tensors[i].size);
  }
  return bytes;
}

SystemConfig config_of(const Choice& choice, SystemConfig system) {
  system.array.mac.format = choice.format;
  check(system);
  return system;
}

// The energies of the arrays of all formats, by name. Throws InputError where the file has not all of them.
std::map<std::string, ArrayEnergy> read_energies(const Arguments& args, const std::vector<Choice>& choices,
                                                 const SystemConfig& system, NetworkSummary& summary) {
  std::map<std::string, ArrayEnergy> energies;
  if (args.energy.empty()) return energies;
  const EnergyTable table(args.energy);
  summary.energy_file = args.energy;
  summary.library = table.library();
  for (const Choice& choice : choices)
    if (choice.quantized) energies[choice.name] = table.of(config_of(choice, system).array);
  return energies;
}

int run(const Arguments& args) {
  check_args(args);
  const SystemConfig system = make_config(args.system);
  const std::vector<Choice> choices = read_choices(args.formats, system.array.mac.format);
  const Network network(args.network);
  check_files(args, network);
  NetworkSummary summary;
  const std::map<std::string, ArrayEnergy> energies = read_energies(args, choices, system, summary);
  std::vector<std::string> texts;
  const Batch batch = read_batch(args, network, texts);
  const Shape shape = output_shape(network, batch);
  Tensor reference;
  if (!args.reference.empty()) {
    const TensorRef ref = parse_tensor_ref(args.reference);
    reference = read_tensor(ref);
    if (reference.shape != shape)
      throw InputError(to_string(ref) + " is " + to_string(reference.shape) + ", the output " +
                       to_string(shape));
    summary.reference = to_string(ref);
  }
  EngineRuns engine(args, network);
  ReportFile output(args.output), json(args.json);
  print_notes(network, batch);

  summary.network = network.description().name;
  if (args.run.engine != ArrayEngine::kFast) summary.engine = traits(args.run.engine).name;
  summary.sentences = batch.sentences();
  summary.tokens = batch.tokens();
  summary.cut = batch.cut();
  for (std::size_t s = 0; s < batch.sentences(); ++s) summary.ids.push_back(batch.ids(s));
  summary.columns = network.output().shape.columns;
  if (!args.texts.empty()) summary.texts = texts;
  const Evaluation evaluation(network, batch, args.run.threads);
  summary.allowed = kAllowed;
  if (!summary.reference.empty()) summary.difference = difference(reference, evaluation.plain().output);
  for (const Choice& choice : choices) {
    if (!choice.quantized) {
      summary.formats.push_back(evaluation.plain());
      continue;
    }
    const SystemConfig config = evaluation.fitted(config_of(choice, system));
    QuantizeOptions options;
    options.rule = args.rule;
    options.search = choice.search;
    FormatResult result = evaluation.run(choice.name, config, options, engine.watch(config));
    engine.add_to(result);
    if (!energies.empty()) result.energy = energies.at(choice.name);
    summary.formats.push_back(std::move(result));
  }
  output.write([&] { return output_bytes(args.output, network, summary, shape); });
  json.write([&] { return to_json(summary); });
  std::string text = to_text(summary);
  for (const auto& [label, file] : {std::pair{"output", &args.output}, {"JSON", &args.json}})
    if (!file->empty()) text += report_line(label, one_line(*file));
  fmt::print("{}", text);
  return summary.passed() ? 0 : 1;
}

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  add_text(app, "network", args->network, "FILE", "description of the network, JSON").required();
  add_text(app, "--input", args->ids, "FILE",
           "safetensors file of sentences: ids [sentences, tokens], and lengths [sentences]");
  add_text(app, "--sentences", args->sentences, "FILE", "text file of sentences, a line for each");
  add_list(app, "--text", args->texts, "TEXT", "a sentence; of several the similarities are shown");
  add_text(app, "--format", args->formats, "NAME[+search],...",
           "formats of the products, with a search for better scales if wanted; fp32 quantizes nothing; "
           "default if4");
  add_rule(app, args->rule, "which error decides between a block's candidates");
  add_text(app, "-o,--output", args->output, "FILE", "safetensors file to write: what the network gives");
  add_text(app, "--reference", args->reference, "FILE:NAME",
           "what FP32 must give, within 1e-5: a tensor of the shape of the output");
  add_text(app, "--energy-from", args->energy, "FILE",
           "energies of arrays, of `make energy ARRAY=... ENERGY=FILE`, for the energy of each layer");
  add_text(app, "--json", args->json, "FILE", "report as JSON to write, with every layer of every format");
  add_engine(app, args->run.engine,
             "runs the products again, in SystemC with the array in C++, of Verilated cells, or Verilated");
  add_list(app, "--layers", args->layers, "NAME", "products that such an engine runs; default all");
  add_threads(app, args->run.threads, "threads that compute");
  add_system(app, args->system, "format");
  return [args] { return run(*args); };
}

}  // namespace

const Command kNetworkCommand = {
    "network", "run a whole network on the array, in one or several formats: what it gives, cycles, accuracy",
    set_up};

}  // namespace if4
