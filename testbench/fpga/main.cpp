// Prints the signature that the self-test of a MAC unit on an FPGA must have, in hexadecimal:
//
//   signature FORMAT RESULTS
//
// Exit status: 0 done, 2 bad arguments.
#include <fmt/format.h>

#include <optional>

#include "model/core/format.hpp"
#include "model/core/text.hpp"
#include "testbench/fpga/signature.hpp"

int main(int argc, char** argv) {
  const auto format = argc == 3 ? if4::format_from_name(argv[1]) : std::nullopt;
  const auto results = argc == 3 ? if4::whole_number(argv[2], 1, 1000000) : std::nullopt;
  if (!format || !results || if4::traits(*format).code_bits != 4) {
    fmt::print(stderr, "signature: give a format with codes of 4 bits, and how many results, 1 to 1000000\n");
    return 2;
  }
  fmt::print("{:x}\n", if4::fpga::self_test_signature(*format, static_cast<int>(*results)));
  return 0;
}
