#include "testbench/fpga/signature.hpp"

#include <deque>
#include <stdexcept>

#include "model/mac/mac.hpp"

namespace if4::fpga {
namespace {

constexpr std::size_t kState = 159;
constexpr std::size_t kNewerTap = 128;
constexpr int kBitsPerBeat = 128;
constexpr unsigned kSeedWord = 0x9E3779B9;  // the first state repeats it, from bit 0 up

/// The sequence of bits, one at a time. [0] is the newest.
class Sequence {
 public:
  Sequence() {
    for (std::size_t i = 0; i < kState; ++i) bits_.push_back(((kSeedWord >> (i % 32)) & 1U) != 0);
  }

  void advance() {
    const bool next = bits_[kState - 1] != bits_[kNewerTap - 1];
    bits_.pop_back();
    bits_.push_front(next);
  }

  /// `count` bits from bit `first` up.
  std::uint64_t field(std::size_t first, std::size_t count) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i)
      if (bits_[first + i]) value |= std::uint64_t{1} << i;
    return value;
  }

 private:
  std::deque<bool> bits_;
};

std::uint64_t bit(std::uint64_t value, int place) { return (value >> place) & 1U; }

}  // namespace

std::uint64_t self_test_signature(Format format, int results) {
  if (traits(format).code_bits != 4) throw std::invalid_argument("the self-test needs codes of 4 bits");
  if (results < 1) throw std::invalid_argument("the self-test needs a result");
  Sequence sequence;
  ExactMac mac(MacConfig{format});
  std::uint64_t signature = 0;
  while (results > 0) {
    const bool last = sequence.field(0, 3) == 0;
    const Block a{sequence.field(3, 64), static_cast<std::uint8_t>(sequence.field(131, 8))};
    const Block w{sequence.field(67, 64), static_cast<std::uint8_t>(sequence.field(139, 8))};
    mac.beat(a, w);
    for (int i = 0; i < kBitsPerBeat; ++i) sequence.advance();
    if (!last) continue;
    const MacResult result = mac.finish();
    const std::uint64_t word =
        result.bits | (std::uint64_t{result.nan} << 32) | (std::uint64_t{result.overflow} << 33);
    const std::uint64_t entering =
        bit(signature, 33) ^ bit(signature, 26) ^ bit(signature, 1) ^ bit(signature, 0);
    const std::uint64_t kept = signature & ((std::uint64_t{1} << (kSignatureBits - 1)) - 1);
    signature = ((kept << 1) | entering) ^ word;
    --results;
  }
  return signature;
}

}  // namespace if4::fpga
