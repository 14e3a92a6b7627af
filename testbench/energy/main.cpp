// Counts what the cells of a netlist go through while it multiplies:
//
//   activity CIRCUIT CELLS --format F --lanes N --acc-width N [--scaled] [--lane-fp32] [--rows N --columns N] [--least-beats N]
//            [--beats N] [--signatures] [--vectors FILE] (--acts A --weights W ... | --random SEED --k N [--types ff|fi|if|ii])
//   activity CIRCUIT CELLS --trace FILE
//
// CIRCUIT as testbench/faults/circuit.hpp has it, CELLS and the transitions as activity.hpp. Prints `clocks N`, `beats N` that
// were taken in these, `results N M`, those that were compared in all and in these clocks, and `types FF FI IF II`, then for
// each cell in its order `NUMBER:COUNT ...` of the transitions that occurred, and `end CELLS`; with --signatures a number for
// each node in a line instead. A trace drives all copies alike, and one of them is counted. --vectors writes what the first copy
// is driven with. Exit status: 0 done, 1 the netlist is wrong, 2 bad arguments or files.
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <string>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "sim/program/operands.hpp"
#include "testbench/energy/activity.hpp"
#include "testbench/energy/stimulus.hpp"
#include "testbench/faults/trace.hpp"

namespace {

using namespace if4;
using namespace if4::energy;
using faults::Circuit;
using faults::Packed;

constexpr std::size_t kMostIdle = 4096;  // clocks until the last results must be out

struct Arguments {
  std::string circuit, cells, trace, types, vectors;
  std::vector<std::string> acts, weights;
  std::map<std::string, std::uint64_t> numbers;
  std::optional<Format> format;
  bool scaled = false;  // the unit's results are
  bool lane_fp32 = false, signatures = false;

  std::size_t number(const std::string& name, std::size_t otherwise) const {
    const auto found = numbers.find(name);
    return found == numbers.end() ? otherwise : static_cast<std::size_t>(found->second);
  }
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 >= argc) throw InputError(argument + " needs a value");
      return argv[++i];
    };
    if (argument == "--trace") {
      arguments.trace = value();
    } else if (argument == "--vectors") {
      arguments.vectors = value();
    } else if (argument == "--acts") {
      arguments.acts.push_back(value());
    } else if (argument == "--weights") {
      arguments.weights.push_back(value());
    } else if (argument == "--types") {
      arguments.types = value();
    } else if (argument == "--format") {
      const std::string name = value();
      arguments.format = format_from_name(name);
      if (!arguments.format) throw InputError("no format is called '" + name + "'");
    } else if (argument == "--scaled") {
      arguments.scaled = true;
    } else if (argument == "--lane-fp32") {
      arguments.lane_fp32 = true;
    } else if (argument == "--signatures") {
      arguments.signatures = true;
    } else if (argument.rfind("--", 0) == 0) {
      const auto number = whole_number(value(), 0, 1U << 30U);
      if (!number) throw InputError(argument + " is not " + whole_number_range(0, 1U << 30U));
      arguments.numbers[argument.substr(2)] = *number;
    } else {
      files.push_back(argument);
    }
  }
  for (const auto& [name, number] : arguments.numbers) {
    static const char* const kKnown[] = {"lanes",       "acc-width", "rows",   "columns",
                                         "least-beats", "beats",     "random", "k"};
    if (std::find(std::begin(kKnown), std::end(kKnown), name) == std::end(kKnown))
      throw InputError("'--" + name + "' is not known");
  }
  if (files.size() != 2) throw InputError("usage: activity CIRCUIT CELLS OPTIONS");
  arguments.circuit = files[0];
  arguments.cells = files[1];
  return arguments;
}

std::ifstream opened(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw InputError(path + ": cannot be read");
  return in;
}

