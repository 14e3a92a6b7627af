// The quantizer for use: SIMD, threads, and tensors that are read and written a part at a time. It gives the
// bits of quantize() in quantizer.hpp on every instruction set and number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/core/dtype.hpp"
#include "model/quantize/fast_kernel.hpp"
#include "model/quantize/measure.hpp"
#include "model/quantize/quantizer.hpp"

namespace if4 {

/// Values somewhere in memory, such as a mapped file: row-major, little-endian, at any address.
struct TensorView {
  Shape shape;
  DType dtype = DType::kF32;  ///< F32, BF16 or F16
  const void* data = nullptr;
};
TensorView view_of(const Tensor& tensor);

class FastQuantizer {
 public:
  /// Reads the values once for their largest magnitude. Throws the InputErrors of quantize(). `threads`: 0
  /// for one a core. The view must outlive the object.
  FastQuantizer(const TensorView& view, const QuantizeOptions& options, unsigned threads);

  /// Of the result: transposed if that is an option.
  const Shape& shape() const { return shape_; }
  /// As stored: 1 for MXFP4.
  float amax() const { return amax_; }

  /// The result is made in units, each a number of whole rows or of blocks, in the order of the file.
  std::size_t units() const { return units_; }
  /// Bytes of codes and of scales of the units from `first` to before `last`.
  std::size_t code_bytes(std::size_t first, std::size_t last) const;
  std::size_t scale_bytes(std::size_t first, std::size_t last) const;
  /// Codes and linear scales of those units, and adds to error().
  void encode(std::size_t first, std::size_t last, std::uint8_t* codes, std::uint8_t* scales);

  /// Over the units encoded so far, from the values as they were quantized (rotated if that is an option), as
  /// the quantizer sees them: in FP32, with the scales' products rounded, which is good for about five
  /// digits. The same on any number of threads; the last digits depend on the instruction set.
  QuantizationError error() const;
  double noise() const { return sums_.noise / (scale_ * scale_); }    ///< sum of squared errors
  double signal() const { return sums_.signal / (scale_ * scale_); }  ///< sum of squared values
  std::size_t blocks() const { return blocks_; }                      ///< encoded so far
  std::size_t int_blocks() const { return int_blocks_; }

 private:
  struct Partial {
    KernelSums sums;
    std::size_t int_blocks = 0;
  };
  std::size_t blocks_before(std::size_t unit) const;
  void fetch(std::size_t row, std::size_t rows, std::size_t first, std::size_t count, float* to,
             std::size_t stride) const;
  void fetch_transposed(std::size_t row, std::size_t rows, std::size_t first, std::size_t count, float* to,
                        std::size_t stride) const;
  void convert(std::size_t from, std::size_t count, float* to) const;
  std::uint32_t largest_bits() const;
  std::uint32_t largest_rotated_bits() const;
  [[noreturn]] void fail_not_finite() const;
  void encode_flat(std::size_t unit, std::size_t last, std::uint8_t* codes, std::uint8_t* scales,
                   KernelSums& sums) const;
  void encode_band(std::size_t unit, std::uint8_t* codes, std::uint8_t* scales, KernelSums& sums) const;
  template <class Visit>
  void visit_band(std::size_t unit, const Visit& visit) const;

  TensorView view_;
  QuantizeOptions options_;
  unsigned threads_;
  Shape shape_;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::size_t blocks_per_row_ = 0;
  bool flat_ = false;  ///< units are blocks, regardless of rows
  std::size_t units_ = 0;
  float amax_ = 0.0F;
  bool zero_ = false;
  double scale_ = 1.0;  ///< power of two of the normalization
  KernelParams params_;
  KernelSums sums_;
  std::size_t blocks_ = 0;
  std::size_t int_blocks_ = 0;
};

/// The whole tensor at once; the same as quantize(tensor, options).
QuantizedTensor quantize_fast(const TensorView& view, const QuantizeOptions& options, unsigned threads = 0);

}  // namespace if4
