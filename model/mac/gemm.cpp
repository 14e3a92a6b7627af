#include "model/mac/gemm.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "model/core/error.hpp"
#include "model/core/parallel.hpp"
#include "model/mac/gemm_kernel.hpp"

namespace if4 {
namespace {

constexpr std::size_t kSignificands = 16;
constexpr std::size_t kBlock = kBlockSize;

std::size_t round_up(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

// A scale in units of 2^-9. A NaN scale counts as 0: its results are NaN, whatever the sum is.
std::uint64_t scale_units(std::uint8_t byte) {
  const Scale scale = decode_scale(byte);
  return scale.nan ? 0 : static_cast<std::uint64_t>(scale.significand) << (scale.exponent - 1);
}

// The largest sum of the scales of a row, and the largest scale, both in units of 2^-9.
std::pair<std::uint64_t, std::uint64_t> scale_bounds(const QuantizedTensor& tensor) {
  std::uint64_t largest_row = 0, largest = 0;
  const std::size_t blocks = tensor.blocks_per_row();
  for (std::size_t row = 0; row < tensor.rows(); ++row) {
    std::uint64_t sum = 0;
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::uint64_t value = scale_units(tensor.scales[row * blocks + b]);
      sum += value;
      largest = std::max(largest, value);
    }
    largest_row = std::max(largest_row, sum);
  }
  return {largest_row, largest};
}

// For each row 1 where one of its scales is NaN, else 0.
std::vector<std::uint8_t> nan_rows(const QuantizedTensor& tensor) {
  std::vector<std::uint8_t> nan(tensor.rows(), 0);
  const std::size_t blocks = tensor.blocks_per_row();
  for (std::size_t row = 0; row < tensor.rows(); ++row) {
    for (std::size_t b = 0; b < blocks; ++b)
      if (decode_scale(tensor.scales[row * blocks + b]).nan) nan[row] = 1;
  }
  return nan;
}

// Turns the codes of a block into elements times weight and significand of the scale, two at a time: a table
// for each value of bit 7 and of the significand has the products of every pair of codes.
class Decoder {
 public:
  explicit Decoder(Format format) : bits_(traits(format).code_bits) {
    const unsigned codes = 1U << bits_;
    tables_.resize(2 * kSignificands << (2 * bits_));
    for (unsigned bit7 = 0; bit7 < 2; ++bit7) {
      const ElementType type = element_type(format, bit7 == 0 ? 0 : kScaleIntBit);
      for (int significand = 0; significand < static_cast<int>(kSignificands); ++significand) {
        Pair* const table = &tables_[index(bit7, significand)];
        for (unsigned pair = 0; pair < codes * codes; ++pair) {
          const int factor = weight(format, type) * significand;
          table[pair] = {static_cast<std::int16_t>(operand(format, type, pair % codes) * factor),
                         static_cast<std::int16_t>(operand(format, type, pair / codes) * factor)};
        }
      }
    }
  }

  // Writes the 16 products of a block, of which two are neighbours and the next two follow `stride` elements
  // later. Returns the exponent that belongs to them, 0..14.
  std::uint8_t decode(const QuantizedTensor& tensor, std::size_t row, std::size_t index_in_row,
                      std::int16_t* to, std::size_t stride) const {
    const std::size_t at = row * tensor.blocks_per_row() + index_in_row;
    const std::uint8_t byte = tensor.scales[at];
    const Scale scale = decode_scale(byte);
    const Pair* const table = &tables_[index(byte >> 7, scale.significand)];
    if (bits_ == 4) {
      // Two codes of 4 bits are a byte.
      const std::uint8_t* const codes = &tensor.codes[at * (kBlock / 2)];
      for (std::size_t p = 0; p < kBlock / 2; ++p)
        std::memcpy(to + p * stride, &table[codes[p]], sizeof(Pair));
    } else {
      const Block block = tensor.block(row, index_in_row);
      for (std::size_t p = 0; p < kBlock / 2; ++p)
        std::memcpy(to + p * stride, &table[block.code(static_cast<int>(p), 2 * bits_)], sizeof(Pair));
    }
    return static_cast<std::uint8_t>(scale.exponent - 1);
  }

