// Codes blocks as IF4 with the least squared error, both types in one go, with the instructions of AVX2. Compiled for the
// sets of instructions that have AVX2 and no permutations of bytes across a whole vector, and empty for all others.
//
// A magnitude is rounded to INT4 first. Between two ties of INT4 the FP4 code is one line of the magnitude, rounded once:
// the sum with a large number whose last place is the step of that line. What is added beyond that makes one number of
// both codes, the slot, in the low bits of the sum; it is even, which keeps ties to even. From there on all is a table of
// 16 bytes: the codes, and the difference of the two squared errors, which is a line of the magnitude too. That difference
// is not in the order of operations of the specification; where it is too near to zero to decide, the block is decided in
// that order.
//
// The 16 values of a block stay beside each other. Eight blocks are taken at a time, in pairs: 0 and 2, 1 and 3, 4 and 6, 5
// and 7. A vector with a number of each block has them in the order 0 1 4 5 2 3 6 7: pair j is in the lanes j and j + 4.
#if defined(IF4_MODEL_QUANTIZE_FAST_BLOCKS_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef IF4_MODEL_QUANTIZE_FAST_BLOCKS_INL_HPP_
#undef IF4_MODEL_QUANTIZE_FAST_BLOCKS_INL_HPP_
#else
#define IF4_MODEL_QUANTIZE_FAST_BLOCKS_INL_HPP_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "model/core/float_bits.hpp"
#include "model/core/format.hpp"
#include "model/quantize/fast_lines.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3

constexpr std::size_t kBlocks = 8;
constexpr std::size_t kPairs = kBlocks / 2;
constexpr std::size_t kPairStarts[kPairs] = {0, 1 * kBlockSize, 4 * kBlockSize, 5 * kBlockSize};
constexpr std::size_t kSecond = 2 * kBlockSize;  ///< from the first block of a pair to the second
constexpr float kRoundBig = 0x1.8p23F;

/// What slots mean, and how magnitudes get them. Slot 0 is that of +0. Errors are in steps of 1/14, so that both types have
/// integers. Tables of bytes are there twice, once for each half of a vector.
struct SlotTables {
  alignas(32) float round[8];         ///< [integer]: what a magnitude is added to
  alignas(32) std::uint8_t less[32];  ///< [slot]: FP4 minus INT4
  alignas(32) std::uint8_t more[32];  ///< [slot]: four times FP4 plus INT4, without the upper bits
  /// [types]: 1 is added where the first block of a pair is INT4, and 16 where the second one is.
  struct {
    alignas(32) std::uint8_t positive[32];  ///< [slot]
    alignas(32) std::uint8_t negative[32];  ///< [slot]
  } codes[18];
  float floats[16];    ///< [slot]: the value of the FP4 code
  float integers[16];  ///< [slot]: that of the INT4 code
};

constexpr SlotTables make_slot_tables() {
  // By integer: what is added to the FP4 codes that it meets.
  constexpr int kMove[8] = {10, 0, 2, 8, 2, -2, 8, 2};
  SlotTables t{};
  for (int m = 0; m < 8; ++m) {
    const FloatLine& line = kFloatLines[m];
    t.round[m] = (kRoundBig + static_cast<float>(line.offset + kMove[m])) * line.step;
    for (int code = line.first; code <= line.last; ++code) {
      const int slot = code + kMove[m];
      t.floats[slot] = static_cast<float>(kFloatHalves[code]) * 0.5F;
      t.integers[slot] = static_cast<float>(m);
      for (int half = 0; half < 2; ++half) {
        const int at = 16 * half + slot;
        t.less[at] = static_cast<std::uint8_t>(7 * kFloatHalves[code] - 12 * m);
        t.more[at] = static_cast<std::uint8_t>(4 * (7 * kFloatHalves[code] + 12 * m));
        for (const int types : {0, 1, 16, 17}) {
          const bool is_int = (types >> (4 * half) & 1) != 0;
          t.codes[types].positive[at] = static_cast<std::uint8_t>(is_int ? m : code);
          t.codes[types].negative[at] = static_cast<std::uint8_t>(is_int ? -m & 15 : 8 | code);
        }
      }
    }
  }
  return t;
}
constexpr SlotTables kSlots = make_slot_tables();

