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
#include "model/quantize/fast_parts.hpp"
#include "model/simd/rotation.hpp"
#include "model/simd/simd_values.hpp"

namespace if4 {
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

  const std::uint32_t bits = options.rotate ? find_largest_rotated() : largest_bits();
  if (bits >= kInfinityBits) fail_not_finite();
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

void FastQuantizer::encode_flat(std::size_t part, std::size_t last, std::uint8_t* codes, std::uint8_t* scales,
                                ErrorSums* errors) const {
  std::array<float, kFlatValues> converted;
  const std::size_t first = part * kFlatValues;
  const std::size_t count = std::min(kFlatValues, rows_ * columns_ - first);
  KernelJob job;
  job.rotated = gentle_ && view_.dtype == DType::kF32 && errors == nullptr;
  if (view_.dtype != DType::kF32 || (options_.rotate && !job.rotated)) {
    convert(first, count, converted.data());
    if (options_.rotate) rotate_pieces(converted.data(), count / kPiece);
    job.x = converted.data();
  } else {
    job.x = static_cast<const float*>(view_.data) + first;
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
  if (options_.square && !options_.transpose && !options_.rotate && columns_ % kPiece == 0 &&
      view_.dtype == DType::kF32) {
    const std::size_t row = first_row(part);
    return encode_columns(part, row, 0, static_cast<const float*>(view_.data) + row * columns_, columns_,
                          columns_, {codes, scales, errors});
  }
  visit_band(part, true,
             [&](std::size_t row, std::size_t, std::size_t first, std::size_t padded, const float* x) {
               encode_columns(part, row, first, x, padded, kBandValues, {codes, scales, errors});
             });
}

// Codes `padded` columns of a band, which begins with the row `row`, from column `first` on. `x` has `row_values` floats
// for each row.
void FastQuantizer::encode_columns(std::size_t part, std::size_t row, std::size_t first, const float* x,
                                   std::size_t padded, std::size_t row_values, const Output& output) const {
  const std::size_t size = block_size(options_.format);
  const std::size_t pieces_per_block = size / kPiece;
  const std::size_t bytes = if4::code_bytes(options_.format);
  const std::size_t rows = first_row(part + 1) - row;
  const std::size_t block = first / size;
  KernelJob job;
  job.pieces = padded / size;
  const auto place = [&](std::size_t r) {
    job.x = x + r * row_values;
    job.position = ((row + r) * blocks_per_row_ + block) * pieces_per_block;
    job.codes = output.codes + (r * blocks_per_row_ + block) * bytes;
    job.scales = output.scales + r * blocks_per_row_ + block;
  };
  if (options_.square) {
    place(0);
    job.rows = rows;
    job.row_values = row_values;
    job.row_pieces = blocks_per_row_;
    job.row_code_bytes = blocks_per_row_ * bytes;
    kernel_encode(params_, job);
    for (std::size_t r = 1; r < rows; ++r) {
      std::memcpy(job.scales + r * blocks_per_row_, job.scales, job.pieces);
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
  if (output.errors == nullptr) return;
  for (std::size_t r = 0; r < rows; ++r) {
    place(r);
    meter_->add(job.x, job.codes, job.scales, job.pieces, *output.errors);
  }
}

// Codes parts of a transposed tensor from its memory, and returns how many, from the first one on: those of one matrix
// that have all rows of a band. None where that is not possible, or no faster.
std::size_t FastQuantizer::encode_transposed(std::size_t first, std::size_t last, std::uint8_t* codes,
                                             std::uint8_t* scales) const {
  const bool whole = view_.dtype == DType::kF32 && !flattened_ && columns_ % kPiece == 0;
  if (!options_.transpose || options_.square || options_.rotate || !whole) return 0;
  const std::size_t row = first_row(first);
  const std::size_t column = row % matrix_rows_;  // of the matrix in memory
  static_assert(kRun * kBandRows <= ColumnsJob::kMaxColumns, "a run of parts is at most a job of columns");
  const std::size_t parts = std::min(last - first, (matrix_rows_ - column) / kBandRows);
  if (parts == 0) return 0;
  ColumnsJob job;
  job.x = static_cast<const float*>(view_.data) + (row - column) * columns_ + column;
  job.row_values = matrix_rows_;
  job.columns = parts * kBandRows;
  job.blocks = blocks_per_row_;
  job.codes = codes;
  job.column_code_bytes = blocks_per_row_ * if4::code_bytes(options_.format);
  job.scales = scales;
  job.column_scales = blocks_per_row_;
  return kernel_encode_columns(params_, job) ? parts : 0;
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
    std::size_t i = run * kRun;
    if (errors == nullptr) {
      i += encode_transposed(first + i, first + end, codes + code_bytes(first, first + i),
                             scales + scale_bytes(first, first + i));
    }
    for (; i < end; ++i) {
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
