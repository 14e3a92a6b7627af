// The quantizer that everything uses: with SIMD and threads, and for tensors that are read and written a
// part at a time. It gives the bits of quantize() in quantizer.hpp on every instruction set and with any
// number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "model/core/dtype.hpp"
#include "model/quantize/fast_kernel.hpp"
#include "model/quantize/measure.hpp"
#include "model/quantize/options.hpp"
#include "model/simd/simd_values.hpp"

namespace if4 {

/// Values somewhere in memory, such as in a mapped file: row-major, little-endian, at any address.
struct TensorView {
  Shape shape;
  DType dtype = DType::kF32;  ///< F32, BF16 or F16
  const void* data = nullptr;
};
/// Throws InputError unless the tensor has as many values as its shape says.
TensorView view_of(const Tensor& tensor);

class FastQuantizer {
 public:
  /// Reads all values once to find the largest magnitude. Throws InputError where quantize() does. `threads`:
  /// 0 means as many as there are cores. The values must outlive the object.
  FastQuantizer(const TensorView& view, const QuantizeOptions& options, unsigned threads);

  /// The shape of the result, which is transposed if that is an option.
  const Shape& shape() const { return shape_; }
  /// How many rows of blocks the result has: see QuantizedTensor.
  std::size_t rows() const { return rows_; }
  /// The amax of the result: 1 for MXFP4.
  float amax() const { return amax_; }

  /// The result is made in parts, each a number of blocks or of whole rows, in the order of the result.
  std::size_t parts() const { return parts_; }
  /// Bytes of codes and of scales of the parts from `first` to before `last`.
  std::size_t code_bytes(std::size_t first, std::size_t last) const;
  std::size_t scale_bytes(std::size_t first, std::size_t last) const;
  /// Writes the codes and the linear scales of those parts. Where `errors` is not null, the errors of the
  /// values as they were quantized (rotated if that is an option) are added to it; they do not depend on the
  /// number of threads.
  void encode(std::size_t first, std::size_t last, std::uint8_t* codes, std::uint8_t* scales,
              ErrorSums* errors = nullptr) const;

 private:
  /// Where the codes, the scales and, unless it is null, the errors of a part go.
  struct Output {
    std::uint8_t* codes;
    std::uint8_t* scales;
    ErrorSums* errors;
  };

  std::size_t blocks_before(std::size_t part) const;
  std::size_t first_row(std::size_t part) const;
  void fetch(std::size_t row, std::size_t rows, std::size_t first, std::size_t count, float* to,
             std::size_t stride) const;
  void fetch_transposed(std::size_t row, std::size_t rows, std::size_t first, std::size_t count, float* to,
                        std::size_t stride) const;
  void fetch_gathered(std::size_t row, std::size_t rows, std::size_t first, std::size_t count, float* to,
                      std::size_t stride) const;
  void rotate_pieces(float* x, std::size_t pieces) const;
  void convert(std::size_t from, std::size_t count, float* to) const;
  std::uint32_t largest_bits() const;
  RotationExtremes rotation_extremes() const;
  std::uint32_t find_largest_rotated();
  std::uint32_t largest_rotated_bits() const;
  [[noreturn]] void fail_not_finite() const;
  void encode_flat(std::size_t part, std::size_t last, std::uint8_t* codes, std::uint8_t* scales,
                   ErrorSums* errors) const;
  void encode_band(std::size_t part, std::uint8_t* codes, std::uint8_t* scales, ErrorSums* errors) const;
  void encode_columns(std::size_t part, std::size_t row, std::size_t first, const float* x,
                      std::size_t padded, std::size_t row_values, const Output& output) const;
  std::size_t encode_transposed(std::size_t first, std::size_t last, std::uint8_t* codes,
                                std::uint8_t* scales) const;
  using BandVisit = std::function<void(std::size_t row, std::size_t rows, std::size_t first,
                                       std::size_t padded, const float* values)>;
  void visit_band(std::size_t part, bool rotated, const BandVisit& visit) const;

  TensorView view_;
  QuantizeOptions options_;
  unsigned threads_;
  Shape shape_;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::size_t matrix_rows_ = 0;  ///< bands of rows do not reach from one matrix of so many rows into the next
  bool flattened_ = false;       ///< a row of the result is all dimensions but the first
  bool gentle_ = false;          ///< see RotationExtremes; never without rotation
  bool huge_ = false;            ///< a value reaches kRotationLimit
  std::size_t blocks_per_row_ = 0;
  bool flat_ =
      false;  ///< parts are blocks in memory order, whatever row they are in; else they are bands of rows
  std::size_t parts_ = 0;
  float amax_ = 0.0F;
  bool zero_ = false;  ///< all values are 0
  KernelParams params_;
  std::optional<ErrorMeter> meter_;  ///< none where all values are 0
};

/// Quantizes the whole tensor at once: the same as quantize(tensor, options).
QuantizedTensor quantize_fast(const TensorView& view, const QuantizeOptions& options, unsigned threads = 0);

}  // namespace if4
