#include "model/quantize/fast_quantizer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "model/core/float_bits.hpp"
#include "model/core/parallel.hpp"
#include "model/quantize/rotation.hpp"
#include "model/quantize/simd_values.hpp"

namespace if4 {
namespace {

constexpr std::size_t kPiece = kBlockSize;
/// Values of a part that is a number of blocks: 16 KB of FP32, which stay in the first cache.
constexpr std::size_t kFlatValues = 4096;
/// Parts that a thread takes at a time. They follow each other in memory, which is read fastest in order.
constexpr std::size_t kRun = 16;
/// Rows of a part that is a band of rows, and the values that are taken of each row at a time.
constexpr std::size_t kBandRows = 16;
constexpr std::size_t kBandValues = 256;
/// Values in which a thread looks for the largest magnitude at a time.
constexpr std::size_t kLargestValues = std::size_t{1} << 16;
constexpr std::uint32_t kInfinityBits = 0x7F800000;

std::size_t divided_up(std::size_t a, std::size_t b) { return a / b + (a % b != 0 ? 1 : 0); }

}  // namespace

TensorView view_of(const Tensor& tensor) {
  check_size(tensor);
  return {tensor.shape, DType::kF32, tensor.values.data()};
}

FastQuantizer::FastQuantizer(const TensorView& view, const QuantizeOptions& options, unsigned threads)
    : view_(view), options_(options), threads_(thread_count(threads)), shape_(view.shape) {
  check_options(view.shape, options);
  if (options.transpose) shape_ = transposed(view.shape);
  QuantizedTensor result;  // only its rows are asked for
  result.shape = shape_;
  result.flattened = flattened_ = flattens(options.format, shape_);
  rows_ = result.rows();
  columns_ = result.columns();
  const bool by_matrix = (options.transpose || options.square) && !flattened_ && shape_.size() > 2;
  matrix_rows_ = by_matrix ? shape_[shape_.size() - 2] : rows_;
  blocks_per_row_ = divided_up(columns_, block_size(options.format));
  flat_ = !options.transpose && !options.square && columns_ % block_size(options.format) == 0;
  if (rows_ * columns_ != 0) {
    parts_ = flat_ ? divided_up(rows_ * columns_, kFlatValues)
                   : rows_ / matrix_rows_ * divided_up(matrix_rows_, kBandRows);
  }

  std::uint32_t bits = largest_bits();
  if (bits >= kInfinityBits) fail_not_finite();
  if (options.rotate) {
    huge_ = float_from_bits(bits) >= kRotationLimit;
    bits = largest_rotated_bits();
    if (bits >= kInfinityBits) throw InputError("a value of the rotated tensor is beyond the range of BF16");
  }
  amax_ = float_from_bits(bits);
  zero_ = amax_ == 0.0F;
  if (!zero_) params_ = kernel_params(options, amax_);
  if (traits(options.format).scale_code == ScaleCode::kE8M0) amax_ = 1.0F;
  if (!zero_) meter_.emplace(options.format, amax_);
}

std::size_t FastQuantizer::blocks_before(std::size_t part) const {
  if (flat_) return std::min(part * (kFlatValues / block_size(options_.format)), rows_ * blocks_per_row_);
  return first_row(part) * blocks_per_row_;
}

// The first row of a part that is a band; with the number of parts, the number of rows.
std::size_t FastQuantizer::first_row(std::size_t part) const {
  if (parts_ == 0) return 0;
  const std::size_t bands = divided_up(matrix_rows_, kBandRows);
  return part / bands * matrix_rows_ + part % bands * kBandRows;
}

std::size_t FastQuantizer::scale_bytes(std::size_t first, std::size_t last) const {
  return blocks_before(last) - blocks_before(first);
}

std::size_t FastQuantizer::code_bytes(std::size_t first, std::size_t last) const {
  return scale_bytes(first, last) * if4::code_bytes(options_.format);
}

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
  std::array<float, kBandRows> values{};
  const std::size_t matrix = row / matrix_rows_ * matrix_rows_ * columns_;
  for (std::size_t c = 0; c < count; ++c) {
    convert(matrix + (first + c) * matrix_rows_ + row % matrix_rows_, rows, values.data());
    for (std::size_t r = 0; r < rows; ++r) to[r * stride + c] = values[r];
  }
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
  if (!huge_) return simd_rotate(x, pieces);
  for (float* const end = x + pieces * kPiece; x != end; x += kPiece) {
    BlockValues values{};
    std::copy_n(x, kPiece, values.begin());
    values = rotate(values);
    std::copy_n(values.begin(), kPiece, x);
  }
}

// Goes through a band of rows, kBandValues columns at a time: visit(row, rows, first column, padded columns,
// values) gets the values of each step, filled up to whole blocks with zeros, with kBandValues floats for
// each row.
template <class Visit>
void FastQuantizer::visit_band(std::size_t part, const Visit& visit) const {
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
    if (options_.rotate) {
      for (std::size_t r = 0; r < rows; ++r) rotate_pieces(x.data() + r * kBandValues, padded / kPiece);
    }
    visit(row, rows, first, padded, x.data());
  }
}

