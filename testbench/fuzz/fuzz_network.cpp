// libFuzzer target over what `if4 network` reads beside tensors: descriptions of networks, vocabularies, and energies of
// arrays. Whatever the bytes are, a reader gives something that can be used or throws an InputError of one line.
#include "sim/graph/description.hpp"
#include "sim/graph/energy.hpp"
#include "sim/graph/tokenizer.hpp"
#include "testbench/fuzz/fuzzing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;

void check_description(const Description& description) {
  const std::size_t count = description.operations.size();
  require(!description.weights.empty(), "a network has weights");
  require(description.output < count, "the output is an operation");
  for (std::size_t i = 0; i < count; ++i) {
    const Operation& operation = description.operations[i];
    const OpTraits& known = traits(operation.kind);
    require(operation.inputs.size() == known.inputs, "an operation has the inputs of its kind");
    for (const std::size_t input : operation.inputs) require(input < i, "inputs come before");
    require(operation.parts == 0 || operation.part < operation.parts, "a part is one of the parts");
    require(operation.epsilon >= 0.0, "an epsilon is not negative");
  }
}

void check_tokenizer(const Tokenizer& tokenizer) {
  for (const char* const text :
       {"", " ", "a quiet word", "\xC3\xA9t\xC3\xA9 e\xCC\x81\xCC\xA3", "\xEA\xB0\x80\xE1\x86\xA8"})
    for (const std::uint32_t id : tokenizer.encode(text, "text"))
      require(id < tokenizer.pieces(), "an id is that of a piece");
}

void check_energies(const EnergyTable& energies) {
  SystemConfig config;
  RunStats run;
  run.cycles.beats = run.cycles.weights = run.tiles = 1000;
  for (int format = 0; format < kMacFormatCount; ++format) {
    config.array.mac.format = static_cast<Format>(format);
    attempt([&] { require(energy_pj(energies.of(config.array), config, run) > 0.0, "a run takes energy"); });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  note_input(data, size);
  static const MemoryFile input;
  input.put(data, size);
  attempt([&] { check_description(read_description(input.path())); });
  attempt([&] { check_tokenizer(Tokenizer(input.path())); });
  attempt([&] { check_energies(EnergyTable(input.path())); });
  return 0;
}
