// The tokenizer: the cut vocabulary, the form NFKC, and what is peculiar to the published one.
#include "sim/graph/tokenizer.hpp"
#include "testbench/network/network_testing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;

using Ids = std::vector<std::uint32_t>;

/// A vocabulary with one reserved piece.
class Vocabulary {
 public:
  explicit Vocabulary(const std::string& pieces, const std::string& decompositions = "",
                      const std::string& classes = "", const std::string& compositions = "") {
    put(path(), "{\"reserved\": 1, \"pieces\": [[\"?\", 0], " + pieces + "], \"decompositions\": [" +
                    decompositions + "], \"classes\": [" + classes + "], \"compositions\": [" + compositions +
                    "]}");
  }
  std::string path() const { return folder_ / "t.json"; }
  Ids encode(const std::string& text) const { return Tokenizer(path()).encode(text, "text"); }

 private:
  TempDir folder_;
};

}  // namespace

TEST_CASE("the sentences of the cut network have the ids of the published tokenizer", "[network]") {
  const Tokenizer tokenizer(kCut + "tokenizer.json");
  const std::vector<std::string> sentences = read_sentences(kCut + "sentences.txt");
  const std::vector<std::vector<std::uint32_t>> ids = read_ids(kCut + "sentences.safetensors");
  REQUIRE(sentences.size() == 10);
  for (std::size_t s = 0; s < sentences.size(); ++s) {
    INFO(sentences[s]);
    CHECK(tokenizer.encode(sentences[s], "text") == ids[s]);
  }
}

TEST_CASE("the pieces with the largest sum of scores are chosen", "[network]") {
  const Vocabulary v(R"(["▁", -1], ["a", -4], ["b", -3], ["ab", -6], ["▁a", -5.5], ["▁ab", -9])");
  CHECK(v.encode("ab") == Ids{1, 4});  // -7; the others are -8, -8.5 and -9
  CHECK(v.encode("a") == Ids{1, 2});   // -5 over -5.5
  CHECK(v.encode("").empty());
  CHECK(v.encode(" ") == Ids{1, 1});
  CHECK(v.encode("a a") == Ids{1, 2, 1, 2});
  CHECK(v.encode("\xE2\x96\x81"
                 "a") == Ids{1, 1, 2});  // a text may hold the sign of a blank itself
  // Of equal sums the one with the shorter last piece: 1, 3 and not 2.
  CHECK(Vocabulary(R"(["▁", -10], ["a", -10], ["b", -3], ["▁a", -2], ["▁ab", -5])").encode("ab") ==
        Ids{4, 3});
  // Of a piece that is there twice the last one counts.
  CHECK(Vocabulary(R"(["▁", -1], ["a", -1], ["a", -9])").encode("a") == Ids{1, 3});
  // The reserved piece is no text.
  CHECK(Vocabulary(R"(["▁", -1])").encode("?") == Ids{1, 0});
}

TEST_CASE("unknown characters are one id, and cost nothing", "[network]") {
  const Vocabulary v(R"(["▁", -1], ["a", -4], ["xy", -50])");
  CHECK(v.encode("\xF0\x9F\x98\x80") == Ids{1, 0});
  CHECK(v.encode("qq\tq") == Ids{1, 0});
  CHECK(v.encode("qaq") == Ids{1, 0, 2, 0});
  // No piece ends between x and y. The published tokenizer counts that place as reached at no cost.
  CHECK(v.encode("xy") == Ids{1, 0});
  CHECK(Vocabulary(R"(["▁", -1], ["xy", -50], ["y", -3])").encode("xy") == Ids{1, 0, 3});
  CHECK(Vocabulary(R"(["▁", -1], ["xy", -5], ["y", -9], ["x", -9])").encode("xy") == Ids{1, 2});
}

