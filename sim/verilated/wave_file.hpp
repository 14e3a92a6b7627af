// FST waveforms: what is to be written, and a file that appears only when it is whole.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "model/core/temporary.hpp"

namespace if4 {

/// What a simulator knows of the clock, such as the row that a beat belongs to: a signal of 32 bits, `name` in
/// the scope `index`. The number is read in every clock, as long as the model lives.
struct WaveNumber {
  std::string name;
  const std::uint32_t* value;
};

/// A waveform of a Verilated model, two times each clock: one time for its inputs, one for what the edge made
/// of them. Clock n after the reset is at the times 2n + 2 and 2n + 3; the first clock is in reset.
struct Wave {
  std::string file;                                                  ///< empty: none
  std::uint64_t cycles = std::numeric_limits<std::uint64_t>::max();  ///< it ends after so many, reset aside
  std::uint64_t first = 0;               ///< the clock after the reset that it begins with; with 0, in reset
  std::vector<WaveNumber> numbers = {};  ///< none with a Verilator whose interface for this is another
};

/// A waveform of as many clocks that shows what led to this clock, and a few after it: the same one where that
/// does.
Wave wave_around(Wave wave, std::uint64_t clock);

/// Throws InputError, naming `named`, unless the file can be created, or appended to.
void check_writable(const std::string& file, const std::string& named);

/// Where a waveform is written until it is known to be whole: a file in a temporary folder beside its target,
/// since the writer in Verilator's library makes others beside it, and overlooks a full disk. The destructor
/// removes the folder; commit() gives the file its name first.
class WaveFile {
 public:
  /// `path`: empty for none. Throws InputError if no waveform can be written there, or the target is
  /// something else than a regular file.
  explicit WaveFile(const std::string& path);
  WaveFile(const WaveFile&) = delete;
  WaveFile& operator=(const WaveFile&) = delete;

  /// What the model is to write; empty: none.
  std::string temporary() const;
  /// The model has closed the file. Throws InputError if something is missing of it.
  void commit();

 private:
  std::string path_, target_;
  Temporary folder_;
};

}  // namespace if4
