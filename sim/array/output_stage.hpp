// The output stage of an array, as its models have it: the registers that a result passes on its way to a port.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "model/mac/mac.hpp"
#include "sim/array/core.hpp"

namespace if4 {

/// Registers in a row, each of which takes a result as soon as it is empty or its own moves on. At depth 1 a spare register
/// stands beside the first one: it takes what comes in while that waits, so that ready() depends on no port.
class OutputStage {
 public:
  explicit OutputStage(const ArrayConfig& config)
      : registers_(static_cast<std::size_t>(output_registers(config))), has_spare_(config.depth != 0) {}

  /// Whether a result can come in at this edge. `taken`: that in the last register leaves at it.
  bool ready(bool taken) const {
    if (has_spare_) return !spare_.full;
    return taken ||
           !std::all_of(registers_.begin(), registers_.end(), [](const Register& r) { return r.full; });
  }
  bool valid() const { return registers_.back().full; }
  const MacResult& result() const { return registers_.back().result; }

  /// One clock edge. `input`: the result that comes in, if ready(), or null.
  void clock(bool taken, const MacResult* input) {
    if (taken) registers_.back().full = false;
    for (std::size_t to = registers_.size() - 1; to > 0; --to) move(registers_[to - 1], registers_[to]);
    move(spare_, registers_.front());
    if (input != nullptr) (registers_.front().full ? spare_ : registers_.front()) = {true, *input};
  }
  void reset() {
    for (Register& each : registers_) each.full = false;
    spare_.full = false;
  }

 private:
  struct Register {
    bool full = false;
    MacResult result;
  };
  static void move(Register& from, Register& to) {
    if (to.full || !from.full) return;
    to = from;
    from.full = false;
  }

  std::vector<Register> registers_;
  Register spare_;
  bool has_spare_;
};

}  // namespace if4
