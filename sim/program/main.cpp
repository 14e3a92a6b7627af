// The program `if4`. Exit codes: 0 done, 1 a check failed, 2 bad input or usage (one line on stderr).
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <limits>
#include <map>
#include <new>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "sim/program/array_command.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/interrupt.hpp"
#include "sim/system/config.hpp"

namespace {

const std::map<std::string, if4::Format> kQuantizedFormats = {{"if4", if4::Format::kIF4},
                                                              {"nvfp4", if4::Format::kNVFP4}};
std::map<std::string, if4::Format> first_formats(int count) {
  std::map<std::string, if4::Format> formats;
  for (int number = 0; number < count; ++number) {
    const auto format = static_cast<if4::Format>(number);
    formats.emplace(if4::format_name(format), format);
  }
  return formats;
}
const std::map<std::string, if4::Format> kFormats = first_formats(if4::kMacFormatCount);
const std::map<std::string, if4::Format> kAllFormats = first_formats(if4::kFormatCount);
const std::map<std::string, if4::Rule> kRules = {
    {"mse", if4::Rule::kMse}, {"mae", if4::Rule::kMae}, {"abs_max", if4::Rule::kAbsMax}};
const std::map<std::string, if4::ResultOrder> kOrders = {{"lane-fp32", if4::ResultOrder::kLaneFp32},
                                                         {"exact", if4::ResultOrder::kExact}};

// A choice by name; help and errors list the names.
template <typename T>
void add_choice(CLI::App* app, const std::string& option, T& value, const std::map<std::string, T>& choices,
                const std::string& help) {
  std::string names;
  for (const auto& [name, choice] : choices) names += (names.empty() ? "" : "|") + name;
  app->add_option_function<std::string>(
         option,
         [&value, &choices, option, names](const std::string& name) {
           const auto found = choices.find(name);
           if (found == choices.end())
             throw CLI::ValidationError(option, "'" + name + "' is not one of " + names);
           value = found->second;
         },
         help)
      ->type_name(names);
}

// A whole number from `least` on. CLI11 alone takes -1 for the largest number, and any larger one too.
template <typename T>
void add_whole(CLI::App* app, const std::string& option, T& value, std::uint64_t least,
               const std::string& help) {
  const auto set = [&value, least, option](const std::string& text) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    const auto number = if4::whole_number(text, least, kMost);
    if (!number) {
      throw CLI::ValidationError(option,
                                 if4::quoted_name(text) + " is not " + if4::whole_number_range(least, kMost));
    }
    value = *number;
  };
  app->add_option_function<std::string>(option, set, help)->type_name("UINT");
}

// What quantize and compare have in common.
void add_model_options(CLI::App* app, if4::ModelOptions& options) {
  add_choice(app, "--rule", options.quantize.rule, kRules, "which candidate a block keeps, default mse");
  app->add_option("--include", options.include,
                  "quantize the tensors of these names: * any text, ? one character");
  app->add_option("--exclude", options.exclude, "leave those of these names alone");
  app->add_flag("--2d", options.quantize.square, "16 x 16 values share a scale");
  app->add_flag("--rht", options.quantize.rotate, "random Hadamard transform of every 16 values first");
  app->add_flag("--transpose", options.quantize.transpose, "of the transposed matrices");
  add_whole(app, "--stochastic", options.quantize.seed, 0, "round at random, with this seed");
  app->add_option("--threads", options.threads, "default: one a core")->check(CLI::Range(1, 1024));
}

const std::map<std::string, if4::ArrayEngine> kEngines = {{"fast", if4::ArrayEngine::kFast},
                                                          {"systemc-model", if4::ArrayEngine::kSystemcModel},
                                                          {"systemc-grid", if4::ArrayEngine::kSystemcGrid},
                                                          {"systemc-rtl", if4::ArrayEngine::kSystemcRtl}};

