// if4 vectors: stimuli and results for any testbench, as text and for $readmemh.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"
#include "model/files/output_path.hpp"
#include "model/kit/memh.hpp"
#include "model/kit/plan.hpp"
#include "model/kit/stimuli.hpp"
#include "model/kit/vectors.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/dot_products.hpp"
#include "sim/program/operands.hpp"
#include "sim/program/options.hpp"
#include "sim/report/version.hpp"

namespace if4 {
namespace {

struct Arguments {
  std::string output;  // of text, or empty
  std::string memh;    // a folder, or empty
  bool plan = false;
  std::uint64_t random = 0;  // dot products
  unsigned beats = 10;       // of each
  MacConfig mac;
  unsigned acc_width = 0;  // 0 is the default
  std::uint64_t seed = 1;
  ResultOrder order = ResultOrder::kExact;
  std::string activations;  // FILE:NAME, or empty
  std::string weights;
  Rule rule = Rule::kMse;
};

// Writes the lines that it is given to all outputs.
class Outputs {
 public:
  Outputs(const Arguments& args, const VectorHeader& header) : header_(header) {
    if (!args.output.empty()) {
      text_.emplace(args.output);
      text_->write(header_text(header));
    }
    if (!args.memh.empty()) memh_.emplace(args.memh, header);
  }

  void write(const VectorLine& line) {
    if (const auto* beat = std::get_if<BeatLine>(&line)) {
      ++beats_;
      if (header_.rounding == ResultOrder::kLaneFp32)
        blocks_.insert(blocks_.end(), beat->blocks.begin(), beat->blocks.end());
    } else if (std::holds_alternative<ResultLine>(line)) {
      ++results_;
      if (header_.rounding == ResultOrder::kLaneFp32) {
        put(ResultLine{{lane_fp32_result(header_.mac.format, blocks_), false, false}});
        blocks_.clear();
        return;
      }
    } else if (std::holds_alternative<TestpointLine>(line)) {
      ++testpoints_;
    }
    put(line);
  }
  void commit() {
    if (memh_) memh_->commit();
    if (!text_) return;
    text_->write(end_text(results_));
    text_->commit();
  }

  std::uint64_t testpoints() const { return testpoints_; }
  std::uint64_t results() const { return results_; }
  std::uint64_t beats() const { return beats_; }

 private:
  void put(const VectorLine& line) {
    if (text_) text_->write(line_text(header_.mac, line));
    if (memh_) memh_->write(line);
  }

