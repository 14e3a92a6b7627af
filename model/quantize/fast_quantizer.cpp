#include "model/quantize/fast_quantizer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "model/core/parallel.hpp"
#include "model/quantize/simd_values.hpp"

namespace if4 {
namespace {

constexpr std::size_t kLanes = kBlockSize;
/// Of a unit where rows do not matter: 16 KB of FP32, which stay in the first cache.
constexpr std::size_t kFlatValues = 4096;
/// Units that a thread takes at a time: what it reads stays in order, as the memory likes it.
constexpr std::size_t kRun = 16;
/// Rows of a unit where they do, and values that it takes of each at a time.
constexpr std::size_t kBandRows = 16;
constexpr std::size_t kBandValues = 256;
/// Values that a thread searches for the largest at a time.
constexpr std::size_t kLargestValues = std::size_t{1} << 16;
constexpr std::uint32_t kInfinityBits = 0x7F800000;

std::size_t divided_up(std::size_t a, std::size_t b) { return a / b + (a % b != 0 ? 1 : 0); }

float from_bits(std::uint32_t bits) {
  float value = 0.0F;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace

TensorView view_of(const Tensor& tensor) {
  const std::size_t expected = tensor.rows() * tensor.columns();
  if (tensor.values.size() != expected) {
    throw InputError("tensor of shape " + to_string(tensor.shape) + " has " +
                     std::to_string(tensor.values.size()) + " values, not " + std::to_string(expected));
  }
  return {tensor.shape, DType::kF32, tensor.values.data()};
}

FastQuantizer::FastQuantizer(const TensorView& view, const QuantizeOptions& options, unsigned threads)
    : view_(view), options_(options), threads_(thread_count(threads)), shape_(view.shape) {
  check_options(view.shape, options);
  if (options.transpose) shape_ = {column_count(view.shape), row_count(view.shape)};
  rows_ = row_count(shape_);
  columns_ = column_count(shape_);
  blocks_per_row_ = divided_up(columns_, block_size(options.format));
  flat_ = !options.transpose && !options.square && columns_ % block_size(options.format) == 0;
  units_ = flat_ ? divided_up(rows_ * columns_, kFlatValues) : divided_up(rows_, kBandRows);
  if (columns_ == 0) units_ = 0;

  std::uint32_t bits = largest_bits();
  if (bits >= kInfinityBits) fail_not_finite();
  if (options.rotate) {
    bits = largest_rotated_bits();
    if (bits >= kInfinityBits) throw InputError("a value of the rotated tensor is beyond the range of BF16");
  }
  amax_ = from_bits(bits);
  zero_ = amax_ == 0.0F;
  if (!zero_) params_ = kernel_params(options, amax_);
  scale_ = static_cast<double>(params_.normalize);
  if (traits(options.format).scale_code == ScaleCode::kE8M0) amax_ = 1.0F;
}

std::size_t FastQuantizer::blocks_before(std::size_t unit) const {
  if (flat_) return std::min(unit * (kFlatValues / block_size(options_.format)), rows_ * blocks_per_row_);
  return std::min(unit * kBandRows, rows_) * blocks_per_row_;
}

std::size_t FastQuantizer::scale_bytes(std::size_t first, std::size_t last) const {
  return blocks_before(last) - blocks_before(first);
}

std::size_t FastQuantizer::code_bytes(std::size_t first, std::size_t last) const {
  return scale_bytes(first, last) * if4::code_bytes(options_.format);
}

// Values `from` and the `count` that follow it in the tensor as it came.
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
    const float value = view_.dtype == DType::kBF16 ? bfloat16_to_float(largest) : half_to_float(largest);
    std::memcpy(&parts[i], &value, sizeof value);
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
    // Not convert(): it takes F16 for finite.
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
        throw InputError("value " + std::to_string(first + i) +
                         (std::isnan(values[i]) ? " is NaN" : " is infinite"));
      }
    }
  }
  throw InputError("a value of the tensor is not finite");
}

