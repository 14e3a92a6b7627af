// What `if4 network` reports: a line for each layer of one format, a line for each of several formats, JSON with both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/graph/evaluation.hpp"

namespace if4 {

struct NetworkSummary {
  std::string network;  ///< its name
  std::string engine;   ///< that ran products again; empty: none
  std::size_t sentences = 0, tokens = 0;
  std::size_t cut = 0;  ///< sentences that end after the most tokens that the network takes
  std::vector<std::vector<std::uint32_t>> ids;  ///< of the tokens of each sentence
  std::vector<FormatResult> formats;  ///< in the order of the report, FP32 among them if it was asked for
  std::vector<std::string> texts;     ///< of the sentences, where their similarities are to be shown
  std::size_t columns = 0;            ///< of the output
  std::string reference;              ///< what FP32 was compared with; empty: nothing
  double difference = 0.0;            ///< the largest between FP32 and the reference
  double allowed = 0.0;               ///< that may be
  std::string energy_file,
      library;  ///< where energies are from, and the cells that they were counted in; empty: there are none

  /// Whether something was compared: products of a format that is quantized, or FP32 with a reference.
  bool compared() const;
  bool passed() const;
};

std::string to_text(const NetworkSummary& summary);
std::string to_json(const NetworkSummary& summary);

}  // namespace if4
