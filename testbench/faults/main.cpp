// Grades vectors against the faults of a circuit: fault_check CIRCUIT (--unit BUILD [--seed N] | --trace FILE) [--signatures
// STEPS]. Prints a line `fault NUMBER STARTS STEP POINT` for each fault in their order, STEP and POINT "-" where it is not
// detected, then `graded FAULTS STEPS`; or with --signatures that of each node in a line instead (grader.hpp). Exit status: 0
// done, 1 the circuit without a fault is wrong, 2 bad arguments or files.
#include <fmt/format.h>

#include <exception>
#include <fstream>
#include <iostream>
#include <string>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "testbench/faults/grader.hpp"
#include "testbench/faults/plan_trace.hpp"

namespace {

using namespace if4;
using namespace if4::faults;

constexpr std::uint64_t kMostNumber = 999'999'999'999'999'999;

struct Arguments {
  std::string circuit, unit, trace;
  std::uint64_t seed = 1, signatures = 0;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 >= argc) throw InputError(argument + " needs a value");
      return argv[++i];
    };
    if (argument == "--unit") {
      arguments.unit = value();
    } else if (argument == "--trace") {
      arguments.trace = value();
    } else if (argument == "--seed" || argument == "--signatures") {
      const std::string text = value();
      const auto number = whole_number(text, 0, kMostNumber);
      if (!number)
        throw InputError(argument + " is not " + whole_number_range(0, kMostNumber) + ": '" + text + "'");
      (argument == "--seed" ? arguments.seed : arguments.signatures) = *number;
    } else if (arguments.circuit.empty() && argument.rfind("--", 0) != 0) {
      arguments.circuit = argument;
    } else {
      throw InputError("'" + argument + "' is not known");
    }
  }
  if (arguments.circuit.empty() || arguments.unit.empty() == arguments.trace.empty())
    throw InputError(
        "usage: fault_check CIRCUIT (--unit BUILD [--seed N] | --trace FILE) [--signatures STEPS]");
  return arguments;
}

std::ifstream opened(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw InputError(path + ": cannot be read");
  return in;
}

std::string point_of(const Trace& trace, std::size_t step) {
  std::string name = "start";
  for (const Point& point : trace.points()) {
    if (point.step > step) break;
    name = point.name;
  }
  return name;
}

Trace trace_of(const Arguments& arguments) {
  if (!arguments.unit.empty()) return record_plan(unit_build(arguments.unit), arguments.seed);
  std::ifstream in = opened(arguments.trace);
  return read_trace(in, arguments.trace);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Arguments arguments = parse(argc, argv);
    std::ifstream in = opened(arguments.circuit);
    const Circuit circuit = read_circuit(in, arguments.circuit);
    const Trace trace = trace_of(arguments);
    if (arguments.signatures != 0) {
      for (const std::uint64_t mark : signatures(circuit, trace, arguments.signatures))
        fmt::print("{}\n", mark);
      return 0;
    }
    std::size_t number = 0;
    for (const Verdict& verdict : grade(circuit, trace, 0)) {
      fmt::print(
          "fault {} {} {}\n", number++, verdict.starts,
          verdict.step == kNever ? "- -" : fmt::format("{} {}", verdict.step, point_of(trace, verdict.step)));
    }
    fmt::print("graded {} {}\n", circuit.faults.size(), trace.steps());
    return 0;
  } catch (const InputError& error) {
    std::cerr << "fault_check: " << error.what() << '\n';
    return 2;
  } catch (const std::invalid_argument& error) {
    std::cerr << "fault_check: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "fault_check: " << error.what() << '\n';
    return 1;
  }
}
