#include "sim/program/array_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <tuple>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"
#include "model/mac/gemm.hpp"
#include "sim/program/array_chart.hpp"
#include "sim/program/array_report.hpp"
#include "sim/program/array_trace.hpp"
#include "sim/program/interrupt.hpp"
#include "sim/program/operands.hpp"
#include "sim/program/progress.hpp"
#include "sim/system/fast_timing.hpp"
#include "sim/system/system.hpp"
#include "sim/system/topology.hpp"

namespace if4 {
namespace {

constexpr std::uint64_t kSamples = 1024;  // results of a layer that the fast engine checks

const char* engine_name(ArrayEngine engine) {
  switch (engine) {
    case ArrayEngine::kSystemcModel:
      return "systemc-model";
    case ArrayEngine::kSystemcGrid:
      return "systemc-grid";
    case ArrayEngine::kSystemcRtl:
      return "systemc-rtl";
    default:
      return "fast";
  }
}

ArrayKind kind_of(ArrayEngine engine) {
  switch (engine) {
    case ArrayEngine::kSystemcRtl:
      return ArrayKind::kRtl;
    case ArrayEngine::kSystemcGrid:
      return ArrayKind::kGrid;
    default:
      return ArrayKind::kModel;
  }
}

struct Operands {
  QuantizedTensor activations, weights;
};

// Roughly what it takes to hold operands and results, the fast model's activations, and what the SystemC
// system has of its own: the DRAM, the events of tiles and loads.
std::uint64_t memory_needed(const Geometry& geometry, const GemmShape& shape, bool systemc) {
  constexpr std::uint64_t kDecodedBlock = 37, kTileEvents = 256;
  const std::uint64_t held =
      (shape.m + shape.n) * geometry.blocks * geometry.block_bytes + 4 * shape.m * shape.n;
  return (systemc ? 2 * held + 4 * shape.m * shape.n + kTileEvents * geometry.tiles() : held) +
         kDecodedBlock * shape.m * geometry.blocks;
}

// Throws InputError unless every layer can run: none is found impossible after an hour.
void check_layers(const std::vector<Layer>& layers, const SystemConfig& config, const ArrayArgs& args) {
  const auto machine = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                       static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
  constexpr Int128 kMost = Int128{1} << 63;
  Int128 all_ticks = 0, all_macs = 0;
  for (const Layer& layer : layers) {
    try {
      const Geometry geometry(config, layer.shape);
      const GemmShape& shape = layer.shape;
      all_ticks += geometry.most_ticks * static_cast<Int128>(layer.count);
      all_macs += static_cast<Int128>(shape.m * shape.n) * static_cast<Int128>(shape.k) *
                  static_cast<Int128>(layer.count);
      if (all_ticks >= kMost || all_macs >= kMost) throw InputError("too large to count its cycles and MACs");
      const std::uint64_t needed = memory_needed(geometry, shape, args.engine != ArrayEngine::kFast);
      if (!args.timing_only && needed > machine) {
        throw InputError(
            fmt::format("needs {:.1f} GB of memory, and the machine has {:.1f}; --timing-only "
                        "only counts the cycles",
                        static_cast<double>(needed) / 1e9, static_cast<double>(machine) / 1e9));
      }
    } catch (const InputError& error) {
      throw InputError(layer.place + ": " + to_string(layer.shape) + ": " + error.what());
    }
  }
}

void compare(LayerReport& report, std::uint64_t columns, std::uint64_t index, std::uint32_t expected,
             std::uint32_t actual) {
  ++report.checked;
  if (expected == actual) return;
  ++report.mismatches;
  if (report.first_mismatch.empty()) {
    report.first_mismatch = fmt::format("m {} n {}: expected 0x{:08X}, got 0x{:08X}", index / columns,
                                        index % columns, expected, actual);
  }
}

bool same_timeline(const Timeline& a, const Timeline& b) { return a.tiles == b.tiles && a.loads == b.loads; }

// A run of all layers.
class Runner {
 public:
  // `wave`: what the array is to write.
  Runner(const ArrayArgs& args, const SystemConfig& config, const Wave& wave)
      : args_(args), config_(config), wave_(wave), bar_("array") {
    if (!args.trace.empty()) trace_ = std::make_unique<TraceWriter>(args.trace, config);
  }

