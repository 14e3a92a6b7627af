#include "model/kit/dot_products.hpp"

#include <ostream>

#include "model/core/error.hpp"
#include "model/core/text.hpp"

namespace if4 {

std::optional<DotProduct> DotProductReader::next() {
  DotProduct dot_product;
  while (const auto line = lines_.next()) {
    if (const auto* beat = std::get_if<BeatLine>(&*line)) {
      dot_product.beats.insert(dot_product.beats.end(), beat->blocks.begin(), beat->blocks.end());
    } else if (std::holds_alternative<ResetLine>(*line)) {
      dot_product.beats.clear();
    } else if (const auto* result = std::get_if<ResultLine>(&*line)) {
      dot_product.result = result->result.bits;
      dot_product.format = lines_.format();
      return dot_product;
    }
  }
  return std::nullopt;
}

void write_format(std::ostream& out, Format format) { out << "# format: " << format_name(format) << '\n'; }

void write_dot_product(std::ostream& out, const DotProduct& dot_product) {
  if (dot_product.beats.empty()) throw InputError("a dot product without beats cannot be written");
  const std::size_t digits = 2 * code_bytes(dot_product.format);
  char first = '1';
  for (const auto& [a, w] : dot_product.beats) {
    out << first << ' ' << hex_text(a.scale, 2) << ' ' << hex_text(w.scale, 2) << ' '
        << hex_text(a.codes, digits) << ' ' << hex_text(w.codes, digits) << '\n';
    first = '0';
  }
  out << "R " << hex_text(dot_product.result, 8) << '\n';
}

}  // namespace if4