  VectorHeader header_;
  std::optional<AtomicFile> text_;
  std::optional<MemhWriter> memh_;
  BlockPairs blocks_;  // of a dot product whose result is lane-FP32's
  std::uint64_t testpoints_ = 0, results_ = 0, beats_ = 0;
};

struct Operands {
  ProductOperand activations, weights;
};

std::optional<Operands> read_operands(const Arguments& args) {
  if (args.activations.empty()) return std::nullopt;
  const QuantizeOptions options{args.mac.format, args.rule};
  Operands operands{read_operand(args.activations, options), read_operand(args.weights, options)};
  check_product(operands.activations, operands.weights);
  return operands;
}

// Every row of the activations with every row of the weights.
void write_product(const VectorHeader& header, const Operands& operands, const LineSink& sink) {
  const QuantizedTensor& a = operands.activations.quantized;
  const QuantizedTensor& w = operands.weights.quantized;
  Stimuli stimuli(header.mac, header.seed, sink);
  stimuli.testpoint("product");
  for (std::size_t m = 0; m < a.rows(); ++m) {
    for (std::size_t n = 0; n < w.rows(); ++n) {
      BlockPairs pairs;
      for (std::size_t b = 0; b < a.blocks_per_row(); ++b) pairs.emplace_back(a.block(m, b), w.block(n, b));
      stimuli.dot_product(std::move(pairs));
    }
  }
}

void check_outputs(const Arguments& args) {
  if (args.output.empty() && args.memh.empty()) throw InputError("-o FILE or --memh DIR is required");
  if (!args.activations.empty()) {
    const std::vector<std::string> inputs = {parse_tensor_ref(args.activations).path,
                                             parse_tensor_ref(args.weights).path};
    for (const std::string& output : {args.output, args.memh}) {
      if (!output.empty()) check_not_input(output, inputs);
    }
  }
  std::error_code none;
  const auto place = [&none](const std::string& path) {
    return std::filesystem::weakly_canonical(path, none);
  };
  if (!args.output.empty() && !args.memh.empty() && place(args.output) == place(args.memh))
    throw InputError(one_line(args.output) + ": is the folder of --memh and the file of -o");
}

void check_choice(const Arguments& args, const MacConfig& mac) {
  if (!args.plan && args.random == 0 && args.activations.empty())
    throw InputError("--plan, --random N, or --acts and --weights is required");
  if (acc_width(mac) < beat_width(mac)) {
    throw InputError(fmt::format("--acc-width {} cannot hold one beat of {} with {} lanes, which has {} bits",
                                 mac.acc_width, format_name(mac.format), mac.lanes, beat_width(mac)));
  }
  if (args.order != ResultOrder::kLaneFp32) return;
  if (mac.scaled) throw InputError("lane-FP32 results are not scaled: --result lane-fp32 without --scaled");
  if (!reads_as_if4(mac.format)) {
    throw InputError("lane-FP32 results are for if4 and nvfp4, not " + std::string(format_name(mac.format)) +
                     "; exact ones are for all formats: --result exact");
  }
  if (args.plan) throw InputError("the results of --plan are exact: --result lane-fp32 is for others");
  if (mac.lanes != kBlockSize)
    throw InputError("the published unit has 16 lanes: --result lane-fp32 with no others");
}

int run(const Arguments& args) {
  check_outputs(args);
  const std::optional<Operands> operands = read_operands(args);
  VectorHeader header{args.mac, args.order, args.seed, generator()};
  header.mac.acc_width = static_cast<int>(args.acc_width);
  if (operands) {
    header.mac.format =
        common_format(operands->activations.quantized.format, operands->weights.quantized.format);
  }
  check_choice(args, header.mac);
  Outputs outputs(args, header);
  const LineSink sink = [&outputs](const VectorLine& line) { outputs.write(line); };
  if (args.plan) write_plan(header.mac, args.seed, sink);
  if (args.random != 0) write_random(header.mac, args.seed, args.random, args.beats, sink);
  if (operands) write_product(header, *operands, sink);
  outputs.commit();

  const std::string names = args.output.empty() ? one_line(args.memh)
                            : args.memh.empty() ? one_line(args.output)
                                                : one_line(args.output) + ", " + one_line(args.memh);
  fmt::print(
      "{}: {} dot products, {} beats, {} testpoint{}; {}{} results of {}, {} lanes, accumulator of {} bits\n",
      names, outputs.results(), outputs.beats(), outputs.testpoints(), outputs.testpoints() == 1 ? "" : "s",
      header.mac.scaled ? "scaled " : "", result_order_name(args.order), format_name(header.mac.format),
      header.mac.lanes, acc_width(header.mac));
  if (args.plan && !plan_reaches_ends(header.mac)) {
    fmt::print(
        "left out: the ends of this accumulator and overflow, which take more than {} beats; "
        "--acc-width up to {} has them\n",
        static_cast<std::uint64_t>(kMostBeatsToEnd), widest_reached(header.mac));
  }
  return 0;
}

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  add_text(app, "-o,--output", args->output, "FILE", "text file to write");
  add_text(app, "--memh", args->memh, "DIR",
           "folder of files for $readmemh to write; it must be new or empty");
  const auto plan = add_flag(app, "--plan", args->plan, "all testpoints of testbench/kit/testplan");
  const auto random = add_whole(app, "--random,--count", args->random, 1, kAnyWhole,
                                "so many random dot products, after the plan if that is given too");
  add_whole(app, "--beats", args->beats, 1, 1024, "beats of each random dot product, 1 to 1024");
  add_whole(app, "--seed", args->seed, 0, kAnyWhole, "seed of all that is random, in the plan too");
  add_format(app, args->mac.format, has_mac, "format of the plan, of random operands and of plain tensors");
  add_choice(app, "--lanes", args->mac.lanes, Choices<int>{{"16", 16}, {"32", 32}, {"64", 64}},
             "products of a beat");
  add_whole(app, "--acc-width", args->acc_width, 1, 120,
            "bits of the accumulator; default the least that holds 1024 of the largest beats");
  add_flag(app, "--scaled", args->mac.scaled,
           "results of a unit with Scaled = 1, which leave out the factor 1 / r^2 (1/49 for if4)");
  add_result_order(app, args->order, "which results: rounded once, or at each step as the published unit");
  const auto [activations, weights] = add_operands(app, args->activations, args->weights);
  activations.needs(weights);
  weights.needs(activations);
  activations.excludes(plan);
  activations.excludes(random);
  add_rule(app, args->rule, "which error decides between the candidates of a block of plain tensors");
  add_footer(app, "model/kit/vectors.hpp describes the text, model/kit/memh.hpp the folder.\n");
  return [args] { return run(*args); };
}

}  // namespace

const Command kVectorsCommand = {
    "vectors",
    "write stimuli and results for any MAC: the test plan, random dot products, or those of two tensors",
    set_up};

}  // namespace if4