void add_array(CLI::App& app, if4::ArrayArgs& array, int& status) {
  auto* command = app.add_subcommand("array", "run matrix products on the systolic array with its memories");
  command->add_option("--gemm", array.gemm, "one product: M,N,K");
  command->add_option("--topology", array.topology, "CSV file of products: name, M, N, K[, count]");
  command->add_option("--acts", array.activations, "activations [M, K]: FILE:NAME, plain or quantized");
  command->add_option("--weights", array.weights, "weights [N, K]: FILE:NAME, plain or quantized");
  add_choice(command, "--rule", array.rule, kRules, "of plain tensors, default mse");
  add_whole(command, "--seed", array.seed, 0, "of random operands, default 1");
  add_choice(command, "--engine", array.engine, kEngines, "default fast");
  command->add_flag("--timing-only", array.timing_only, "count cycles, compute no results");
  command->add_option("--threads", array.threads, "of the exact results, default all cores")
      ->check(CLI::Range(1, 1024));
  command->add_option("--csv", array.csv, "a line for each layer to this file");
  command->add_option("--json", array.json, "report as JSON to this file");
  command->add_option("--trace", array.trace, "timeline to this file, for ui.perfetto.dev");
  command->add_option("--wave", array.wave.file, "FST waveform of the array, systemc-rtl");
  add_whole(command, "--wave-cycles", array.wave.cycles, 1, "cycles in the waveform, default 10000");
  command->add_option("--svg", array.svg, "roofline and shares of the cycles to this file");
  command->add_option("--config", array.config, "JSON file of the options below, which win over it");
  for (const if4::Knob& knob : if4::knobs()) {
    const std::string name(knob.name);
    const auto set = [&array, name](const std::string& value) { array.knobs.emplace_back(name, value); };
    const std::string names = name == "columns" ? "--columns,--cols" : "--" + name;
    if (knob.type.empty()) {
      command->add_flag_callback(
          names, [set] { set("true"); }, std::string(knob.help));
    } else {
      command->add_option_function<std::string>(names, set, std::string(knob.help))
          ->type_name(std::string(knob.type));
    }
  }
  command->callback([&array, &status] { status = if4::run_array(array); });
}

int fail(const std::string& message) {
  std::fprintf(stderr, "if4: %s\n", message.c_str());
  return 2;
}

// A full disk may have shown in an earlier write than the last one.
int printed(int status) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  return fail("cannot write to the standard output");
}

}  // namespace