 private:
  using Pair = std::array<std::int16_t, 2>;
  std::size_t index(unsigned bit7, int significand) const {
    return (bit7 * kSignificands + static_cast<std::size_t>(significand)) << (2 * bits_);
  }
  int bits_;
  std::vector<Pair> tables_;
};

// Computes columns of the result. Each thread has a worker of its own, with its scratch memory
// and its counts.
class Worker {
 public:
  virtual ~Worker() = default;
  // Computes `count` columns from `first` on, at most kGemmColumns of them.
  virtual void compute(std::size_t first, std::size_t count) = 0;
  std::uint64_t nan = 0, overflow = 0;  // results of this worker that have the flag
};

struct Problem {
  const MacConfig& config;
  const QuantizedTensor& a;
  const QuantizedTensor& w;
  std::vector<std::uint8_t> a_nan, w_nan;  // nan_rows() of either operand
  std::uint32_t* bits;
};

// Stores result (m, n), whose sum is given in units of the accumulator.
void put(const Problem& problem, Worker& worker, std::size_t m, std::size_t n, Int128 sum) {
  std::uint32_t& to = problem.bits[m * problem.w.rows() + n];
  if ((problem.a_nan[m] | problem.w_nan[n]) != 0) {
    ++worker.nan;
    to = kResultNaN;
  } else {
    to = round_sum(problem.config, sum);
  }
}

// The activations as the kernels want them, decoded once for all threads.
struct NarrowActivations {
  NarrowActivations(const QuantizedTensor& a, const Decoder& decoder)
      : blocks(a.blocks_per_row()),
        rows(round_up(a.rows(), kGemmRows)),
        elements(rows * blocks * kBlock),
        exponents(rows * blocks) {
    for (std::size_t row = 0; row < a.rows(); ++row) {
      for (std::size_t b = 0; b < blocks; ++b) {
        const std::size_t at = row * blocks + b;
        exponents[at] = decoder.decode(a, row, b, &elements[at * kBlock], 2);
      }
    }
  }
  std::size_t blocks, rows;
  std::vector<std::int16_t> elements;
  std::vector<std::uint8_t> exponents;
};

// Sums of 64 bits, by a kernel of gemm_kernel.hpp.
class NarrowWorker final : public Worker {
 public:
  NarrowWorker(const Problem& problem, const NarrowActivations& a, const Decoder& decoder, GemmKernel kernel)
      : problem_(problem),
        a_(a),
        decoder_(decoder),
        kernel_(kernel),
        w_(a.blocks * kBlock * kGemmColumns),
        exponents_(a.blocks * kGemmColumns) {}

  void compute(std::size_t first, std::size_t count) override {
    if (count < kGemmColumns) {
      std::fill(w_.begin(), w_.end(), std::int16_t{0});
      std::fill(exponents_.begin(), exponents_.end(), std::uint8_t{0});
    }
    for (std::size_t b = 0; b < a_.blocks; ++b) {
      for (std::size_t c = 0; c < count; ++c) {
        exponents_[b * kGemmColumns + c] = decoder_.decode(
            problem_.w, first + c, b, &w_[b * kBlock * kGemmColumns + 2 * c], 2 * kGemmColumns);
      }
    }
    GemmTile tile{a_.blocks, {}, {}, w_.data(), exponents_.data()};
    std::array<std::int64_t, kGemmRows * kGemmColumns> sums;
    for (std::size_t row = 0; row < a_.rows; row += kGemmRows) {
      for (std::size_t r = 0; r < kGemmRows; ++r) {
        tile.a[r] = &a_.elements[(row + r) * a_.blocks * kBlock];
        tile.a_exponent[r] = &a_.exponents[(row + r) * a_.blocks];
      }
      kernel_(tile, sums.data());
      for (std::size_t r = 0; r < std::min(kGemmRows, problem_.a.rows() - row); ++r) {
        for (std::size_t c = 0; c < count; ++c)
          put(problem_, *this, row + r, first + c, sums[r * kGemmColumns + c]);
      }
    }
  }

