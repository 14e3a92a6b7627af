#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/quantize/simd_errors.cpp"
// clang-format off
#include "model/simd/simd_targets.hpp"  // before Highway, which asks what it says
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

#include "model/quantize/simd_errors.hpp"

#include <cstring>

#include "model/simd/simd_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

template <class Word>
HWY_INLINE std::uint64_t ReadWord(const std::uint8_t* bytes) {
  Word word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// The codes of 16 values, eight in each word. The bytes are read in words of the machine: a word that is put
/// together in memory would have to wait for its parts.
struct CodeWords {
  std::uint64_t low;
  std::uint64_t high;
};
template <int kBits>
HWY_INLINE CodeWords ReadCodes(const std::uint8_t* codes) {
  if (kBits == 4) return {ReadWord<std::uint32_t>(codes), ReadWord<std::uint32_t>(codes + 4)};
  if (kBits == 3) {
    const std::uint64_t all = ReadWord<std::uint32_t>(codes) | ReadWord<std::uint16_t>(codes + 4) << 32;
    return {all & 0xFFFFFF, all >> 24};
  }
  const std::uint64_t first = ReadWord<std::uint64_t>(codes);
  return {first & 0xFFFFFFFFFFFF, first >> 48 | ReadWord<std::uint32_t>(codes + 8) << 16};
}

#if HWY_TARGET <= HWY_AVX2  // and what has more than AVX2

using DD = hn::Rebind<double, hn::Half<D>>;
using VD = hn::Vec<DD>;
constexpr std::size_t kFloats = hn::MaxLanes(D());
constexpr std::size_t kVectors = kValues / kFloats;

/// The values that the low four bits of each lane of `codes` select from a table of 16.
HWY_INLINE V Select16(const float* HWY_RESTRICT table, VU codes) {
  const D d;
  const DI di;
  const DU du;
  const VU index = hn::And(codes, hn::Set(du, kFloats - 1));
  const V first = hn::TableLookupLanes(hn::Load(d, table), hn::IndicesFromVec(d, hn::BitCast(di, index)));
  if constexpr (kVectors == 1) return first;
  const V second =
      hn::TableLookupLanes(hn::Load(d, table + 8), hn::IndicesFromVec(d, hn::BitCast(di, index)));
  return hn::IfThenElse(hn::RebindMask(d, hn::TestBit(codes, hn::Set(du, 8U))), second, first);
}

/// What the codes of a piece stand for, in vectors.
template <int kBits>
HWY_INLINE void LookUp(const float* HWY_RESTRICT values, CodeWords words, V* HWY_RESTRICT to) {
  const D d;
  const DU du;
  const VU lane = hn::Iota(du, 0);
  for (std::size_t i = 0; i < kVectors; ++i) {
    const std::uint64_t first = i == 0 ? words.low : words.high;
    const std::uint64_t last = kVectors == 1 ? words.high : first;
    VU codes;
    if constexpr (kBits == 6) {
      // Four codes of a word fit in 32 bits.
      const auto quarter = [&](std::uint64_t word, int shift)
                               HWY_ATTR { return hn::Set(du, static_cast<std::uint32_t>(word >> shift)); };
      const auto upper = hn::Ne(hn::And(lane, hn::Set(du, 4U)), hn::Zero(du));
      VU word = hn::IfThenElse(upper, quarter(first, 24), quarter(first, 0));
      if constexpr (kVectors == 1) {
        word = hn::ConcatLowerLower(du, hn::IfThenElse(upper, quarter(last, 24), quarter(last, 0)), word);
      }
      codes = hn::Shr(word, hn::Mul(hn::And(lane, hn::Set(du, 3U)), hn::Set(du, 6U)));
    } else {
      VU word = hn::Set(du, static_cast<std::uint32_t>(first));
      if constexpr (kVectors == 1) {
        word = hn::ConcatLowerLower(du, hn::Set(du, static_cast<std::uint32_t>(last)), word);
      }
      codes = hn::Shr(word, hn::Mul(hn::And(lane, hn::Set(du, 7U)), hn::Set(du, std::uint32_t{kBits})));
    }
    if constexpr (kBits == 3) codes = hn::And(codes, hn::Set(du, 7U));
    to[i] = Select16(values, codes);
    if constexpr (kBits == 6) {
      // All types of 6 bits have a sign and a magnitude of 5 bits.
      const auto large = hn::RebindMask(d, hn::TestBit(codes, hn::Set(du, 16U)));
      const VU sign = hn::ShiftLeft<31>(hn::ShiftRight<5>(codes));
      to[i] = hn::Xor(hn::IfThenElse(large, Select16(values + 16, codes), to[i]), hn::BitCast(d, sign));
    }
  }
}

/// 16 partial sums of noise and of signal.
struct Partials {
  HWY_INLINE Partials() {
    for (VD& sum : noise) sum = hn::Zero(DD());
    for (VD& sum : signal) sum = hn::Zero(DD());
  }

  /// Adds kFloats values, those of vector `i`.
  HWY_INLINE void Add(std::size_t i, V x, V restored) {
    const DD dd;
    const hn::Half<D> half;
    AddHalf(2 * i, hn::PromoteTo(dd, hn::LowerHalf(x)), hn::PromoteTo(dd, hn::LowerHalf(restored)));
    AddHalf(2 * i + 1, hn::PromoteTo(dd, hn::UpperHalf(half, x)),
            hn::PromoteTo(dd, hn::UpperHalf(half, restored)));
  }
  HWY_INLINE void AddHalf(std::size_t i, VD x, VD restored) {
    const VD difference = hn::Sub(x, restored);
    // A product and a sum, each rounded, as without fused operations. The square of an FP32 number is exact.
    noise[i] = hn::Add(noise[i], hn::Mul(difference, difference));
    signal[i] = hn::MulAdd(x, x, signal[i]);
  }
  HWY_INLINE void AddTo(ErrorSums& sums) const {
    HWY_ALIGN double noises[kValues];
    HWY_ALIGN double signals[kValues];
    for (std::size_t i = 0; i < 2 * kVectors; ++i) {
      hn::Store(noise[i], DD(), noises + i * hn::Lanes(DD()));
      hn::Store(signal[i], DD(), signals + i * hn::Lanes(DD()));
    }
    for (std::size_t i = 0; i < kValues; ++i) {
      sums.noise += noises[i];
      sums.signal += signals[i];
    }
  }

  VD noise[2 * kVectors];
  VD signal[2 * kVectors];
};

template <int kBits>
HWY_INLINE void AddPiece(const float* HWY_RESTRICT x, const float* HWY_RESTRICT values,
                         const std::uint8_t* HWY_RESTRICT codes, Partials& partials) {
  const D d;
  V restored[kVectors];
  LookUp<kBits>(values, ReadCodes<kBits>(codes), restored);
  for (std::size_t i = 0; i < kVectors; ++i) partials.Add(i, hn::LoadU(d, x + i * kFloats), restored[i]);
}

#else

/// What the codes of a piece stand for.
template <int kBits>
HWY_INLINE void LookUp(const float* HWY_RESTRICT values, CodeWords words, float* HWY_RESTRICT to) {
  constexpr std::uint64_t kMask = (1U << kBits) - 1;
  for (int i = 0; i < 8; ++i) to[i] = values[words.low >> (kBits * i) & kMask];
  for (int i = 0; i < 8; ++i) to[8 + i] = values[words.high >> (kBits * i) & kMask];
}

/// 16 partial sums of noise and of signal.
struct Partials {
  void AddTo(ErrorSums& sums) const {
    for (std::size_t i = 0; i < kValues; ++i) {
      sums.noise += noise[i];
      sums.signal += signal[i];
    }
  }
  double noise[kValues] = {};
  double signal[kValues] = {};
};

template <int kBits>
HWY_INLINE void AddPiece(const float* HWY_RESTRICT x, const float* HWY_RESTRICT values,
                         const std::uint8_t* HWY_RESTRICT codes, Partials& partials) {
  float at_hand[kValues];
  float restored[kValues];
  std::memcpy(at_hand, x, sizeof at_hand);
  LookUp<kBits>(values, ReadCodes<kBits>(codes), restored);
  for (std::size_t i = 0; i < kValues; ++i) {
    const double value = static_cast<double>(at_hand[i]);
    const double difference = value - static_cast<double>(restored[i]);
    partials.noise[i] += difference * difference;
    partials.signal[i] += value * value;
  }
}

#endif

template <int kBits>
void AddBlocks(const CodeValues& values, const float* x, const std::uint8_t* codes,
               const std::uint8_t* scales, std::size_t blocks, std::size_t pieces, ErrorSums& sums) {
  Partials partials;
  for (std::size_t b = 0; b < blocks; ++b) {
    for (std::size_t p = b * pieces; p < (b + 1) * pieces; ++p) {
      AddPiece<kBits>(x + p * kValues, values.of(scales[b]), codes + p * 2 * kBits, partials);
    }
  }
  partials.AddTo(sums);
}

void AddErrors(int bits, const CodeValues& values, const float* x, const std::uint8_t* codes,
               const std::uint8_t* scales, std::size_t blocks, std::size_t pieces, ErrorSums& sums) {
  if (bits == 3) return AddBlocks<3>(values, x, codes, scales, blocks, pieces, sums);
  if (bits == 4) return AddBlocks<4>(values, x, codes, scales, blocks, pieces, sums);
  AddBlocks<6>(values, x, codes, scales, blocks, pieces, sums);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace if4 {

HWY_EXPORT(AddErrors);

void simd_add_errors(Format format, const CodeValues& values, const float* x, const std::uint8_t* codes,
                     const std::uint8_t* scales, std::size_t blocks, ErrorSums& sums) {
  HWY_DYNAMIC_DISPATCH(AddErrors)
  (traits(format).code_bits, values, x, codes, scales, blocks, block_size(format) / kBlockSize, sums);
}

}  // namespace if4
#endif
