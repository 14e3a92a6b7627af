#include "sim/bits/units.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace if4 {
namespace {

constexpr std::string_view kInputs[] = {"rst_ni",    "valid_i",   "last_i",    "a_codes_i",
                                        "a_scale_i", "w_codes_i", "w_scale_i", "ready_i"};
constexpr std::string_view kOutputs[] = {"ready_o", "valid_o", "result_o", "nan_o", "overflow_o"};

std::size_t count_bits(const std::vector<BitsPort>& ports) {
  std::size_t bits = 0;
  for (const BitsPort& port : ports) bits += static_cast<std::size_t>(port.bits);
  return bits;
}

}  // namespace

BitsUnits::BitsUnits(const UnitBuild& build, std::string_view target)
    : build_(build),
      netlist_(bits_netlist(build.name)),
      kernel_(bits_kernel(netlist_, target)),
      in_(count_bits(netlist_.inputs), kernel_.words),
      state_(static_cast<std::size_t>(netlist_.states), kernel_.words),
      next_(static_cast<std::size_t>(netlist_.states), kernel_.words),
      out_(count_bits(netlist_.outputs), kernel_.words) {
  const auto find = [this](const std::vector<BitsPort>& ports, std::string_view name) {
    std::size_t first = 0;
    for (std::size_t i = 0; i < ports.size(); ++i) {
      if (ports[i].name == name) return Port{i, first, ports[i].bits};
      first += static_cast<std::size_t>(ports[i].bits);
    }
    throw std::logic_error("the netlist of " + std::string(build_.name) + " has no port " +
                           std::string(name));
  };
  for (const std::string_view name : kInputs) inputs_.push_back(find(netlist_.inputs, name));
  for (const std::string_view name : kOutputs) outputs_.push_back(find(netlist_.outputs, name));
  lent_.resize(netlist_.inputs.size(), in_[0]);  // of the clock nothing is read
  for (const Port& port : inputs_) lent_[port.number] = in_[port.first];
  reset();
}

std::uint64_t* BitsUnits::planes(BitsInput input) {
  settled_ = false;
  return in_[inputs_[static_cast<std::size_t>(input)].first];
}

void BitsUnits::lend(BitsInput input, const std::uint64_t* planes) {
  const Port& port = inputs_[static_cast<std::size_t>(input)];
  lent_[port.number] = planes != nullptr ? planes : in_[port.first];
  settled_ = false;
}

void BitsUnits::settle() {
  if (!settled_) kernel_.outputs(lent_.data(), state_[0], out_[0]);
  settled_ = true;
}

const std::uint64_t* BitsUnits::planes(BitsOutput output) {
  settle();
  return out_[first(output)];
}

void BitsUnits::set(BitsInput input, int bit, int unit, bool value) {
  std::uint64_t& word = planes(input)[bit * kernel_.words + unit / 64];
  const std::uint64_t one = std::uint64_t{1} << (unit % 64);
  word = value ? word | one : word & ~one;
}

bool BitsUnits::get(BitsOutput output, int bit, int unit) {
  return (planes(output)[bit * kernel_.words + unit / 64] >> (unit % 64) & 1) != 0;
}

void BitsUnits::drive(int unit, const std::pair<Block, Block>* pairs, bool last) {
  set(BitsInput::kValid, 0, unit, true);
  set(BitsInput::kLast, 0, unit, last);
  const int code_bits = kBlockSize * traits(build_.mac.format).code_bits;
  for (int b = 0; b < blocks_per_beat(build_.mac); ++b) {
    const auto& [a, w] = pairs[b];
    for (int bit = 0; bit < code_bits; ++bit) {
      set(BitsInput::kACodes, b * code_bits + bit, unit, (a.codes >> bit & 1) != 0);
      set(BitsInput::kWCodes, b * code_bits + bit, unit, (w.codes >> bit & 1) != 0);
    }
    for (int bit = 0; bit < 8; ++bit) {
      set(BitsInput::kAScale, 8 * b + bit, unit, (a.scale >> bit & 1) != 0);
      set(BitsInput::kWScale, 8 * b + bit, unit, (w.scale >> bit & 1) != 0);
    }
  }
}

MacResult BitsUnits::result(int unit) {
  MacResult result;
  for (int bit = 0; bit < 32; ++bit)
    result.bits |= static_cast<std::uint32_t>(get(BitsOutput::kResult, bit, unit)) << bit;
  result.nan = get(BitsOutput::kNaN, 0, unit);
  result.overflow = get(BitsOutput::kOverflow, 0, unit);
  return result;
}

void BitsUnits::step() {
  kernel_.clock(lent_.data(), state_[0], next_[0], out_[0]);
  std::swap(state_, next_);
  settled_ = false;
}

void BitsUnits::reset() {
  std::uint64_t* const plane = planes(BitsInput::kReset);
  std::fill_n(plane, kernel_.words, 0);
  step();
  std::fill_n(plane, kernel_.words, ~std::uint64_t{0});
}

void BitsUnits::reset_between_edges() {
  kernel_.reset(lent_.data(), state_[0], next_[0]);
  std::swap(state_, next_);
  std::fill_n(planes(BitsInput::kReset), kernel_.words, ~std::uint64_t{0});
}

}  // namespace if4
