#include "model/kit/vectors.hpp"

#include "model/core/text.hpp"

namespace if4 {

namespace {

// Digits of the codes of a block.
std::size_t block_digits(Format format) { return 2 * code_bytes(format); }

}  // namespace

std::string_view rounding_name(ResultOrder order) {
  return order == ResultOrder::kExact ? "exact" : "lane-fp32";
}

PortDigits port_digits(const MacConfig& config) {
  const auto blocks = static_cast<std::size_t>(blocks_per_beat(config));
  return {2 * blocks, block_digits(config.format) * blocks};
}

PortTexts port_texts(const MacConfig& config, const BlockPairs& blocks) {
  PortTexts ports;
  const std::size_t digits = block_digits(config.format);
  for (auto pair = blocks.rbegin(); pair != blocks.rend(); ++pair) {  // the highest block is leftmost
    ports.a_scale += hex_text(pair->first.scale, 2);
    ports.w_scale += hex_text(pair->second.scale, 2);
    ports.a_codes += hex_text(pair->first.codes, digits);
    ports.w_codes += hex_text(pair->second.codes, digits);
  }
  return ports;
}

std::string header_text(const VectorHeader& header) {
  std::string text = "# if4 vectors " + std::to_string(kVectorVersion) + "\n";
  const auto add = [&text](const char* key, const std::string& value) {
    text += std::string("# ") + key + ": " + value + "\n";
  };
  add("format", std::string(format_name(header.mac.format)));
  add("lanes", std::to_string(header.mac.lanes));
  add("accumulator", std::to_string(acc_width(header.mac)));
  add("rounding", std::string(rounding_name(header.rounding)));
  if (header.mac.scaled) add("scaled", "1");
  add("seed", std::to_string(header.seed));
  add("generator", one_line(header.generator));
  return text;
}

namespace {

struct LineText {
  const MacConfig& config;

  std::string operator()(const TestpointLine& line) const { return "# testpoint: " + line.name; }
  std::string operator()(const BeatLine& line) const {
    const PortTexts ports = port_texts(config, line.blocks);
    return std::string("B ") + (line.last ? "1 " : "0 ") + ports.a_scale + " " + ports.w_scale + " " +
           ports.a_codes + " " + ports.w_codes;
  }
  std::string operator()(const ResultLine& line) const {
    return "R " + hex_text(line.result.bits, 8) + (line.result.nan ? " 1" : " 0") +
           (line.result.overflow ? " 1" : " 0");
  }
  std::string operator()(const StallLine& line) const {
    return "S " + std::to_string(line.input) + " " + std::to_string(line.output);
  }
  std::string operator()(const ResetLine& line) const {
    return std::string("X ") + (line.between_edges ? "between " : "edge ") + std::to_string(line.clocks);
  }
  std::string operator()(const WaitLine& line) const { return "W " + std::to_string(line.clocks); }
  std::string operator()(const HoldLine& line) const { return "H " + std::to_string(line.clocks); }
  std::string operator()(const IdleLine& line) const { return "I " + std::to_string(line.clocks); }
};

}  // namespace

std::string line_text(const MacConfig& config, const VectorLine& line) {
  return std::visit(LineText{config}, line) + "\n";
}

std::string end_text(std::uint64_t results) { return "E " + std::to_string(results) + "\n"; }

}  // namespace if4
