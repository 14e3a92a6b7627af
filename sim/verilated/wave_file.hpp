// FST waveforms: what is to be written, and a file that appears only when it is whole.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace if4 {

/// A waveform of a Verilated model, two times each clock: one time for its inputs, one for what the edge made
/// of them. The first clock is in reset.
struct Wave {
  std::string file;                                                  ///< empty: none
  std::uint64_t cycles = std::numeric_limits<std::uint64_t>::max();  ///< it ends after so many, reset aside
};

/// Throws InputError, naming `named`, unless the file can be created, or appended to.
void check_writable(const std::string& file, const std::string& named);

/// Where a waveform is written until it is known to be whole: a file beside its target, which the destructor
/// removes unless commit() has given it its name. The writer in Verilator's library overlooks a full disk.
class WaveFile {
 public:
  /// `path`: empty for none. Throws InputError if no waveform can be written there, or the target is
  /// something else than a regular file.
  explicit WaveFile(const std::string& path);
  ~WaveFile();
  WaveFile(const WaveFile&) = delete;
  WaveFile& operator=(const WaveFile&) = delete;

  /// What the model is to write; empty: none.
  const std::string& temporary() const { return temporary_; }
  /// The model has closed the file. Throws InputError if something is missing of it.
  void commit();

 private:
  std::string path_, target_, temporary_;
};

}  // namespace if4
