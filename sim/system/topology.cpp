#include "sim/system/topology.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"

namespace if4 {
namespace {

constexpr std::uint64_t kMaxFile = std::uint64_t{16} << 20;

std::string_view trim(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t comma = line.find(',');
    fields.push_back(trim(line.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    line.remove_prefix(comma + 1);
  }
  return fields;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string range() { return whole_number_range(1, kMaxGemmSize); }

// Whether the line is a header. Throws InputError if it is the header of something else, such as a list of
// convolutions.
bool is_header(const std::vector<std::string_view>& fields, const std::string& place) {
  const bool word =
      fields.size() > 1 && !fields[1].empty() && std::none_of(fields[1].begin(), fields[1].end(), [](char c) {
        return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '-';
      });
  if (!word) return false;
  const bool good =
      fields.size() >= 4 && lower(fields[1]) == "m" && lower(fields[2]) == "n" && lower(fields[3]) == "k" &&
      (fields.size() == 4 || (fields.size() == 5 && (fields[4].empty() || lower(fields[4]) == "count")) ||
       (fields.size() == 6 && lower(fields[4]) == "count" && fields[5].empty()));
  if (!good) throw InputError(place + "the header is not 'Layer, M, N, K' or 'Layer, M, N, K, count'");
  return true;
}

}  // namespace

GemmShape parse_gemm(const std::string& text) {
  const std::vector<std::string_view> fields = split(text);
  GemmShape shape;
  std::uint64_t* const sizes[] = {&shape.m, &shape.n, &shape.k};
  bool good = fields.size() == 3;
  for (std::size_t i = 0; good && i < 3; ++i) {
    const auto value = whole_number(fields[i], 1, kMaxGemmSize);
    good = value.has_value();
    *sizes[i] = value.value_or(0);
  }
  if (!good) throw InputError("--gemm: " + quoted_name(text) + " is not M,N,K, each " + range());
  return shape;
}

std::vector<Layer> read_topology(const std::string& path) {
  const InputFile file(path);
  if (file.size() > kMaxFile) file.fail("is larger than 16 MiB, too large for a topology");
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());

  std::vector<Layer> layers;
  std::string_view rest = text;
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // spreadsheets write it
  if (rest.substr(0, kByteOrderMark.size()) == kByteOrderMark) rest.remove_prefix(kByteOrderMark.size());
  bool first = true;
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view content = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (content.empty() || content.front() == '#') continue;
    std::vector<std::string_view> fields = split(content);
    const std::string where = one_line(path) + ": line " + std::to_string(line);
    const std::string place = where + ": ";
    const bool header = first && is_header(fields, place);
    first = false;
    if (header) continue;
    if (fields.size() > 4 && fields.back().empty()) fields.pop_back();
    if (fields.size() != 4 && fields.size() != 5)
      throw InputError(place + std::to_string(fields.size()) +
                       " fields, not name, M, N, K and perhaps a count");
    if (fields[0].empty()) throw InputError(place + "the layer has no name");
    Layer layer;
    layer.name = one_line(fields[0]);
    layer.place = where;
    static constexpr const char* kNames[] = {"M", "N", "K", "count"};
    std::uint64_t* const numbers[] = {&layer.shape.m, &layer.shape.n, &layer.shape.k, &layer.count};
    for (std::size_t i = 1; i < fields.size(); ++i) {
      const auto value = whole_number(fields[i], 1, kMaxGemmSize);
      if (!value)
        throw InputError(place + kNames[i - 1] + " is " + quoted_name(fields[i]) + ", not " + range());
      *numbers[i - 1] = *value;
    }
    layers.push_back(std::move(layer));
  }
  if (layers.empty()) throw InputError(one_line(path) + ": no layer in it");
  return layers;
}

}  // namespace if4
