#include "testbench/faults/plan_trace.hpp"

#include <stdexcept>

#include "model/kit/plan.hpp"
#include "sim/mac/vector_driver.hpp"

namespace if4::faults {

namespace {

void append_names(std::vector<std::string>& names, const std::string& port, int width) {
  for (int i = 0; i < width; ++i) names.push_back(width == 1 ? port : port + "[" + std::to_string(i) + "]");
}

void append_bits(std::string& text, Codes value, int width) {
  for (int i = 0; i < width; ++i) text += ((value >> i) & 1U) != 0 ? '1' : '0';
}

}  // namespace

Trace record_plan(const UnitBuild& build, std::uint64_t seed) {
  const int blocks = blocks_per_beat(build.mac);
  const int code_bits = kBlockSize * traits(build.mac.format).code_bits;
  std::vector<std::string> inputs, outputs;
  for (const char* name : {"clk_i", "rst_ni", "valid_i", "last_i", "ready_i"}) inputs.emplace_back(name);
  for (const char* operand : {"a", "w"}) {
    append_names(inputs, operand + std::string("_codes_i"), blocks * code_bits);
    append_names(inputs, operand + std::string("_scale_i"), blocks * 8);
  }
  for (const char* name : {"ready_o", "valid_o", "nan_o", "overflow_o"}) outputs.emplace_back(name);
  append_names(outputs, "result_o", 32);
  Trace trace(std::move(inputs), std::move(outputs));

  bool between_edges = false;  // the kind of the last reset line
  observe_ports([&](const PortValues& ports) {
    std::string in = "1", out;
    for (const bool bit : {!ports.in_reset, ports.valid_i, ports.last_i, ports.ready_i})
      in += bit ? '1' : '0';
    for (const bool weights : {false, true}) {
      const auto block = [&](int b) { return weights ? ports.blocks[b].second : ports.blocks[b].first; };
      for (int b = 0; b < blocks; ++b) append_bits(in, block(b).codes, code_bits);
      for (int b = 0; b < blocks; ++b) append_bits(in, block(b).scale, 8);
    }
    out += ports.in_reset ? "--" : std::string{ports.ready_o ? '1' : '0', ports.valid_o ? '1' : '0'};
    if (ports.in_reset || !ports.valid_o) {
      out += std::string(34, '-');
    } else {
      append_bits(out, (ports.result.nan ? 1U : 0U) | (ports.result.overflow ? 2U : 0U), 2);
      append_bits(out, ports.result.bits, 32);
    }
    trace.add(!(ports.in_reset && between_edges), in, out);
  });
  std::string wrong;
  {
    MacUnit mac(build);
    VectorDriver driver(mac, seed, [&](std::uint64_t result, const std::string& what) {
      if (wrong.empty()) wrong = "result " + std::to_string(result) + ": " + what;
    });
    write_plan(build.mac, seed, [&](const VectorLine& line) {
      if (const auto* testpoint = std::get_if<TestpointLine>(&line)) trace.point(testpoint->name);
      if (const auto* reset = std::get_if<ResetLine>(&line)) between_edges = reset->between_edges;
      driver.line(line);
    });
    driver.finish();
  }
  observe_ports({});
  if (!wrong.empty()) throw std::runtime_error("the unit without a fault is wrong: " + wrong);
  return trace;
}

}  // namespace if4::faults