void FastQuantizer::fetch(std::size_t row, std::size_t rows, std::size_t first, std::size_t count, float* to,
                          std::size_t stride) const {
  for (std::size_t r = 0; r < rows; ++r) convert((row + r) * columns_ + first, count, to + r * stride);
}

// Reads along the rows that are there, which become columns.
void FastQuantizer::fetch_transposed(std::size_t row, std::size_t rows, std::size_t first, std::size_t count,
                                     float* to, std::size_t stride) const {
  std::array<float, kBandRows> values{};
  for (std::size_t c = 0; c < count; ++c) {
    convert((first + c) * rows_ + row, rows, values.data());
    for (std::size_t r = 0; r < rows; ++r) to[r * stride + c] = values[r];
  }
}

// The values of a band of rows, a part of the columns at a time, padded to whole blocks with zeros:
// visit(row, rows, first column, padded columns, values), kBandValues from row to row.
template <class Visit>
void FastQuantizer::visit_band(std::size_t unit, const Visit& visit) const {
  std::array<float, kBandRows * kBandValues> x;
  const std::size_t row = unit * kBandRows;
  const std::size_t rows = std::min(kBandRows, rows_ - row);
  for (std::size_t first = 0; first < columns_; first += kBandValues) {
    const std::size_t count = std::min(kBandValues, columns_ - first);
    const std::size_t padded = divided_up(count, block_size(options_.format)) * block_size(options_.format);
    for (std::size_t r = 0; r < rows; ++r) {
      std::fill_n(x.data() + r * kBandValues + count, padded - count, 0.0F);
    }
    if (options_.transpose) {
      fetch_transposed(row, rows, first, count, x.data(), kBandValues);
    } else {
      fetch(row, rows, first, count, x.data(), kBandValues);
    }
    if (options_.rotate) {
      for (std::size_t r = 0; r < rows; ++r) simd_rotate(x.data() + r * kBandValues, padded / kLanes);
    }
    visit(row, rows, first, padded, x.data());
  }
}

std::uint32_t FastQuantizer::largest_rotated_bits() const {
  std::vector<std::uint32_t> parts(units_);
  parallel_for(units_, threads_, [&](std::size_t unit) {
    if (!flat_) {
      visit_band(unit, [&](std::size_t, std::size_t rows, std::size_t, std::size_t padded, const float* x) {
        for (std::size_t r = 0; r < rows; ++r) {
          parts[unit] = std::max(parts[unit], simd_largest(x + r * kBandValues, padded));
        }
      });
      return;
    }
    std::array<float, kFlatValues> x;
    const std::size_t first = unit * kFlatValues;
    const std::size_t count = std::min(kFlatValues, rows_ * columns_ - first);
    convert(first, count, x.data());
    simd_rotate(x.data(), count / kLanes);
    parts[unit] = simd_largest(x.data(), count);
  });
  std::uint32_t largest = 0;
  for (const std::uint32_t part : parts) largest = std::max(largest, part);
  return largest;
}

void FastQuantizer::encode_flat(std::size_t unit, std::size_t last, std::uint8_t* codes, std::uint8_t* scales,
                                KernelSums& sums) const {
  std::array<float, kFlatValues> converted;
  const std::size_t first = unit * kFlatValues;
  const std::size_t count = std::min(kFlatValues, rows_ * columns_ - first);
  KernelJob job;
  job.x = static_cast<const float*>(view_.data) + first;
  if (view_.dtype != DType::kF32 || options_.rotate) {
    convert(first, count, converted.data());
    if (options_.rotate) simd_rotate(converted.data(), count / kLanes);
    job.x = converted.data();
  } else {
    job.following = scale_bytes(unit + 1, last);
  }
  const std::size_t parts = block_size(options_.format) / kLanes;
  job.rows = parts;
  job.stride = parts;
  job.row_values = kLanes;
  job.row_code_bytes = if4::code_bytes(options_.format) / parts;
  job.pieces = count / block_size(options_.format);
  job.position = first / kLanes;
  job.row_pieces = 1;
  job.codes = codes;
  job.scales = scales;
  job.sums = &sums;
  kernel_encode(params_, job);
}

