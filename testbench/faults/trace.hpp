// What is driven and what is observed at the pins, clock by clock: the response of the unit without a fault to vectors.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace if4::faults {

/// Where a testpoint starts.
struct Point {
  std::string name;
  std::size_t step = 0;
};

/// Steps: clocks, and resets between two edges of the clock. Each has a bit for each input and output, by the names of the
/// pins: "valid_i", "a_codes_i[3]".
class Trace {
 public:
  Trace(std::vector<std::string> inputs, std::vector<std::string> outputs);

  const std::vector<std::string>& inputs() const { return inputs_; }
  const std::vector<std::string>& outputs() const { return outputs_; }
  std::size_t steps() const { return edges_.size(); }
  const std::vector<Point>& points() const { return points_; }

  /// Starts a testpoint with the next step.
  void point(const std::string& name) { points_.push_back({name, steps()}); }
  /// Appends a step: '0' and '1' for each input; '0', '1' or '-', not observed, for each output. `edge`: it ends with an
  /// edge of the clock; otherwise its inputs are taken back.
  void add(bool edge, const std::string& inputs, const std::string& outputs);

  bool edge(std::size_t step) const { return edges_[step]; }
  bool input(std::size_t step, std::size_t input) const { return inputs_at_[step * inputs_.size() + input]; }
  bool output(std::size_t step, std::size_t output) const {
    return values_at_[step * outputs_.size() + output];
  }
  bool observed(std::size_t step, std::size_t output) const {
    return observed_at_[step * outputs_.size() + output];
  }

 private:
  std::vector<std::string> inputs_, outputs_;
  std::vector<Point> points_;
  std::vector<bool> edges_, inputs_at_, values_at_, observed_at_;
};

/// Reads a trace as text: `in NAME...`, `out NAME...`, then `point NAME`, `clock INPUTS OUTPUTS`, `between INPUTS OUTPUTS`
/// with a character a pin as add() takes them. Throws InputError "NAME:LINE: ...".
Trace read_trace(std::istream& in, const std::string& name);

}  // namespace if4::faults
