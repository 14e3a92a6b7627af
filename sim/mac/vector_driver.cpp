#include "sim/mac/vector_driver.hpp"

#include <fmt/format.h>

namespace if4 {

namespace {

constexpr unsigned kPatience = 10000;
constexpr unsigned kQuietClocks = 64;

}  // namespace

std::string result_text(const MacResult& result) {
  return fmt::format("0x{:08X}{}{}", result.bits, result.nan ? " nan" : "",
                     result.overflow ? " overflow" : "");
}

VectorDriver::VectorDriver(MacUnit& unit, std::uint64_t seed, Report report)
    : unit_(unit), report_(std::move(report)), input_random_(seed), output_random_(~seed) {}

void VectorDriver::fail(const std::string& what) {
  passed_ = false;
  report_(results_ - expected_.size() + 1, what);
}

void VectorDriver::line(const VectorLine& line) {
  if (given_up_) return;
  std::visit([this](const auto& kind) { drive(kind); }, line);
}

void VectorDriver::take(const MacResult& result) {
  if (expected_.empty())
    return fail("the unit gives a result that no dot product has, " + result_text(result));
  if (result == expected_.front()) {
    ++right_;
  } else {
    ++wrong_;
    fail("the unit gives " + result_text(result) + ", not " + result_text(expected_.front()));
  }
  expected_.pop_front();
}

// One clock, with the inputs that are driven. Whether the unit was ready to take a beat.
bool VectorDriver::clock() {
  const bool stalled = output_random_() % 256 < stalls_.output;
  const bool ready = hold_ == 0 && !stalled;
  unit_.set_ready(ready);
  const bool takes = unit_.ready();
  const bool valid = unit_.valid();
  const MacResult result = valid ? unit_.result() : MacResult{};
  if (offered_ && !valid) fail("the unit withdraws a result");
  if (offered_ && valid && result != offer_) fail("the unit changes a result that waits");
  offered_ = valid && !ready;
  offer_ = result;
  if (valid && hold_ != 0) --hold_;
  if (valid && ready) take(result);
  unit_.step();
  ++clocks_;
  return takes;
}

void VectorDriver::idle(unsigned clocks) {
  unit_.drive_idle();
  for (; clocks > 0; --clocks) clock();
}

void VectorDriver::drive(const BeatLine& line) {
  while (input_random_() % 256 < stalls_.input) idle(1);
  unit_.drive(line.blocks.data(), line.last);
  for (unsigned waited = 0; waited < kPatience; ++waited) {
    if (clock()) return unit_.drive_idle();
  }
  fail(fmt::format("the unit takes no beat for {} clocks", kPatience));
  given_up_ = true;
}

void VectorDriver::drive(const ResultLine& line) {
  ++results_;
  expected_.push_back(line.result);
}

void VectorDriver::drive(const ResetLine& line) {
  idle(line.clocks);
  line.between_edges ? unit_.reset_between_edges() : unit_.reset();
  dropped_ += expected_.size();
  expected_.clear();
  hold_ = 0;
  offered_ = false;
}

void VectorDriver::drive(const WaitLine& line) {
  for (unsigned waited = 0; !expected_.empty(); ++waited) {
    if (waited == kPatience) {
      fail(fmt::format("the unit gives no result for {} clocks", kPatience));
      given_up_ = true;
      return;
    }
    const std::size_t left = expected_.size();
    idle(1);
    if (expected_.size() != left) waited = 0;
  }
  idle(line.clocks);
}

void VectorDriver::finish() { line(WaitLine{kQuietClocks}); }

}  // namespace if4