void FastQuantizer::encode_band(std::size_t unit, std::uint8_t* codes, std::uint8_t* scales,
                                KernelSums& sums) const {
  const std::size_t size = block_size(options_.format);
  const std::size_t parts = size / kLanes;
  const std::size_t bytes = if4::code_bytes(options_.format);
  visit_band(unit,
             [&](std::size_t row, std::size_t rows, std::size_t first, std::size_t padded, const float* x) {
               const std::size_t block = first / size;
               KernelJob job;
               job.pieces = padded / size;
               job.sums = &sums;
               const auto place = [&](std::size_t r) {
                 job.x = x + r * kBandValues;
                 job.position = ((row + r) * blocks_per_row_ + block) * parts;
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
                 return;
               }
               job.rows = parts;
               job.stride = parts;
               job.row_values = kLanes;
               job.row_pieces = 1;
               job.row_code_bytes = bytes / parts;
               for (std::size_t r = 0; r < rows; ++r) {
                 place(r);
                 kernel_encode(params_, job);
               }
             });
}

void FastQuantizer::encode(std::size_t first, std::size_t last, std::uint8_t* codes, std::uint8_t* scales) {
  blocks_ += scale_bytes(first, last);
  const bool all_int = element_type(options_.format, 0) == ElementType::kInt;
  if (zero_) {
    std::fill_n(codes, code_bytes(first, last), std::uint8_t{0});
    std::fill_n(scales, scale_bytes(first, last), std::uint8_t{0});
    if (all_int) int_blocks_ += scale_bytes(first, last);
    return;
  }
  // Added in order afterwards: sums of doubles depend on it.
  std::vector<Partial> partials(last - first);
  const auto encode_unit = [&](std::size_t i) {
    const std::size_t unit = first + i;
    std::uint8_t* const unit_codes = codes + code_bytes(first, unit);
    std::uint8_t* const unit_scales = scales + scale_bytes(first, unit);
    if (flat_) {
      encode_flat(unit, last, unit_codes, unit_scales, partials[i].sums);
    } else {
      encode_band(unit, unit_codes, unit_scales, partials[i].sums);
    }
    const std::size_t blocks = scale_bytes(unit, unit + 1);
    if (all_int) partials[i].int_blocks = blocks;
    if (!mixes_types(options_.format)) return;
    for (std::size_t b = 0; b < blocks; ++b) partials[i].int_blocks += unit_scales[b] >> 7;
  };
  parallel_for(divided_up(last - first, kRun), threads_, [&](std::size_t run) {
    const std::size_t end = std::min((run + 1) * kRun, last - first);
    for (std::size_t i = run * kRun; i < end; ++i) encode_unit(i);
  });
  for (const Partial& partial : partials) {
    sums_.noise += partial.sums.noise;
    sums_.signal += partial.sums.signal;
    int_blocks_ += partial.int_blocks;
  }
}

QuantizationError FastQuantizer::error() const {
  QuantizationError result;
  result.relative_mse = sums_.noise == 0.0 ? 0.0 : sums_.noise / sums_.signal;
  result.sqnr_db = -10.0 * std::log10(result.relative_mse);
  if (blocks_ != 0) result.int_share = static_cast<double>(int_blocks_) / static_cast<double>(blocks_);
  return result;
}

QuantizedTensor quantize_fast(const TensorView& view, const QuantizeOptions& options, unsigned threads) {
  FastQuantizer quantizer(view, options, threads);
  QuantizedTensor result = make_quantized(options.format, quantizer.shape());
  result.amax = quantizer.amax();
  quantizer.encode(0, quantizer.units(), result.codes.data(), result.scales.data());
  return result;
}

}  // namespace if4