/// A magnitude of s steps is rounded to a multiple of 1 / (28 * kFine) for the difference of the errors, which is then
/// within 1/8 from the exact one, in 1/196 of the squared step: a slot has a difference of at most 16. The sums of the
/// specification are within 1/64. Where the difference is not larger than 3/16, it does not tell the types apart.
constexpr int kFine = 1024;
constexpr int kDoubt = 256 * kFine * 3 / 16;

/// What the blocks of a tensor have in common.
struct BlockFactors {
  float normalize;  ///< a power of two that the values are multiplied by, from 2^-90 to 2^90
  float encode;     ///< TensorScale::encode
  float decode;     ///< TensorScale::decode
  float int_step;
  float int_steps_per_unit;
};

/// The same as vectors, and constants. They are made out of line so that they lie in memory, where an operation reads them:
/// a compiler that knows them makes each anew, in three instructions.
struct BlockVectors {
  HWY_NOINLINE explicit BlockVectors(const BlockFactors& f) {
    magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF));
    big = _mm256_set1_ps(kRoundBig);
    int_steps_per_unit = _mm256_set1_ps(f.int_steps_per_unit);
    fine = _mm256_set1_ps(28.0F * kFine);
    sixth = _mm256_set1_ps(1.0F / 6);
    six = _mm256_set1_ps(6.0F);
    encode = _mm256_set1_ps(f.encode * f.normalize);
    zero_scale = _mm256_set1_ps(0x1p-10F);
    // Half a step of E4M3 less one, and the difference of the exponents' biases.
    round_scale = _mm256_set1_epi32(0x7FFFF - (120 << 23));
    one = _mm256_set1_epi32(1);
    normal_scale = _mm256_set1_epi32(8);
    for (int i = 0; i < 8; ++i) {
      // For the scales 8 to 15, times 2^(56 / 8), as bits: those of all others follow from the scale code.
      const float step = f.decode * (1.0F + 0.125F * static_cast<float>(i));
      inverses[i] = float_bits(1.0F / step * f.normalize * 128.0F) + (static_cast<std::uint32_t>(i) << 20);
    }
    doubt = _mm256_set1_epi32(kDoubt);
    less_doubt = _mm256_set1_epi32(-kDoubt - 1);
    join = _mm256_set1_epi32(0x00100001);
    order = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15));
    int_bit = _mm256_set1_epi32(kScaleIntBit);
    low_bytes = _mm256_set1_epi32(0x0C080400);
  }

  __m256 magnitude, big, int_steps_per_unit, fine, sixth, six, encode, zero_scale;
  __m256i round_scale, one, normal_scale, doubt, less_doubt, join, order, int_bit, low_bytes;
  alignas(32) std::uint32_t inverses[8];
};

/// The scales of eight blocks, by lane.
struct BlockScales {
  alignas(32) std::int32_t code[kBlocks];
  alignas(32) float inverse[kBlocks];  ///< what a value is multiplied by to count steps; 0 for the scale 0
  unsigned zero;                       ///< a bit for each lane whose scale is 0
  unsigned small;  ///< for each whose scale is subnormal: its values may be far beyond the codes
};

/// The slots of eight blocks and what decides between the types.
struct BlockSlots {
  /// [pair]: with the signs of the values. Eight bytes of the first block, and of the second one, have the values 0 8 1 9 2
  /// 10 3 11; the next eight have 4 12 5 13 6 14 7 15.
  __m256i bytes[kPairs];
  /// [pair]: FP4 minus INT4, of the squared errors, in 1/196 of the squared step times 256 * kFine: four numbers of the
  /// first block to be added, and four of the second.
  __m256i differences[kPairs];
};

/// Merges two vectors: of each half, the first two numbers and the last two are combined by `op`.
template <class Op>
HWY_INLINE __m256 MergeQuarters(__m256 a, __m256 b, const Op& op) {
  const __m256d swapped = _mm256_shuffle_pd(_mm256_castps_pd(a), _mm256_castps_pd(b), 5);
  return op(_mm256_blend_ps(a, b, 0xCC), _mm256_castpd_ps(swapped));
}
template <class Op>
HWY_INLINE __m256 MergeEighths(__m256 a, __m256 b, const Op& op) {
  return op(_mm256_shuffle_ps(a, b, 0x88), _mm256_shuffle_ps(a, b, 0xDD));
}

constexpr auto kLarger = [](__m256 a, __m256 b) HWY_ATTR { return _mm256_max_ps(a, b); };

