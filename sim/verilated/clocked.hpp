// The clock, the reset and the waveform of a Verilated module, which units, arrays and cells drive alike.
#pragma once

#include <memory>
#include <stdexcept>
#include <utility>

#include "sim/verilated/model.hpp"
#include "sim/verilated/wave_writer.hpp"

namespace if4 {

/// One instance of `Top`, a class that Verilator has made of a module with the ports clk_i and rst_ni. Inputs
/// change between two rising edges; they are evaluated when an output is read or an edge comes, not at every
/// assignment. `Traced`: the class writes waveforms.
template <class Top, bool Traced = false>
class Clocked {
 public:
  /// Throws std::invalid_argument if a waveform is asked of a class that writes none, and InputError if its
  /// file cannot be created.
  explicit Clocked(std::shared_ptr<Model<Top>> model, const Wave& wave = {}) : model_(std::move(model)) {
    if (!wave.file.empty()) {
      if constexpr (Traced) {
        wave_.open(model_->context, model_->top, wave);
      } else {
        throw std::invalid_argument("this build writes no waveform");
      }
    }
    model_->top.clk_i = 0;
  }
  ~Clocked() { model_->top.final(); }
  Clocked(const Clocked&) = delete;
  Clocked& operator=(const Clocked&) = delete;

  /// The ports, to assign inputs.
  Top& drive() {
    stale_ = true;
    return model_->top;
  }
  /// The ports, to read outputs that agree with the inputs.
  Top& settled() {
    if (stale_) model_->top.eval();
    stale_ = false;
    return model_->top;
  }
  /// One rising edge of the clock. Nothing in the modules works on the falling one, so it is evaluated
  /// together with the inputs that follow.
  void edge() {
    Top& top = settled();
    wave_.dump();
    top.clk_i = 1;
    top.eval();
    wave_.dump();
    drive().clk_i = 0;
  }
  /// Asserts reset across one rising edge.
  void reset() {
    drive().rst_ni = 0;
    edge();
    drive().rst_ni = 1;
  }
  /// The reset goes low and high again between two edges of the clock: registers whose reset is asynchronous
  /// take it, others see nothing.
  void reset_between_edges() {
    settled();
    drive().rst_ni = 0;
    settled();
    drive().rst_ni = 1;
    settled();
  }
  Model<Top>& model() { return *model_; }

 private:
  std::shared_ptr<Model<Top>> model_;
  WaveWriter wave_;
  bool stale_ = true;
};

}  // namespace if4
