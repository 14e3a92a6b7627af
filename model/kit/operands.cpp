// Testpoints of the operands: codes in every lane, scale bytes, and the blocks of a beat.
#include <algorithm>
#include <array>
#include <map>

#include "model/kit/random_pairs.hpp"
#include "model/kit/stimuli.hpp"

namespace if4 {

namespace {

constexpr unsigned kOne = 0x38;  // the magnitude 1 of a scale

void put_code(Block& block, Format format, unsigned lane, unsigned code) {
  block.codes |= static_cast<Codes>(code) << (static_cast<unsigned>(traits(format).code_bits) * lane);
}

// A square of codes against codes, one pair in each lane, another one in each beat: every lane has every pair once.
// A code of 6 bits is a sign and a magnitude. There the square is one of magnitudes, and the signs go through
// their four pairs with lanes and beats: each lane has each pair of magnitudes, and each pair of codes is in a quarter of
// the lanes.
void add_square(Stimuli& stimuli, TypePair types) {
  const Format format = stimuli.format();
  const unsigned codes = 1U << traits(format).code_bits;
  const bool folded = codes > 16;
  const unsigned side = folded ? codes / 2 : codes;
  const auto lanes = static_cast<unsigned>(stimuli.config().lanes);
  for (unsigned beat = 0; beat < side * side; ++beat) {
    BlockPairs pairs(stimuli.blocks(), {Block{0, scale_byte(format, types.a, kOne)},
                                        Block{0, scale_byte(format, types.w, kOne)}});
    for (unsigned lane = 0; lane < lanes; ++lane) {
      const unsigned pair = (beat + (side + 1) * lane) % (side * side);
      unsigned a = pair / side, w = pair % side;
      if (folded) {
        const unsigned signs = lane + pair + pair / side;
        a += (signs & 1U) * side;
        w += (signs >> 1 & 1U) * side;
      }
      auto& [a_block, w_block] = pairs[lane / kBlockSize];
      put_code(a_block, format, lane % kBlockSize, a);
      put_code(w_block, format, lane % kBlockSize, w);
    }
    stimuli.dot_product(std::move(pairs));
  }
}

// -0 of the float type, and of integers in sign and magnitude, times every code, in all lanes and beside other products.
void add_minus_zero(Stimuli& stimuli) {
  const Format format = stimuli.format();
  const unsigned codes = 1U << traits(format).code_bits;
  const unsigned top = codes / 2;
  stimuli.testpoint("codes.minus_zero");
  for (const TypePair types : type_pairs(format)) {
    const std::uint8_t a_scale = scale_byte(format, types.a, kOne),
                       w_scale = scale_byte(format, types.w, kOne);
    for (unsigned code = 0; code < codes; code += std::max(1U, codes / 16)) {
      const std::pair a_zero(uniform_block(format, top, a_scale), uniform_block(format, code, w_scale));
      const std::pair w_zero(uniform_block(format, code, a_scale), uniform_block(format, top, w_scale));
      if (operand(format, types.a, top) == 0) stimuli.dot_product(BlockPairs(stimuli.blocks(), a_zero));
      if (operand(format, types.w, top) == 0) stimuli.dot_product(BlockPairs(stimuli.blocks(), w_zero));
    }
  }
}

// The code of the type's largest operand of that sign.
unsigned largest_code(Format format, ElementType type, bool negative) {
  unsigned best = 0;
  for (unsigned code = 0; code < 1U << traits(format).code_bits; ++code) {
    const int value = operand(format, type, code), most = operand(format, type, best);
    if (negative ? value < most : value > most) best = code;
  }
  return best;
}

// Products of largest magnitude in all lanes, which the sums of a beat must be wide enough for: of one sign, of the signs of
// neighbours, of halves; with significands of scales that make them largest, too.
void add_largest(Stimuli& stimuli) {
  const Format format = stimuli.format();
  const auto lanes = static_cast<unsigned>(stimuli.config().lanes);
  stimuli.testpoint("codes.largest");
  for (const TypePair types : type_pairs(format)) {
    for (const unsigned scale : {kOne, 0x77U, kScaleNaN - 1U}) {
      const std::pair zero(Block{0, scale_byte(format, types.a, scale)},
                           Block{0, scale_byte(format, types.w, scale)});
      for (unsigned pattern = 0; pattern < 6; ++pattern) {
        BlockPairs pairs(stimuli.blocks(), zero);
        for (unsigned lane = 0; lane < lanes; ++lane) {
          const bool in_turn = lane % 2 != 0, in_half = lane >= lanes / 2;
          const bool a_negative[] = {false, true, false, true, in_turn, in_half};
          const bool w_negative[] = {false, false, true, true, false, in_turn != in_half};
          auto& [a, w] = pairs[lane / kBlockSize];
          put_code(a, format, lane % kBlockSize, largest_code(format, types.a, a_negative[pattern]));
          put_code(w, format, lane % kBlockSize, largest_code(format, types.w, w_negative[pattern]));
        }
        stimuli.dot_product(std::move(pairs));
      }
    }
  }
}

// One product of the smallest operands for each pair of magnitudes of the scales. Pairs whose exponents have the same sum
// share dot products: no rounding loses a unit of them. Their types take turns, so that each magnitude on either
// side has each type.
void add_scale_pairs(Stimuli& stimuli) {
  constexpr std::size_t kBeats = 32;
  const Format format = stimuli.format();
  const std::vector<TypePair> types = type_pairs(format);
  std::map<int, BlockPairs> by_exponent;
  stimuli.testpoint("scales.pairs");
  for (unsigned a = 0; a < kScaleNaN; ++a) {
    for (unsigned w = 0; w < kScaleNaN; ++w) {
      const TypePair type = types[((a ^ a >> 2) + (w ^ w >> 2)) % types.size()];
      const std::uint8_t a_scale = scale_byte(format, type.a, a), w_scale = scale_byte(format, type.w, w);
      std::pair pair(Block{0, a_scale}, Block{0, w_scale});
      const unsigned lane = (a + 3 * w) % kBlockSize;
      put_code(pair.first, format, lane, 1);
      put_code(pair.second, format, lane, 1);
      BlockPairs& pairs = by_exponent[decode_scale(a_scale).exponent + decode_scale(w_scale).exponent];
      pairs.push_back(pair);
      if (pairs.size() == kBeats * stimuli.blocks()) stimuli.dot_product(std::exchange(pairs, {}));
    }
  }
  for (auto& [exponent, pairs] : by_exponent) {
    if (!pairs.empty()) stimuli.dot_product(std::move(pairs));
  }
}

// Beats of one pair of blocks with random codes, in turns in each block of the beat.
void add_scale_classes(Stimuli& stimuli) {
  // 0, subnormals, the least normal numbers, 1, and the neighbours of NaN.
  constexpr std::array<unsigned, 9> kClasses = {0x00, 0x01, 0x07, 0x08, 0x0F, 0x38, 0x77, 0x78, 0x7E};
  const Format format = stimuli.format();
  const std::vector<TypePair> types = type_pairs(format);
  stimuli.testpoint("scales.classes");
  std::size_t turn = 0;
  for (const unsigned a : kClasses) {
    for (const unsigned w : kClasses) {
      BlockPairs pairs(stimuli.blocks());
      auto& pair = pairs[turn % stimuli.blocks()];
      pair = stimuli.random_beat()[0];
      const TypePair type = types[turn++ % types.size()];
      pair.first.scale = scale_byte(format, type.a, a);
      pair.second.scale = scale_byte(format, type.w, w);
      stimuli.dot_product(std::move(pairs));
    }
  }
}

// A magnitude of a scale with that exponent and significand, or the nearest that is no NaN.
unsigned scale_magnitude(unsigned exponent, unsigned significand) {
  return std::min(exponent << 3U | (significand & 7U), kScaleNaN - 1U);
}

// The largest products of each sign of operands in all lanes, with the largest significands, and random blocks, at every sum
// of exponents: what shifts a block has its uppermost bits in every place. Each block of a beat in its turn, alone.
void add_shifts(Stimuli& stimuli) {
  constexpr unsigned kMost = 15, kLargest = 15;  // exponent and significand of a scale
  const Format format = stimuli.format();
  stimuli.testpoint("scales.shifts");
  for (unsigned exponents = 2; exponents <= 2 * kMost; ++exponents) {
    const unsigned a_exponent = exponents / 2, w_exponent = exponents - a_exponent;
    for (const TypePair types : type_pairs(format)) {
      const auto add = [&](Block a, Block w, unsigned a_significand, unsigned w_significand) {
        a.scale = scale_byte(format, types.a, scale_magnitude(a_exponent, a_significand));
        w.scale = scale_byte(format, types.w, scale_magnitude(w_exponent, w_significand));
        for (std::size_t block = 0; block < stimuli.blocks(); ++block) {
          BlockPairs pairs(stimuli.blocks());
          pairs[block] = {a, w};
          stimuli.dot_product(std::move(pairs));
        }
      };
      for (const bool a_negative : {false, true}) {
        const Block a = uniform_block(format, largest_code(format, types.a, a_negative), 0);
        for (const bool w_negative : {false, true})
          add(a, uniform_block(format, largest_code(format, types.w, w_negative), 0), kLargest, kLargest);
      }
      const auto [a, w] = stimuli.random_beat()[0];
      add(a, w, static_cast<unsigned>(stimuli.random()()), static_cast<unsigned>(stimuli.random()()));
    }
  }
}

}  // namespace

void add_codes(Stimuli& stimuli) {
  for (const TypePair types : type_pairs(stimuli.format())) {
    stimuli.testpoint("codes." + type_pair_name(types));
    add_square(stimuli, types);
  }
  if (traits(stimuli.format()).exponent_bits != 0) add_minus_zero(stimuli);
  add_largest(stimuli);
}

void add_scales(Stimuli& stimuli) {
  add_scale_pairs(stimuli);
  add_scale_classes(stimuli);
  add_shifts(stimuli);
  if (mixes_types(stimuli.format())) return;
  stimuli.testpoint("scales.bit7");
  for (unsigned n = 0; n < 48; ++n) {
    BlockPairs pairs = stimuli.random_beat();
    for (auto& [a, w] : pairs) {
      a.scale = static_cast<std::uint8_t>((a.scale & kScaleMagnitudeMask) | (n % 3 != 0 ? kScaleIntBit : 0U));
      w.scale = static_cast<std::uint8_t>((w.scale & kScaleMagnitudeMask) | (n % 3 != 1 ? kScaleIntBit : 0U));
    }
    stimuli.dot_product(std::move(pairs));
  }
}

void add_blocks(Stimuli& stimuli) {
  if (stimuli.blocks() == 1) return;
  const Format format = stimuli.format();
  const std::vector<TypePair> types = type_pairs(format);
  stimuli.testpoint("blocks.alone");
  for (std::size_t block = 0; block < stimuli.blocks(); ++block) {
    for (unsigned n = 0; n < 8; ++n) {
      // The others have scales of 1 and codes that are 0: a scale that is taken for theirs shows.
      const Block zero{0, scale_byte(format, type_pairs(format)[0].a, kOne)};
      BlockPairs pairs(stimuli.blocks(), {zero, zero});
      pairs[block] = stimuli.random_beat()[0];
      stimuli.dot_product(std::move(pairs));
    }
  }
  stimuli.testpoint("blocks.scales");
  for (unsigned n = 0; n < 64; ++n) {
    // Equal codes in all blocks; types and scales differ.
    BlockPairs pairs(stimuli.blocks(), stimuli.random_beat()[0]);
    for (std::size_t block = 0; block < pairs.size(); ++block) {
      const TypePair type = types[(n + block) % types.size()];
      const auto magnitude = [&] { return static_cast<unsigned>(stimuli.random()() % 16 + 0x30); };
      pairs[block].first.scale = scale_byte(format, type.a, magnitude());
      pairs[block].second.scale = scale_byte(format, type.w, magnitude());
    }
    stimuli.dot_product(std::move(pairs));
  }
}

}  // namespace if4
