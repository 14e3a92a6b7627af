#include "model/quantize/quantizer.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "model/core/error.hpp"

namespace if4 {

namespace {

constexpr std::size_t kLanes = kBlockSize;

/// The value of a code before it is multiplied by decode * s, in FP32: exact, but for integers whose factor
/// is not a power of two.
float code_value(Format format, ElementType type, unsigned code) {
  const auto value = static_cast<float>(operand(format, type, code));
  if (type == ElementType::kInt) return value * static_cast<float>(int_factor(format));
  return std::ldexp(value, -traits(format).fraction_bits);
}

/// The code of that sign whose magnitude is the next smaller one; the code must not be that of a zero.
unsigned smaller(Format format, ElementType type, unsigned code) {
  const FormatTraits& t = traits(format);
  const bool negative = code >> (t.code_bits - 1) != 0;
  const bool counts_up = type == ElementType::kInt && t.int_code == IntCode::kTwosComplement && negative;
  return counts_up ? code + 1 : code - 1;
}

float largest_magnitude(const std::vector<float>& x) {
  float largest = 0.0F;
  for (const float value : x) largest = std::max(largest, std::fabs(value));
  return largest;
}

void check_values(const Tensor& tensor) {
  check_size(tensor);
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    if (!std::isfinite(tensor.values[i])) throw InputError(not_finite(i, tensor.values[i]));
  }
}

/// Every 16 values of the tensor rotated.
Tensor rotated(const Tensor& tensor) {
  Tensor result = tensor;
  for (std::size_t first = 0; first < result.values.size(); first += kLanes) {
    BlockValues x{};
    std::copy_n(tensor.values.begin() + static_cast<std::ptrdiff_t>(first), kLanes, x.begin());
    const BlockValues y = rotate(x);
    std::copy_n(y.begin(), kLanes, result.values.begin() + static_cast<std::ptrdiff_t>(first));
  }
  if (!std::all_of(result.values.begin(), result.values.end(), [](float y) { return std::isfinite(y); })) {
    throw InputError("a value of the rotated tensor is beyond the range of BF16");
  }
  return result;
}

/// 16 values of a block, and where their codes go.
struct Piece {
  BlockValues x{};
  std::size_t row;
  std::size_t block;  ///< its number in the row
  std::size_t part;   ///< which 16 values of the block; 0 unless blocks have 32
};

/// The pieces that share a scale, coded with one scale and type.
struct Attempt {
  std::uint8_t scale = 0;    ///< with its type bit
  std::vector<Codes> codes;  ///< one for each piece
  float error = 0.0F;
};

/// What all blocks of a tensor share.
struct Whole {
  const QuantizeOptions& options;
  TensorScale scale;
  CodeValues values;  ///< of the result
  std::size_t pieces_per_row;
};

Attempt encode_pieces(const std::vector<Piece>& pieces, ElementType type, std::uint8_t scale,
                      const Whole& whole) {
  const QuantizeOptions& options = whole.options;
  Attempt attempt;
  attempt.scale = scale;
  if (mixes_types(options.format) && type == ElementType::kInt && scale != 0) attempt.scale |= kScaleIntBit;
  for (const Piece& piece : pieces) {
    const std::size_t parts = block_size(options.format) / kLanes;
    const std::size_t position = piece.row * whole.pieces_per_row + piece.block * parts + piece.part;
    const Encoded encoded = encode_values(piece.x, type, scale, whole.scale, options, position * kLanes,
                                          whole.values.of(attempt.scale));
    attempt.codes.push_back(encoded.codes);
    if (options.rule == Rule::kAbsMax) {
      attempt.error = std::max(attempt.error, encoded.error);
    } else {
      attempt.error += encoded.error;
    }
  }
  return attempt;
}

/// Tries the candidates and, if that is an option, their neighbours. Returns the first attempt of
/// the least error.
Attempt best_attempt(const std::vector<Piece>& pieces, const Whole& whole) {
  const QuantizeOptions& options = whole.options;
  float largest = 0.0F;
  for (const Piece& piece : pieces) {
    for (const float x : piece.x) largest = std::max(largest, std::fabs(x));
  }
  const std::vector<Candidate> all = candidates(options.format);
  std::vector<std::uint8_t> scales;
  for (const Candidate& candidate : all) {
    scales.push_back(block_scale(options.format, candidate, largest, whole.scale));
  }
  Attempt best = encode_pieces(pieces, all[0].type, scales[0], whole);
  const auto attempt = [&](ElementType type, std::uint8_t scale) {
    Attempt next = encode_pieces(pieces, type, scale, whole);
    if (traits(options.format).scale_code == ScaleCode::kE8M0) {
      // Each error is in units of its own scale. They are compared in units of the first one.
      const int codes = static_cast<int>(scale) - static_cast<int>(scales[0]);
      next.error = std::ldexp(next.error, options.rule == Rule::kMse ? 2 * codes : codes);
    }
    if (next.error < best.error) best = std::move(next);
  };
  for (std::size_t i = 1; i < all.size(); ++i) attempt(all[i].type, scales[i]);
  if (!options.search) return best;
  for (const SearchStep& step : search_steps(options.format)) {
    const auto i = static_cast<std::size_t>(step.candidate);
    attempt(all[i].type, moved_scale(options.format, scales[i], step.codes));
  }
  return best;
}

}  // namespace

