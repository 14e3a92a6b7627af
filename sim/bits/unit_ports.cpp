// One unit of the bits engine in the place of a Verilated class.
#include <stdexcept>

#include "sim/bits/units.hpp"
#include "sim/mac/verilated_unit.hpp"

namespace if4 {
namespace {

// The unit in the middle of the first word, so that a shift to either side would show.
constexpr int kUnit = 29;

class BitsUnitPorts final : public UnitPorts {
 public:
  // The narrowest vectors, which are the fastest where only one unit counts.
  explicit BitsUnitPorts(const UnitBuild& build) : units_(build, "portable") {}

  void drive(const std::pair<Block, Block>* pairs, bool last) override { units_.drive(kUnit, pairs, last); }
  void drive_idle() override { units_.drive_idle(kUnit); }
  void set_ready(bool ready) override { units_.set_ready(kUnit, ready); }
  bool ready() override { return units_.ready(kUnit); }
  bool valid() override { return units_.valid(kUnit); }
  MacResult result() override { return units_.result(kUnit); }
  void set_reset(bool active) override { units_.set_reset(kUnit, active); }
  void reset_between_edges() override {
    units_.set_reset(kUnit, true);
    units_.reset_between_edges();
  }
  void clock() override { units_.step(); }

 private:
  BitsUnits units_;
};

}  // namespace

std::unique_ptr<UnitPorts> make_bits_unit(const UnitBuild& build, const Wave& wave) {
  if (!wave.file.empty()) throw std::invalid_argument("the bits engine writes no waveform");
  return std::make_unique<BitsUnitPorts>(build);
}

}  // namespace if4
