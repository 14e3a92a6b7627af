// A class that Verilator has made of rtl/if4_mac.sv, behind the interface that MacUnit drives. The sources
// that scripts/builds.py makes of the table of builds instantiate it; nothing else includes it but
// sim/mac/mac_unit.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "model/mac/mac.hpp"
#include "sim/mac/mac_unit.hpp"
#include "sim/verilated/builds.hpp"
#include "sim/verilated/clocked.hpp"
#include "sim/verilated/port_bits.hpp"

namespace if4 {

/// The ports of a unit. What the functions mean is stated at those of MacUnit.
class UnitPorts {
 public:
  virtual ~UnitPorts() = default;

  virtual void drive(const std::pair<Block, Block>* pairs, bool last) = 0;
  virtual void drive_idle() = 0;
  virtual void set_ready(bool ready) = 0;
  virtual bool ready() = 0;
  virtual bool valid() = 0;
  virtual MacResult result() = 0;
  /// Drives rst_ni: low while active.
  virtual void set_reset(bool active) = 0;
  virtual void reset_between_edges() = 0;
  /// One rising edge of the clock.
  virtual void clock() = 0;
};

using UnitMaker = std::unique_ptr<UnitPorts> (*)(const UnitBuild&, const Wave&);

/// What observe_ports() has been given; empty if nothing.
const std::function<void(const PortValues&)>& port_observer();

template <class Top, bool Traced = false>
class VerilatedUnit final : public UnitPorts {
 public:
  /// Adds the class to those that MacUnit can use, under the name of its build.
  struct Registration {
    explicit Registration(std::string_view build) { Registry<UnitMaker>::add(build, &VerilatedUnit::make); }
  };

  VerilatedUnit(const UnitBuild& build, const Wave& wave)
      : build_(build),
        blocks_(blocks_per_beat(build.mac)),
        code_bits_(kBlockSize * traits(build.mac.format).code_bits),
        top_(lend_model<Top>(build.name), wave) {
    top_.drive().valid_i = 0;
    top_.drive().ready_i = 0;
  }

  void drive(const std::pair<Block, Block>* pairs, bool last) override {
    Top& top = top_.drive();
    top.valid_i = 1;
    top.last_i = last;
    for (int b = 0; b < blocks_; ++b) {
      set_bits(top.a_codes_i, b * code_bits_, code_bits_, pairs[b].first.codes);
      set_bits(top.w_codes_i, b * code_bits_, code_bits_, pairs[b].second.codes);
      set_bits(top.a_scale_i, b * 8, 8, pairs[b].first.scale);
      set_bits(top.w_scale_i, b * 8, 8, pairs[b].second.scale);
    }
  }
  void drive_idle() override { top_.drive().valid_i = 0; }
  void set_ready(bool ready) override { top_.drive().ready_i = ready; }
  bool ready() override { return top_.settled().ready_o != 0; }
  bool valid() override { return top_.settled().valid_o != 0; }
  MacResult result() override {
    const Top& top = top_.settled();
    return MacResult{top.result_o, top.nan_o != 0, top.overflow_o != 0};
  }
  void set_reset(bool active) override { top_.drive().rst_ni = !active; }
  void reset_between_edges() override {
    if (port_observer()) {
      PortValues values = ports();
      values.in_reset = true;
      port_observer()(values);
    }
    top_.reset_between_edges();
  }
  void clock() override {
    top_.settled();
    top_.model().sample();
    if (port_observer()) port_observer()(ports());
    top_.edge();
  }

 private:
  static std::unique_ptr<UnitPorts> make(const UnitBuild& build, const Wave& wave) {
    return std::make_unique<VerilatedUnit>(build, wave);
  }

  PortValues ports() {
    const Top& top = top_.settled();
    PortValues values;
    values.unit = &top_.model();
    values.build = &build_;
    values.in_reset = top.rst_ni == 0;
    values.valid_i = top.valid_i != 0;
    values.ready_o = top.ready_o != 0;
    values.last_i = top.last_i != 0;
    for (int b = 0; b < blocks_; ++b) {
      auto& [a, w] = values.blocks[b];
      a.codes = get_bits(top.a_codes_i, b * code_bits_, code_bits_);
      w.codes = get_bits(top.w_codes_i, b * code_bits_, code_bits_);
      a.scale = static_cast<std::uint8_t>(get_bits(top.a_scale_i, b * 8, 8));
      w.scale = static_cast<std::uint8_t>(get_bits(top.w_scale_i, b * 8, 8));
    }
    values.valid_o = top.valid_o != 0;
    values.ready_i = top.ready_i != 0;
    values.result = {top.result_o, top.nan_o != 0, top.overflow_o != 0};
    return values;
  }

  UnitBuild build_;
  int blocks_;     // of each operand in a beat
  int code_bits_;  // of a block
  Clocked<Top, Traced> top_;
};

}  // namespace if4
