// The waveform of what Verilator generates. For the sources that include its classes only.
#pragma once

#include <verilated_fst_c.h>

#include <memory>

#include "sim/verilated/wave_file.hpp"

namespace if4 {

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
    cycles_ = wave.cycles;
    context.traceEverOn(true);
    file_ = std::make_unique<VerilatedFstC>();
    top.trace(file_.get(), 99);
    file_->open(wave.file.c_str());
  }
  /// The signals as they are: before each edge of the clock, and after it.
  void dump() {
    if (!file_) return;
    file_->dump(time_++);
    if (time_ % 2 == 0 && time_ / 2 > cycles_) close();
  }

 private:
  void close() {
    if (file_) file_->close();
    file_.reset();
  }

  std::unique_ptr<VerilatedFstC> file_;
  std::uint64_t cycles_ = 0;
  std::uint64_t time_ = 0;  // half clocks
};

}  // namespace if4
