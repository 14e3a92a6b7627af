// Blocks and dot products with a given exact sum.
#pragma once

#include <string>
#include <vector>

#include "model/kit/vector_line.hpp"

namespace if4 {

/// The element types of the activations and of the weights of a pair of blocks.
struct TypePair {
  ElementType a = ElementType::kFloat;
  ElementType w = ElementType::kFloat;
};
/// The pairs that a format has: four, or the one of a format of one type.
std::vector<TypePair> type_pairs(Format format);
/// "int_float": the type of the activations, then that of the weights.
std::string type_pair_name(TypePair types);

/// A scale byte of that type and magnitude (bits 6:0). Bit 7 is 0 in formats of one type.
std::uint8_t scale_byte(Format format, ElementType type, unsigned magnitude);
/// A block all of whose codes are `code`.
Block uniform_block(Format format, unsigned code, std::uint8_t scale);

/// What the smallest product of two blocks of those types is in units of mac.hpp; all others are multiples of it.
std::int64_t type_unit(Format format, TypePair types);
/// Pairs of blocks of those types alone, whose products sum to `multiple` of type_unit(). No partial sum is further from
/// 0. At most a few, unless |multiple| is above one largest product: then as many more as such products fit.
BlockPairs pairs_with_sum(Format format, TypePair types, Int128 multiple);

/// The pair of blocks of largest product of that sign. The positive one makes largest_beat() of mac.hpp.
std::pair<Block, Block> largest_pair(Format format, bool negative);

/// Beats whose exact sum is `sum` units. No partial sum is further from 0, but for one that is small. At most
/// a few pairs of blocks, unless |sum| is above one largest block product: then as many more as such products
/// fit.
BlockPairs beats_with_sum(Int128 sum, const MacConfig& config = {});
/// Beats whose products are all of largest magnitude: one beat of largest_beat() units.
BlockPairs one_largest_beat(const MacConfig& config);

/// Adds pairs of Block{}, which multiply to 0, until the last beat is whole.
void fill_beat(BlockPairs& pairs, const MacConfig& config);

}  // namespace if4
