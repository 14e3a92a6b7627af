// The signature that the self-test of a MAC unit on an FPGA must have, by the golden model.
#pragma once

#include <cstdint>

#include "model/core/format.hpp"

namespace if4::fpga {

/// Bits of a signature.
inline constexpr int kSignatureBits = 34;

/// The signature of the first `results` results of the self-test's sequence of beats. The format's codes must have 4
/// bits; std::invalid_argument is thrown where they have not, or where there are no results.
///
/// The sequence is one of bits, each the XOR of those 159 and 128 before it. A beat is the last 159 of them: bit i is the
/// one that came i bits before the newest. From bit 0 up they are three bits that are all 0 where the beat is the last of
/// its dot product, 64 bits of codes of the activations, 64 of the weights, a scale byte of the activations and one of the
/// weights. The next beat comes 128 bits later.
///
/// A signature starts as 0. For each result it moves up by a bit, the bits 33, 26, 1 and 0 before the move make the new bit
/// 0 by XOR, and {overflow, nan, result} is added by XOR.
std::uint64_t self_test_signature(Format format, int results);

}  // namespace if4::fpga
