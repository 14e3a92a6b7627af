#include "model/kit/sums.hpp"

#include <algorithm>
#include <stdexcept>

namespace if4 {

namespace {

// The products of the positive operands of a type pair, and how to make the sums of 16 of them.
class Products {
 public:
  Products(Format format, TypePair types) : format_(format), types_(types) {
    const unsigned codes = 1U << traits(format).code_bits;
    for (unsigned a = 0; a < codes; ++a) {
      for (unsigned w = 0; w < codes; ++w) {
        const int a_operand = operand(format, types.a, a), w_operand = operand(format, types.w, w);
        if (a_operand > 0 && w_operand > 0) products_.push_back({a_operand * w_operand, a, w});
      }
    }
    std::sort(products_.begin(), products_.end(),
              [](const auto& x, const auto& y) { return x.value < y.value; });
  }

  Int128 largest() const { return products_.back().value; }

  // A pair of blocks of that exponent and significand of scales, whose 16 products sum to `dot`, all of one
  // sign. |dot| is 16 or 0..8 times the largest product.
  std::pair<Block, Block> pair(Int128 dot, unsigned a_magnitude, unsigned w_magnitude) const {
    const bool negative = dot < 0;
    Int128 left = negative ? -dot : dot;
    Block a{0, scale_byte(format_, types_.a, a_magnitude)}, w{0, scale_byte(format_, types_.w, w_magnitude)};
    const int bits = traits(format_).code_bits;
    for (int lane = 0; lane < kBlockSize && left > 0; ++lane) {
      const auto above =
          std::upper_bound(products_.begin(), products_.end(), left,
                           [](Int128 value, const Product& product) { return value < product.value; });
      const Product& best = *std::prev(above);
      left -= best.value;
      a.codes |= static_cast<Codes>(best.a) << (bits * lane);
      w.codes |= static_cast<Codes>(negative ? negated(best.w) : best.w) << (bits * lane);
    }
    if (left != 0) throw std::logic_error("16 products do not sum to that");
    return {a, w};
  }

 private:
  struct Product {
    int value;
    unsigned a, w;
  };

  unsigned negated(unsigned code) const {
    unsigned other = 0;
    while (operand(format_, types_.w, other) != -operand(format_, types_.w, code)) ++other;
    return other;
  }