/// The largest magnitudes of four blocks, two numbers for each.
HWY_INLINE __m256 LargestOfFour(const BlockVectors& v, const float* HWY_RESTRICT x) {
  const auto block = [&](std::size_t i) HWY_ATTR {
    return _mm256_max_ps(_mm256_and_ps(v.magnitude, _mm256_loadu_ps(x + i * kBlockSize)),
                         _mm256_and_ps(v.magnitude, _mm256_loadu_ps(x + i * kBlockSize + 8)));
  };
  const auto pair = [&](std::size_t i) HWY_ATTR {
    const __m256 a = block(i);
    const __m256 b = block(i + 2);
    return _mm256_max_ps(_mm256_blend_ps(a, b, 0xF0), _mm256_permute2f128_ps(a, b, 0x21));
  };
  const __m256 first = pair(0);
  return MergeQuarters(first, pair(1), kLarger);
}

/// block_scale() of candidates.hpp and what follows from it, from the largest magnitudes before the normalization.
HWY_INLINE void FindBlockScales(const BlockVectors& v, __m256 largest, BlockScales& scales) {
  // The quotient of a division by 6, correctly rounded: the remainder of a first one corrects it.
  const __m256 first = _mm256_mul_ps(largest, v.sixth);
  const __m256 quotient = _mm256_fmadd_ps(_mm256_fnmadd_ps(first, v.six, largest), v.sixth, first);
  const __m256 scale = _mm256_mul_ps(quotient, v.encode);
  const __m256i bits = _mm256_castps_si256(scale);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 20), v.one);
  const __m256i code = _mm256_srai_epi32(_mm256_add_epi32(_mm256_add_epi32(bits, v.round_scale), odd), 20);
  const __m256i none = _mm256_castps_si256(_mm256_cmp_ps(scale, v.zero_scale, _CMP_LE_OQ));
  const __m256i table = _mm256_load_si256(reinterpret_cast<const __m256i*>(v.inverses));
  const __m256i inverse =
      _mm256_sub_epi32(_mm256_permutevar8x32_epi32(table, code), _mm256_slli_epi32(code, 20));
  _mm256_store_si256(reinterpret_cast<__m256i*>(scales.code), _mm256_andnot_si256(none, code));
  _mm256_store_si256(reinterpret_cast<__m256i*>(scales.inverse), _mm256_andnot_si256(none, inverse));
  const auto lanes = [](__m256i mask) HWY_ATTR {
    return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(mask)));
  };
  scales.zero = lanes(none);
  scales.small = lanes(_mm256_cmpgt_epi32(v.normal_scale, code)) & ~scales.zero;
}

/// Words of a pair, by block: word 2 i of a vector belongs to value i, word 2 i + 1 to value i + 8.
struct PairWords {
  __m256i slots[2];
  __m256i fine[2];  ///< magnitudes, times 28 * kFine, without the upper bits
};

/// `inverse`: that of the first block, and four numbers later that of the second.
HWY_INLINE PairWords FindSlots(const BlockVectors& v, const float* HWY_RESTRICT x,
                               const float* HWY_RESTRICT inverse) {
  const __m256 round = _mm256_load_ps(kSlots.round);
  PairWords words;
  for (std::size_t b = 0; b < 2; ++b) {
    const __m256 factor = _mm256_broadcast_ss(inverse + 4 * b);
    __m256i slots[2];
    __m256i fine[2];
    for (std::size_t h = 0; h < 2; ++h) {
      // The sum with 0 makes +0 of -0, as in normalized().
      const __m256 s = _mm256_fmadd_ps(_mm256_loadu_ps(x + kSecond * b + 8 * h), factor, _mm256_setzero_ps());
      const __m256 m = _mm256_and_ps(s, v.magnitude);
      const __m256 integer = _mm256_add_ps(_mm256_mul_ps(m, v.int_steps_per_unit), v.big);
      const __m256 sum = _mm256_add_ps(m, _mm256_permutevar8x32_ps(round, _mm256_castps_si256(integer)));
      slots[h] = _mm256_sign_epi32(_mm256_castps_si256(sum), _mm256_castps_si256(s));
      fine[h] = _mm256_castps_si256(_mm256_fmadd_ps(m, v.fine, v.big));
    }
    words.slots[b] = _mm256_blend_epi16(slots[0], _mm256_slli_epi32(slots[1], 16), 0xAA);
    words.fine[b] = _mm256_blend_epi16(fine[0], _mm256_slli_epi32(fine[1], 16), 0xAA);
  }
  return words;
}