std::vector<Product> products_of(const Arguments& arguments, const Target& target) {
  std::vector<Product> products;
  if (arguments.acts.size() != arguments.weights.size()) throw InputError("--acts and --weights go in pairs");
  if (arguments.acts.empty() != (arguments.numbers.count("random") != 0))
    throw InputError("give --acts and --weights, or --random");
  QuantizeOptions options;
  options.format = *arguments.format;
  for (std::size_t i = 0; i < arguments.acts.size(); ++i) {
    ProductOperand a = read_operand(arguments.acts[i], options),
                   w = read_operand(arguments.weights[i], options);
    check_product(a, w);
    products.push_back({a.name + " x " + w.name, std::move(a.quantized), std::move(w.quantized)});
  }
  if (products.empty()) {
    const std::uint64_t seed = arguments.numbers.at("random"), k = arguments.number("k", 256);
    Product product{"random operands", random_operand(*arguments.format, 64 * target.rows, k, 2 * seed),
                    random_operand(*arguments.format, 64 * target.columns, k, 2 * seed + 1)};
    if (!arguments.types.empty()) {
      static const std::map<std::string, std::pair<bool, bool>> kTypes = {
          {"ff", {false, false}}, {"fi", {false, true}}, {"if", {true, false}}, {"ii", {true, true}}};
      const auto found = kTypes.find(arguments.types);
      if (found == kTypes.end()) throw InputError("--types is not ff, fi, if or ii");
      set_types(product.activations, found->second.first);
      set_types(product.weights, found->second.second);
    }
    products.push_back(std::move(product));
  }
  return products;
}

struct Counted {
  std::uint64_t clocks = 0, beats = 0;             // that count
  std::uint64_t results = 0, counted_results = 0;  // compared in all, and in the clocks that count
  std::uint64_t copies = 0;
  std::uint64_t types[4] = {};
};

/// Runs the units through a reset, at least one dot product that does not count, as many clocks that do, and until the last results are out.
/// `vectors` gets a line of each clock, if it is open: `0` or `1`, whether it counts, and what the first copy's inputs and
/// outputs are, in the order of the circuit's.
template <class Look>
Counted multiply(const Circuit& circuit, const Target& target, const std::vector<Product>& products,
                 std::size_t beats, std::ostream* vectors, const Look& look) {
  Packed packed(circuit, {});
  const auto write = [&](bool counts) {
    if (vectors == nullptr) return;
    std::string line = counts ? "1 " : "0 ";
    for (const faults::Port& port : circuit.inputs) line += packed.node(port.node).bit(0) ? '1' : '0';
    line += ' ';
    for (const faults::Port& port : circuit.outputs) line += packed.node(port.node).bit(0) ? '1' : '0';
    *vectors << line << '\n';
  };
  Stimulus stimulus(circuit, target, products);
  for (int clock = 0; clock < 2; ++clock) {
    stimulus.reset(packed);
    packed.settle();
    write(false);
    packed.step(true);
  }
  const std::size_t dot = stimulus.longest();
  const std::size_t warm = (32 + target.rows + target.columns + dot - 1) / dot * dot + dot;
  const std::size_t counted = std::max<std::size_t>(1, (beats + dot - 1) / dot) * dot;
  std::uint64_t beats_before = 0, results_before = 0;
  const auto clock = [&](bool counts) {
    packed.settle();
    stimulus.check(packed);
    look(packed, counts);
    write(counts);
    packed.step(true);
  };
  for (std::size_t n = 0; n < warm + counted; ++n) {
    if (n == warm) {
      beats_before = stimulus.beats();
      results_before = stimulus.results();
    }
    stimulus.drive(packed);
    clock(n >= warm);
  }
  Counted found;
  found.clocks = counted;
  found.beats = stimulus.beats() - beats_before;
  found.counted_results = stimulus.results() - results_before;
  found.copies = faults::kStreams;
  for (std::size_t n = 0; n < kMostIdle && (stimulus.waits() || stimulus.pending() != 0); ++n) {
    stimulus.drain(packed);
    clock(false);
  }
  if (stimulus.pending() != 0 || stimulus.results() == 0)
    throw std::runtime_error("the netlist does not give all of its results");
  found.results = stimulus.results();
  std::copy(stimulus.types(), stimulus.types() + 4, found.types);
  return found;
}