  // `operands`: of the only layer, or null: random ones.
  LayerReport run(const Layer& layer, std::size_t index, std::size_t count, const Operands* operands) {
    LayerReport report;
    report.layer = layer;
    // A layer's part of the bar.
    const auto progress = [&](std::uint64_t done, std::uint64_t total) {
      InterruptGuard::check();
      bar_.update(1000 * index + 1000 * done / std::max<std::uint64_t>(total, 1), 1000 * count);
    };
    const Geometry geometry(config_, layer.shape);
    const bool traced = trace_ != nullptr && trace_->has_room(geometry.tiles());
    left_out_ = left_out_ || (trace_ != nullptr && !traced);
    Timeline timeline;
    const auto start = std::chrono::steady_clock::now();
    if (args_.engine == ArrayEngine::kFast) {
      report.stats = timing(layer.shape, traced ? &timeline : nullptr, progress);
      if (!args_.timing_only) {
        const Operands random = operands == nullptr ? random_operands(layer, index) : Operands{};
        run_fast(report, operands == nullptr ? random : *operands, progress);
      }
    } else {
      const Operands random = operands == nullptr ? random_operands(layer, index) : Operands{};
      run_systemc(report, operands == nullptr ? random : *operands, timeline, progress);
    }
    if (report.seconds == 0.0) {
      report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    if (traced) trace_->add(layer, report.stats, timeline, begin_);
    begin_ += report.stats.cycles.total() * layer.count;
    return report;
  }

  void commit() {
    if (trace_ != nullptr) trace_->commit();
  }
  bool left_out() const { return left_out_; }

 private:
  using Progress = std::function<void(std::uint64_t, std::uint64_t)>;

  // Layers of one shape take the same cycles.
  RunStats timing(const GemmShape& shape, Timeline* timeline, const Progress& progress) {
    const auto key = std::make_tuple(shape.m, shape.n, shape.k);
    const auto known = known_.find(key);
    if (known != known_.end() && timeline == nullptr) return known->second;
    return known_[key] = fast_timing(config_, shape, timeline, progress);
  }

  Operands random_operands(const Layer& layer, std::size_t index) const {
    const GemmShape& shape = layer.shape;
    const Format format = config_.array.mac.format;
    const std::uint64_t seed = args_.seed + 2 * index;
    return {random_operand(format, shape.m, shape.k, seed),
            random_operand(format, shape.n, shape.k, seed + 1)};
  }

  void run_fast(LayerReport& report, const Operands& operands, const Progress& progress) {
    GemmOptions options;
    options.threads = args_.threads;
    options.progress = progress;
    const auto start = std::chrono::steady_clock::now();
    const GemmResult result = gemm(config_.array.mac, operands.activations, operands.weights, options);
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    report.nan_results = result.nan;
    report.overflow_results = result.overflow;
    const std::uint64_t columns = report.layer.shape.n;
    std::mt19937_64 random(args_.seed);
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(kSamples, result.bits.size()); ++i) {
      const std::uint64_t at = result.bits.size() <= kSamples ? i : random() % result.bits.size();
      const MacResult expected =
          dot_product(config_.array.mac, operands.activations, at / columns, operands.weights, at % columns);
      compare(report, columns, at, expected.bits, result.bits[at]);
    }
  }

  void run_systemc(LayerReport& report, const Operands& operands, Timeline& timeline,
                   const Progress& progress) {
    SystemOptions options;
    options.kind = kind_of(args_.engine);
    options.wave = wave_;
    options.progress = progress;
    const auto start = std::chrono::steady_clock::now();
    SystemRun run = run_system(config_, operands.activations, operands.weights, options);
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    report.stats = run.stats;
    report.nan_results = run.nan_results;
    report.overflow_results = run.overflow_results;
    GemmOptions exact;
    exact.threads = args_.threads;
    const GemmResult expected = gemm(config_.array.mac, operands.activations, operands.weights, exact);
    for (std::uint64_t i = 0; i < expected.bits.size(); ++i)
      compare(report, report.layer.shape.n, i, expected.bits[i], run.results[i]);
    const RunStats fast = fast_timing(config_, report.layer.shape, &timeline);
    report.cycles_agree = fast == run.stats && same_timeline(timeline, run.timeline);
    timeline = std::move(run.timeline);
  }

