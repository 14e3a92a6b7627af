#include <sstream>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "model/kit/dot_products.hpp"
#include "testbench/support/catch.hpp"

namespace {

using if4::Block;
using if4::DotProduct;
using if4::Format;

const std::string kFirst = "1 38 B9 0123456789ABCDEF FEDCBA9876543210\n";
const std::string kNext = "0 38 B9 0123456789ABCDEF FEDCBA9876543210\n";
const std::string kResult = "R 3F800000\n";

std::vector<DotProduct> read_all(const std::string& text) {
  std::istringstream in(text);
  if4::DotProductReader reader(in, "v.txt");
  std::vector<DotProduct> all;
  while (auto dot_product = reader.next()) all.push_back(*dot_product);
  return all;
}

std::string error_of(const std::string& text) {
  try {
    read_all(text);
  } catch (const if4::InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("vector files are read", "[vectors]") {
  const std::vector<DotProduct> all =
      read_all("# made by hand\n\n" + kFirst + kNext + kResult + kFirst + kResult);
  REQUIRE(all.size() == 2);
  REQUIRE(all[0].beats.size() == 2);
  CHECK(all[1].beats.size() == 1);
  const auto& [a, w] = all[0].beats[1];
  CHECK(a.scale == 0x38);
  CHECK(w.scale == 0xB9);
  CHECK(a.codes == 0x0123456789ABCDEF);
  CHECK(a.code(0) == 0xF);
  CHECK(w.codes == 0xFEDCBA9876543210);
  CHECK(all[0].result == 0x3F800000);
}

TEST_CASE("vector files may be written loosely", "[vectors]") {
  const std::string text = GENERATE(
      std::string("1 38 b9 0123456789abcdef fedcba9876543210\nr 3f800000"),
      std::string("0x1 0x38 0XB9 0x0123456789ABCDEF 0XFEDCBA9876543210\nR 0x3F800000\n"),
      std::string("  1\t38  B9 0123456789ABCDEF FEDCBA9876543210  \n\n \t\n  # note\n R  3F800000 \n\n"),
      std::string("# note\r\n\r\n1 38 B9 0123456789ABCDEF FEDCBA9876543210\r\nR 3F800000\r\n"));
  CAPTURE(text);
  const std::vector<DotProduct> all = read_all(text);
  REQUIRE(all.size() == 1);
  REQUIRE(all[0].beats.size() == 1);
  CHECK(all[0].beats[0].first.scale == 0x38);
  CHECK(all[0].beats[0].second.scale == 0xB9);
  CHECK(all[0].beats[0].second.codes == 0xFEDCBA9876543210);
  CHECK(all[0].result == 0x3F800000);
}

TEST_CASE("what is written reads back", "[vectors]") {
  const DotProduct one{{{Block{0x0123456789ABCDEF, 0xFF}, Block{0, 0}}}, 0x7FC00000};
  const DotProduct two{{{Block{~0ULL, 1}, Block{1, 2}}, {Block{3, 4}, Block{5, 0x80}}}, 0xFFFFFFFF};
  std::ostringstream out;
  if4::write_dot_product(out, one);
  if4::write_dot_product(out, two);
  CHECK(out.str() ==
        "1 FF 00 0123456789ABCDEF 0000000000000000\nR 7FC00000\n"
        "1 01 02 FFFFFFFFFFFFFFFF 0000000000000001\n0 04 80 0000000000000003 0000000000000005\nR FFFFFFFF\n");
  const std::vector<DotProduct> all = read_all(out.str());
  REQUIRE(all.size() == 2);
  std::ostringstream again;
  for (const DotProduct& dot_product : all) if4::write_dot_product(again, dot_product);
  CHECK(again.str() == out.str());
  CHECK_THROWS_AS(if4::write_dot_product(out, DotProduct{}), if4::InputError);
}

TEST_CASE("vector files say the format of their blocks", "[vectors]") {
  // 3-bit codes take 12 digits, 6-bit codes 24. The format holds up to the next one; other
  // comments say nothing.
  const std::string three = "1 38 B9 0123456789AB FFFFFFFFFFFF\n";
  const std::string six = "1 38 39 0123456789ABCDEF01234567 FEDCBA9876543210FEDCBA98\n";
  const std::vector<DotProduct> all =
      read_all(kFirst + kResult + "# format: if3\n# note\n" + three + kResult + three + kResult +
               "#format: nvfp6_e2m3 \r\n" + six + kResult + "  # format: mixfp4\n" + kFirst + kResult);
  REQUIRE(all.size() == 5);
  const Format formats[] = {Format::kIF4, Format::kIF3, Format::kIF3, Format::kNVFP6E2M3, Format::kMixFP4};
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i].format == formats[i]);
  CHECK(all[1].beats[0].first.codes == 0x0123456789AB);
  CHECK(all[1].beats[0].first.code(0, 3) == 3);
  CHECK(all[1].beats[0].first.code(2, 3) == 6);
  CHECK(all[3].beats[0].first.codes == ((if4::Codes{0x01234567} << 64) | 0x89ABCDEF01234567));
  CHECK(all[3].beats[0].second.code(15, 6) == 0x3F);

  std::ostringstream out;
  for (const DotProduct& dot_product : all) {
    if4::write_format(out, dot_product.format);
    if4::write_dot_product(out, dot_product);
  }
  CHECK(out.str() == "# format: if4\n" + kFirst + kResult + "# format: if3\n" + three + kResult +
                         "# format: if3\n" + three + kResult + "# format: nvfp6_e2m3\n" + six + kResult +
                         "# format: mixfp4\n" + kFirst + kResult);

  CHECK(error_of("# format: if3\n" + kFirst) ==
        "v.txt:2: a_codes is '0123456789ABCDEF', not 12 hexadecimal digits");
  CHECK(error_of("# format: if6_e3m2\n" + kFirst) ==
        "v.txt:2: a_codes is '0123456789ABCDEF', not 24 hexadecimal digits");
  CHECK(error_of(three) == "v.txt:1: a_codes is '0123456789AB', not 16 hexadecimal digits");
  CHECK(error_of("# format: IF4\n") == "v.txt:1: unknown format 'IF4'");
  CHECK(error_of("#format:\n") == "v.txt:1: one format name expected");
  CHECK(error_of("# format: if4 nvfp4\n") == "v.txt:1: one format name expected");
  CHECK(error_of(kFirst + "# format: if4\n" + kResult) == "v.txt:2: a format inside a dot product");
}

TEST_CASE("malformed vector files are rejected with the place", "[vectors]") {
  const struct {
    std::string text;
    const char* error;
  } cases[] = {
      {"", "v.txt:0: the file has no dot product"},
      {"# only a comment\n\n", "v.txt:2: the file has no dot product"},
      {kFirst + kNext, "v.txt:2: the file ends before the result of the beats above"},
      {kFirst + kResult + kFirst, "v.txt:3: the file ends before the result of the beats above"},
      {kNext + kResult, "v.txt:1: 'first' is 0 at the start of a dot product"},
      {kFirst + kResult + "\n" + kNext, "v.txt:4: 'first' is 0 at the start of a dot product"},
      {kFirst + kFirst + kResult, "v.txt:2: 'first' is 1 before the result of the beats above"},
      {kResult, "v.txt:1: a result without a beat before it"},
      {kFirst + kResult + kResult, "v.txt:3: a result without a beat before it"},
      {kFirst + "R\n", "v.txt:2: R and one number expected"},
      {kFirst + "R 3F800000 0\n", "v.txt:2: R and one number expected"},
      {kFirst + "R 3F80000\n", "v.txt:2: the result is '3F80000', not 8 hexadecimal digits"},
      {kFirst + "R -F800000\n", "v.txt:2: the result is '-F800000', not 8 hexadecimal digits"},
      {kFirst + "Result 3F800000\n",
       "v.txt:2: 5 numbers expected: first a_scale w_scale a_codes w_codes, or R result"},
      {"1 38 B9 0123456789ABCDEF\n",
       "v.txt:1: 5 numbers expected: first a_scale w_scale a_codes w_codes, or R result"},
      {"1 38 B9 0123456789ABCDEF FEDCBA9876543210 # note\n",
       "v.txt:1: 5 numbers expected: first a_scale w_scale a_codes w_codes, or R result"},
      {"2 38 B9 0123456789ABCDEF FEDCBA9876543210\n", "v.txt:1: 'first' is '2', not 0 or 1"},
      {"x 38 B9 0123456789ABCDEF FEDCBA9876543210\n", "v.txt:1: 'first' is 'x', not 0 or 1"},
      {"1 138 B9 0123456789ABCDEF FEDCBA9876543210\n", "v.txt:1: a_scale is '138', not 2 hexadecimal digits"},
      {"1 38 G9 0123456789ABCDEF FEDCBA9876543210\n", "v.txt:1: w_scale is 'G9', not 2 hexadecimal digits"},
      {"1 38 0x 0123456789ABCDEF FEDCBA9876543210\n", "v.txt:1: w_scale is '0x', not 2 hexadecimal digits"},
      {"1 38 B9 123456789ABCDEF FEDCBA9876543210\n",
       "v.txt:1: a_codes is '123456789ABCDEF', not 16 hexadecimal digits"},
      {"1 38 B9 0123456789ABCDEF FEDCBA98765432100\n",
       "v.txt:1: w_codes is 'FEDCBA98765432100', not 16 hexadecimal digits"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(error_of(c.text) == c.error);
  }
}

TEST_CASE("dot products before a malformed line are delivered", "[vectors]") {
  std::istringstream in(kFirst + kResult + "nonsense\n");
  if4::DotProductReader reader(in, "v.txt");
  CHECK(reader.next().has_value());
  CHECK_THROWS_AS(reader.next(), if4::InputError);
}

TEST_CASE("vector files that cannot be read", "[vectors]") {
  CHECK_THROWS_AS(if4::DotProductReader("testbench/data/no_such_file.txt"), if4::InputError);
  CHECK_THROWS_AS(if4::DotProductReader("testbench/data").next(), if4::InputError);
}