 private:
  const Problem& problem_;
  const NarrowActivations& a_;
  const Decoder& decoder_;
  const GemmKernel kernel_;
  std::vector<std::int16_t> w_;
  std::vector<std::uint8_t> exponents_;
};

// The operands of some rows of a tensor as integers, and for each block the factor weight * significand and
// the exponent of its scale.
struct WideOperand {
  WideOperand(const QuantizedTensor& tensor, std::size_t first, std::size_t count)
      : blocks(tensor.blocks_per_row()),
        elements(count * blocks * kBlock),
        factors(count * blocks),
        exponents(count * blocks) {
    const Format format = tensor.format;
    const int bits = traits(format).code_bits;
    for (std::size_t row = 0; row < count; ++row) {
      for (std::size_t b = 0; b < blocks; ++b) {
        const std::size_t at = row * blocks + b;
        const Block block = tensor.block(first + row, b);
        const Scale scale = decode_scale(block.scale);
        const ElementType type = element_type(format, block.scale);
        factors[at] = weight(format, type) * scale.significand;
        exponents[at] = static_cast<std::uint8_t>(scale.exponent - 1);
        for (int i = 0; i < kBlockSize; ++i) {
          elements[at * kBlock + static_cast<std::size_t>(i)] =
              static_cast<std::int16_t>(operand(format, type, block.code(i, bits)));
        }
      }
    }
  }
  std::size_t blocks;
  std::vector<std::int16_t> elements;
  std::vector<std::int32_t> factors;
  std::vector<std::uint8_t> exponents;
};

std::int32_t dot16(const std::int16_t* a, const std::int16_t* w) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) sum += a[i] * w[i];
  return sum;
}

// Sums of 128 bits, in plain C++.
class WideWorker final : public Worker {
 public:
  WideWorker(const Problem& problem, const WideOperand& a) : problem_(problem), a_(a) {}

  void compute(std::size_t first, std::size_t count) override {
    const WideOperand w(problem_.w, first, count);
    for (std::size_t m = 0; m < problem_.a.rows(); ++m) {
      for (std::size_t c = 0; c < count; ++c) {
        Int128 sum = 0;
        for (std::size_t b = 0; b < a_.blocks; ++b) {
          const std::size_t i = m * a_.blocks + b, j = c * a_.blocks + b;
          const std::int64_t product =
              std::int64_t{dot16(&a_.elements[i * kBlock], &w.elements[j * kBlock])} * a_.factors[i] *
              w.factors[j];
          sum += Int128{product} * (std::int64_t{1} << (a_.exponents[i] + w.exponents[j]));
        }
        put(problem_, *this, m, first + c, sum);
      }
    }
  }

 private:
  const Problem& problem_;
  const WideOperand& a_;
};

// Sums that may overflow, by the golden MAC.
class AccumulatorWorker final : public Worker {
 public:
  explicit AccumulatorWorker(const Problem& problem) : problem_(problem) {}

  void compute(std::size_t first, std::size_t count) override {
    for (std::size_t m = 0; m < problem_.a.rows(); ++m) {
      for (std::size_t n = first; n < first + count; ++n) {
        const MacResult result = dot_product(problem_.config, problem_.a, m, problem_.w, n);
        nan += result.nan ? 1 : 0;
        overflow += result.overflow ? 1 : 0;
        problem_.bits[m * problem_.w.rows() + n] = result.bits;
      }
    }
  }

 private:
  const Problem& problem_;
};

GemmKernel find_kernel(std::string_view name) {
  for (const NamedGemmKernel& candidate : gemm_kernels())
    if (name.empty() || candidate.name == name) return candidate.kernel;
  throw std::invalid_argument("this machine has no kernel '" + std::string(name) + "'");
}

}  // namespace

