// What scripts/bits makes of the netlists of the builds: code that computes one clock of many independent units at once.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace if4 {

/// The code of a netlist for one instruction set. A plane is one bit of every unit: `words` words of 64 bits, that of
/// unit u in bit u % 64 of word u / 64. Planes that follow each other, such as the bits of a port from bit 0 up, lie
/// one after the other without a gap, and all are aligned to their own size. `port`: the planes of each input port;
/// `state`: those of all flip-flops; `out`: those of all output ports, one port after the other.
struct BitsKernel {
  std::string_view target;  ///< "avx512", "avx2" or "portable"
  int words;
  /// The outputs before a rising edge of the clock, and the state after it.
  void (*clock)(const std::uint64_t* const* port, const std::uint64_t* state, std::uint64_t* next,
                std::uint64_t* out);
  /// The outputs alone.
  void (*outputs)(const std::uint64_t* const* port, const std::uint64_t* state, std::uint64_t* out);
  /// What the asynchronous reset makes of the state where it is active, without an edge.
  void (*reset)(const std::uint64_t* const* port, const std::uint64_t* state, std::uint64_t* next);
};

/// A port, and how many bits it has.
struct BitsPort {
  std::string_view name;
  int bits;
};

/// The netlist of a build.
struct BitsNetlist {
  std::vector<BitsPort> inputs, outputs;
  int states;                       ///< flip-flops
  std::vector<BitsKernel> kernels;  ///< the widest first
};

/// That of a build, by its name in rtl/builds.txt, with the kernels that this machine can run. Throws InputError where this program has none.
const BitsNetlist& bits_netlist(std::string_view build);
/// Whether this program has that of a build.
bool has_bits_netlist(std::string_view build);
/// The kernel of that target, or the widest where it is empty. Throws std::invalid_argument where there is none.
const BitsKernel& bits_kernel(const BitsNetlist& netlist, std::string_view target);

/// Adds a netlist to the program before main(). Generated sources have one each.
struct BitsRegistration {
  BitsRegistration(std::string_view build, BitsNetlist (*make)());
};

}  // namespace if4
