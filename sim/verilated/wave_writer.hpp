// The waveform of what Verilator generates. For the sources that include its classes only.
#pragma once

#include <verilated_fst_c.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/verilated/wave_file.hpp"

namespace if4 {

/// Adds the numbers of a simulator to the signals of a waveform, as the classes that Verilator generates add
/// theirs.
class NumberTracer {
 public:
  explicit NumberTracer(std::vector<WaveNumber> numbers) : numbers_(std::move(numbers)) {}

  /// Before the file is opened. This must live as long as the file.
  template <class Trace>
  auto add_to(Trace& trace) -> decltype(trace.pushNamePrefix(""), void()) {
    if (numbers_.empty()) return;
    trace.addInitCb(&NumberTracer::declare<Trace>, this);
    trace.addFullCb(&NumberTracer::write<typename Trace::Buffer>, this);
    trace.addChgCb(&NumberTracer::write<typename Trace::Buffer>, this);
  }
  /// Where Verilator has no such functions.
  void add_to(...) {}

 private:
  template <class Trace>
  static void declare(void* self, Trace* trace, std::uint32_t code) {
    auto& tracer = *static_cast<NumberTracer*>(self);
    tracer.code_ = code;
    trace->pushNamePrefix("index ");
    for (std::size_t i = 0; i < tracer.numbers_.size(); ++i) {
      trace->declBus(code + static_cast<std::uint32_t>(i), tracer.numbers_[i].name.c_str(), -1,
                     FST_VD_IMPLICIT, FST_VT_SV_LOGIC, false, -1, 31, 0);
    }
    trace->popNamePrefix();
  }
  template <class Buffer>
  static void write(void* self, Buffer* buffer) {
    const auto& tracer = *static_cast<const NumberTracer*>(self);
    for (std::size_t i = 0; i < tracer.numbers_.size(); ++i) {
      buffer->fullIData(buffer->oldp(tracer.code_ + static_cast<std::uint32_t>(i)), *tracer.numbers_[i].value,
                        32);
    }
  }

  std::vector<WaveNumber> numbers_;
  std::uint32_t code_ = 0;  // of the first
};

class WaveWriter {
 public:
  WaveWriter() = default;
  ~WaveWriter() { close(); }
  WaveWriter(const WaveWriter&) = delete;
  WaveWriter& operator=(const WaveWriter&) = delete;

  /// Before the first evaluation. Throws InputError if the file cannot be created, where Verilator's own
  /// writer would stop the program.
  template <class Top>
  void open(VerilatedContext& context, Top& top, const Wave& wave) {
    check_writable(wave.file, wave.file);
    first_ = wave.first;
    cycles_ = wave.cycles;
    numbers_ = std::make_unique<NumberTracer>(wave.numbers);
    context.traceEverOn(true);
    file_ = std::make_unique<VerilatedFstC>();
    top.trace(file_.get(), 99);
    numbers_->add_to(*file_->spTrace());
    file_->open(wave.file.c_str());
  }
  /// The signals as they are: before each edge of the clock, and after it.
  void dump() {
    if (!file_) return;
    const std::uint64_t clock = time_ / 2;  // the reset is clock 0
    if (first_ == 0 || clock > first_) file_->dump(time_);
    if (++time_ % 2 == 0 && clock >= cycles_ && clock - cycles_ >= first_) close();
  }

 private:
  void close() {
    if (file_) file_->close();
    file_.reset();
  }

  std::unique_ptr<NumberTracer> numbers_;
  std::unique_ptr<VerilatedFstC> file_;
  std::uint64_t first_ = 0;
  std::uint64_t cycles_ = 0;
  std::uint64_t time_ = 0;  // half clocks
};

}  // namespace if4
