#include "sim/graph/tokenizer.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "model/core/error.hpp"
#include "model/core/json_object.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"

namespace if4 {
namespace {

using Json = nlohmann::json;

constexpr char32_t kBlank = U'\u2581';

// Hangul syllables are composed by their numbers: the Unicode Standard, 3.12.
constexpr char32_t kSyllables = 0xAC00, kLeads = 0x1100, kVowels = 0x1161, kTails = 0x11A7;
constexpr char32_t kLeadCount = 19, kVowelCount = 21, kTailCount = 28;
constexpr char32_t kSyllableCount = kLeadCount * kVowelCount * kTailCount;

}  // namespace

std::u32string decode_utf8(std::string_view text, const std::string& place) {
  std::u32string characters;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned first = byte(i);
    const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    char32_t character = length == 1 ? first : first & (0x7FU >> length);
    bool good = (first < 0x80 || first >= 0xC2) && first <= 0xF4 && i + length <= text.size();
    for (std::size_t at = i + 1; good && at < i + length; ++at) {
      good = (byte(at) & 0xC0U) == 0x80;
      character = character << 6U | (byte(at) & 0x3FU);
    }
    constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    good = good && character >= kLeast[length - 1] && character <= 0x10FFFF &&
           (character < 0xD800 || character > 0xDFFF);
    if (!good) throw InputError(place + ": byte " + std::to_string(i + 1) + " is not UTF-8");
    characters.push_back(character);
    i += length;
  }
  return characters;
}

int Normalizer::combining(char32_t character) const {
  const auto found = classes_.find(character);
  return found == classes_.end() ? 0 : found->second;
}

void Normalizer::decompose(char32_t character, std::u32string& to) const {
  if (character >= kSyllables && character < kSyllables + kSyllableCount) {
    const char32_t index = character - kSyllables;
    to.push_back(kLeads + index / (kVowelCount * kTailCount));
    to.push_back(kVowels + index % (kVowelCount * kTailCount) / kTailCount);
    if (index % kTailCount != 0) to.push_back(kTails + index % kTailCount);
    return;
  }
  const auto found = decompositions_.find(character);
  if (found == decompositions_.end()) {
    to.push_back(character);
  } else {
    to += found->second;
  }
}

char32_t Normalizer::compose(char32_t first, char32_t second) const {
  if (first >= kLeads && first < kLeads + kLeadCount && second >= kVowels && second < kVowels + kVowelCount)
    return kSyllables + ((first - kLeads) * kVowelCount + (second - kVowels)) * kTailCount;
  if (first >= kSyllables && first < kSyllables + kSyllableCount && (first - kSyllables) % kTailCount == 0 &&
      second > kTails && second < kTails + kTailCount)
    return first + (second - kTails);
  const auto found = compositions_.find({first, second});
  return found == compositions_.end() ? 0 : found->second;
}

std::u32string Normalizer::normalize(const std::u32string& text) const {
  std::u32string all;
  for (const char32_t character : text) decompose(character, all);
  // Marks after a starter are put in the order of their classes.
  for (auto begin = all.begin(); begin != all.end();) {
    auto end = begin + 1;
    if (combining(*begin) != 0) {
      end = std::find_if(begin, all.end(), [this](char32_t c) { return combining(c) == 0; });
      std::stable_sort(begin, end, [this](char32_t a, char32_t b) { return combining(a) < combining(b); });
    }
    begin = end;
  }
  // Each character composes with the last starter unless one between them blocks it.
  std::u32string composed;
  std::size_t starter = std::u32string::npos;
  int last = -1;  // the class of the last character kept after the starter; -1: none was
  for (const char32_t character : all) {
    const int own = combining(character);
    if (starter != std::u32string::npos && last < own) {
      const char32_t whole = compose(composed[starter], character);
      if (whole != 0) {
        composed[starter] = whole;
        continue;
      }
    }
    if (own == 0) {
      starter = composed.size();
      last = -1;
    } else {
      last = own;
    }
    composed.push_back(character);
  }
  return composed;
}