/// With f and g the values of the codes, and s the magnitude, the difference is (f - g) (f + g - 2 s). The second factor is
/// small, so 16 bits hold it although they do not hold its terms.
HWY_INLINE void CompareTypes(const PairWords& words, __m256i& bytes, __m256i& differences) {
  const __m256i zero = _mm256_setzero_si256();
  bytes = _mm256_packs_epi16(words.slots[0], words.slots[1]);
  const __m256i slots = _mm256_abs_epi8(bytes);
  const auto look_up = [&](const std::uint8_t* table) HWY_ATTR {
    return _mm256_shuffle_epi8(_mm256_load_si256(reinterpret_cast<const __m256i*>(table)), slots);
  };
  const __m256i less = look_up(kSlots.less);
  const __m256i more = look_up(kSlots.more);
  const __m256i a = _mm256_madd_epi16(_mm256_unpacklo_epi8(zero, less),
                                      _mm256_sub_epi16(_mm256_unpacklo_epi8(zero, more), words.fine[0]));
  const __m256i b = _mm256_madd_epi16(_mm256_unpackhi_epi8(zero, less),
                                      _mm256_sub_epi16(_mm256_unpackhi_epi8(zero, more), words.fine[1]));
  differences = _mm256_add_epi32(_mm256_blend_epi32(a, b, 0xF0), _mm256_permute2x128_si256(a, b, 0x21));
}

/// Whether INT4 has the smaller error by the specification. `slots`: those of the pair; `second`: which of its blocks.
inline bool IntegersAreBetter(const BlockFactors& f, const float* x, std::int32_t scale, __m256i slots,
                              std::size_t second) {
  alignas(32) std::int8_t bytes[32];
  _mm256_store_si256(reinterpret_cast<__m256i*>(bytes), slots);
  const float step = f.decode * (float_from_bits(static_cast<std::uint32_t>(scale) << 20) * 0x1p120F);
  float floats = 0.0F;
  float integers = 0.0F;
  for (std::size_t i = 0; i < kBlockSize; ++i) {
    float value;
    std::memcpy(&value, x + i, sizeof value);  // a mapped file need not be aligned
    value = (value + 0.0F) * f.normalize;
    const int slot = bytes[i % 8 / 4 * 16 + 8 * second + i % 4 * 2 + i / 8];
    const float float_value = slot < 0 ? -kSlots.floats[-slot] : kSlots.floats[slot];
    const float integer = slot < 0 ? -kSlots.integers[-slot] : kSlots.integers[slot];
    const float float_error = float_value * step - value;
    const float int_error = integer * f.int_step * step - value;
    floats += float_error * float_error;
    integers += int_error * int_error;
  }
  return integers < floats;
}

/// Chooses the types of eight blocks whose scales are all normal numbers or 0, and writes their codes and scales.
HWY_INLINE void WriteBlocks(const BlockFactors& f, const BlockVectors& v, const float* x, BlockScales& scales,
                            const BlockSlots& slots, std::uint8_t* to_codes, std::uint8_t* to_scales) {
  const auto sum = [](__m256 a, __m256 b) HWY_ATTR {
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
  };
  const auto lanes = [](__m256i mask) HWY_ATTR {
    return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(mask)));
  };
  __m256 quarters[kPairs];
  for (std::size_t j = 0; j < kPairs; ++j) quarters[j] = _mm256_castsi256_ps(slots.differences[j]);
  const __m256i difference = _mm256_castps_si256(MergeEighths(
      MergeQuarters(quarters[0], quarters[1], sum), MergeQuarters(quarters[2], quarters[3], sum), sum));
  const __m256i ints = _mm256_cmpgt_epi32(difference, v.doubt);
  unsigned types = lanes(ints);
  unsigned open = lanes(_mm256_cmpgt_epi32(difference, v.less_doubt)) & ~types & ~scales.zero;
  for (; HWY_UNLIKELY(open != 0); open &= open - 1) {
    const auto lane = static_cast<std::size_t>(__builtin_ctz(open));
    const std::size_t pair = lane % kPairs;
    const float* const block = x + kPairStarts[pair] + lane / kPairs * kSecond;
    if (!IntegersAreBetter(f, block, scales.code[lane], slots.bytes[pair], lane / kPairs)) continue;
    types |= 1U << lane;
    scales.code[lane] |= kScaleIntBit;
  }
  const auto join = [&](std::size_t j) HWY_ATTR {
    const auto& codes = kSlots.codes[types >> j & 17U];
    const auto table = [](const std::uint8_t* t)
                           HWY_ATTR { return _mm256_load_si256(reinterpret_cast<const __m256i*>(t)); };
    const __m256i bytes = _mm256_permute4x64_epi64(slots.bytes[j], 0xD8);  // a block in each half
    // A look-up gives 0 for negative numbers.
    const __m256i code = _mm256_or_si256(
        _mm256_shuffle_epi8(table(codes.positive), bytes),
        _mm256_shuffle_epi8(table(codes.negative), _mm256_sub_epi8(_mm256_setzero_si256(), bytes)));
    return _mm256_madd_epi16(code, v.join);
  };
  for (std::size_t j = 0; j < kPairs; j += 2) {
    const __m256i words = _mm256_packus_epi32(join(j), join(j + 1));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to_codes + 16 * j), _mm256_shuffle_epi8(words, v.order));
  }
  const __m256i scale = _mm256_load_si256(reinterpret_cast<const __m256i*>(scales.code));
  const __m256i bytes =
      _mm256_shuffle_epi8(_mm256_or_si256(scale, _mm256_and_si256(ints, v.int_bit)), v.low_bytes);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to_scales),
                   _mm_unpacklo_epi16(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)));
}

