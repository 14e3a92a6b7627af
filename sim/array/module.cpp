#include "sim/array/module.hpp"

#include <stdexcept>
#include <vector>

#include "sim/array/grid.hpp"

// SystemC's library has a main() that calls this one. Ours does not: programs start the kernel themselves.
int sc_main(int, char*[]) { return 0; }

namespace if4 {

bool operator==(const EdgeBlocks& a, const EdgeBlocks& b) { return a.blocks == b.blocks; }
std::ostream& operator<<(std::ostream& out, const EdgeBlocks& blocks) {
  for (const Block& block : blocks.blocks) {
    out << std::hex << static_cast<std::uint64_t>(block.codes >> 64) << ':'
        << static_cast<std::uint64_t>(block.codes) << ':' << unsigned{block.scale} << std::dec << ' ';
  }
  return out;
}
void sc_trace(sc_core::sc_trace_file* file, const EdgeBlocks& blocks, const std::string& name) {
  for (std::size_t i = 0; i < blocks.blocks.size(); ++i)
    sc_core::sc_trace(file, blocks.blocks[i].scale, name + ".scale" + std::to_string(i));
}
std::ostream& operator<<(std::ostream& out, const MacResult& result) {
  return out << std::hex << result.bits << std::dec << (result.nan ? " nan" : "")
             << (result.overflow ? " overflow" : "");
}
void sc_trace(sc_core::sc_trace_file* file, const MacResult& result, const std::string& name) {
  sc_core::sc_trace(file, result.bits, name + ".bits");
  sc_core::sc_trace(file, result.nan, name + ".nan");
  sc_core::sc_trace(file, result.overflow, name + ".overflow");
}

ArrayModule::ArrayModule(const sc_core::sc_module_name& name, const ArrayConfig& config)
    : sc_module(name),
      clk("clk"),
      rst_n("rst_n"),
      valid("valid"),
      ready("ready"),
      last("last"),
      a("a", static_cast<std::size_t>(config.rows)),
      w("w", static_cast<std::size_t>(config.columns)),
      result_valid("result_valid", static_cast<std::size_t>(output_count(config))),
      result_ready("result_ready", static_cast<std::size_t>(output_count(config))),
      result("result", static_cast<std::size_t>(output_count(config))),
      config_(config) {}

namespace {

// An ArrayCore behind the ports.
class CoreModule final : public ArrayModule {
 public:
  CoreModule(const sc_core::sc_module_name& name, std::unique_ptr<ArrayCore> core)
      : ArrayModule(name, core->config()),
        core_(std::move(core)),
        blocks_(static_cast<std::size_t>(blocks_per_beat(config().mac))),
        a_blocks_(a.size() * blocks_),
        w_blocks_(w.size() * blocks_) {
    SC_HAS_PROCESS(CoreModule);
    SC_METHOD(edge);
    sensitive << clk.pos();
    dont_initialize();
    SC_METHOD(settle);
    sensitive << moved_;
    for (auto& port : result_ready) sensitive << port;
  }

 private:
  using Ports = sc_core::sc_vector<sc_core::sc_in<EdgeBlocks>>;

  void gather(const Ports& ports, std::vector<Block>& blocks) const {
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const EdgeBlocks& edge = ports[i].read();
      for (std::size_t b = 0; b < blocks_; ++b) blocks[i * blocks_ + b] = edge.blocks[b];
    }
  }
  void set_ready() {
    for (std::size_t o = 0; o < result_ready.size(); ++o)
      core_->set_ready(static_cast<int>(o), result_ready[o].read());
  }

  void edge() {
    if (!rst_n.read()) {
      core_->reset();
    } else {
      if (valid.read()) {
        gather(a, a_blocks_);
        gather(w, w_blocks_);
        core_->drive(a_blocks_.data(), w_blocks_.data(), last.read());
      } else {
        core_->drive_idle();
      }
      set_ready();
      core_->step();
    }
    moved_.notify(sc_core::SC_ZERO_TIME);
  }

  void settle() {
    set_ready();
    ready.write(core_->ready());
    for (std::size_t o = 0; o < result.size(); ++o) {
      result_valid[o].write(core_->valid(static_cast<int>(o)));
      result[o].write(core_->result(static_cast<int>(o)));
    }
  }

  std::unique_ptr<ArrayCore> core_;
  std::size_t blocks_;
  std::vector<Block> a_blocks_, w_blocks_;
  sc_core::sc_event moved_;
};

}  // namespace

std::unique_ptr<ArrayModule> make_array_module(const sc_core::sc_module_name& name, ArrayKind kind,
                                               const ArrayConfig& config, const Wave& wave) {
  if (kind != ArrayKind::kRtl && !wave.file.empty())
    throw std::invalid_argument("only the Verilated array writes waveforms");
  switch (kind) {
    case ArrayKind::kRtl:
      return std::make_unique<CoreModule>(name, make_array_rtl(config, wave));
    case ArrayKind::kModel:
      return std::make_unique<CoreModule>(name, make_array_model(config));
    case ArrayKind::kGrid:
      return make_array_grid(name, config);
  }
  throw std::invalid_argument("no such kind of array");
}

}  // namespace if4
