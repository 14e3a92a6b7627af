// Reads FST waveforms, by the library that comes with Verilator.
#pragma once

#include <gtkwave/fstapi.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "testbench/support/catch.hpp"

namespace if4::testing {

class WaveReader {
 public:
  explicit WaveReader(const std::string& file) : file_(fstReaderOpen(file.c_str())) {
    INFO(file);
    REQUIRE(file_ != nullptr);
    std::string scope;
    while (const fstHier* entry = fstReaderIterateHier(file_)) {
      if (entry->htyp == FST_HT_SCOPE) {
        scope = fstReaderPushScope(file_, entry->u.scope.name, nullptr);
      } else if (entry->htyp == FST_HT_UPSCOPE) {
        const char* const above = fstReaderPopScope(file_);
        scope = above == nullptr ? "" : above;
      } else if (entry->htyp == FST_HT_VAR) {
        std::string name = entry->u.var.name;  // "acc_q [63:0]"
        if (const std::size_t blank = name.find(' '); blank != std::string::npos) name.erase(blank, 1);
        signals_[scope + "." + name] = entry->u.var.handle;
        lengths_.resize(std::max<std::size_t>(lengths_.size(), entry->u.var.handle + 1));
        lengths_[entry->u.var.handle] = entry->u.var.length;
      }
    }
  }
  ~WaveReader() { fstReaderClose(file_); }
  WaveReader(const WaveReader&) = delete;
  WaveReader& operator=(const WaveReader&) = delete;

  /// Whether there is a signal of that name, "TOP.if4_mac.acc_q[63:0]" or "TOP.clk_i".
  bool has(const std::string& name) const { return signals_.count(name) != 0; }
  /// Its value, of up to 64 bits.
  std::uint64_t value(const std::string& name, std::uint64_t time) const {
    INFO(name);
    REQUIRE(has(name));
    const fstHandle handle = signals_.at(name);
    std::vector<char> bits(lengths_[handle] + 1);
    const char* const text = fstReaderGetValueFromHandleAtTime(file_, time, handle, bits.data());
    REQUIRE(text != nullptr);
    return std::stoull(text, nullptr, 2);
  }
  std::uint64_t first_time() const { return fstReaderGetStartTime(file_); }
  std::uint64_t last_time() const { return fstReaderGetEndTime(file_); }

 private:
  void* file_;
  std::map<std::string, fstHandle> signals_;
  std::vector<std::uint32_t> lengths_;  // in bits, by handle
};

}  // namespace if4::testing
