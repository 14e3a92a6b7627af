#include "sim/system/system.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <stdexcept>

#include "model/core/error.hpp"
#include "model/mac/gemm.hpp"
#include "sim/array/systemc_context.hpp"
#include "sim/system/dma.hpp"
#include "sim/system/dram.hpp"
#include "sim/system/scratchpad.hpp"
#include "sim/system/sequencer.hpp"
#include "sim/system/writer.hpp"

namespace if4 {
namespace {

std::unique_ptr<ArrayModule> make_core(const SystemConfig& config, const SystemOptions& options,
                                       const BeatIndex& index) {
  try {
    Wave wave = options.wave;
    wave.numbers = index.numbers();
    return make_array_module("array", options.kind, config.array, wave);
  } catch (const std::invalid_argument& error) {
    std::string message = error.what();
    if (options.kind == ArrayKind::kRtl) {
      message += "; there are";
      for (const ArrayBuild& build : array_builds()) message += " " + std::string(build.name);
    }
    throw InputError(message);
  }
}

// The modules and the signals between them.
class System : public sc_core::sc_module {
 public:
  System(const sc_core::sc_module_name& name, const SystemConfig& config, const Geometry& geometry,
         const SystemOptions& options)
      : sc_module(name),
        config_(config),
        geometry_(geometry),
        options_(options),
        map_(config, geometry),
        array_(make_core(config, options, index_)),
        activation_pad_("activation_pad", config, geometry, Operand::kActivations),
        weight_pad_("weight_pad", config, geometry, Operand::kWeights),
        sequencer_("sequencer", config, geometry, cycle_, timeline_, index_),
        writer_("writer", config, geometry, cycle_, timeline_),
        dma_("dma", config, geometry, cycle_, activation_pad_, weight_pad_, writer_, timeline_),
        dram_("dram", config, cycle_, map_.bytes),
        a_("a", array_->a.size()),
        w_("w", array_->w.size()),
        result_valid_("result_valid", array_->result.size()),
        result_ready_("result_ready", array_->result.size()),
        result_("result", array_->result.size()) {
    SC_HAS_PROCESS(System);
    connect();
    SC_METHOD(clock);
  }

  DramChannel& dram() { return dram_; }
  const DramMap& map() const { return map_; }

  SystemRun finish() {
    if (failure_) std::rethrow_exception(failure_);
    if (stuck_) throw std::runtime_error("the system stands still in cycle " + std::to_string(cycle_.now()));
    if (config_.ideal_memory) dma_.store_all();
    SystemRun run;
    run.stats.cycles = sequencer_.cycles();
    run.stats.bytes = dma_.bytes();
    run.stats.tiles = geometry_.tiles();
    run.timeline = std::move(timeline_);
    run.nan_results = writer_.nan_results();
    run.overflow_results = writer_.overflow_results();
    return run;
  }

 private:
  template <typename Module>
  void clocked(Module& module) {
    module.clk(clk_);
    module.rst_n(rst_n_);
  }

  void connect() {
    clocked(*array_);
    clocked(sequencer_);
    clocked(writer_);
    clocked(dma_);
    dram_.clk(clk_);

    dma_.dram.bind(dram_.socket);
    dma_.activations.bind(activation_pad_.socket);
    dma_.weights.bind(weight_pad_.socket);
    dma_.results.bind(writer_.socket);

    dma_.activations_loaded(activations_loaded_);
    dma_.weights_loaded(weights_loaded_);
    dma_.tiles_stored(tiles_stored_);
    dma_.tiles_read(tiles_read_);
    dma_.tiles_done(tiles_done_);
    sequencer_.activations_loaded(activations_loaded_);
    sequencer_.weights_loaded(weights_loaded_);
    sequencer_.tiles_stored(tiles_stored_);
    sequencer_.tiles_done(tiles_done_);
    sequencer_.tiles_read(tiles_read_);
    writer_.tiles_stored(tiles_stored_);
    writer_.tiles_done(tiles_done_);

    sequencer_.activations(activation_read_);
    sequencer_.weights(weight_read_);
    activation_pad_.read(activation_read_);
    weight_pad_.read(weight_read_);
    activation_pad_.blocks(a_);
    weight_pad_.blocks(w_);
    array_->a(a_);
    array_->w(w_);
    sequencer_.valid(valid_);
    sequencer_.last(last_);
    sequencer_.ready(ready_);
    array_->valid(valid_);
    array_->last(last_);
    array_->ready(ready_);

    array_->result_valid(result_valid_);
    array_->result_ready(result_ready_);
    array_->result(result_);
    writer_.result_valid(result_valid_);
    writer_.result_ready(result_ready_);
    writer_.result(result_);
  }

  bool finished() const {
    return (config_.ideal_memory ? writer_.done() : dma_.stored()) == geometry_.tiles();
  }

  // Half a cycle of the clock. The first cycle is in reset; the others are counted. This is a method and not
  // a thread because the kernel then needs no stacks of its own, which sanitizers do not follow.
  void clock() {
    if (!clk_.read() || !started_) {
      if (!started_ && config_.ideal_memory) dma_.load_all();
      clk_.write(started_);
      started_ = true;
      next_trigger(kCycleTime / 2);
      return;
    }
    clk_.write(false);
    if (!rst_n_.read()) {
      rst_n_.write(true);
    } else {
      count();
    }
    if (finished() || stuck_ || failure_) {
      sc_core::sc_pause();  // without the message of sc_stop()
    } else {
      next_trigger(kCycleTime / 2);
    }
  }