QuantizedTensor quantize(const Tensor& tensor, const QuantizeOptions& options) {
  check_options(tensor.shape, options);
  check_values(tensor);
  Tensor input = options.transpose ? transposed(tensor) : tensor;
  if (options.rotate) input = rotated(input);

  const bool has_amax = traits(options.format).scale_code == ScaleCode::kE4M3;
  QuantizedTensor result = make_quantized(options.format, input.shape);
  const float amax = largest_magnitude(input.values);
  result.amax = has_amax ? amax : 1.0F;
  if (amax == 0.0F) return result;

  const int k = has_amax ? normalizing_exponent(amax) : 0;
  const std::size_t columns = result.columns();
  const std::size_t parts = block_size(options.format) / kLanes;
  const Whole whole{options, tensor_scale(options.format, normalized(amax, k)),
                    CodeValues(options.format, result.amax), result.blocks_per_row() * parts};
  const std::size_t rows_per_block = options.square ? kLanes : 1;
  const bool stacked = result.shape.size() > 2 && !result.flattened;
  const std::size_t rows_per_matrix = stacked ? result.shape[result.shape.size() - 2] : result.rows();
  for (std::size_t top = 0, bottom = 0; top < result.rows(); top = bottom) {
    const std::size_t matrix_end = (top / rows_per_matrix + 1) * rows_per_matrix;
    bottom = std::min(top + rows_per_block, matrix_end);
    for (std::size_t b = 0; b < result.blocks_per_row(); ++b) {
      std::vector<Piece> pieces;
      for (std::size_t row = top; row < bottom; ++row) {
        for (std::size_t part = 0; part < parts; ++part) {
          Piece piece{{}, row, b, part};
          const std::size_t first = std::min((b * parts + part) * kLanes, columns);
          const std::size_t count = std::min(columns - first, kLanes);
          for (std::size_t i = 0; i < count; ++i) {
            piece.x[i] = normalized(input.values[row * columns + first + i], k);
          }
          pieces.push_back(piece);
        }
      }
      const Attempt best = best_attempt(pieces, whole);
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        Block block = pieces[i].part == 0 ? Block{} : result.block(pieces[i].row, b);
        const std::size_t bits =
            pieces[i].part * kLanes * static_cast<std::size_t>(traits(options.format).code_bits);
        block.codes |= best.codes[i] << bits;
        block.scale = best.scale;
        result.set_block(pieces[i].row, b, block);
      }
    }
  }
  return result;
}

