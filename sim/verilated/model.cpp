#include "sim/verilated/model.hpp"

#include <verilated_cov.h>
#include <verilated_syms.h>

#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

namespace if4 {

void ToggleCounter::find_signals(const VerilatedContext& context) {
  // Verilator's method is not const, its map is.
  const VerilatedScopeNameMap& scopes = *const_cast<VerilatedContext&>(context).scopeNameMap();
  std::size_t words = 0;
  for (const auto& [scope_name, scope] : scopes) {
    if (scope->varsp() == nullptr) continue;
    for (const auto& [name, variable] : *scope->varsp()) {
      if (variable.isParam() || variable.udims() != 0) continue;
      const int bits = variable.dims() == 0 ? 1 : variable.packed().elements();
      signals_.push_back({scope_name, name, bits, variable.datap(), variable.entSize(), words});
      words += (signals_.back().bytes + 3) / 4;
    }
  }
  before_.resize(words);
  rose_.resize(words);
  fell_.resize(words);
}

void ToggleCounter::sample(const VerilatedContext& context) {
  const bool first = signals_.empty();
  if (first) find_signals(context);
  std::uint32_t now[32];
  for (const Signal& signal : signals_) {
    const std::size_t words = (signal.bytes + 3) / 4;
    if (words > 32) throw std::length_error("a signal is wider than 1,024 bits: " + signal.name);
    now[words - 1] = 0;
    std::memcpy(now, signal.data, signal.bytes);
    for (std::size_t i = 0; i < words; ++i) {
      const std::size_t at = signal.first_word + i;
      if (!first) {
        rose_[at] |= now[i] & ~before_[at];
        fell_[at] |= ~now[i] & before_[at];
      }
      before_[at] = now[i];
    }
  }
}

void ToggleCounter::write(const std::string& path) const {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::ofstream file(path);
  const auto write_bits = [&](const std::vector<std::uint32_t>& words, const Signal& signal) {
    file << ' ';
    for (int digit = (signal.bits - 1) / 4; digit >= 0; --digit) {
      const auto word = words[signal.first_word + static_cast<std::size_t>(digit / 8)];
      file << kDigits[word >> (4 * (digit % 8)) & 15];
    }
  };
  for (const Signal& signal : signals_) {
    file << signal.scope << ' ' << signal.name << ' ' << signal.bits;
    write_bits(rose_, signal);
    write_bits(fell_, signal);
    file << '\n';
  }
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

namespace {
bool counts = false;
}  // namespace

void start_counting() { counts = true; }
bool counting() { return counts; }

std::vector<std::unique_ptr<ModelBase>>& kept_models() {
  static std::vector<std::unique_ptr<ModelBase>> models;
  return models;
}

void write_counts(const std::string& folder) {
  int number = 0;
  for (const auto& model : kept_models()) {
    const std::string path = folder + "/" + std::string(model->unit) + "." + std::to_string(number++);
    model->context.coveragep()->write((path + ".dat").c_str());
    model->toggles->write(path + ".toggles");
  }
}

}  // namespace if4
