// Codes 2-D blocks and transposed matrices as IF4 with the least squared error, by the means of fast_pairs-inl.hpp.
// Compiled once for each instruction set, and empty for those that have less.
#if defined(IF4_MODEL_FAST_SQUARES_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef IF4_MODEL_FAST_SQUARES_INL_HPP_
#undef IF4_MODEL_FAST_SQUARES_INL_HPP_
#else
#define IF4_MODEL_FAST_SQUARES_INL_HPP_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "model/quantize/fast_pairs-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4 {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET <= HWY_AVX3_DL  // and what has more than that

/// Asks for memory, so that it is in the second cache when it is used. Rows that lie a power of two apart share a place
/// in the first cache, which has no room for 16 of them.
HWY_INLINE void FetchSoon(const void* memory, std::size_t bytes) {
  constexpr std::size_t kLine = 64;
  const auto* const at = static_cast<const std::uint8_t*>(memory);
  for (std::size_t i = 0; i < bytes; i += kLine) __builtin_prefetch(at + i, 0, 2);
}

/// Loads a tile of columns, and returns its largest magnitudes, normalized. Its rows are vectors already.
HWY_INLINE V LoadColumnTile(const KernelParams& p, const ColumnsJob& job, std::size_t block,
                            std::size_t tile_number, RawTile& tile) {
  const float* const x = job.x + block * kValues * job.row_values + tile_number * kMaxLanes;
  const bool more = block + 1 < job.blocks;  // of these columns, whose next blocks are fetched
  __m512 largest[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  for (std::size_t i = 0; i < kValues; ++i) {
    const __m512 v = _mm512_loadu_ps(x + i * job.row_values);
    if (more) FetchSoon(x + (kValues + i) * job.row_values, kMaxLanes * sizeof(float));
    _mm512_store_ps(tile.x + i * kMaxLanes, v);
    largest[i % 2] = _mm512_range_ps(largest[i % 2], v, 0x0B);  // the larger magnitude
  }
  return hn::Mul(V{_mm512_range_ps(largest[0], largest[1], 0x0B)}, hn::Set(D(), p.normalize));
}

/// Codes and scales of columns until there is a line of the cache of each.
struct ColumnStage {
  static constexpr std::size_t kBlocks = 8;

  void Put(std::size_t tile, std::size_t block, const CodedTile& coded) {
    _mm512_store_si512(words[tile][2 * block], coded.words[0]);
    _mm512_store_si512(words[tile][2 * block + 1], coded.words[1]);
    _mm_store_si128(reinterpret_cast<__m128i*>(scales[tile][block]), _mm512_cvtepi32_epi8(coded.scales));
  }

  /// Writes `deep` blocks of the columns of a tile, which are those from `first` on.
  void Write(const ColumnsJob& job, std::size_t tile, std::size_t first, std::size_t deep) const {
    std::uint8_t* const codes = job.codes + tile * kMaxLanes * job.column_code_bytes + 8 * first;
    // A line is words of 32 bits, which a transposition moves as well as numbers. Whole lines go past the caches, which
    // would read them first.
    TransposeTo(reinterpret_cast<const float*>(words[tile]), [&](V line, std::size_t column) HWY_ATTR {
      std::uint8_t* const to = codes + column * job.column_code_bytes;
      if (deep == kBlocks && reinterpret_cast<std::uintptr_t>(to) % 64 == 0) {
        _mm512_stream_si512(reinterpret_cast<__m512i*>(to), _mm512_castps_si512(line.raw));
      } else {
        _mm512_mask_storeu_epi64(to, static_cast<__mmask8>((1U << deep) - 1), _mm512_castps_si512(line.raw));
      }
    });
    std::uint8_t* const to = job.scales + tile * kMaxLanes * job.column_scales + first;
    for (std::size_t column = 0; column < kMaxLanes; ++column) {
      std::uint8_t line[kBlocks];
      for (std::size_t block = 0; block < kBlocks; ++block) line[block] = scales[tile][block][column];
      std::memcpy(to + column * job.column_scales, line, deep);
    }
  }

  alignas(64) std::uint32_t words[ColumnsJob::kMaxColumns / kMaxLanes][2 * kBlocks][kMaxLanes] = {};
  alignas(64) std::uint8_t scales[ColumnsJob::kMaxColumns / kMaxLanes][kBlocks][kMaxLanes] = {};
};

/// Codes the 2-D blocks of a job of 16 rows, 16 blocks at a time; blocks that are left over are for the caller. Calls
/// encode(first) for 16 blocks that have small scales.
template <class Encode>
HWY_INLINE void EncodeSquares(const KernelParams& p, const KernelJob& job, const Encode& encode) {
  // Each row may be as far from the exact difference as a block of fast_pairs-inl.hpp, and the sum of 16 is below 2^16,
  // so that its roundings, of 2^-8 at most, are in what is left.
  constexpr float kDoubt = kValues * kPairDoubt;
  const PairParams pairs(p);
  RawTile tiles[kValues];
  PairedTile paired[kValues];
  for (std::size_t piece = 0; piece + kMaxLanes <= job.pieces; piece += kMaxLanes) {
    V largest = hn::Zero(D());
    for (std::size_t r = 0; r < kValues; ++r) {
      const float* const x = job.x + r * job.row_values + piece * kValues;
      largest = hn::Max(largest, LoadRawTile<false>(p, x, tiles[r]));
    }
    FindRawScales(pairs, largest, tiles[0]);
    if (HWY_UNLIKELY(HasSmallScales(tiles[0]))) {
      encode(piece);
      continue;
    }
    const __m512i scale = _mm512_load_si512(tiles[0].scale);
    const __m512 inverse = _mm512_load_ps(tiles[0].inverse);
    __m512 difference = _mm512_setzero_ps();
    for (std::size_t r = 0; r < kValues; ++r) {
      _mm512_store_si512(tiles[r].scale, scale);
      _mm512_store_ps(tiles[r].inverse, inverse);
      PairCodes<false>(p, tiles[r], paired[r]);
      difference = _mm512_add_ps(difference, paired[r].difference);
      if (piece + 2 * kMaxLanes <= job.pieces) {
        FetchSoon(job.x + r * job.row_values + (piece + kMaxLanes) * kValues,
                  kMaxLanes * kValues * sizeof(float));
      }
    }
    const __mmask16 ints = ChooseTypes(scale, difference, kDoubt, [&](std::size_t lane) {
      PairErrors total;
      for (std::size_t r = 0; r < kValues; ++r) {
        const PairErrors row = PairErrorsOf(p, tiles[r], paired[r], lane);
        total.floats += row.floats;
        total.integers += row.integers;
      }
      return total.integers < total.floats;
    });
    for (std::size_t r = 0; r < kValues; ++r) {
      const CodedTile coded = PairWords(scale, paired[r], ints);
      std::uint8_t* const codes = job.codes + r * job.row_code_bytes + piece * 8;
      if (r == 0) {
        StoreTile(coded, codes, job.scales + piece);
      } else {
        StoreTileCodes(coded, codes);
      }
    }
  }
}

#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4
HWY_AFTER_NAMESPACE();

#endif  // a guard
