// Many independent MAC units at once, as Yosys reads the RTL: what MacUnit is to one Verilated unit, for each of them.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/bits/kernel.hpp"
#include "sim/bits/planes.hpp"
#include "sim/mac/mac_unit.hpp"

namespace if4 {

/// The ports of rtl/if4_mac.sv.
enum class BitsInput { kReset, kValid, kLast, kACodes, kAScale, kWCodes, kWScale, kReady };
enum class BitsOutput { kReady, kValid, kResult, kNaN, kOverflow };

/// units() units of one build, with one clock. A clock cycle is: drive inputs, look at the outputs, step(). The
/// functions that take the number of a unit mean what those of MacUnit do; the others work on planes, a bit of all units.
class BitsUnits {
 public:
  /// All in reset already; the first step() is the first cycle out of reset. Throws as bits_netlist() and bits_kernel()
  /// do.
  explicit BitsUnits(const UnitBuild& build, std::string_view target = {});
  BitsUnits(const BitsUnits&) = delete;
  BitsUnits& operator=(const BitsUnits&) = delete;

  const UnitBuild& build() const { return build_; }
  std::string_view target() const { return kernel_.target; }
  int words() const { return kernel_.words; }
  int units() const { return 64 * kernel_.words; }

  void drive(int unit, const std::pair<Block, Block>* pairs, bool last);
  void drive_idle(int unit) { set(BitsInput::kValid, 0, unit, false); }
  void set_ready(int unit, bool ready) { set(BitsInput::kReady, 0, unit, ready); }
  /// Asserts or releases the reset of one unit, for the steps that follow.
  void set_reset(int unit, bool active) { set(BitsInput::kReset, 0, unit, !active); }
  bool ready(int unit) { return get(BitsOutput::kReady, 0, unit); }
  bool valid(int unit) { return get(BitsOutput::kValid, 0, unit); }
  MacResult result(int unit);

  /// One rising edge, of all units.
  void step();
  /// Asserts reset for one clock, for all units.
  void reset();
  /// Units whose reset is asserted lose what they hold, and the reset of all is released, without an edge.
  void reset_between_edges();

  /// The planes of an input, to be written.
  std::uint64_t* planes(BitsInput input);
  /// Takes an input from planes elsewhere, which must stay until another is given; null: from planes().
  void lend(BitsInput input, const std::uint64_t* planes);
  /// The planes of an output, for the inputs as they are.
  const std::uint64_t* planes(BitsOutput output);
  /// The same, as they were before the last step(), which has computed them anyhow.
  const std::uint64_t* before_step(BitsOutput output) const { return out_[first(output)]; }

 private:
  struct Port {
    std::size_t number, first;  // among the ports, and of its planes
    int bits;
  };
  std::size_t first(BitsOutput output) const { return outputs_[static_cast<std::size_t>(output)].first; }
  void set(BitsInput input, int bit, int unit, bool value);
  bool get(BitsOutput output, int bit, int unit);
  void settle();

  UnitBuild build_;
  const BitsNetlist& netlist_;
  const BitsKernel& kernel_;
  std::vector<Port> inputs_, outputs_;  // by BitsInput and BitsOutput
  Planes in_, state_, next_, out_;
  std::vector<const std::uint64_t*> lent_;  // the planes of every port of the netlist
  bool settled_ = false;                    // out_ agrees with the inputs
};

/// One unit of a BitsUnits behind the ports that MacUnit drives, to take the place of a Verilated class in Registry<UnitMaker>.
class UnitPorts;
std::unique_ptr<UnitPorts> make_bits_unit(const UnitBuild& build, const Wave& wave);

}  // namespace if4
