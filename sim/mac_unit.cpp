#include "sim/mac_unit.hpp"

#include <verilated.h>
#include <verilated_fst_c.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "Vif4_mac.h"
#include "model/atomic_file.hpp"
#include "model/error.hpp"

namespace if4 {

namespace {

// VerilatedFstC removes whatever has the name, a device too, and stops the program where it cannot create the
// file: what could go wrong is found out here.
void check_wave_target(const std::string& wave) {
  std::error_code error;
  const auto status = std::filesystem::status(wave, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw InputError(one_line(wave) + ": cannot write a waveform to what is not a regular file");
  }
  std::FILE* file = std::fopen(wave.c_str(), "ab");
  if (file == nullptr) throw InputError(one_line(wave) + ": cannot write: " + std::strerror(errno));
  std::fclose(file);
}

}  // namespace

struct MacUnit::Impl {
  VerilatedContext context;
  std::unique_ptr<Vif4_mac> top;
  std::unique_ptr<VerilatedFstC> trace;
  std::uint64_t cycles = 0;
  std::uint64_t time = 0;  // half clocks

  // Inputs change between edges: evaluated when an output is read or a clock edge comes, not at every
  // assignment.
  bool stale = true;

  void settle() {
    if (!stale) return;
    top->eval();
    stale = false;
  }
  void dump() {
    if (trace) trace->dump(time);
    ++time;
  }
  void clock() {
    settle();
    dump();
    top->clk_i = 1;
    top->eval();
    dump();
    top->clk_i = 0;
    // Nothing in the unit works on the falling edge; the next settle() evaluates it together with the new
    // inputs.
    stale = true;
  }
};

MacUnit::MacUnit(const std::string& wave) : impl_(std::make_unique<Impl>()) {
  if (!wave.empty()) {
    check_wave_target(wave);
    impl_->context.traceEverOn(true);
  }
  impl_->top = std::make_unique<Vif4_mac>(&impl_->context);
  if (!wave.empty()) {
    impl_->trace = std::make_unique<VerilatedFstC>();
    impl_->top->trace(impl_->trace.get(), 99);
    impl_->trace->open(wave.c_str());
  }
  impl_->top->clk_i = 0;
  impl_->top->valid_i = 0;
  impl_->top->ready_i = 0;
  reset();
}

MacUnit::~MacUnit() {
  impl_->top->final();
  if (impl_->trace) impl_->trace->close();
}

void MacUnit::drive(const Beat& beat) {
  Vif4_mac& top = *impl_->top;
  top.valid_i = 1;
  top.last_i = beat.last;
  top.a_codes_i = beat.a.codes;
  top.a_scale_i = beat.a.scale;
  top.w_codes_i = beat.w.codes;
  top.w_scale_i = beat.w.scale;
  impl_->stale = true;
}

void MacUnit::drive_idle() {
  impl_->top->valid_i = 0;
  impl_->stale = true;
}

void MacUnit::set_ready(bool ready) {
  impl_->top->ready_i = ready;
  impl_->stale = true;
}

bool MacUnit::ready() const {
  impl_->settle();
  return impl_->top->ready_o != 0;
}

bool MacUnit::valid() const {
  impl_->settle();
  return impl_->top->valid_o != 0;
}

MacResult MacUnit::result() const {
  impl_->settle();
  return MacResult{impl_->top->result_o, impl_->top->nan_o != 0, impl_->top->overflow_o != 0};
}

void MacUnit::step() {
  impl_->clock();
  ++impl_->cycles;
}

void MacUnit::stop_wave() {
  if (!impl_->trace) return;
  impl_->trace->close();
  impl_->trace.reset();
}

void MacUnit::reset() {
  impl_->top->rst_ni = 0;
  impl_->stale = true;
  impl_->clock();
  impl_->top->rst_ni = 1;
  impl_->stale = true;
}

std::uint64_t MacUnit::cycles() const { return impl_->cycles; }

MacResult run_dot_product(MacUnit& unit, const std::vector<std::pair<Block, Block>>& beats) {
  constexpr int kPatience = 1000;
  unit.set_ready(true);
  for (std::size_t i = 0; i < beats.size(); ++i) {
    unit.drive({beats[i].first, beats[i].second, i + 1 == beats.size()});
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
