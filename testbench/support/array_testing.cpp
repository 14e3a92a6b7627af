#include "testbench/support/array_testing.hpp"

#include <deque>
#include <sstream>
#include <systemc>

#include "sim/array/module.hpp"
#include "sim/array/systemc_context.hpp"

namespace if4::testing {
namespace {

constexpr int kPatience = 20000;  // cycles without progress before an array counts as stuck
constexpr int kQuiet = 40;        // cycles after the last result in which none may come

// Rows of a tensor as blocks, whole beats of them; the codes beyond k are 0.
std::vector<std::vector<Block>> random_rows(std::mt19937_64& random, const ArrayConfig& config,
                                            std::size_t rows, std::size_t k, Mix mix) {
  const auto lanes = static_cast<std::size_t>(config.mac.lanes);
  const std::size_t beats = (k + lanes - 1) / lanes;
  const auto bits = static_cast<std::size_t>(traits(config.mac.format).code_bits);
  std::vector<std::vector<Block>> result(rows);
  for (auto& row : result) {
    for (const auto& pair : random_beats(random, beats, mix, config.mac)) row.push_back(pair.first);
    for (std::size_t b = 0; b < row.size(); ++b) {
      if (b * kBlockSize >= k) row[b] = Block{};
      const std::size_t used = k - b * kBlockSize;  // wraps around in the case above, and is not used then
      if (b * kBlockSize < k && used < kBlockSize) row[b].codes &= (Codes{1} << (used * bits)) - 1;
    }
  }
  return result;
}

}  // namespace

std::size_t Gemm::tiles() const {
  const auto rows = static_cast<std::size_t>(config.rows);
  const auto columns = static_cast<std::size_t>(config.columns);
  return ((m + rows - 1) / rows) * ((n + columns - 1) / columns);
}

Gemm random_gemm(std::mt19937_64& random, const ArrayConfig& config, std::size_t m, std::size_t n,
                 std::size_t k, Mix mix, std::uint8_t scale_bits) {
  Gemm gemm{config, m, n, k, {}, {}};
  gemm.results.resize(static_cast<std::size_t>(output_count(config)));
  auto a = random_rows(random, config, m, k, mix);
  auto w = random_rows(random, config, n, k, mix);
  for (auto* rows : {&a, &w}) {
    for (auto& row : *rows) {
      for (Block& block : row) block.scale = static_cast<std::uint8_t>(block.scale & scale_bits);
    }
  }
  const auto rows = static_cast<std::size_t>(config.rows);
  const auto columns = static_cast<std::size_t>(config.columns);
  const auto per_beat = static_cast<std::size_t>(blocks_per_beat(config.mac));
  const std::size_t beats = a[0].size() / per_beat;
  const Block zeros[4];
  // The blocks of a row from number `first` on, or those of a row of zeros where the tensor has no such row.
  const auto blocks = [&](const std::vector<std::vector<Block>>& tensor, std::size_t row, std::size_t first) {
    return row < tensor.size() ? &tensor[row][first] : zeros;
  };
  for (std::size_t top = 0; top < m; top += rows) {
    for (std::size_t left = 0; left < n; left += columns) {
      for (std::size_t t = 0; t < beats; ++t) {
        TileBeat beat;
        beat.last = t + 1 == beats;
        for (std::size_t r = 0; r < rows; ++r) {
          const Block* from = blocks(a, top + r, t * per_beat);
          beat.a.insert(beat.a.end(), from, from + per_beat);
        }
        for (std::size_t c = 0; c < columns; ++c) {
          const Block* from = blocks(w, left + c, t * per_beat);
          beat.w.insert(beat.w.end(), from, from + per_beat);
        }
        gemm.beats.push_back(beat);
      }
      for (std::size_t o = 0; o < gemm.results.size(); ++o) {
        for (int i = 0; i < tile_interval(config); ++i) {
          const CellPosition cell = result_position(config, static_cast<int>(o), i);
          Beats pairs;
          for (std::size_t b = 0; b < beats * per_beat; ++b) {
            pairs.emplace_back(*blocks(a, top + static_cast<std::size_t>(cell.row), b),
                               *blocks(w, left + static_cast<std::size_t>(cell.column), b));
          }
          gemm.results[o].push_back(dot_product(config.mac, pairs));
        }
      }
    }
  }
  return gemm;
}

std::string to_text(const ArrayConfig& config) {
  return std::string(format_name(config.mac.format)) + " " + std::to_string(config.rows) + "x" +
         std::to_string(config.columns) + ", " + std::to_string(config.mac.lanes) + " lanes" +
         (config.shared_output ? ", shared output" : "") + (config.depth == 0 ? "" : ", fast");
}

std::string to_text(const Gemm& gemm) {
  return to_text(gemm.config) + ", M " + std::to_string(gemm.m) + " N " + std::to_string(gemm.n) + " K " +
         std::to_string(gemm.k);
}

ArrayRun run_gemm(ArrayCore& core, const Gemm& gemm, bool overlap) {
  ArrayRun run;
  const int outputs = output_count(gemm.config);
  const int apart = gemm.config.rows + gemm.config.columns - 1;
  std::vector<std::size_t> done(gemm.results.size());
  std::size_t beat = 0, left = 0;
  for (const auto& results : gemm.results) left += results.size();
  for (int o = 0; o < outputs; ++o) core.set_ready(o, true);
  int wait = 0, idle = 0;
  const std::uint64_t start = core.cycles();
  for (int quiet = 0; quiet < kQuiet; core.step()) {
    const bool offer = beat < gemm.beats.size() && wait == 0;
    if (offer) {
      core.drive(gemm.beats[beat].a.data(), gemm.beats[beat].w.data(), gemm.beats[beat].last);
    } else {
      core.drive_idle();
    }
    if (wait > 0) --wait;
    if (++idle > kPatience) {
      run.error = "stuck";
      return run;
    }
    if (offer && core.ready()) {
      if (!overlap && gemm.beats[beat].last) wait = apart - 1;
      ++beat;
      idle = 0;
    }
    for (int o = 0; o < outputs; ++o) {
      if (!core.valid(o)) continue;
      const auto& expected = gemm.results[static_cast<std::size_t>(o)];
      std::size_t& number = done[static_cast<std::size_t>(o)];
      if (number == expected.size() || core.result(o) != expected[number]) {
        run.error = "result " + std::to_string(number) + " of output " + std::to_string(o) + ": " +
                    to_text(core.result(o)) + ", expected " +
                    (number == expected.size() ? "none" : to_text(expected[number]));
        return run;
      }
      ++number;
      --left;
      idle = 0;
      run.cycles = core.cycles() - start + 1;
    }
    if (left == 0) ++quiet;
  }
  return run;
}

namespace {

constexpr ArrayKind kKinds[] = {ArrayKind::kRtl, ArrayKind::kGrid, ArrayKind::kModel};
constexpr const char* kKindNames[] = {"rtl", "mac", "model"};

}  // namespace

class LockStep::Impl {
 public:
  explicit Impl(const ArrayConfig& config)
      : config_(config),
        outputs_(static_cast<std::size_t>(output_count(config))),
        a_("a", static_cast<std::size_t>(config.rows)),
        w_("w", static_cast<std::size_t>(config.columns)),
        result_ready_("result_ready", outputs_) {
    for (std::size_t i = 0; i < 3; ++i) cores_.emplace_back(std::make_unique<Core>(*this, i));
    reset();
  }

