// Pieces that the reports of several commands are made of.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace if4 {

/// A line of a report: two spaces, the label in a column of 18 characters, the value.
std::string report_line(std::string_view label, std::string_view value);
/// The first line of a report: "PASS" or "FAIL", then what was checked.
std::string verdict_line(bool passed, std::string_view what);

/// 100 * part / whole; 0 where the whole is 0.
double per_cent(double part, double whole);
/// A signal-to-noise ratio in dB with two digits, or "exact" where it is infinite, as nothing was lost.
std::string decibel(double value);

/// A number of bytes in the unit that fits: "12 B", "3.50 kB", MB, GB, of 1000 each.
std::string bytes_text(std::uint64_t bytes);

/// An energy of so many pJ in the unit that fits: "12.3 pJ", "3.50 nJ", uJ, mJ, J.
std::string energy_text(double picojoules);

/// Indented by two, without a line end. Bytes that are not UTF-8 become the replacement character.
std::string json_text(const nlohmann::ordered_json& json);

/// The same text of an array, row by row: for hundreds of thousands of rows, whose objects would take ten times
/// the memory of their text.
class JsonRows {
 public:
  void add(const nlohmann::ordered_json& row);
  std::string text() const { return rows_.empty() ? "[]" : "[\n" + rows_ + "\n]"; }

 private:
  std::string rows_;
};

}  // namespace if4
