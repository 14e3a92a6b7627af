// libFuzzer target over the reader of vector files. Whatever the bytes are, it gives lines within their ranges or throws an
// InputError of one line; and what was read of a whole file can be written and is read as it was. Every other input is the
// lines alone, below a header that is right, since a mutation seldom leaves the header of a file whole.
#include <cstdint>
#include <string>
#include <vector>

#include "model/kit/dot_products.hpp"
#include "testbench/fuzz/fuzzing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;

void check_line(const MacConfig& mac, const VectorLine& line) {
  if (const auto* name = std::get_if<TestpointLine>(&line))
    require(!name->name.empty() && name->name.size() <= kMaxTestpointName,
            "a testpoint has a name that fits");
  if (const auto* beat = std::get_if<BeatLine>(&line)) {
    require(beat->blocks.size() == static_cast<std::size_t>(blocks_per_beat(mac)), "a beat is whole");
    for (const auto& [a, w] : beat->blocks)
      require((a.codes | w.codes) >> (8 * code_bytes(mac.format) - 1) <= 1, "codes are within their block");
  }
  if (const auto* result = std::get_if<ResultLine>(&line))
    require(!(result->result.nan && result->result.overflow), "one flag at most");
  if (const auto* stalls = std::get_if<StallLine>(&line))
    require(stalls->input <= kMaxStall && stalls->output <= kMaxStall, "stalls are in their range");
  if (const auto* reset = std::get_if<ResetLine>(&line))
    require(reset->clocks <= kMaxResetClocks, "a reset comes within its range");
}

void check_file(const MemoryFile& input) {
  static const MemoryFile output;
  VectorReader reader(input.path());
  std::vector<VectorLine> lines;
  MacConfig mac;
  std::uint64_t results = 0;
  while (const auto line = reader.next()) {
    if (const auto& header = reader.header()) {
      mac = header->mac;
    } else {
      mac = {};
      mac.format = reader.format();
    }
    check_line(mac, *line);
    results += std::holds_alternative<ResultLine>(*line) ? 1 : 0;
    lines.push_back(*line);
  }
  require(results != 0, "a file has a dot product");
  if (!reader.header()) return;
  require(acc_width(mac) >= beat_width(mac), "the accumulator holds a beat");
  std::string text = header_text(*reader.header());
  for (const VectorLine& line : lines) text += line_text(mac, line);
  text += end_text(results);
  output.put(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  VectorReader again(output.path());
  std::string copy;
  while (const auto line = again.next()) {
    if (copy.empty()) copy = header_text(again.header().value());
    copy += line_text(mac, *line);
  }
  require(copy + end_text(results) == text, "what is written is read as it was");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if4::testing::note_input(data, size);
  static const MemoryFile input;
  static const std::string header = [] {
    VectorHeader all;
    all.mac.format = Format::kIF3;  // the shortest lines
    return header_text(all);
  }();
  input.put(data, size);
  attempt([&] { check_file(input); });
  attempt([&] {
    DotProductReader reader(input.path());
    while (reader.next()) {
    }
  });
  const std::string below = header + std::string(reinterpret_cast<const char*>(data), size);
  input.put(reinterpret_cast<const std::uint8_t*>(below.data()), below.size());
  attempt([&] { check_file(input); });
  return 0;
}