  ArrayRun run(const Gemm& gemm, const Stalls& stalls) {
    std::mt19937_64 random(stalls.seed);
    const auto stalled = [&](unsigned percent) { return percent != 0 && random() % 100 < percent; };
    ArrayRun run;
    std::vector<std::size_t> done(outputs_);
    std::size_t beat = 0, left = 0;
    for (const auto& results : gemm.results) left += results.size();
    bool offered = false;
    int idle = 0;
    std::uint64_t cycle = 0;
    for (int quiet = 0; quiet < kQuiet; ++cycle) {
      if (!offered && beat < gemm.beats.size() && !stalled(stalls.input_percent)) {
        offered = true;
        drive(gemm.beats[beat]);
      }
      valid_.write(offered);
      for (auto& ready : result_ready_) ready.write(!stalled(stalls.output_percent));
      settle();
      run.error = compare();
      if (++idle > kPatience) run.error = "stuck";
      for (std::size_t o = 0; o < outputs_ && run.error.empty(); ++o) {
        if (!cores_[0]->result_valid[o].read() || !result_ready_[o].read()) continue;
        const MacResult result = cores_[0]->result[o].read();
        if (done[o] == gemm.results[o].size() || result != gemm.results[o][done[o]]) {
          run.error = "result " + std::to_string(done[o]) + " of output " + std::to_string(o) + ": " +
                      to_text(result) + ", expected " +
                      (done[o] == gemm.results[o].size() ? "none" : to_text(gemm.results[o][done[o]]));
        }
        ++done[o];
        --left;
        idle = 0;
        run.cycles = cycle + 1;
      }
      if (!run.error.empty()) {
        run.error = "cycle " + std::to_string(cycle) + ": " + run.error;
        return run;
      }
      if (offered && cores_[0]->ready.read()) {
        offered = false;
        ++beat;
        idle = 0;
      }
      clock();
      if (left == 0) ++quiet;
    }
    return run;
  }

