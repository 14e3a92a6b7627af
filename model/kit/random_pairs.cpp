#include "model/kit/random_pairs.hpp"

namespace if4 {

namespace {

Block random_block(std::mt19937_64& random, Mix mix, int bits) {
  Block block;
  if (mix == Mix::kExtreme) {
    constexpr std::uint8_t kScales[] = {0x00, 0x01, 0x07, 0x08, 0x7D, 0x7E, 0x80, 0x81, 0x88, 0xFE};
    const unsigned top = 1U << (bits - 1);
    const unsigned codes[] = {top - 1, top, top + 1, 2 * top - 1, 0};  // 0x7, 0x8, 0x9, 0xF, 0x0 of four bits
    for (int i = 0; i < kBlockSize; ++i) block.codes |= static_cast<Codes>(codes[random() % 5]) << (bits * i);
    block.scale = kScales[random() % 10];
    return block;
  }
  block.codes = random();
  if (bits > 4) block.codes |= static_cast<Codes>(random()) << 64;
  block.codes &= (Codes{1} << (bits * kBlockSize)) - 1;
  do {
    block.scale = static_cast<std::uint8_t>(random());
  } while (mix == Mix::kFinite && decode_scale(block.scale).nan);
  return block;
}

}  // namespace

BlockPairs random_beats(std::mt19937_64& random, std::size_t count, Mix mix, const MacConfig& config) {
  const std::size_t pairs = count * static_cast<std::size_t>(blocks_per_beat(config));
  const int bits = traits(config.format).code_bits;
  BlockPairs beats;
  beats.reserve(pairs);
  for (std::size_t i = 0; i < pairs; ++i) {
    const Block a = random_block(random, mix, bits);
    beats.emplace_back(a, random_block(random, mix, bits));
  }
  return beats;
}

}  // namespace if4