std::uint32_t FastQuantizer::largest_rotated_bits() const {
  std::vector<std::uint32_t> parts(parts_);
  parallel_for(parts_, threads_, [&](std::size_t part) {
    if (!flat_) {
      visit_band(part, [&](std::size_t, std::size_t rows, std::size_t, std::size_t padded, const float* x) {
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

void FastQuantizer::encode_flat(std::size_t part, std::size_t last, std::uint8_t* codes, std::uint8_t* scales,
                                ErrorSums* errors) const {
  std::array<float, kFlatValues> converted;
  const std::size_t first = part * kFlatValues;
  const std::size_t count = std::min(kFlatValues, rows_ * columns_ - first);
  KernelJob job;
  job.x = static_cast<const float*>(view_.data) + first;
  if (view_.dtype != DType::kF32 || options_.rotate) {
    convert(first, count, converted.data());
    if (options_.rotate) rotate_pieces(converted.data(), count / kPiece);
    job.x = converted.data();
  } else {
    job.following = scale_bytes(part + 1, last);
  }
  const std::size_t pieces_per_block = block_size(options_.format) / kPiece;
  job.rows = pieces_per_block;
  job.stride = pieces_per_block;
  job.row_values = kPiece;
  job.row_code_bytes = if4::code_bytes(options_.format) / pieces_per_block;
  job.pieces = count / block_size(options_.format);
  job.position = first / kPiece;
  job.row_pieces = 1;
  job.codes = codes;
  job.scales = scales;
  kernel_encode(params_, job);
  if (errors != nullptr) meter_->add(job.x, codes, scales, job.pieces, *errors);
}

void FastQuantizer::encode_band(std::size_t part, std::uint8_t* codes, std::uint8_t* scales,
                                ErrorSums* errors) const {
  const std::size_t size = block_size(options_.format);
  const std::size_t pieces_per_block = size / kPiece;
  const std::size_t bytes = if4::code_bytes(options_.format);
  visit_band(part,
             [&](std::size_t row, std::size_t rows, std::size_t first, std::size_t padded, const float* x) {
               const std::size_t block = first / size;
               KernelJob job;
               job.pieces = padded / size;
               const auto place = [&](std::size_t r) {
                 job.x = x + r * kBandValues;
                 job.position = ((row + r) * blocks_per_row_ + block) * pieces_per_block;
                 job.codes = codes + (r * blocks_per_row_ + block) * bytes;
                 job.scales = scales + r * blocks_per_row_ + block;
               };
               if (options_.square) {
                 place(0);
                 job.rows = rows;
                 job.row_values = kBandValues;
                 job.row_pieces = blocks_per_row_;
                 job.row_code_bytes = blocks_per_row_ * bytes;
                 kernel_encode(params_, job);
                 for (std::size_t r = 1; r < rows; ++r) {
                   std::memcpy(scales + r * blocks_per_row_ + block, job.scales, job.pieces);
                 }
               } else {
                 job.rows = pieces_per_block;
                 job.stride = pieces_per_block;
                 job.row_values = kPiece;
                 job.row_pieces = 1;
                 job.row_code_bytes = bytes / pieces_per_block;
                 for (std::size_t r = 0; r < rows; ++r) {
                   place(r);
                   kernel_encode(params_, job);
                 }
               }
               if (errors == nullptr) return;
               for (std::size_t r = 0; r < rows; ++r) {
                 place(r);
                 meter_->add(job.x, job.codes, job.scales, job.pieces, *errors);
               }
             });
}

void FastQuantizer::encode(std::size_t first, std::size_t last, std::uint8_t* codes, std::uint8_t* scales,
                           ErrorSums* errors) const {
  if (zero_) {
    const std::size_t blocks = scale_bytes(first, last);
    std::fill_n(codes, code_bytes(first, last), std::uint8_t{0});
    std::fill_n(scales, blocks, std::uint8_t{0});
    if (errors == nullptr) return;
    errors->blocks += blocks;
    if (element_type(options_.format, 0) == ElementType::kInt) errors->int_blocks += blocks;
    return;
  }
  // The sums of the parts are added in order at the end, as sums of doubles depend on the order.
  std::vector<ErrorSums> sums(errors == nullptr ? 0 : last - first);
  parallel_for(divided_up(last - first, kRun), threads_, [&](std::size_t run) {
    const std::size_t end = std::min((run + 1) * kRun, last - first);
    for (std::size_t i = run * kRun; i < end; ++i) {
      const std::size_t part = first + i;
      std::uint8_t* const part_codes = codes + code_bytes(first, part);
      std::uint8_t* const part_scales = scales + scale_bytes(first, part);
      ErrorSums* const part_errors = errors == nullptr ? nullptr : &sums[i];
      if (flat_) {
        encode_flat(part, last, part_codes, part_scales, part_errors);
      } else {
        encode_band(part, part_codes, part_scales, part_errors);
      }
    }
  });
  for (const ErrorSums& part : sums) *errors += part;
}

QuantizedTensor quantize_fast(const TensorView& view, const QuantizeOptions& options, unsigned threads) {
  const FastQuantizer quantizer(view, options, threads);
  QuantizedTensor result = make_quantized(options.format, quantizer.shape());
  result.amax = quantizer.amax();
  quantizer.encode(0, quantizer.parts(), result.codes.data(), result.scales.data());
  return result;
}

}  // namespace if4