  Format format_;
  TypePair types_;
  std::vector<Product> products_;  // by value
};

// Magnitudes of the scale bytes of either operand.
struct Magnitudes {
  unsigned a, w;
};

// Those whose significands and exponents multiply to 2^power, 0 <= power <= 34.
Magnitudes magnitudes_of(int power) {
  if (power < 6) {  // both exponents at their least; the significands are 1, 2, 4 or 8
    const int a_power = std::min(power, 3);
    return {1U << a_power, 1U << (power - a_power)};
  }
  const int shift = power - 6;  // significands 8 and 8
  const int a_shift = std::min(shift, 14);
  return {static_cast<unsigned>(1 + a_shift) << 3, static_cast<unsigned>(1 + shift - a_shift) << 3};
}

constexpr unsigned kLargestScale = kScaleNaN - 1;  // 448, as a magnitude
constexpr int kMaxPower = 34;

TypePair pair_of(Format format, ElementType type) {
  const ElementType only = element_type(format, 0);
  return mixes_types(format) ? TypePair{type, type} : TypePair{only, only};
}

}  // namespace

std::vector<TypePair> type_pairs(Format format) {
  if (!mixes_types(format)) return {pair_of(format, ElementType::kFloat)};
  constexpr ElementType kFloat = ElementType::kFloat, kInt = ElementType::kInt;
  return {{kFloat, kFloat}, {kInt, kFloat}, {kFloat, kInt}, {kInt, kInt}};
}

std::string type_pair_name(TypePair types) {
  const auto name = [](ElementType type) { return type == ElementType::kInt ? "int" : "float"; };
  return std::string(name(types.a)) + "_" + name(types.w);
}

std::uint8_t scale_byte(Format format, ElementType type, unsigned magnitude) {
  const bool bit7 = mixes_types(format) && type == ElementType::kInt;
  return static_cast<std::uint8_t>(magnitude | (bit7 ? kScaleIntBit : 0U));
}

Block uniform_block(Format format, unsigned code, std::uint8_t scale) {
  Block block{0, scale};
  const int bits = traits(format).code_bits;
  for (int i = 0; i < kBlockSize; ++i) block.codes |= static_cast<Codes>(code) << (bits * i);
  return block;
}

std::int64_t type_unit(Format format, TypePair types) {
  return std::int64_t{weight(format, types.a)} * weight(format, types.w);
}

BlockPairs pairs_with_sum(Format format, TypePair types, Int128 multiple) {
  const Products products(format, types);
  const bool negative = multiple < 0;
  Int128 left = negative ? -multiple : multiple;
  const auto sign = [negative](Int128 value) { return negative ? -value : value; };
  BlockPairs pairs;
  const Int128 whole = 16 * products.largest();
  const Int128 largest = (whole * 196) << 28;  // both scales 448
  for (; left >= largest; left -= largest)
    pairs.push_back(products.pair(sign(whole), kLargestScale, kLargestScale));
  while (left != 0) {
    const Int128 most = 8 * products.largest();
    int power = 0;
    while (power < kMaxPower && left >> power > most) ++power;
    const Int128 digit = left >> power >= whole ? whole : std::min(left >> power, most);
    const Magnitudes scales = magnitudes_of(power);
    pairs.push_back(products.pair(sign(digit), scales.a, scales.w));
    left -= digit << power;
  }
  return pairs;
}

std::pair<Block, Block> largest_pair(Format format, bool negative) {
  const unsigned codes = 1U << traits(format).code_bits;
  std::pair<Block, Block> best;
  Int128 largest = 0;
  for (const TypePair types : type_pairs(format)) {
    for (unsigned a = 0; a < codes; ++a) {
      for (unsigned w = 0; w < codes; ++w) {
        const Int128 value =
            Int128{operand(format, types.a, a)} * operand(format, types.w, w) * type_unit(format, types);
        if ((negative ? -value : value) <= largest) continue;
        largest = negative ? -value : value;
        best = {uniform_block(format, a, scale_byte(format, types.a, kLargestScale)),
                uniform_block(format, w, scale_byte(format, types.w, kLargestScale))};
      }
    }
  }
  return best;
}

BlockPairs one_largest_beat(const MacConfig& config) {
  return BlockPairs(static_cast<std::size_t>(blocks_per_beat(config)), largest_pair(config.format, false));
}

void fill_beat(BlockPairs& pairs, const MacConfig& config) {
  const auto per_beat = static_cast<std::size_t>(blocks_per_beat(config));
  while (pairs.empty() || pairs.size() % per_beat != 0) pairs.emplace_back();
}

BlockPairs beats_with_sum(Int128 sum, const MacConfig& config) {
  const Format format = config.format;
  const TypePair floats = pair_of(format, ElementType::kFloat), ints = pair_of(format, ElementType::kInt);
  const Int128 float_unit = type_unit(format, floats), int_unit = type_unit(format, ints);
  const std::pair<Block, Block> largest = largest_pair(format, sum < 0);
  const Int128 largest_product = block_product(format, largest.first, largest.second);
  // sum = v * int_unit + count * largest_product + u * float_unit, with the smallest v >= 0: the two units have no common
  // divisor, or are the same. (IF4: 49 and 144.) The last part must not have the other sign, or the sum before it would be
  // further from 0 than the whole.
  Int128 count = sum / largest_product, v = 0, u = 0;
  for (;; --count) {
    const Int128 rest = sum - count * largest_product;
    v = 0;
    while ((rest - v * int_unit) % float_unit != 0) ++v;
    u = (rest - v * int_unit) / float_unit;
    if (count == 0 || (sum < 0 ? u <= 0 : u >= 0)) break;
  }
  BlockPairs pairs;
  const auto add = [&pairs](const BlockPairs& more) { pairs.insert(pairs.end(), more.begin(), more.end()); };
  if (v != 0) add(pairs_with_sum(format, ints, v));
  pairs.insert(pairs.end(), static_cast<std::size_t>(count), largest);
  add(pairs_with_sum(format, floats, u));
  fill_beat(pairs, config);
  return pairs;
}

}  // namespace if4
