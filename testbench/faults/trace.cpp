#include "testbench/faults/trace.hpp"

#include <istream>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "model/core/error.hpp"

namespace if4::faults {

namespace {

bool only(const std::string& text, const char* characters) {
  return text.find_first_not_of(characters) == std::string::npos;
}

}  // namespace

Trace::Trace(std::vector<std::string> inputs, std::vector<std::string> outputs)
    : inputs_(std::move(inputs)), outputs_(std::move(outputs)) {}

void Trace::add(bool edge, const std::string& inputs, const std::string& outputs) {
  if (inputs.size() != inputs_.size() || outputs.size() != outputs_.size() || !only(inputs, "01") ||
      !only(outputs, "01-"))
    throw std::invalid_argument("a step does not have a character 0 or 1 for each pin");
  edges_.push_back(edge);
  for (const char bit : inputs) inputs_at_.push_back(bit == '1');
  for (const char bit : outputs) {
    values_at_.push_back(bit == '1');
    observed_at_.push_back(bit != '-');
  }
}

Trace read_trace(std::istream& in, const std::string& name) {
  std::optional<Trace> trace;
  std::vector<std::string> inputs;
  std::string text;
  for (std::size_t line = 1; std::getline(in, text); ++line) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    const std::string key = words.empty() ? "" : words[0];
    const auto fail = [&](const char* what) {
      throw InputError(name + ":" + std::to_string(line) + ": " + what);
    };
    if (line == 1 && key == "in") {
      inputs.assign(words.begin() + 1, words.end());
    } else if (line == 2 && key == "out" && !inputs.empty() && words.size() > 1) {
      trace.emplace(inputs, std::vector<std::string>(words.begin() + 1, words.end()));
    } else if (trace && key == "point" && words.size() == 2) {
      trace->point(words[1]);
    } else if (trace && (key == "clock" || key == "between") && words.size() == 3) {
      try {
        trace->add(key == "clock", words[1], words[2]);
      } catch (const std::invalid_argument& error) {
        fail(error.what());
      }
    } else {
      fail("is no line of a trace, or out of place");
    }
  }
  if (!trace || trace->steps() == 0) throw InputError(name + ": has no clock");
  return std::move(*trace);
}

}  // namespace if4::faults
