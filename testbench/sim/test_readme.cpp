// What README.md says of the numbers, held to the oracle and to the program: its table of codes, and the dot
// product that it works out by hand.
#include <gmpxx.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "model/kit/dot_products.hpp"
#include "testbench/support/mac_testing.hpp"
#include "testbench/support/program_testing.hpp"
#include "testbench/support/rational.hpp"

namespace {

using namespace if4::testing;

constexpr char kExample[] = "testbench/data/worked_dot_product.txt";

std::string readme() {
  const std::string text = get("README.md");
  REQUIRE_FALSE(text.empty());
  return text;
}

bool contains(const std::string& text, const std::string& part) {
  INFO(part);
  return text.find(part) != std::string::npos;
}

/// What README.md prints below the line "$ COMMAND", up to the next command or the end of the code block.
std::string shown_output(const std::string& text, const std::string& command) {
  const std::string line = "\n$ " + command + "\n";
  const std::size_t found = text.find(line);
  INFO(command);
  REQUIRE(found != std::string::npos);
  const std::size_t begin = found + line.size();
  return text.substr(begin, std::min(text.find("\n$ ", begin), text.find("\n```", begin)) + 1 - begin);
}

/// The cells of the table row that begins with `name`.
std::vector<std::string> table_row(const std::string& text, const std::string& name) {
  const std::string begin = "\n| " + name + " |";
  const std::size_t found = text.find(begin);
  INFO(name);
  REQUIRE(found != std::string::npos);
  std::istringstream row(
      text.substr(found + begin.size(), text.find('\n', found + 1) - found - begin.size()));
  std::vector<std::string> cells;
  for (std::string cell; std::getline(row, cell, '|');) cells.push_back(cell);
  return cells;
}

}  // namespace

TEST_CASE("README.md's table of codes is that of the oracle", "[readme]") {
  const std::string text = readme();
  for (const bool is_int : {false, true}) {
    const std::vector<std::string> cells = table_row(text, is_int ? "INT4" : "FP4");
    REQUIRE(cells.size() == 16);
    for (unsigned code = 0; code < 16; ++code) {
      const mpq_class value = mpq_class(std::stod(cells[code])) * (is_int ? mpq_class(6, 7) : mpq_class(1));
      INFO((is_int ? "INT4" : "FP4") << " code " << code);
      CHECK(value == if4::rational::element_value(is_int, code));
    }
  }
}

TEST_CASE("README.md's dot product by hand is that of the oracle and of the program", "[readme][cli]") {
  const std::string text = readme();
  CHECK(shown_output(text, std::string("cat ") + kExample) == get(kExample));
  const Sandbox box;
  CHECK(shown_output(text, std::string("build/if4 replay ") + kExample + " --result exact") ==
        box.output({"replay", kExample, "--result", "exact"}));

  // Every number of the calculation, from the text of the formats.
  if4::DotProductReader reader(kExample);
  const std::optional<if4::DotProduct> example = reader.next();
  REQUIRE(example.has_value());
  CHECK_FALSE(reader.next().has_value());
  for (const auto& beat : example->beats) CHECK(contains(text, "= " + exact_value({beat}).get_str() + "`"));
  const mpq_class sum = exact_value(example->beats);
  CHECK(contains(text, "= " + sum.get_str() + "`"));
  const float rounded = if4::rational::round_to_fp32(sum);
  CHECK(std::memcmp(&rounded, &example->result, sizeof rounded) == 0);
  std::ostringstream bits;
  bits << "= 0x" << std::hex << std::uppercase << example->result << "`";
  CHECK(contains(text, bits.str()));

  // And the one that lane-FP32 gives instead, which replay names where a file has another.
  const Run lane_fp32 = box.run({"replay", kExample});
  CHECK(lane_fp32.code == 1);
  std::smatch other;
  REQUIRE(std::regex_search(lane_fp32.out, other, std::regex("lane-FP32 model (0x[0-9A-F]{8})")));
  CHECK(contains(text, "lane-FP32, which rounds at every step, gets " + other[1].str() + "."));
}

TEST_CASE("README.md links to files that are there", "[readme]") {
  const std::string text = readme();
  const std::regex link(R"(\]\(([^)#]+))");
  unsigned links = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), link), end; it != end; ++it) {
    const std::string target = (*it)[1];
    if (target.rfind("https://", 0) == 0) continue;
    INFO(target);
    CHECK(std::filesystem::exists(target));
    ++links;
  }
  CHECK(links != 0);
}