TEST_CASE("text is brought into the form NFKC", "[network]") {
  // Of Unicode: the ligature fi, a no-break space, e with acute, marks above (230) and below (220).
  const std::string decompositions =
      R"(["ﬁ", "fi"], ["\u00A0", " "], ["\u00E9", "e\u0301"], ["\u1EB9", "e\u0323"], ["\u2126", "\u03A9"])";
  const std::string classes = R"(["\u0301", 230], ["\u0308", 230], ["\u0323", 220])";
  const std::string compositions = R"(["e", "\u0301", "\u00E9"], ["e", "\u0323", "\u1EB9"])";
  const Vocabulary v(R"(["▁", -1], ["f", -1], ["i", -1], ["\u00E9", -1], ["\u1EB9", -1], ["\u0301", -1],
      ["\u0308", -1], ["e", -1], ["\u03A9", -1], ["\uAC00", -1], ["\uAC01", -1])",
                     decompositions, classes, compositions);
  CHECK(v.encode("\xEF\xAC\x81") == Ids{1, 2, 3});
  CHECK(v.encode("f\xC2\xA0i") == Ids{1, 2, 1, 3});
  CHECK(v.encode("\xE2\x84\xA6") == Ids{1, 9});             // a character that stands for another
  CHECK(v.encode("e\xCC\x81") == Ids{1, 4});                // composes
  CHECK(v.encode("\xC3\xA9") == Ids{1, 4});                 // is composed
  CHECK(v.encode("e\xCC\x81\xCC\xA3") == Ids{1, 5, 6});     // in the order of the classes
  CHECK(v.encode("\xC3\xA9\xCC\xA3") == Ids{1, 5, 6});      // the same, composed before
  CHECK(v.encode("e\xCC\x88\xCC\x81") == Ids{1, 8, 7, 6});  // the first mark blocks the second
  CHECK(v.encode("\xCC\x81"
                 "e") == Ids{1, 6, 8});                       // nothing before it to compose with
  CHECK(v.encode("\xE1\x84\x80\xE1\x85\xA1") == Ids{1, 10});  // Hangul: two letters, and three
  CHECK(v.encode("\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8") == Ids{1, 11});
  CHECK(v.encode("\xEA\xB0\x80\xE1\x86\xA8") == Ids{1, 11});
  CHECK(v.encode("\xEA\xB0\x81") == Ids{1, 11});
}

TEST_CASE("text that is not UTF-8 is refused", "[network]") {
  for (const auto& [text, byte] : {std::pair<std::string, int>{"a\x80", 2},
                                   {"\xC0\xAF", 1},  // longer than it need be
                                   {"\xE0\x80\xAF", 1},
                                   {"ab\xE2\x82", 3},        // cut off
                                   {"\xED\xA0\x80", 1},      // half of a pair of UTF-16
                                   {"\xF4\x90\x80\x80", 1},  // beyond the last character
                                   {"\xFF", 1}}) {
    check_contains(error_of("text", [text = text] { decode_utf8(text, "text"); }),
                   "byte " + std::to_string(byte) + " is not UTF-8");
  }
  CHECK(decode_utf8("\xF4\x8F\xBF\xBF\xEF\xBF\xBF\x7F", "text") == U"\U0010FFFF\uFFFF\u007F");
}

TEST_CASE("files that are no vocabulary are refused", "[network]") {
  const TempDir folder;
  const std::string path = folder / "t.json";
  const std::string tables = R"(, "decompositions": [], "classes": [], "compositions": []})";
  const BadFile table[] = {
      {"{}", "'decompositions' is not a list"},
      {R"({"pieces": [["a", 1]])" + tables, "'reserved' is not a whole number from 1 to 1"},
      {R"({"reserved": 2, "pieces": [["a", 1]])" + tables, "'reserved' is not"},
      {R"({"reserved": 1, "pieces": [])" + tables, "'pieces' is not a list of 1"},
      {R"({"reserved": 1, "pieces": [["a", 1], ["b"]])" + tables, "piece 1 is not a text and its score"},
      {R"({"reserved": 1, "pieces": [["a", 1], ["", 1]])" + tables, "piece 1 is not a text and its score"},
      {R"({"reserved": 1, "pieces": [["a", null]])" + tables, "piece 0 is not a text and its score"},
      {R"({"reserved": 1, "pieces": [["a", 1]], "decompositions": [["ab", "c"]], "classes": [], "compositions": []})",
       "'decompositions' has an entry that is not one character"},
      {R"({"reserved": 1, "pieces": [["a", 1]], "decompositions": [["a", 3]], "classes": [], "compositions": []})",
       "'decompositions' has an entry that is not two texts"},
      {R"({"reserved": 1, "pieces": [["a", 1]], "decompositions": [], "classes": [["a", 255]], "compositions": []})",
       "'classes' has an entry whose class is not"},
      {R"({"reserved": 1, "pieces": [["a", 1]], "decompositions": [], "classes": [], "compositions": [["a", "b"]]})",
       "'compositions' has an entry that is not a list of 3"},
  };
  for (const BadFile& bad : table) {
    INFO(bad.bytes);
    put(path, bad.bytes);
    check_contains(error_of(path, [&] { Tokenizer{path}; }), bad.fragment);
  }
}
