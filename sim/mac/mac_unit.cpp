#include "sim/mac/mac_unit.hpp"

#include <stdexcept>

#include "Vif4_mac.h"
#include "Vif4_mac_32.h"
#include "Vif4_mac_64_iterative.h"
#include "Vif4_mac_if3.h"
#include "Vif4_mac_if3_iterative.h"
#include "Vif4_mac_if6_e2m3.h"
#include "Vif4_mac_if6_e2m3_64.h"
#include "Vif4_mac_if6_e3m2.h"
#include "Vif4_mac_if6_e3m2_iterative.h"
#include "Vif4_mac_iterative.h"
#include "Vif4_mac_mixfp4.h"
#include "Vif4_mac_nvfp4.h"
#include "Vif4_mac_nvfp4_iterative.h"
#include "Vif4_mac_nvfp4_narrow.h"
#include "Vif4_mac_nvfp6_e2m3.h"
#include "Vif4_mac_nvfp6_e3m2.h"
#include "Vif4_mac_nvint4.h"
#include "sim/verilated/model.hpp"
#include "sim/verilated/port_bits.hpp"
#include "sim/verilated/wave_writer.hpp"

namespace if4 {

namespace {

// Every line is one of the Makefile's units: name, format, lanes, accumulator (0: default), iterative,
// traced.
#define IF4_UNITS(UNIT)                                          \
  UNIT(if4_mac, kIF4, 16, 0, false, true)                        \
  UNIT(if4_mac_mixfp4, kMixFP4, 16, 0, false, false)             \
  UNIT(if4_mac_nvfp4, kNVFP4, 16, 0, false, false)               \
  UNIT(if4_mac_nvint4, kNVINT4, 16, 0, false, false)             \
  UNIT(if4_mac_if3, kIF3, 16, 0, false, false)                   \
  UNIT(if4_mac_if6_e2m3, kIF6E2M3, 16, 0, false, false)          \
  UNIT(if4_mac_if6_e3m2, kIF6E3M2, 16, 0, false, false)          \
  UNIT(if4_mac_nvfp6_e2m3, kNVFP6E2M3, 16, 0, false, false)      \
  UNIT(if4_mac_nvfp6_e3m2, kNVFP6E3M2, 16, 0, false, false)      \
  UNIT(if4_mac_iterative, kIF4, 16, 0, true, false)              \
  UNIT(if4_mac_nvfp4_iterative, kNVFP4, 16, 0, true, false)      \
  UNIT(if4_mac_if3_iterative, kIF3, 16, 0, true, false)          \
  UNIT(if4_mac_if6_e3m2_iterative, kIF6E3M2, 16, 0, true, false) \
  UNIT(if4_mac_32, kIF4, 32, 0, false, false)                    \
  UNIT(if4_mac_64_iterative, kIF4, 64, 0, true, false)           \
  UNIT(if4_mac_if6_e2m3_64, kIF6E2M3, 64, 0, false, false)       \
  UNIT(if4_mac_nvfp4_narrow, kNVFP4, 16, 49, false, false)

std::function<void(const PortValues&)>& port_observer() {
  static std::function<void(const PortValues&)> observer;
  return observer;
}

}  // namespace

void observe_ports(std::function<void(const PortValues&)> observer) { port_observer() = std::move(observer); }

const std::vector<UnitConfig>& unit_configs() {
  static const std::vector<UnitConfig> configs = {
#define IF4_UNIT(unit, format, lanes, acc_width, iterative, traced) \
  {#unit, {Format::format, lanes, acc_width}, iterative},
      IF4_UNITS(IF4_UNIT)
#undef IF4_UNIT
  };
  return configs;
}

const UnitConfig& unit_config(std::string_view name) {
  for (const UnitConfig& config : unit_configs()) {
    if (config.name == name) return config;
  }
  throw std::invalid_argument("no unit is called " + std::string(name));
}

namespace {

// Up to the clock in which the accumulator has the sum.
int sum_latency(const UnitConfig& config) { return config.mac.lanes > kBlockSize ? 4 : 3; }

// Bits of r = 2^ones - 1.
int ones(const UnitConfig& config) {
  int bits = 0;
  while ((1 << bits) - 1 < traits(config.mac.format).divisor) ++bits;
  return bits;
}

// Of if4_fp32_iterative, from the edge that takes a sum: a clock for each bit of the quotient from that of
// 2^(acc_width - 2) down to the 25th significant one, one to round, one to give it. The first significant bit
// is at the lowest that of 2^(-2 * ones), or, of the sum -1 without a division, that of 1/2.
int longest_iterative(const UnitConfig& config) {
  return acc_width(config.mac) + (ones(config) > 1 ? 2 * ones(config) : 1) + 25;
}

}  // namespace

int latency(const UnitConfig& config) {
  return sum_latency(config) + (config.iterative ? longest_iterative(config) : 3);
}

int shortest_latency(const UnitConfig& config) {
  if (!config.iterative) return latency(config);
  // The quotient of 2^(acc_width - 1) by r^2, which has 2 * ones bits, or 1, has leading zeros.
  return sum_latency(config) + 27 + (ones(config) > 1 ? 2 * ones(config) - 1 : 0);
}

int result_interval(const UnitConfig& config) { return config.iterative ? longest_iterative(config) + 1 : 1; }

class MacUnit::Impl {
 public:
  explicit Impl(const UnitConfig& unit_config) : config(unit_config) {}
  virtual ~Impl() = default;

  virtual void drive(const std::pair<Block, Block>* pairs, bool last) = 0;
  virtual void drive_idle() = 0;
  virtual void set_ready(bool ready) = 0;
  virtual bool ready() = 0;
  virtual bool valid() = 0;
  virtual MacResult result() = 0;
  virtual void set_reset(bool active) = 0;
  virtual void clock() = 0;

  const UnitConfig config;
  std::uint64_t cycles = 0;
};

template <class Top, bool Traced>
class MacUnit::Verilated final : public MacUnit::Impl {
 public:
  Verilated(const UnitConfig& unit_config, const Wave& wave)
      : Impl(unit_config),
        blocks_(blocks_per_beat(unit_config.mac)),
        code_bits_(kBlockSize * traits(unit_config.mac.format).code_bits),
        model_(lend_model<Top>(unit_config.name)),
        top_(&model_->top) {
    if (!wave.file.empty()) {
      if constexpr (Traced) {
        wave_.open(model_->context, *top_, wave);
      } else {
        throw std::invalid_argument(std::string(unit_config.name) + " writes no waveform");
      }
    }
    top_->clk_i = 0;
    top_->valid_i = 0;
    top_->ready_i = 0;
  }
  ~Verilated() override { top_->final(); }

  void drive(const std::pair<Block, Block>* pairs, bool last) override {
    top_->valid_i = 1;
    top_->last_i = last;
    for (int b = 0; b < blocks_; ++b) {
      set_bits(top_->a_codes_i, b * code_bits_, code_bits_, pairs[b].first.codes);
      set_bits(top_->w_codes_i, b * code_bits_, code_bits_, pairs[b].second.codes);
      set_bits(top_->a_scale_i, b * 8, 8, pairs[b].first.scale);
      set_bits(top_->w_scale_i, b * 8, 8, pairs[b].second.scale);
    }
    stale_ = true;
  }
  void drive_idle() override {
    top_->valid_i = 0;
    stale_ = true;
  }
  void set_ready(bool ready) override {
    top_->ready_i = ready;
    stale_ = true;
  }
  bool ready() override {
    settle();
    return top_->ready_o != 0;
  }
  bool valid() override {
    settle();
    return top_->valid_o != 0;
  }
  MacResult result() override {
    settle();
    return MacResult{top_->result_o, top_->nan_o != 0, top_->overflow_o != 0};
  }
  void set_reset(bool active) override {
    top_->rst_ni = !active;
    stale_ = true;
  }
  void clock() override {
    settle();
    model_->sample();
    if (port_observer()) port_observer()(ports());
    wave_.dump();
    top_->clk_i = 1;
    top_->eval();
    wave_.dump();
    top_->clk_i = 0;
    // Nothing in the unit works on the falling edge; the next settle() evaluates it together with the new
    // inputs.
    stale_ = true;
  }

 private:
  // Inputs change between edges: evaluated when an output is read or a clock edge comes, not at every
  // assignment.
  void settle() {
    if (!stale_) return;
    top_->eval();
    stale_ = false;
  }
  PortValues ports() {
    PortValues values;
    values.unit = model_.get();
    values.config = &config;
    values.in_reset = top_->rst_ni == 0;
    values.valid_i = top_->valid_i != 0;
    values.ready_o = top_->ready_o != 0;
    values.last_i = top_->last_i != 0;
    for (int b = 0; b < blocks_; ++b) {
      auto& [a, w] = values.blocks[b];
      a.codes = get_bits(top_->a_codes_i, b * code_bits_, code_bits_);
      w.codes = get_bits(top_->w_codes_i, b * code_bits_, code_bits_);
      a.scale = static_cast<std::uint8_t>(get_bits(top_->a_scale_i, b * 8, 8));
      w.scale = static_cast<std::uint8_t>(get_bits(top_->w_scale_i, b * 8, 8));
    }
    values.valid_o = top_->valid_o != 0;
    values.ready_i = top_->ready_i != 0;
    values.result = {top_->result_o, top_->nan_o != 0, top_->overflow_o != 0};
    return values;
  }

  int blocks_;
  int code_bits_;  // of a block
  std::shared_ptr<Model<Top>> model_;
  Top* top_;
  WaveWriter wave_;
  bool stale_ = true;
};

MacUnit::MacUnit(const UnitConfig& config, const Wave& wave) {
#define IF4_UNIT(unit, format, lanes, acc_width, iterative, traced) \
  if (config.name == #unit) impl_ = std::make_unique<Verilated<V##unit, traced>>(config, wave);
  IF4_UNITS(IF4_UNIT)
#undef IF4_UNIT
  if (!impl_) throw std::invalid_argument("no unit is called " + std::string(config.name));
  reset();
}

MacUnit::~MacUnit() = default;

const UnitConfig& MacUnit::config() const { return impl_->config; }

void MacUnit::drive(const std::pair<Block, Block>* pairs, bool last) { impl_->drive(pairs, last); }

void MacUnit::drive(const Beat& beat) {
  const std::pair<Block, Block> pair(beat.a, beat.w);
  impl_->drive(&pair, beat.last);
}

void MacUnit::drive_idle() { impl_->drive_idle(); }

void MacUnit::set_ready(bool ready) { impl_->set_ready(ready); }

bool MacUnit::ready() const { return impl_->ready(); }

bool MacUnit::valid() const { return impl_->valid(); }

MacResult MacUnit::result() const { return impl_->result(); }

void MacUnit::step() {
  impl_->clock();
  ++impl_->cycles;
}

void MacUnit::reset() {
  impl_->set_reset(true);
  impl_->clock();
  impl_->set_reset(false);
}

std::uint64_t MacUnit::cycles() const { return impl_->cycles; }

MacResult run_dot_product(MacUnit& unit, const std::vector<std::pair<Block, Block>>& beats) {
  constexpr int kPatience = 1000;
  unit.set_ready(true);
  const auto per_beat = static_cast<std::size_t>(blocks_per_beat(unit.config().mac));
  for (std::size_t i = 0; i < beats.size(); i += per_beat) {
    unit.drive(&beats[i], i + per_beat >= beats.size());
    int waited = 0;
    while (!unit.ready()) {
      if (++waited > kPatience) throw std::runtime_error("the MAC unit refuses a beat");
      unit.step();
    }
    unit.step();
  }
  unit.drive_idle();
  for (int waited = 0; waited <= kPatience; ++waited) {
    if (unit.valid()) {
      const MacResult result = unit.result();
      unit.step();
      return result;
    }
    unit.step();
  }
  throw std::runtime_error("the MAC unit gives no result");
}

}  // namespace if4
