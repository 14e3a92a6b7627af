// Bits of the ports of what Verilator generates.
#pragma once

#include <cstdint>
#include <type_traits>

#include "model/core/format.hpp"

namespace if4 {

/// Sets bits low..low + count - 1 of a port, count up to 128. A port of up to 64 bits is an integer, a wider
/// one an array of 32-bit words.
template <class Port>
void set_bits(Port& port, int low, int count, Codes value) {
  if constexpr (std::is_integral_v<Port>) {
    const auto mask = static_cast<Port>(((Codes{1} << (count - 1)) * 2 - 1) << low);
    port = static_cast<Port>((port & ~mask) | (static_cast<Port>(value << low) & mask));
  } else {
    while (count > 0) {
      const int shift = low % 32;
      const int bits = count < 32 - shift ? count : 32 - shift;
      const std::uint32_t mask = (0xFFFFFFFFU >> (32 - bits)) << shift;
      std::uint32_t& word = port[static_cast<std::size_t>(low / 32)];
      word = (word & ~mask) | (static_cast<std::uint32_t>(value) << shift & mask);
      low += bits;
      count -= bits;
      value >>= bits;
    }
  }
}

/// Bits low..low + count - 1 of a port, count up to 128.
template <class Port>
Codes get_bits(const Port& port, int low, int count) {
  Codes value = 0;
  if constexpr (std::is_integral_v<Port>) {
    value = static_cast<Codes>(port >> low);
  } else {
    int got = 0;
    while (got < count) {
      const int shift = (low + got) % 32;
      value |= static_cast<Codes>(port[static_cast<std::size_t>((low + got) / 32)] >> shift) << got;
      got += 32 - shift;
    }
  }
  return value & ((Codes{1} << (count - 1)) * 2 - 1);
}

}  // namespace if4