  const ArrayArgs& args_;
  const SystemConfig& config_;
  const Wave wave_;
  ProgressBar bar_;
  std::unique_ptr<TraceWriter> trace_;
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>, RunStats> known_;
  std::uint64_t begin_ = 0;
  bool left_out_ = false;
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

SystemConfig make_config(const ArrayArgs& args) {
  SystemConfig config;
  if (!args.config.empty()) read_config(args.config, config);
  for (const auto& [name, value] : args.knobs) set_knob(config, name, value, "--" + name);
  check(config);
  return config;
}

// Throws InputError if two files of a run are one.
void check_files(const ArrayArgs& args) {
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
  use("--trace", args.trace, true);
  use("--svg", args.svg, true);
  use("--wave", args.wave.file, true);
}

void check_args(const ArrayArgs& args) {
  const bool tensors = !args.activations.empty() || !args.weights.empty();
  const int sources = (args.gemm.empty() ? 0 : 1) + (args.topology.empty() ? 0 : 1) + (tensors ? 1 : 0);
  if (sources != 1) throw InputError("array: give one of --gemm, --topology, or --acts and --weights");
  if (tensors && (args.activations.empty() || args.weights.empty()))
    throw InputError("array: give both --acts and --weights");
  if (args.timing_only && args.engine != ArrayEngine::kFast)
    throw InputError("--timing-only: only the fast engine can leave the results out");
  if (!args.wave.file.empty() && args.engine != ArrayEngine::kSystemcRtl)
    throw InputError("--wave: only systemc-rtl writes waveforms");
  check_files(args);
}

}  // namespace

int run_array(const ArrayArgs& args) {
  check_args(args);
  ArraySummary summary;
  summary.config = make_config(args);
  summary.engine = engine_name(args.engine);
  summary.results = !args.timing_only;

  std::vector<Layer> layers;
  std::optional<Operands> operands;
  if (!args.topology.empty()) {
    layers = read_topology(args.topology);
  } else if (!args.gemm.empty()) {
    layers = {{"gemm", parse_gemm(args.gemm), 1, "--gemm"}};
  } else {
    const QuantizeOptions quantize{summary.config.array.mac.format, args.rule};
    ProductOperand a = read_operand(args.activations, quantize);
    ProductOperand w = read_operand(args.weights, quantize);
    for (const ProductOperand* operand : {&a, &w}) {
      if (operand->quantized.format == quantize.format) continue;
      throw InputError(operand->name + " is in " + std::string(format_name(operand->quantized.format)) +
                       ", the array in " + std::string(format_name(quantize.format)) +
                       "; choose it with --format");
    }
    check_product(a, w);
    summary.operands = a.name + " x " + w.name;
    layers = {{one_line(parse_tensor_ref(args.weights).name),
               {a.quantized.rows(), w.quantized.rows(), a.quantized.columns()},
               1,
               summary.operands}};
    operands = Operands{std::move(a.quantized), std::move(w.quantized)};
  }
  if (!args.wave.file.empty() && layers.size() != 1) throw InputError("--wave: a waveform is of one layer");
  if (args.timing_only) {
    summary.operands = "none";
  } else if (!operands) {
    summary.operands = fmt::format("random, seed {}", args.seed);
  }
  check_layers(layers, summary.config, args);

  const InterruptGuard guard;
  ReportFile csv(args.csv), json(args.json), svg(args.svg);
  WaveFile wave(args.wave.file);
  bool left_out = false;
  {
    Runner runner(args, summary.config, {wave.temporary(), args.wave.cycles});
    for (std::size_t i = 0; i < layers.size(); ++i)
      summary.layers.push_back(runner.run(layers[i], i, layers.size(), operands ? &*operands : nullptr));
    runner.commit();
    left_out = runner.left_out();
  }
  InterruptGuard::check();
  wave.commit();
  csv.write([&] { return to_csv(summary); });
  json.write([&] { return to_json(summary); });
  svg.write([&] { return to_svg(summary); });

  fmt::print("{}", to_text(summary));
  for (const auto& [label, file] : {std::pair{"CSV", &args.csv},
                                    {"JSON", &args.json},
                                    {"trace", &args.trace},
                                    {"waveform", &args.wave.file},
                                    {"charts", &args.svg}}) {
    if (!file->empty()) fmt::print("  {:<18}{}\n", label, one_line(*file));
  }
  if (left_out)
    fmt::print("  {:<18}layers that would bring it above {} tiles are left out\n", "",
               TraceWriter::kMaxTiles);
  return summary.passed() ? 0 : 1;
}

}  // namespace if4
