#include "testbench/support/stimuli.hpp"

#include <cstdio>

#include "model/core/float_bits.hpp"

namespace if4::testing {
namespace {

// Two lanes of 64 bits, each a bijection of its state for a given value.
struct Digest {
  std::uint64_t low = 0x6A09E667F3BCC908;
  std::uint64_t high = 0xBB67AE8584CAA73B;
  std::uint64_t count = 0;

  void add(std::uint64_t value) {
    low = mixed((low ^ value) * 0x9E3779B97F4A7C15);
    high = mixed((high + value) * 0xD6E8FEB86659FD93 + low);
    ++count;
  }
  static std::uint64_t mixed(std::uint64_t x) { return x ^ x >> 32; }
};

Digest digest;
std::uint64_t checks = 0;

void add(const Block& block) {
  digest.add(static_cast<std::uint64_t>(block.codes));
  digest.add(static_cast<std::uint64_t>(block.codes >> 64));
  digest.add(block.scale);
}

}  // namespace

void note_stimulus(std::uint64_t value) { digest.add(value); }

void note_stimulus(const std::vector<std::vector<std::pair<Block, Block>>>& dot_products) {
  for (const auto& pairs : dot_products) {
    digest.add(pairs.size());
    for (const auto& [a, w] : pairs) {
      add(a);
      add(w);
    }
  }
}

void note_stimulus(const Tensor& tensor) {
  for (const std::size_t size : tensor.shape) digest.add(size);
  for (const float value : tensor.values) digest.add(float_bits(value));
}

void note_stimulus(const QuantizedTensor& tensor) {
  for (const std::size_t size : tensor.shape) digest.add(size);
  for (const auto scale : tensor.scales) digest.add(scale);
  for (const auto code : tensor.codes) digest.add(code);
}

void count_checks(std::uint64_t results) { checks += results; }

std::string take_digest() {
  const Digest taken = digest;
  digest = {};
  if (taken.count == 0) return {};
  char text[40];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(taken.low),
                static_cast<unsigned long long>(taken.high));
  return text;
}

std::uint64_t counted_checks() { return checks; }

}  // namespace if4::testing