  void count() {
    cycle_.advance();
    // Something moves within the time of a burst, its latency, the reads of a beat and the way through the
    // array, whatever the configuration.
    const std::uint64_t patience =
        10'000 + config_.dram_latency + 1000 * std::uint64_t{config_.dram_burst} / config_.dram_bandwidth +
        geometry_.tile_gap + 2 * static_cast<std::uint64_t>(tile_interval(config_.array));
    const std::uint64_t moved = sequencer_.cycles().beats + dram_.bursts() + writer_.done();
    if (moved != moved_) moved_at_ = cycle_.now();
    moved_ = moved;
    stuck_ = cycle_.now() - moved_at_ > patience;
    if (options_.progress && cycle_.now() % 1024 == 0) {
      // The kernel would make an error report of its own of an exception.
      try {
        options_.progress(writer_.done(), geometry_.tiles());
      } catch (...) {
        failure_ = std::current_exception();
      }
    }
  }

  const SystemConfig config_;
  const Geometry geometry_;
  const SystemOptions options_;
  const DramMap map_;
  CycleCounter cycle_;
  Timeline timeline_;
  BeatIndex index_;
  bool started_ = false;
  std::uint64_t moved_ = 0;     // beats, bursts and tiles so far, added up
  std::uint64_t moved_at_ = 0;  // the cycle in which the last of them was added
  bool stuck_ = false;
  std::exception_ptr failure_;

  std::unique_ptr<ArrayModule> array_;
  Scratchpad activation_pad_, weight_pad_;
  Sequencer sequencer_;
  OutputWriter writer_;
  Dma dma_;
  DramChannel dram_;

  sc_core::sc_signal<bool> clk_{"clk"}, rst_n_{"rst_n"}, valid_{"valid"}, last_{"last"}, ready_{"ready"};
  CountSignal activations_loaded_{"activations_loaded"}, weights_loaded_{"weights_loaded"},
      tiles_read_{"tiles_read"}, tiles_done_{"tiles_done"}, tiles_stored_{"tiles_stored"};
  sc_core::sc_signal<PanelRead> activation_read_{"activation_read"}, weight_read_{"weight_read"};
  sc_core::sc_vector<sc_core::sc_signal<EdgeBlocks>> a_, w_;
  sc_core::sc_vector<sc_core::sc_signal<bool>> result_valid_, result_ready_;
  sc_core::sc_vector<sc_core::sc_signal<MacResult>> result_;
};

// Writes the operand as the DRAM holds it: panel after panel, rows and blocks of a panel in order.
void write_operand(const QuantizedTensor& tensor, Operand operand, const Geometry& geometry,
                   const DramMap& map, std::vector<std::uint8_t>& memory) {
  const Geometry::Side& side = geometry.side(operand);
  for (std::uint64_t row = 0; row < side.rows; ++row) {
    std::uint64_t to = map.panel(operand, row / side.panel_rows) +
                       row % side.panel_rows * geometry.blocks * geometry.block_bytes;
    for (std::uint64_t b = 0; b < geometry.blocks; ++b, to += geometry.block_bytes)
      store_block(tensor.format, tensor.block(row, b), &memory[to]);
  }
}

}  // namespace

SystemRun run_system(const SystemConfig& config, const QuantizedTensor& activations,
                     const QuantizedTensor& weights, const SystemOptions& options) {
  check_product(activations, weights);
  if (activations.format != config.array.mac.format || weights.format != config.array.mac.format)
    throw InputError("the operands are not in the array's format");
  const GemmShape shape{activations.rows(), weights.rows(), activations.columns()};
  const Geometry geometry(config, shape);
  constexpr std::uint64_t kMaxDram = std::uint64_t{1} << 34;
  if (DramMap(config, geometry).bytes > kMaxDram)
    throw InputError("operands and results do not fit in 16 GiB of DRAM");

  const SystemCContext context;
  System system("system", config, geometry, options);
  write_operand(activations, Operand::kActivations, geometry, system.map(), system.dram().memory());
  write_operand(weights, Operand::kWeights, geometry, system.map(), system.dram().memory());
  sc_core::sc_start();
  SystemRun run = system.finish();

  ByteCounts& bytes = run.stats.bytes;
  run.results.resize(shape.m * shape.n);
  for (const TileEvent& tile : run.timeline.tiles) {
    const std::uint64_t rows = geometry.sides[0].rows_of(tile.activation_panel);
    const std::uint64_t columns = geometry.sides[1].rows_of(tile.weight_panel);
    bytes.buffer_activations += rows * geometry.blocks * geometry.block_bytes;
    bytes.buffer_weights += columns * geometry.blocks * geometry.block_bytes;
    bytes.buffer_outputs += rows * columns * sizeof(std::uint32_t);
    const std::uint8_t* from =
        &system.dram().memory()[system.map().tile(tile.activation_panel, tile.weight_panel)];
    for (std::uint64_t row = 0; row < rows; ++row, from += columns * sizeof(std::uint32_t)) {
      const std::uint64_t m = tile.activation_panel * geometry.sides[0].panel_rows + row;
      std::memcpy(&run.results[m * shape.n + tile.weight_panel * geometry.sides[1].panel_rows], from,
                  columns * sizeof(std::uint32_t));
    }
  }
  return run;
}

}  // namespace if4