/// Codes 8 * `count` blocks of x; their codes and scales follow each other in memory. `following`: how many values follow
/// in memory that will be coded next. code_small(i) has to code the eight blocks from number 8 i on, some of which have
/// subnormal scales. What a step needs was made a step earlier, and what a tile of eight blocks needs one tile earlier, so
/// that few operations wait for their operands.
template <class CodeSmall>
void CodeBlocks(const BlockFactors& f, const float* HWY_RESTRICT x, std::size_t count, std::size_t following,
                std::uint8_t* codes, std::uint8_t* scales, const CodeSmall& code_small) {
  constexpr std::size_t kTile = kBlocks * kBlockSize;
  constexpr std::size_t kAhead =
      10 * kTile;  // far enough for the memory, and near enough for the first cache
  if (count == 0) return;
  const BlockVectors v(f);
  BlockScales all_scales[3];
  BlockSlots all_slots[2];
  BlockScales* previous = all_scales;
  BlockScales* current = all_scales + 1;
  BlockScales* next = all_scales + 2;
  const auto find_scales = [&](__m256 a, __m256 b, BlockScales& to)
                               HWY_ATTR { FindBlockScales(v, MergeEighths(a, b, kLarger), to); };
  const auto write = [&](std::size_t tile) HWY_ATTR {
    if (HWY_UNLIKELY(previous->small != 0)) return code_small(tile);
    WriteBlocks(f, v, x + tile * kTile, *previous, all_slots[tile % 2], codes + tile * kTile / 2,
                scales + tile * kBlocks);
  };
  PairWords words = {};
  find_scales(LargestOfFour(v, x), LargestOfFour(v, x + 4 * kBlockSize), *current);
  for (std::size_t tile = 0; tile < count; ++tile) {
    const float* const now = x + tile * kTile;
    if (following != 0 && (tile + 1) * kTile + kAhead <= count * kTile + following) {
      for (std::size_t i = 0; i < kTile; i += 16) hwy::Prefetch(now + kAhead + i);
    }
    // After the last tile, its scales are found once more, and not used.
    const float* const after = tile + 1 < count ? now + kTile : now;
    BlockSlots& slots = all_slots[tile % 2];
    BlockSlots& before = all_slots[(tile + 1) % 2];
    const auto step = [&](std::size_t j, BlockSlots& done, std::size_t done_pair) HWY_ATTR {
      const PairWords found = words;
      words = FindSlots(v, now + kPairStarts[j], current->inverse + j);
      CompareTypes(found, done.bytes[done_pair], done.differences[done_pair]);
    };
    step(0, before, 3);
    const __m256 largest = LargestOfFour(v, after);
    step(1, slots, 0);
    const __m256 other_largest = LargestOfFour(v, after + 4 * kBlockSize);
    step(2, slots, 1);
    find_scales(largest, other_largest, *next);
    if (tile != 0) write(tile - 1);
    step(3, slots, 2);
    BlockScales* const free = previous;
    previous = current;
    current = next;
    next = free;
  }
  BlockSlots& last = all_slots[(count - 1) % 2];
  CompareTypes(words, last.bytes[3], last.differences[3]);
  write(count - 1);
}

#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