  std::string disturb_and_reset(std::mt19937_64& random, int cycles) {
    bool offered = false;
    std::string error;
    for (int cycle = 0; cycle < cycles && error.empty(); ++cycle) {
      if (!offered && random() % 4 != 0) {
        TileBeat beat;
        const auto per_beat = static_cast<std::size_t>(blocks_per_beat(config_.mac));
        for (const auto& [a, w] : random_beats(random, a_.size() + w_.size(), Mix::kUniform, config_.mac)) {
          if (beat.a.size() < a_.size() * per_beat) beat.a.push_back(a);
          if (beat.w.size() < w_.size() * per_beat) beat.w.push_back(w);
        }
        beat.last = random() % 4 == 0;
        drive(beat);
        offered = true;
      }
      valid_.write(offered);
      for (auto& ready : result_ready_) ready.write(random() % 3 == 0);
      settle();
      error = compare();
      if (cores_[0]->ready.read()) offered = false;
      clock();
    }
    valid_.write(false);
    reset();
    for (std::size_t o = 0; o < outputs_; ++o) {
      if (cores_[0]->result_valid[o].read()) error = "a result after the reset";
    }
    return error.empty() ? compare() : error;
  }

 private:
  struct Core {
    Core(Impl& bench, std::size_t kind)
        : ready((std::string(kKindNames[kind]) + "_ready").c_str()),
          result_valid((std::string(kKindNames[kind]) + "_result_valid").c_str(), bench.outputs_),
          result((std::string(kKindNames[kind]) + "_result").c_str(), bench.outputs_),
          module(make_array_module(kKindNames[kind], kKinds[kind], bench.config_)) {
      module->clk(bench.clk_);
      module->rst_n(bench.rst_n_);
      module->valid(bench.valid_);
      module->last(bench.last_);
      module->a(bench.a_);
      module->w(bench.w_);
      module->ready(ready);
      module->result_ready(bench.result_ready_);
      module->result_valid(result_valid);
      module->result(result);
    }
    sc_core::sc_signal<bool> ready;
    sc_core::sc_vector<sc_core::sc_signal<bool>> result_valid;
    sc_core::sc_vector<sc_core::sc_signal<MacResult>> result;
    std::unique_ptr<ArrayModule> module;
  };

  void drive(const TileBeat& beat) {
    last_.write(beat.last);
    const auto put = [](const std::vector<Block>& blocks, auto& ports) {
      const std::size_t per_beat = blocks.size() / ports.size();
      for (std::size_t i = 0; i < ports.size(); ++i) {
        EdgeBlocks edge;
        for (std::size_t b = 0; b < per_beat; ++b) edge.blocks[b] = blocks[i * per_beat + b];
        ports[i].write(edge);
      }
    };
    put(beat.a, a_);
    put(beat.w, w_);
  }
  void settle() { sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_NS)); }
  void clock() {
    clk_.write(true);
    settle();
    clk_.write(false);
  }
  void reset() {
    rst_n_.write(false);
    settle();
    clock();
    rst_n_.write(true);
    settle();
  }

  // Compares every output signal, also results that are not valid.
  std::string compare() const {
    std::ostringstream text;
    for (std::size_t i = 1; i < cores_.size(); ++i) {
      const Core& rtl = *cores_[0];
      const Core& other = *cores_[i];
      if (rtl.ready.read() != other.ready.read())
        text << "ready: rtl " << rtl.ready.read() << ", " << kKindNames[i] << ' ' << other.ready.read();
      for (std::size_t o = 0; o < outputs_; ++o) {
        if (rtl.result_valid[o].read() != other.result_valid[o].read())
          text << " valid of output " << o << ": rtl " << rtl.result_valid[o].read() << ", " << kKindNames[i]
               << ' ' << other.result_valid[o].read();
        if (rtl.result[o].read() != other.result[o].read())
          text << " result of output " << o << ": rtl " << to_text(rtl.result[o].read()) << ", "
               << kKindNames[i] << ' ' << to_text(other.result[o].read());
      }
    }
    return text.str();
  }

  SystemCContext context_;
  ArrayConfig config_;
  std::size_t outputs_;
  sc_core::sc_signal<bool> clk_{"clk"}, rst_n_{"rst_n"}, valid_{"valid"}, last_{"last"};
  sc_core::sc_vector<sc_core::sc_signal<EdgeBlocks>> a_, w_;
  sc_core::sc_vector<sc_core::sc_signal<bool>> result_ready_;
  std::vector<std::unique_ptr<Core>> cores_;
};

LockStep::LockStep(const ArrayConfig& config) : impl_(new Impl(config)) {}
LockStep::~LockStep() { delete impl_; }
ArrayRun LockStep::run(const Gemm& gemm, const Stalls& stalls) { return impl_->run(gemm, stalls); }
std::string LockStep::disturb_and_reset(std::mt19937_64& random, int cycles) {
  return impl_->disturb_and_reset(random, cycles);
}

}  // namespace if4::testing
