// A class that Verilator has made of rtl/array/if4_array.sv, as an ArrayCore. The sources that scripts/builds.py
// makes of the table of builds instantiate it.
#pragma once

#include <cstdint>
#include <memory>

#include "sim/array/core.hpp"
#include "sim/verilated/builds.hpp"
#include "sim/verilated/clocked.hpp"
#include "sim/verilated/port_bits.hpp"

namespace if4 {

using ArrayMaker = std::unique_ptr<ArrayCore> (*)(const ArrayConfig&, const Wave&);

template <class Top, bool Traced = false>
class VerilatedArray final : public ArrayCore {
 public:
  /// Adds the class to those that make_array_rtl() can use, under the name of its build.
  struct Registration {
    explicit Registration(std::string_view build) { Registry<ArrayMaker>::add(build, &VerilatedArray::make); }
  };

  VerilatedArray(const ArrayConfig& config, const Wave& wave)
      : ArrayCore(config),
        blocks_(blocks_per_beat(config.mac)),
        code_bits_(kBlockSize * traits(config.mac.format).code_bits),
        top_(std::make_shared<Model<Top>>(), wave) {
    top_.drive().valid_i = 0;
    top_.drive().ready_i = 0;
    VerilatedArray::reset();
  }

  void drive(const Block* a, const Block* w, bool last) override {
    Top& top = top_.drive();
    top.valid_i = 1;
    top.last_i = last;
    for (int i = 0; i < config().rows * blocks_; ++i) {
      set_bits(top.a_codes_i, i * code_bits_, code_bits_, a[i].codes);
      set_bits(top.a_scale_i, i * 8, 8, a[i].scale);
    }
    for (int i = 0; i < config().columns * blocks_; ++i) {
      set_bits(top.w_codes_i, i * code_bits_, code_bits_, w[i].codes);
      set_bits(top.w_scale_i, i * 8, 8, w[i].scale);
    }
  }
  void drive_idle() override { top_.drive().valid_i = 0; }
  void set_ready(int output, bool ready) override {
    set_bits(top_.drive().ready_i, output, 1, ready ? 1 : 0);
  }

  bool ready() const override { return top_.settled().ready_o != 0; }
  bool valid(int output) const override { return get_bits(top_.settled().valid_o, output, 1) != 0; }
  MacResult result(int output) const override {
    const Top& top = top_.settled();
    return MacResult{static_cast<std::uint32_t>(get_bits(top.result_o, 32 * output, 32)),
                     get_bits(top.nan_o, output, 1) != 0, get_bits(top.overflow_o, output, 1) != 0};
  }

  void reset() override {
    top_.drive().rst_ni = 0;
    clock();
    top_.drive().rst_ni = 1;
  }
  void reset_between_edges() override { top_.reset_between_edges(); }

 private:
  static std::unique_ptr<ArrayCore> make(const ArrayConfig& config, const Wave& wave) {
    return std::make_unique<VerilatedArray>(config, wave);
  }
  void clock() override { top_.edge(); }

  int blocks_;     // of a row or column in a beat
  int code_bits_;  // of a block
  // Reading an output evaluates the inputs first.
  mutable Clocked<Top, Traced> top_;
};

}  // namespace if4