int main(int argc, char** argv) {
  using namespace if4;
  CLI::App app{"IF4: quantize tensors to 4-bit blocks and run them on the Verilated MAC unit"};
  app.require_subcommand(1);
  int status = 0;
  std::string scale_layout = "linear";

  QuantizeArgs quantize;
  auto* quantize_app =
      app.add_subcommand("quantize", "the tensors of a file, such as a whole model, to a block format");
  quantize_app
      ->add_option(
          "input", quantize.input,
          "FILE.safetensors[:NAME] or FILE.npy; without NAME all float tensors of 2 or more dimensions")
      ->required();
  auto* quantize_output =
      quantize_app->add_option("-o,--output", quantize.output, "safetensors file to write");
  quantize_app->add_flag("--stats", quantize.stats, "only measure the errors, write nothing")
      ->excludes(quantize_output);
  add_choice(quantize_app, "--format", quantize.options.quantize.format, kAllFormats, "default if4");
  quantize_app->add_flag("--search", quantize.options.quantize.search,
                         "try neighbouring scales of each block: less error, more time");
  auto* layout =
      quantize_app->add_option("--scale-layout", scale_layout,
                               "order of the scales: linear (default), or tiled 128 x 4 for tensor cores");
  layout->check(CLI::IsMember({"linear", "tiled"}));
  add_model_options(quantize_app, quantize.options);
  quantize_app->callback([&] {
    if (quantize.output.empty() && !quantize.stats) throw CLI::RequiredError("--output or --stats");
    quantize.options.tiled = scale_layout == "tiled";
    status = run_quantize(quantize);
  });

  CompareArgs compare;
  auto* compare_app = app.add_subcommand("compare", "the error of every format on one file, side by side");
  compare_app->add_option("input", compare.input, "FILE.safetensors[:NAME] or FILE.npy")->required();
  compare_app->add_option("--svg", compare.svg, "picture to write");
  compare_app->add_flag("--json", compare.json, "JSON on stdout");
  add_model_options(compare_app, compare.options);
  compare_app->callback([&] { status = run_compare(compare); });

  DequantizeArgs dequantize;
  auto* dequantize_app = app.add_subcommand("dequantize", "a quantized tensor back to FP32");
  dequantize_app->add_option("input", dequantize.input, "FILE.safetensors[:NAME]")->required();
  dequantize_app->add_option("-o,--output", dequantize.output, "safetensors file to write")->required();
  dequantize_app->callback([&] { status = run_dequantize(dequantize); });

  InspectArgs inspect;
  auto* inspect_app =
      app.add_subcommand("inspect", "shape, amax, share of INT blocks and error of each tensor");
  inspect_app->add_option("input", inspect.input, "FILE.safetensors[:NAME] or FILE.npy")->required();
  add_choice(inspect_app, "--rule", inspect.rule, kRules, "how IF4 picks a block's type, default mse");
  inspect_app->add_flag("--json", inspect.json, "JSON on stdout");
  inspect_app->callback([&] { status = run_inspect(inspect); });

  CosimArgs cosim;
  auto* cosim_app =
      app.add_subcommand("cosim", "multiply two tensors on the Verilated unit and check every result");
  cosim_app->add_option("--acts", cosim.activations, "activations [M, K]: FILE:NAME, plain or quantized")
      ->required();
  cosim_app->add_option("--weights", cosim.weights, "weights [N, K]: FILE:NAME, plain or quantized")
      ->required();
  add_choice(cosim_app, "--format", cosim.quantize.format, kQuantizedFormats,
             "of plain tensors, default if4");
  add_choice(cosim_app, "--rule", cosim.quantize.rule, kRules, "of plain tensors, default mse");
  cosim_app
      ->add_option("--stall-in", cosim.options.stalls.input_percent,
                   "clocks without a beat offered, in percent")
      ->check(CLI::Range(0, 99));
  cosim_app
      ->add_option("--stall-out", cosim.options.stalls.output_percent,
                   "clocks without a result taken, in percent")
      ->check(CLI::Range(0, 99));
  add_whole(cosim_app, "--seed", cosim.options.stalls.seed, 0, "of the stalls, default 1");
  cosim_app->add_option("--wave", cosim.options.wave.file, "FST waveform to write");
  add_whole(cosim_app, "--wave-cycles", cosim.options.wave.cycles, 1, "clocks in the waveform, default 2000");
  cosim_app->add_option("--json", cosim.json, "report as JSON to this file");
  cosim_app->callback([&] { status = run_cosim(cosim); });

  VectorsArgs vectors;
  auto* vectors_app =
      app.add_subcommand("vectors", "write dot products and their results as text, for any testbench");
  vectors_app->add_option("-o,--output", vectors.output, "file to write")->required();
  add_whole(vectors_app, "--count", vectors.count, 1, "random dot products, default 100");
  vectors_app->add_option("--beats", vectors.beats, "of each, default 10")->check(CLI::Range(1, 1024));
  add_whole(vectors_app, "--seed", vectors.seed, 0, "default 1");
  add_choice(vectors_app, "--format", vectors.format, kFormats, "default if4");
  add_choice(vectors_app, "--result", vectors.order, kOrders, "default lane-fp32");
  auto* vector_acts =
      vectors_app->add_option("--acts", vectors.activations, "activations instead of random operands");
  auto* vector_weights = vectors_app->add_option("--weights", vectors.weights, "weights, with --acts");
  vector_acts->needs(vector_weights);
  vector_weights->needs(vector_acts);
  add_choice(vectors_app, "--rule", vectors.rule, kRules, "of plain tensors, default mse");
  vectors_app->callback([&] { status = run_vectors(vectors); });

  ReplayArgs replay;
  auto* replay_app =
      app.add_subcommand("replay", "check a vector file with the models and the Verilated unit");
  replay_app->add_option("file", replay.file, "vector file")->required();
  add_choice(replay_app, "--result", replay.order, kOrders, "what the file's results are, default lane-fp32");
  replay_app->callback([&] { status = run_replay(replay); });

  ArrayArgs array;
  add_array(app, array, status);

  try {
    // CLI11 would only say that a subcommand is required.
    if (argc > 1 && argv[1][0] != '-') {
      const auto commands =
          app.get_subcommands([&](CLI::App* command) { return command->check_name(argv[1]); });
      if (commands.empty()) return fail("'" + one_line(argv[1]) + "' is not a command; see if4 --help");
    }
    app.parse(argc, argv);
    return printed(status);
  } catch (const CLI::Success& help) {
    return printed(app.exit(help));
  } catch (const CLI::ParseError& error) {
    return fail(one_line(error.what()));
  } catch (const InputError& error) {
    return fail(error.what());
  } catch (const Interrupted& interrupted) {
    // Ends as the signal would have ended it; everything is cleared up.
    std::signal(interrupted.signal(), SIG_DFL);
    std::raise(interrupted.signal());
    return 1;
  } catch (const std::bad_alloc&) {
    return fail("not enough memory");
  } catch (const std::exception& error) {
    if (std::ferror(stdout) != 0)
      return printed(1);  // fmt::print throws where a report is longer than its buffer
    std::fprintf(stderr, "if4: %s\n", error.what());
    return 1;
  }
}