namespace {

// A character of the tables: the only one of a text.
char32_t one_character(const Json& value, const std::string& place) {
  if (value.is_string()) {
    const std::u32string text = decode_utf8(value.get_ref<const std::string&>(), place);
    if (text.size() == 1) return text.front();
  }
  throw InputError(place + " has an entry that is not one character");
}

const Json& list_of(const Json& json, const char* key, const std::string& path) {
  if (!json.contains(key) || !json[key].is_array()) throw InputError(path + ": '" + key + "' is not a list");
  return json[key];
}

// Rows of characters, and in the last column of `classes` a number.
void read_normalizer(const Json& json, const std::string& path, Normalizer& normalizer) {
  const auto row_of = [&](const Json& row, std::size_t size, const std::string& place) {
    if (!row.is_array() || row.size() != size)
      throw InputError(place + " has an entry that is not a list of " + std::to_string(size));
  };
  const std::string decompositions = path + ": 'decompositions'";
  for (const Json& row : list_of(json, "decompositions", path)) {
    row_of(row, 2, decompositions);
    if (!row[1].is_string()) throw InputError(decompositions + " has an entry that is not two texts");
    normalizer.add_decomposition(one_character(row[0], decompositions),
                                 decode_utf8(row[1].get_ref<const std::string&>(), decompositions));
  }
  const std::string classes = path + ": 'classes'";
  for (const Json& row : list_of(json, "classes", path)) {
    row_of(row, 2, classes);
    if (!row[1].is_number_integer() || row[1] < 1 || row[1] > 254)
      throw InputError(classes + " has an entry whose class is not " + whole_number_range(1, 254));
    normalizer.add_class(one_character(row[0], classes), row[1].get<int>());
  }
  const std::string compositions = path + ": 'compositions'";
  for (const Json& row : list_of(json, "compositions", path)) {
    row_of(row, 3, compositions);
    normalizer.add_composition(one_character(row[0], compositions), one_character(row[1], compositions),
                               one_character(row[2], compositions));
  }
}

}  // namespace

Tokenizer::Tokenizer(const std::string& path) {
  constexpr std::uint64_t kMostFile = std::uint64_t{16} << 20, kMostPieces = 1'000'000;
  const InputFile file(path);
  if (file.size() > kMostFile) file.fail("is larger than 16 MiB, too large for a vocabulary");
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());
  const Json json = parse_json_object(path, text);
  const std::string place = one_line(path);
  read_normalizer(json, place, normalizer_);
  const Json& pieces = list_of(json, "pieces", place);
  const Json& reserved = json.contains("reserved") ? json["reserved"] : Json(0);
  if (pieces.empty() || pieces.size() > kMostPieces)
    throw InputError(place + ": 'pieces' is not a list of 1 to " + std::to_string(kMostPieces) + " pieces");
  if (!reserved.is_number_integer() || reserved < 1 || reserved > pieces.size())
    throw InputError(place + ": 'reserved' is not " + whole_number_range(1, pieces.size()));
  nodes_.emplace_back();
  for (const Json& piece : pieces) {
    const std::size_t id = lengths_.size();
    const std::string where = place + ": piece " + std::to_string(id);
    if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() || !piece[1].is_number() ||
        piece[0].get_ref<const std::string&>().empty() || !std::isfinite(piece[1].get<double>()))
      throw InputError(where + " is not a text and its score");
    const std::u32string characters = decode_utf8(piece[0].get_ref<const std::string&>(), where);
    lengths_.push_back(characters.size());
    // The reserved ids stand for no text. Of pieces that occur twice the last one counts.
    if (id < reserved.get<std::size_t>()) continue;
    std::size_t node = 0;
    for (const char32_t character : characters) {
      const auto [child, is_new] = nodes_[node].children.emplace(character, nodes_.size());
      node = child->second;
      if (is_new) nodes_.emplace_back();
    }
    nodes_[node].end = true;
    nodes_[node].score = piece[1].get<double>();
    nodes_[node].id = static_cast<std::uint32_t>(id);
  }
}

std::vector<std::uint32_t> Tokenizer::encode(std::string_view text, const std::string& place) const {
  std::u32string symbols = normalizer_.normalize(decode_utf8(text, place));
  if (symbols.empty()) return {};
  std::replace(symbols.begin(), symbols.end(), U' ', kBlank);
  symbols.insert(symbols.begin(), kBlank);

  // The best sum of scores of the text up to each place, and the id of its last piece. What the published tokenizer does
  // at the places that no piece ends at is kept: they count as reached, with the sum 0 and the id 0.
  const std::size_t size = symbols.size();
  std::vector<double> best(size + 1);
  std::vector<std::uint32_t> last(size + 1);
  const auto reach = [&](std::size_t from, std::size_t to, double score, std::uint32_t id) {
    const double sum = score + best[from];
    if (best[to] != 0.0 && sum < best[to]) return;
    best[to] = sum;
    last[to] = id;
  };
  for (std::size_t from = 0; from < size; ++from) {
    bool known = false;
    std::size_t node = 0;
    for (std::size_t at = from; at < size; ++at) {
      const auto child = nodes_[node].children.find(symbols[at]);
      if (child == nodes_[node].children.end()) break;
      node = child->second;
      if (!nodes_[node].end) continue;
      known = true;
      reach(from, at + 1, nodes_[node].score, nodes_[node].id);
    }
    if (!known) reach(from, from + 1, 0.0, 0);
  }

  std::vector<std::uint32_t> ids;
  for (std::size_t at = size; at > 0;) {
    const std::uint32_t id = last[at];
    if (id != 0 || ids.empty() || ids.back() != 0) ids.push_back(id);
    at -= std::min(at, id == 0 ? 1 : lengths_[id]);
  }
  std::reverse(ids.begin(), ids.end());
  return ids;
}

}  // namespace if4
