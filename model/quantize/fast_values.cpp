// How the fast quantizer reads values: converted to FP32, transposed and rotated, and the largest of them.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "model/core/error.hpp"
#include "model/core/float_bits.hpp"
#include "model/core/parallel.hpp"
#include "model/quantize/fast_parts.hpp"
#include "model/quantize/fast_quantizer.hpp"
#include "model/simd/rotation.hpp"
#include "model/simd/simd_values.hpp"

namespace if4 {

// Converts `count` values of the tensor to FP32, from number `from` on in the order in which they
// are in memory.
void FastQuantizer::convert(std::size_t from, std::size_t count, float* to) const {
  if (view_.dtype == DType::kF32) {
    std::memcpy(to, static_cast<const std::uint8_t*>(view_.data) + from * sizeof(float),
                count * sizeof(float));
    return;
  }
  const auto* half = static_cast<const std::uint16_t*>(view_.data) + from;
  if (view_.dtype == DType::kBF16) {
    simd_from_bfloat16(half, count, to);
  } else {
    simd_from_half(half, count, to);
  }
}

std::uint32_t FastQuantizer::largest_bits() const {
  const std::size_t count = rows_ * columns_;
  std::vector<std::uint32_t> parts(divided_up(count, kLargestValues));
  parallel_for(parts.size(), threads_, [&](std::size_t i) {
    const std::size_t first = i * kLargestValues;
    const std::size_t part = std::min(kLargestValues, count - first);
    if (view_.dtype == DType::kF32) {
      parts[i] = simd_largest(static_cast<const float*>(view_.data) + first, part);
      return;
    }
    const std::uint16_t largest = simd_largest(static_cast<const std::uint16_t*>(view_.data) + first, part);
    parts[i] = float_bits(view_.dtype == DType::kBF16 ? bfloat16_to_float(largest) : half_to_float(largest));
  });
  std::uint32_t largest = 0;
  for (const std::uint32_t part : parts) largest = std::max(largest, part);
  return largest;
}

void FastQuantizer::fail_not_finite() const {
  std::array<float, kBandValues> values{};
  const std::size_t count = rows_ * columns_;
  for (std::size_t first = 0; first < count; first += values.size()) {
    const std::size_t part = std::min(values.size(), count - first);
    // convert() will not do here: it takes all F16 values for finite.
    for (std::size_t i = 0; i < part; ++i) {
      const auto* bytes = static_cast<const std::uint8_t*>(view_.data);
      std::uint16_t half = 0;
      if (view_.dtype == DType::kF32) {
        std::memcpy(&values[i], bytes + (first + i) * sizeof(float), sizeof(float));
      } else {
        std::memcpy(&half, bytes + (first + i) * sizeof half, sizeof half);
        values[i] = view_.dtype == DType::kBF16 ? bfloat16_to_float(half) : half_to_float(half);
      }
      if (!std::isfinite(values[i])) {
        throw InputError(not_finite(first + i, values[i]));
      }
    }
  }
  throw InputError("a value of the tensor is not finite");
}

void FastQuantizer::fetch(std::size_t row, std::size_t rows, std::size_t first, std::size_t count, float* to,
                          std::size_t stride) const {
  for (std::size_t r = 0; r < rows; ++r) convert((row + r) * columns_ + first, count, to + r * stride);
}

// Reads along the rows of a matrix in memory, which become columns.
void FastQuantizer::fetch_transposed(std::size_t row, std::size_t rows, std::size_t first, std::size_t count,
                                     float* to, std::size_t stride) const {
  std::array<float, kBandValues * kBandRows> values{};
  static_assert(kBandRows == kPiece, "a row of a band is what simd_transpose() takes");
  const std::size_t matrix = row / matrix_rows_ * matrix_rows_ * columns_;
  for (std::size_t c = 0; c < count; ++c) {
    convert(matrix + (first + c) * matrix_rows_ + row % matrix_rows_, rows, values.data() + c * kBandRows);
  }
  simd_transpose(values.data(), count, to, stride);
}

// Reads value by value where small transposed matrices are flattened into rows.
void FastQuantizer::fetch_gathered(std::size_t row, std::size_t rows, std::size_t first, std::size_t count,
                                   float* to, std::size_t stride) const {
  const std::size_t width = shape_[shape_.size() - 1];
  const std::size_t height = shape_[shape_.size() - 2];
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < count; ++c) {
      const std::size_t at = (row + r) * columns_ + first + c;
      const std::size_t in_matrix = at % (width * height);
      const std::size_t from = at - in_matrix + in_matrix % width * height + in_matrix / width;
      convert(from, 1, to + r * stride + c);
    }
  }
}

// simd_rotate(), or rotate() where sums could overflow.
void FastQuantizer::rotate_pieces(float* x, std::size_t pieces) const {
  if (!huge_) return simd_rotate(x, pieces, gentle_);
  for (float* const end = x + pieces * kPiece; x != end; x += kPiece) {
    BlockValues values{};
    std::copy_n(x, kPiece, values.begin());
    values = rotate(values);
    std::copy_n(values.begin(), kPiece, x);
  }
}

