// From text to ids of tokens: a unigram model, read from a JSON file (README.md), after the normalization form NFKC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace if4 {

/// The code points of UTF-8. Throws InputError "PLACE: byte N is not UTF-8" (from 1).
std::u32string decode_utf8(std::string_view text, const std::string& place);

/// NFKC of the Unicode Standard, from tables: what each character decomposes into, whole; the combining class of those that
/// have one; and the pairs that compose. Hangul needs no tables.
class Normalizer {
 public:
  void add_decomposition(char32_t from, std::u32string to) { decompositions_[from] = std::move(to); }
  void add_class(char32_t character, int combining) { classes_[character] = combining; }
  void add_composition(char32_t first, char32_t second, char32_t whole) {
    compositions_[{first, second}] = whole;
  }
  std::u32string normalize(const std::u32string& text) const;

 private:
  int combining(char32_t character) const;
  void decompose(char32_t character, std::u32string& to) const;
  char32_t compose(char32_t first, char32_t second) const;  ///< 0: none

  std::unordered_map<char32_t, std::u32string> decompositions_;
  std::unordered_map<char32_t, int> classes_;
  std::map<std::pair<char32_t, char32_t>, char32_t> compositions_;
};

/// The text is normalized, a blank put before it, every blank made U+2581, and the result cut into pieces of the vocabulary whose
/// scores have the largest sum; of equal sums the last piece is the shortest one. A character that begins no piece is
/// unknown, which costs nothing; unknown ones in a row are one id 0. So the tokenizer of the published package does.
class Tokenizer {
 public:
  /// Throws InputError, naming the file, unless it is a vocabulary of README.md.
  explicit Tokenizer(const std::string& path);

  std::size_t pieces() const { return lengths_.size(); }
  /// The ids, none for an empty text. `place` is for messages. Throws InputError where the text is not UTF-8.
  std::vector<std::uint32_t> encode(std::string_view text, const std::string& place) const;

 private:
  struct Node {
    std::map<char32_t, std::size_t> children;
    bool end = false;
    double score = 0.0;
    std::uint32_t id = 0;
  };

  Normalizer normalizer_;
  std::vector<Node> nodes_;
  std::vector<std::size_t> lengths_;  ///< of the pieces, in characters
};

}  // namespace if4
