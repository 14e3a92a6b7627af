#include "sim/report/text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace if4 {

std::string report_line(std::string_view label, std::string_view value) {
  return fmt::format("  {:<18}{}\n", label, value);
}

std::string verdict_line(bool passed, std::string_view what) {
  return fmt::format("{}  {}\n", passed ? "PASS" : "FAIL", what);
}

double per_cent(double part, double whole) { return whole == 0.0 ? 0.0 : 100.0 * part / whole; }

std::string decibel(double value) {
  return std::isinf(value) && value > 0 ? "exact" : fmt::format("{:.2f}", value);
}

std::string json_text(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void JsonRows::add(const nlohmann::ordered_json& row) {
  if (!rows_.empty()) rows_ += ",\n";
  rows_ += "  ";
  for (const char c : json_text(row)) {
    rows_ += c;
    if (c == '\n') rows_ += "  ";  // a text in JSON has none of its own
  }
}

std::string bytes_text(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1'000'000'000) return fmt::format("{:.2f} GB", value / 1e9);
  if (bytes >= 1'000'000) return fmt::format("{:.2f} MB", value / 1e6);
  if (bytes >= 1000) return fmt::format("{:.2f} kB", value / 1e3);
  return fmt::format("{} B", bytes);
}

std::string energy_text(double picojoules) {
  double unit = 1.0;
  const char* name = "pJ";
  for (const auto& [next, next_name] : {std::pair{1e3, "nJ"}, {1e6, "uJ"}, {1e9, "mJ"}, {1e12, "J"}}) {
    if (picojoules < next) break;
    unit = next;
    name = next_name;
  }
  return fmt::format("{:.{}f} {}", picojoules / unit, picojoules < 100.0 * unit ? 2 : 1, name);
}

}  // namespace if4
