// The Verilated array.
#include <verilated.h>

#include <stdexcept>

#include "Vif4_array_1x1.h"
#include "Vif4_array_1x7_nvint4.h"
#include "Vif4_array_2x2_32_shared.h"
#include "Vif4_array_2x3_if6_e2m3.h"
#include "Vif4_array_2x5_nvfp6_e3m2.h"
#include "Vif4_array_3x2_if6_e3m2_shared.h"
#include "Vif4_array_3x5_mixfp4.h"
#include "Vif4_array_4x4_nvfp6_e2m3.h"
#include "Vif4_array_5x2_nvfp4.h"
#include "Vif4_array_7x1_if3.h"
#include "Vif4_array_8x8.h"
#include "sim/array/core.hpp"
#include "sim/verilated/port_bits.hpp"
#include "sim/verilated/wave_writer.hpp"

namespace if4 {
namespace {

// Every line is one of the Makefile's units: name, format, lanes, rows, columns, shared output, traced.
#define IF4_ARRAYS(ARRAY)                                               \
  ARRAY(if4_array_8x8, kIF4, 16, 8, 8, false, true)                     \
  ARRAY(if4_array_1x1, kIF4, 16, 1, 1, false, false)                    \
  ARRAY(if4_array_3x5_mixfp4, kMixFP4, 16, 3, 5, false, false)          \
  ARRAY(if4_array_5x2_nvfp4, kNVFP4, 16, 5, 2, false, false)            \
  ARRAY(if4_array_1x7_nvint4, kNVINT4, 16, 1, 7, false, false)          \
  ARRAY(if4_array_7x1_if3, kIF3, 16, 7, 1, false, false)                \
  ARRAY(if4_array_2x3_if6_e2m3, kIF6E2M3, 16, 2, 3, false, false)       \
  ARRAY(if4_array_3x2_if6_e3m2_shared, kIF6E3M2, 16, 3, 2, true, false) \
  ARRAY(if4_array_4x4_nvfp6_e2m3, kNVFP6E2M3, 16, 4, 4, false, false)   \
  ARRAY(if4_array_2x5_nvfp6_e3m2, kNVFP6E3M2, 16, 2, 5, false, false)   \
  ARRAY(if4_array_2x2_32_shared, kIF4, 32, 2, 2, true, false)

template <class Top, bool Traced>
class VerilatedArray final : public ArrayCore {
 public:
  VerilatedArray(const ArrayConfig& config, const Wave& wave)
      : ArrayCore(config),
        blocks_(blocks_per_beat(config.mac)),
        code_bits_(kBlockSize * traits(config.mac.format).code_bits),
        top_(std::make_unique<Top>(&context_)) {
    if (!wave.file.empty()) {
      if constexpr (Traced) {
        wave_.open(context_, *top_, wave);
      } else {
        throw std::invalid_argument("this build of the array writes no waveform");
      }
    }
    top_->clk_i = 0;
    top_->valid_i = 0;
    top_->ready_i = 0;
    VerilatedArray::reset();
  }
  ~VerilatedArray() override { top_->final(); }

  void drive(const Block* a, const Block* w, bool last) override {
    top_->valid_i = 1;
    top_->last_i = last;
    for (int i = 0; i < config().rows * blocks_; ++i) {
      set_bits(top_->a_codes_i, i * code_bits_, code_bits_, a[i].codes);
      set_bits(top_->a_scale_i, i * 8, 8, a[i].scale);
    }
    for (int i = 0; i < config().columns * blocks_; ++i) {
      set_bits(top_->w_codes_i, i * code_bits_, code_bits_, w[i].codes);
      set_bits(top_->w_scale_i, i * 8, 8, w[i].scale);
    }
    stale_ = true;
  }
  void drive_idle() override {
    top_->valid_i = 0;
    stale_ = true;
  }
  void set_ready(int output, bool ready) override {
    set_bits(top_->ready_i, output, 1, ready ? 1 : 0);
    stale_ = true;
  }

  bool ready() const override {
    settle();
    return top_->ready_o != 0;
  }
  bool valid(int output) const override {
    settle();
    return get_bits(top_->valid_o, output, 1) != 0;
  }
  MacResult result(int output) const override {
    settle();
    return MacResult{static_cast<std::uint32_t>(get_bits(top_->result_o, 32 * output, 32)),
                     get_bits(top_->nan_o, output, 1) != 0, get_bits(top_->overflow_o, output, 1) != 0};
  }

  void reset() override {
    top_->rst_ni = 0;
    stale_ = true;
    clock();
    top_->rst_ni = 1;
  }

 private:
  void settle() const {
    if (!stale_) return;
    top_->eval();
    stale_ = false;
  }
  void clock() override {
    settle();
    wave_.dump();
    top_->clk_i = 1;
    top_->eval();
    wave_.dump();
    top_->clk_i = 0;
    stale_ = true;
  }

  int blocks_;
  int code_bits_;  // of a block
  VerilatedContext context_;
  std::unique_ptr<Top> top_;
  WaveWriter wave_;
  mutable bool stale_ = true;
};

}  // namespace

const std::vector<ArrayBuild>& array_builds() {
  static const std::vector<ArrayBuild> builds = {
#define IF4_ARRAY(unit, format, lanes, rows, columns, shared, traced) \
  {#unit, {{Format::format, lanes, 0}, rows, columns, shared}},
      IF4_ARRAYS(IF4_ARRAY)
#undef IF4_ARRAY
  };
  return builds;
}

std::unique_ptr<ArrayCore> make_array_rtl(const ArrayConfig& config, const Wave& wave) {
  check(config);
#define IF4_ARRAY(unit, format, lanes, rows_, columns_, shared, traced)           \
  if (config == ArrayConfig{{Format::format, lanes, 0}, rows_, columns_, shared}) \
    return std::make_unique<VerilatedArray<V##unit, traced>>(config, wave);
  IF4_ARRAYS(IF4_ARRAY)
#undef IF4_ARRAY
  throw std::invalid_argument("no Verilated array has that configuration");
}

}  // namespace if4
