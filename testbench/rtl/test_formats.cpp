// The rows of the formats in rtl/if4_pkg.sv against those of kFormatTraits. The other tests of the RTL go
// through the ports of the units, which are built for one format each; this one sees the rows themselves, as
// Icarus Verilog evaluates them.
#include <sstream>
#include <string>
#include <vector>

#include "model/core/format.hpp"
#include "testbench/support/rtl_testing.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

const std::vector<std::string> kColumns = {"code_bits",    "exponent_bits", "mantissa_bits", "int_code",
                                           "float_weight", "int_weight",    "divisor",       "fraction_bits"};

using Row = std::vector<int>;

Row row_of_model(Format format) {
  const FormatTraits& row = traits(format);
  return {row.code_bits,    row.exponent_bits, row.mantissa_bits, static_cast<int>(row.int_code),
          row.float_weight, row.int_weight,    row.divisor,       row.fraction_bits};
}

std::vector<Row> rows_of_rtl() {
  const Simulation simulation = simulate("format_rows", "rtl/if4_pkg.sv testbench/rtl/format_rows.sv");
  INFO(simulation.text);
  REQUIRE(simulation.status == 0);
  std::vector<Row> rows;
  std::istringstream lines(simulation.text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream numbers(line);
    std::size_t format = 0;
    REQUIRE(numbers >> format);
    REQUIRE(format == rows.size());
    rows.emplace_back();
    for (int number = 0; numbers >> number;) rows.back().push_back(number);
  }
  return rows;
}

/// What differs from kFormatTraits, a text each.
std::vector<std::string> differences(const std::vector<Row>& rows) {
  if (rows.size() != static_cast<std::size_t>(kMacFormatCount)) {
    return {"the RTL has " + std::to_string(rows.size()) + " formats, the model " +
            std::to_string(kMacFormatCount)};
  }
  std::vector<std::string> texts;
  for (int number = 0; number < kMacFormatCount; ++number) {
    const auto format = static_cast<Format>(number);
    const Row expected = row_of_model(format);
    const Row& row = rows[static_cast<std::size_t>(number)];
    const std::string name(format_name(format));
    if (row.size() != expected.size()) {
      texts.push_back(name + ": " + std::to_string(row.size()) + " columns in the RTL");
      continue;
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i] == expected[i]) continue;
      texts.push_back(name + ": " + kColumns[i] + " is " + std::to_string(row[i]) + " in the RTL, " +
                      std::to_string(expected[i]) + " in the model");
    }
  }
  return texts;
}

}  // namespace

TEST_CASE("the formats of the RTL have the rows of the model's", "[rtl]") {
  CHECK(differences(rows_of_rtl()) == std::vector<std::string>{});
}

TEST_CASE("the comparison of rows finds every column that differs, and a format too many or too few",
          "[rtl]") {
  std::vector<Row> rows = rows_of_rtl();
  for (Row& row : rows) {
    for (int& column : row) {
      ++column;
      CHECK(differences(rows).size() == 1);
      --column;
    }
  }
  rows.push_back(rows.back());
  CHECK(differences(rows).size() == 1);
  rows.resize(rows.size() - 2);
  CHECK(differences(rows).size() == 1);
}