GemmPath gemm_path(const MacConfig& config, const QuantizedTensor& a, const QuantizedTensor& w) {
  // With e the largest element, a partial sum is at most 16 * e^2 * (sum over blocks of scale_a *
  // scale_w). That sum is at most the largest sum of scales of a row of one operand times the largest
  // scale of the other.
  const std::int64_t element = largest_element(config.format);
  const auto [a_row, a_block] = scale_bounds(a);
  const auto [w_row, w_block] = scale_bounds(w);
  const Int128 scales =
      std::min(Int128{static_cast<std::int64_t>(a_row)} * static_cast<std::int64_t>(w_block),
               Int128{static_cast<std::int64_t>(w_row)} * static_cast<std::int64_t>(a_block));
  const Int128 bound = Int128{element * element * kBlockSize} * scales;
  if (bound >= Int128{1} << (acc_width(config) - 1)) return GemmPath::kAccumulator;
  const std::int64_t largest = element * static_cast<std::int64_t>(kSignificands - 1);
  const bool narrow = largest < (1 << 15) && kBlockSize * largest * largest < (std::int64_t{1} << 31) &&
                      bound < Int128{1} << 63;
  return narrow ? GemmPath::kNarrow : GemmPath::kWide;
}

void check_product(const QuantizedTensor& activations, const QuantizedTensor& weights) {
  if (activations.columns() != weights.columns()) {
    throw InputError("activations " + to_string(activations.shape) + " and weights " +
                     to_string(weights.shape) + " do not match: K is " +
                     std::to_string(activations.columns()) + " and " + std::to_string(weights.columns()));
  }
}

GemmResult gemm(const MacConfig& config, const QuantizedTensor& a, const QuantizedTensor& w,
                const GemmOptions& options) {
  check(config);
  if (a.columns() != w.columns()) throw std::invalid_argument("the operands differ in K");
  if (a.format != config.format || w.format != config.format)
    throw std::invalid_argument("the operands are not in the unit's format");
  GemmResult result;
  result.bits.resize(a.rows() * w.rows());
  const Problem problem{config, a, w, nan_rows(a), nan_rows(w), result.bits.data()};

  const GemmPath path = gemm_path(config, a, w);
  std::unique_ptr<Decoder> decoder;
  std::unique_ptr<NarrowActivations> narrow;
  std::unique_ptr<WideOperand> wide;
  if (path == GemmPath::kNarrow) {
    decoder = std::make_unique<Decoder>(config.format);
    narrow = std::make_unique<NarrowActivations>(a, *decoder);
  } else if (path == GemmPath::kWide) {
    wide = std::make_unique<WideOperand>(a, 0, a.rows());
  }
  const GemmKernel kernel = find_kernel(options.kernel);
  const auto make_worker = [&]() -> std::unique_ptr<Worker> {
    if (path == GemmPath::kNarrow) return std::make_unique<NarrowWorker>(problem, *narrow, *decoder, kernel);
    if (path == GemmPath::kWide) return std::make_unique<WideWorker>(problem, *wide);
    return std::make_unique<AccumulatorWorker>(problem);
  };

  const std::size_t groups = (w.rows() + kGemmColumns - 1) / kGemmColumns;
  std::vector<std::unique_ptr<Worker>> workers(worker_count(groups, options.threads));
  for (std::unique_ptr<Worker>& worker : workers) worker = make_worker();
  parallel_for(groups, options.threads, [&](std::size_t group, unsigned worker) {
    const std::size_t first = group * kGemmColumns;
    workers[worker]->compute(first, std::min(kGemmColumns, w.rows() - first));
    if (worker == 0 && options.progress) options.progress(first, w.rows());
  });
  for (const std::unique_ptr<Worker>& worker : workers) {
    result.nan += worker->nan;
    result.overflow += worker->overflow;
  }
  return result;
}

}  // namespace if4
