#include "sim/array_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <tuple>

#include "model/atomic_file.hpp"
#include "model/error.hpp"
#include "model/gemm.hpp"
#include "model/tensor_file.hpp"
#include "sim/array_chart.hpp"
#include "sim/array_report.hpp"
#include "sim/array_trace.hpp"
#include "sim/fast_timing.hpp"
#include "sim/progress.hpp"
#include "sim/system.hpp"
#include "sim/topology.hpp"

namespace if4 {
namespace {

constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 33;  // of an operand or result in memory
constexpr std::uint64_t kSamples = 1024;  // results of a layer that the fast engine checks

const char* engine_name(ArrayEngine engine) {
  switch (engine) {
    case ArrayEngine::kSystemcModel:
      return "systemc-model";
    case ArrayEngine::kSystemcMac:
      return "systemc-mac";
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
    case ArrayEngine::kSystemcMac:
      return ArrayKind::kMac;
    default:
      return ArrayKind::kModel;
  }
}

struct Operands {
  QuantizedTensor activations, weights;
};

// Uniform codes; scales of either type over a range of 2^4, as those of real tensors.
QuantizedTensor random_operand(Format format, std::uint64_t rows, std::uint64_t columns, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  QuantizedTensor tensor = make_quantized(format, {rows, columns});
  for (std::size_t i = 0; i < tensor.codes.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t word = random();
    for (std::size_t b = i; b < std::min(i + sizeof word, tensor.codes.size()); ++b, word >>= 8)
      tensor.codes[b] = static_cast<std::uint8_t>(word);
  }
  const bool two_types = element_type(format, 0) != element_type(format, kScaleIntBit);
  for (std::uint8_t& scale : tensor.scales) {
    const std::uint64_t word = random();
    scale = static_cast<std::uint8_t>((two_types ? word & kScaleIntBit : 0) | (0x40 + word % 32));
  }
  // Codes beyond the end of a row are zero.
  const std::uint64_t used = columns % kBlockSize;
  if (used != 0) {
    const int bits = traits(format).code_bits * static_cast<int>(used);
    for (std::uint64_t row = 0; row < rows; ++row) {
      Block block = tensor.block(row, tensor.blocks_per_row() - 1);
      block.codes &= (Codes{1} << bits) - 1;
      tensor.set_block(row, tensor.blocks_per_row() - 1, block);
    }
  }
  return tensor;
}

QuantizedTensor read_operand(const std::string& text, Format format, Rule rule) {
  const TensorRef ref = parse_tensor_ref(text);
  if (!has_quantized(ref)) return quantize(read_tensor(ref), {format, rule});
  QuantizedTensor tensor = read_quantized(ref).tensor;
  if (tensor.format != format) {
    throw InputError(to_string(ref) + " is in " + std::string(format_name(tensor.format)) +
                     ", the array in " + std::string(format_name(format)) + "; choose it with --format");
  }
  return tensor;
}

MacResult golden_result(const MacConfig& mac, const Operands& operands, std::size_t m, std::size_t n) {
  const auto per_beat = static_cast<std::size_t>(blocks_per_beat(mac));
  const std::size_t blocks = operands.activations.blocks_per_row();
  std::vector<Block> a(per_beat), w(per_beat);
  ExactMac unit(mac);
  for (std::size_t b = 0; b < blocks; b += per_beat) {
    for (std::size_t i = 0; i < per_beat; ++i) {
      a[i] = b + i < blocks ? operands.activations.block(m, b + i) : Block{};
      w[i] = b + i < blocks ? operands.weights.block(n, b + i) : Block{};
    }
    unit.beat(a.data(), w.data());
  }
  return unit.finish();
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
  Runner(const ArrayArgs& args, const SystemConfig& config) : args_(args), config_(config), bar_("array") {
    if (!args.trace.empty()) trace_ = std::make_unique<TraceWriter>(args.trace, config);
  }

  // `operands`: of the only layer, or null: random ones.
  LayerReport run(const Layer& layer, std::size_t index, std::size_t count, const Operands* operands) {
    LayerReport report;
    report.layer = layer;
    // A layer's part of the bar.
    const auto progress = [&](std::uint64_t done, std::uint64_t total) {
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
    for (const std::uint64_t size : {shape.m * shape.k, shape.n * shape.k, shape.m * shape.n}) {
      if (size > kMaxElements)
        throw InputError(one_line(layer.name) + ": " + to_string(shape) +
                         " is too large to compute; --timing-only counts its cycles");
    }
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
      const MacResult expected = golden_result(config_.array.mac, operands, at / columns, at % columns);
      compare(report, columns, at, expected.bits, result.bits[at]);
    }
  }

  void run_systemc(LayerReport& report, const Operands& operands, Timeline& timeline,
                   const Progress& progress) {
    SystemOptions options;
    options.kind = kind_of(args_.engine);
    options.wave = args_.wave;
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

void check_args(const ArrayArgs& args) {
  const bool tensors = !args.activations.empty() || !args.weights.empty();
  const int sources = (args.gemm.empty() ? 0 : 1) + (args.topology.empty() ? 0 : 1) + (tensors ? 1 : 0);
  if (sources != 1) throw InputError("array: give one of --gemm, --topology, or --acts and --weights");
  if (tensors && (args.activations.empty() || args.weights.empty()))
    throw InputError("array: give both --acts and --weights");
  if (args.timing_only && args.engine != ArrayEngine::kFast)
    throw InputError("--timing-only: only the fast engine can leave the results out");
  if (!args.wave.empty() && args.engine != ArrayEngine::kSystemcRtl)
    throw InputError("--wave: only systemc-rtl writes waveforms");
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
    layers = {{"gemm", parse_gemm(args.gemm), 1}};
  } else {
    const Format format = summary.config.array.mac.format;
    operands = Operands{read_operand(args.activations, format, args.rule),
                        read_operand(args.weights, format, args.rule)};
    if (operands->activations.columns() != operands->weights.columns()) {
      throw InputError("activations of shape " + to_string(operands->activations.shape) +
                       " and weights of shape " + to_string(operands->weights.shape) +
                       " differ in their last dimension");
    }
    layers = {{parse_tensor_ref(args.weights).name,
               {operands->activations.rows(), operands->weights.rows(), operands->activations.columns()},
               1}};
  }
  if (!args.wave.empty() && layers.size() != 1) throw InputError("--wave: a waveform is of one layer");
  summary.operands = args.timing_only ? "none"
                     : operands       ? to_string(parse_tensor_ref(args.activations)) + " x " +
                                      to_string(parse_tensor_ref(args.weights))
                                : fmt::format("random, seed {}", args.seed);
  // Before anything runs: no layer is found impossible after an hour.
  for (const Layer& layer : layers) {
    try {
      const Geometry geometry(summary.config, layer.shape);
    } catch (const InputError& error) {
      throw InputError(one_line(layer.name) + ": " + error.what());
    }
  }

  ReportFile csv(args.csv), json(args.json), svg(args.svg);
  bool left_out = false;
  {
    Runner runner(args, summary.config);
    for (std::size_t i = 0; i < layers.size(); ++i)
      summary.layers.push_back(runner.run(layers[i], i, layers.size(), operands ? &*operands : nullptr));
    runner.commit();
    left_out = runner.left_out();
  }
  csv.write([&] { return to_csv(summary); });
  json.write([&] { return to_json(summary); });
  svg.write([&] { return to_svg(summary); });

  fmt::print("{}", to_text(summary));
  for (const auto& [label, file] : {std::pair{"CSV", &args.csv},
                                    {"JSON", &args.json},
                                    {"trace", &args.trace},
                                    {"waveform", &args.wave},
                                    {"charts", &args.svg}}) {
    if (!file->empty()) fmt::print("  {:<18}{}\n", label, one_line(*file));
  }
  if (left_out)
    fmt::print("  {:<18}layers that would bring it above {} tiles are left out\n", "",
               TraceWriter::kMaxTiles);
  return summary.passed() ? 0 : 1;
}

}  // namespace if4