std::uint8_t block_scale(Format format, const Candidate& candidate, float largest,
                         const TensorScale& tensor) {
  const float s = largest / candidate.target;
  if (traits(format).scale_code == ScaleCode::kE4M3) {
    return encode_scale_magnitude(s * tensor.encode * candidate.factor);
  }
  if (largest == 0.0F) return 0;
  if (s == 0.0F) return 1;
  int exponent = 0;
  const float fraction = std::frexp(s, &exponent);  // s = fraction * 2^exponent, fraction in [0.5, 1)
  if (fraction == 0.5F) --exponent;
  return static_cast<std::uint8_t>(std::max(exponent, -126) + 127);
}

std::uint8_t moved_scale(Format format, std::uint8_t scale, int codes) {
  const int largest = traits(format).scale_code == ScaleCode::kE4M3 ? kScaleNaN - 1 : 0xFE;
  return static_cast<std::uint8_t>(std::clamp(scale + codes, 1, largest));
}

unsigned encode_float(Format format, float scaled, float noise) {
  const FormatTraits& t = traits(format);
  const auto sign = 1U << (t.code_bits - 1);
  const float largest = code_value(format, ElementType::kFloat, sign - 1);
  const float m = std::min(std::fabs(scaled), largest);
  // The step is 2^(exponent - mantissa bits) for m in [2^exponent, 2^(exponent+1)), that of the smallest
  // normal number below it. Consecutive magnitudes have consecutive codes: 2^mantissa bits in a binade.
  int exponent = 0;
  std::frexp(m, &exponent);
  const int smallest = t.mantissa_bits - t.fraction_bits;
  const int binade = m == 0.0F ? 0 : std::max(exponent - 1 - smallest, 0);
  const float steps = std::ldexp(m, t.fraction_bits - binade) + noise;
  float rounded = std::nearbyint(steps);
  if (t.mantissa_bits == 0 && rounded > 0.0F && rounded - steps == 0.5F) rounded -= 1.0F;
  const int magnitude = (binade << t.mantissa_bits) + static_cast<int>(rounded);
  const auto code = std::min(static_cast<unsigned>(magnitude), sign - 1);
  return std::signbit(scaled) ? code | sign : code;
}

unsigned encode_int(Format format, float scaled, float noise) {
  const FormatTraits& t = traits(format);
  const auto sign = 1 << (t.code_bits - 1);
  const auto limit = static_cast<float>(sign - 1);
  const float steps = scaled * static_cast<float>(1.0 / int_factor(format)) + noise;
  const int value = static_cast<int>(std::nearbyint(std::clamp(steps, -limit, limit)));
  if (value >= 0) return static_cast<unsigned>(value);
  return static_cast<unsigned>(t.int_code == IntCode::kTwosComplement ? value + 2 * sign : sign - value);
}

Encoded encode_values(const BlockValues& x, ElementType type, std::uint8_t scale, const TensorScale& tensor,
                      const QuantizeOptions& options, std::uint64_t first, const float* values) {
  const bool own_units = traits(options.format).scale_code == ScaleCode::kE8M0;
  const float step = scale == 0 ? 0.0F : tensor.decode * scale_value(options.format, scale);
  const float steps_per_unit = scale == 0 ? 0.0F : 1.0F / step;
  Encoded result;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float scaled = x[i] * steps_per_unit;
    const float dither = options.seed ? noise(noise_key(*options.seed), first + i) : 0.0F;
    const bool is_int = type == ElementType::kInt;
    unsigned code = 0;
    if (scale != 0) {
      code =
          is_int ? encode_int(options.format, scaled, dither) : encode_float(options.format, scaled, dither);
    }
    while (values != nullptr && std::isinf(values[code])) code = smaller(options.format, type, code);
    result.codes |= static_cast<Codes>(code)
                    << (static_cast<std::size_t>(traits(options.format).code_bits) * i);
    const float value = code_value(options.format, type, code);
    const float error = std::fabs(own_units ? value - scaled : value * step - x[i]);
    switch (options.rule) {
      case Rule::kMse:
        result.error += error * error;
        break;
      case Rule::kMae:
        result.error += error;
        break;
      case Rule::kAbsMax:
        result.error = std::max(result.error, error);
        break;
    }
  }
  return result;
}

}  // namespace if4
