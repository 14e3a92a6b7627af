#include "model/kit/memh.hpp"

#include <limits>
#include <nlohmann/json.hpp>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/kit/vectors.hpp"

namespace if4 {

namespace {

constexpr const char* kStimulusFile = "stimulus.memh";
constexpr const char* kExpectedFile = "expected.memh";
constexpr const char* kPointsFile = "points.memh";
constexpr const char* kConfigFile = "if4_kit_config.svh";

}  // namespace

MemhWriter::MemhWriter(const std::string& folder, VectorHeader header)
    : folder_(folder),
      header_(std::move(header)),
      stimulus_(folder_ / kStimulusFile, folder_.final_name(kStimulusFile)),
      expected_(folder_ / kExpectedFile, folder_.final_name(kExpectedFile)) {}

void MemhWriter::write(const VectorLine& line) {
  std::visit([this](const auto& kind) { add(kind); }, line);
}

std::string MemhWriter::arg(std::uint64_t value) const {
  // Two ports of codes and two of scales, of which a block has 8 bits.
  const std::size_t digits = port_digits(header_.mac).codes * 2 + port_digits(header_.mac).scales * 2;
  return hex_text(value, digits);
}

std::string MemhWriter::beat_arg(const BlockPairs& blocks) const {
  const PortTexts ports = port_texts(header_.mac, blocks);
  return ports.w_codes + ports.a_codes + ports.w_scale + ports.a_scale;
}

void MemhWriter::add_stimulus(unsigned op, const std::string& arg) {
  const std::size_t point = points_.empty() ? 0 : points_.size() - 1;
  stimulus_.write(hex_text(op, 2) + hex_text(point, 4) + arg + "\n");
  ++stimuli_;
}

void MemhWriter::add(const TestpointLine& line) {
  if (points_.size() > std::numeric_limits<std::uint16_t>::max())
    throw InputError(one_line(folder_.final_name(kPointsFile)) + ": more than 65536 testpoints");
  points_.push_back(line.name);
}

void MemhWriter::add(const BeatLine& line) { add_stimulus(line.last ? 0x03 : 0x01, beat_arg(line.blocks)); }

void MemhWriter::add(const ResultLine& line) {
  if (results_ == std::numeric_limits<std::uint32_t>::max())
    throw InputError(one_line(folder_.final_name(kExpectedFile)) + ": more than 2^32 - 1 results");
  const std::uint64_t flags = (line.result.overflow ? 2U : 0U) | (line.result.nan ? 1U : 0U);
  const std::uint64_t point = points_.empty() ? 0 : points_.size() - 1;
  expected_.write(hex_text(point << 48 | flags << 32 | line.result.bits, 16) + "\n");
  ++results_;
}

void MemhWriter::add(const StallLine& line) { add_stimulus(0x10, arg(line.output << 8 | line.input)); }

void MemhWriter::add(const ResetLine& line) {
  add_stimulus(0x20, arg(results_ << 16 | line.clocks << 8 | (line.between_edges ? 1U : 0U)));
}

void MemhWriter::add(const WaitLine& line) { add_stimulus(0x30, arg(results_ << 16 | line.clocks)); }

void MemhWriter::add(const HoldLine& line) { add_stimulus(0x40, arg(line.clocks)); }

void MemhWriter::add(const IdleLine& line) { add_stimulus(0x50, arg(line.clocks)); }

void MemhWriter::write_config() {
  std::string text = "// Of the files for $readmemh in this folder: " + header_.generator + "\n";
  text += "`ifndef IF4_KIT_CONFIG_SVH\n`define IF4_KIT_CONFIG_SVH\n";
  const auto define = [&text](const std::string& name, std::uint64_t value) {
    text += "`define IF4_KIT_" + name + " " + std::to_string(value) + "\n";
  };
  define("CODE_BITS", static_cast<std::uint64_t>(traits(header_.mac.format).code_bits));
  define("LANES", static_cast<std::uint64_t>(header_.mac.lanes));
  define("STIMULI", stimuli_);
  define("RESULTS", results_);
  define("POINTS", points_.size());
  AtomicFile file(folder_ / kConfigFile, folder_.final_name(kConfigFile));
  file.write(text + "`endif\n");
  file.commit();
}

void MemhWriter::write_index() {
  nlohmann::ordered_json index = {
      {"version", kVectorVersion},
      {"generator", header_.generator},
      {"format", format_name(header_.mac.format)},
      {"lanes", header_.mac.lanes},
      {"code_bits", traits(header_.mac.format).code_bits},
      {"accumulator", acc_width(header_.mac)},
      {"rounding", rounding_name(header_.rounding)},
      {"seed", header_.seed},
      {"counts", {{"stimuli", stimuli_}, {"results", results_}, {"points", points_.size()}}},
      {"files",
       {{"stimulus", kStimulusFile},
        {"expected", kExpectedFile},
        {"points", kPointsFile},
        {"config", kConfigFile}}}};
  if (header_.mac.scaled) index["scaled"] = true;
  auto& testpoints = index["testpoints"] = nlohmann::ordered_json::array();
  for (std::size_t id = 0; id < points_.size(); ++id)
    testpoints.push_back({{"id", id}, {"name", points_[id]}});
  AtomicFile file(folder_ / "index.json", folder_.final_name("index.json"));
  file.write(index.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  file.commit();
}

void MemhWriter::commit() {
  if (points_.empty()) points_.push_back("vectors");  // of lines without a testpoint
  add_stimulus(0xFF, arg(0));
  stimulus_.commit();
  expected_.commit();
  AtomicFile points(folder_ / kPointsFile, folder_.final_name(kPointsFile));
  for (const std::string& name : points_) {
    std::string text;
    for (const char c : name) text += hex_text(static_cast<unsigned char>(c), 2);
    points.write(std::string(2 * kMaxTestpointName - text.size(), '0') + text + "\n");
  }
  points.commit();
  write_config();
  write_index();
  folder_.commit();
}

}  // namespace if4