/// The same of a trace. Every copy does the same.
template <class Look>
Counted replay(const Circuit& circuit, const faults::Trace& trace, const Look& look) {
  Packed packed(circuit, {});
  Counted found;
  std::map<std::string, std::size_t> inputs, outputs;
  for (std::size_t i = 0; i < circuit.inputs.size(); ++i) inputs[circuit.inputs[i].name] = i;
  for (std::size_t i = 0; i < circuit.outputs.size(); ++i) outputs[circuit.outputs[i].name] = i;
  for (const auto& [names, known] :
       {std::pair{&trace.inputs(), &inputs}, std::pair{&trace.outputs(), &outputs}}) {
    if (names->size() != known->size()) throw InputError("the trace does not name all ports of the circuit");
    for (const std::string& name : *names) {
      if (known->count(name) == 0) throw InputError("the circuit has no port " + name);
    }
  }
  for (std::size_t step = 0; step < trace.steps(); ++step) {
    for (std::size_t i = 0; i < trace.inputs().size(); ++i)
      packed.set_input(inputs.at(trace.inputs()[i]), trace.input(step, i));
    packed.settle();
    for (std::size_t i = 0; i < trace.outputs().size(); ++i) {
      if (!trace.observed(step, i)) continue;
      if (packed.output(outputs.at(trace.outputs()[i])).bit(0) != trace.output(step, i))
        throw std::runtime_error("the circuit differs from the trace at step " + std::to_string(step));
      ++found.results;
    }
    look(packed, step > 0);
    packed.step(trace.edge(step));
  }
  found.clocks = trace.steps() - 1;
  found.copies = 1;
  if (found.results == 0) throw std::runtime_error("the trace observes nothing");
  return found;
}

template <class Look>
Counted run(const Arguments& arguments, const Circuit& circuit, const Look& look) {
  if (!arguments.trace.empty()) {
    std::ifstream in = opened(arguments.trace);
    return replay(circuit, faults::read_trace(in, arguments.trace), look);
  }
  if (!arguments.format || !has_mac(*arguments.format))
    throw InputError("--format is not one that a unit multiplies");
  Target target;
  target.mac = {*arguments.format, static_cast<int>(arguments.number("lanes", kBlockSize)),
                static_cast<int>(arguments.number("acc-width", 0)), arguments.scaled};
  check(target.mac);
  target.lane_fp32 = arguments.lane_fp32;
  target.rows = std::max<std::size_t>(1, arguments.number("rows", 1));
  target.columns = std::max<std::size_t>(1, arguments.number("columns", 1));
  if (target.lane_fp32 && (target.rows * target.columns != 1 || target.mac.lanes != kBlockSize))
    throw InputError("--lane-fp32 is of one unit of 16 lanes");
  target.least_beats = arguments.number("least-beats", 1);
  const std::vector<Product> products = products_of(arguments, target);
  std::ofstream vectors;
  if (!arguments.vectors.empty()) vectors.open(arguments.vectors);
  const Counted counted = multiply(circuit, target, products, arguments.number("beats", 128),
                                   arguments.vectors.empty() ? nullptr : &vectors, look);
  vectors.close();
  if (!arguments.vectors.empty() && !vectors) throw InputError(arguments.vectors + ": cannot be written");
  return counted;
}

void print(const Activity& activity, const Counted& counted) {
  const std::uint64_t shared = faults::kStreams / counted.copies;  // copies that do the same
  fmt::print("clocks {}\nbeats {}\nresults {} {}\ntypes {} {} {} {}\n", counted.clocks * counted.copies,
             counted.beats, counted.results, counted.counted_results, counted.types[0], counted.types[1],
             counted.types[2], counted.types[3]);
  for (std::size_t cell = 0; cell < activity.cells(); ++cell) {
    const std::vector<std::uint64_t>& counts = activity.transitions(cell);
    std::string line;
    for (std::size_t number = 0; number < counts.size(); ++number) {
      if (counts[number] != 0) line += fmt::format(" {}:{}", number, counts[number] / shared);
    }
    fmt::print("{}\n", line.empty() ? "" : line.substr(1));
  }
  fmt::print("end {}\n", activity.cells());
}

int failed(const std::exception& error, int status) {
  std::cerr << "activity: " << error.what() << '\n';
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Arguments arguments = parse(argc, argv);
    std::ifstream circuit_file = opened(arguments.circuit), cells_file = opened(arguments.cells);
    const Circuit circuit = faults::read_circuit(circuit_file, arguments.circuit);
    Activity activity(read_cells(cells_file, arguments.cells, circuit.nodes.size()));
    if (arguments.signatures) {
      Signatures signatures(circuit.nodes.size());
      run(arguments, circuit, [&](const Packed& packed, bool) { signatures.look(packed); });
      for (const std::uint64_t mark : signatures.marks()) fmt::print("{}\n", mark);
      return 0;
    }
    const Counted counted =
        run(arguments, circuit, [&](const Packed& packed, bool counts) { activity.look(packed, counts); });
    print(activity, counted);
    return 0;
  } catch (const InputError& error) {
    return failed(error, 2);
  } catch (const std::invalid_argument& error) {
    return failed(error, 2);
  } catch (const std::exception& error) {
    return failed(error, 1);
  }
}