// Goes through a band of rows, kBandValues columns at a time: visit(row, rows, first column, padded columns,
// values) gets the values of each step, filled up to whole blocks with zeros, with kBandValues floats for
// each row. `rotated`: where that is an option.
void FastQuantizer::visit_band(std::size_t part, bool rotated, const BandVisit& visit) const {
  std::array<float, kBandRows * kBandValues> x;
  const std::size_t row = first_row(part);
  const std::size_t rows = first_row(part + 1) - row;
  for (std::size_t first = 0; first < columns_; first += kBandValues) {
    const std::size_t count = std::min(kBandValues, columns_ - first);
    const std::size_t padded = divided_up(count, block_size(options_.format)) * block_size(options_.format);
    for (std::size_t r = 0; r < rows; ++r) {
      std::fill_n(x.data() + r * kBandValues + count, padded - count, 0.0F);
    }
    if (options_.transpose && flattened_) {
      fetch_gathered(row, rows, first, count, x.data(), kBandValues);
    } else if (options_.transpose) {
      fetch_transposed(row, rows, first, count, x.data(), kBandValues);
    } else {
      fetch(row, rows, first, count, x.data(), kBandValues);
    }
    if (options_.rotate && rotated) {
      for (std::size_t r = 0; r < rows; ++r) rotate_pieces(x.data() + r * kBandValues, padded / kPiece);
    }
    visit(row, rows, first, padded, x.data());
  }
}

// The largest rotated value, and how values are rotated. Values that are not gentle are gone through twice more: for the
// largest, and for the largest rotated one.
std::uint32_t FastQuantizer::find_largest_rotated() {
  const RotationExtremes extremes = rotation_extremes();
  gentle_ = extremes.gentle();
  // NaN and infinity of F16 are converted to 65536 and more, and no value of a piece is above its largest sum.
  const bool in_doubt = view_.dtype == DType::kF16 && extremes.largest >= float_bits(0x1p15F);
  if (gentle_ && !in_doubt) return extremes.rotated();
  const std::uint32_t largest = largest_bits();
  if (largest >= kInfinityBits) return largest;
  if (gentle_) return extremes.rotated();
  huge_ = float_from_bits(largest) >= kRotationLimit;
  const std::uint32_t rotated = largest_rotated_bits();
  if (rotated >= kInfinityBits) throw InputError("a value of the rotated tensor is beyond the range of BF16");
  return rotated;
}

RotationExtremes FastQuantizer::rotation_extremes() const {
  // Rows are multiples of 16 long, so that pieces follow each other in memory unless it is transposed.
  const std::size_t count = rows_ * columns_;
  const std::size_t units = options_.transpose ? parts_ : divided_up(count, kLargestValues);
  std::vector<RotationExtremes> found(units);
  parallel_for(units, threads_, [&](std::size_t unit) {
    if (options_.transpose) {
      visit_band(unit, false,
                 [&](std::size_t, std::size_t rows, std::size_t, std::size_t padded, const float* x) {
                   for (std::size_t r = 0; r < rows; ++r) {
                     simd_rotation_extremes(x + r * kBandValues, padded / kPiece, found[unit]);
                   }
                 });
      return;
    }
    const std::size_t end = std::min((unit + 1) * kLargestValues, count);
    std::array<float, kFlatValues> converted;
    for (std::size_t first = unit * kLargestValues; first < end; first += kFlatValues) {
      const std::size_t part = std::min(kFlatValues, end - first);
      const float* x = converted.data();
      if (view_.dtype == DType::kF32) {
        x = static_cast<const float*>(view_.data) + first;
      } else {
        convert(first, part, converted.data());
      }
      simd_rotation_extremes(x, part / kPiece, found[unit]);
    }
  });
  RotationExtremes all;
  for (const RotationExtremes& one : found) {
    all.largest = std::max(all.largest, one.largest);
    all.smallest = std::min(all.smallest, one.smallest);
  }
  return all;
}

std::uint32_t FastQuantizer::largest_rotated_bits() const {
  std::vector<std::uint32_t> parts(parts_);
  parallel_for(parts_, threads_, [&](std::size_t part) {
    if (!flat_) {
      visit_band(part, true,
                 [&](std::size_t, std::size_t rows, std::size_t, std::size_t padded, const float* x) {
                   for (std::size_t r = 0; r < rows; ++r) {
                     parts[part] = std::max(parts[part], simd_largest(x + r * kBandValues, padded));
                   }
                 });
      return;
    }
    std::array<float, kFlatValues> x;
    const std::size_t first = part * kFlatValues;
    const std::size_t count = std::min(kFlatValues, rows_ * columns_ - first);
    convert(first, count, x.data());
    rotate_pieces(x.data(), count / kPiece);
    parts[part] = simd_largest(x.data(), count);
  });
  std::uint32_t largest = 0;
  for (const std::uint32_t part : parts) largest = std::max(largest, part);
  return largest;
}

}  // namespace if4
