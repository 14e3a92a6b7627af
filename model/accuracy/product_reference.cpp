#include "model/accuracy/product_reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "model/core/error.hpp"
#include "model/core/float_bits.hpp"
#include "model/core/parallel.hpp"
#include "model/mac/gemm.hpp"
#include "model/quantize/fast_quantizer.hpp"

namespace if4 {
namespace {

/// The widest accumulator that MacConfig takes.
constexpr int kWidestAccumulator = 120;

// Two sums, which every 64-bit machine adds at once.
using Two = double __attribute__((vector_size(16)));
constexpr std::size_t kColumns = 8;  // results of a row that are summed at the same time
constexpr std::size_t kRows = 2;     // rows that share the loaded weights

// Results n0 to before n0 + used of every row. `packed`: [K][kColumns], the rows of the weights side by side.
void multiply_columns(const Tensor& a, const std::vector<Two>& packed, std::size_t n, std::size_t n0,
                      std::size_t used, double* results) {
  constexpr std::size_t kVectors = kColumns / 2;
  const std::size_t m = a.rows(), k = a.columns();
  for (std::size_t row = 0; row < m; row += kRows) {
    const std::size_t rows = std::min(kRows, m - row);
    const float* from[kRows];
    for (std::size_t i = 0; i < kRows; ++i) from[i] = a.values.data() + (row + std::min(i, rows - 1)) * k;
    Two sums[kRows][kVectors] = {};
    for (std::size_t j = 0; j < k; ++j) {
      for (std::size_t i = 0; i < kRows; ++i) {
        const auto x = static_cast<double>(from[i][j]);
        const Two both = {x, x};
        for (std::size_t v = 0; v < kVectors; ++v) sums[i][v] += both * packed[kVectors * j + v];
      }
    }
    for (std::size_t i = 0; i < rows; ++i)
      std::memcpy(results + (row + i) * n + n0, sums[i], used * sizeof(double));
  }
}

// a w^T. Every sum runs from the first column to the last, whatever the number of threads is.
std::vector<double> multiply(const Tensor& a, const Tensor& w, unsigned threads) {
  const std::size_t n = w.rows(), k = w.columns();
  std::vector<double> results(a.rows() * n);
  parallel_for((n + kColumns - 1) / kColumns, threads, [&](std::size_t group) {
    const std::size_t n0 = group * kColumns, used = std::min(kColumns, n - n0);
    std::vector<Two> packed(k * kColumns / 2);
    for (std::size_t j = 0; j < k; ++j) {
      double values[kColumns] = {};
      for (std::size_t c = 0; c < used; ++c) values[c] = static_cast<double>(w.values[(n0 + c) * k + j]);
      std::memcpy(&packed[j * kColumns / 2], values, sizeof values);
    }
    multiply_columns(a, packed, n, n0, used, results.data());
  });
  return results;
}

NamedTensor matrix_of(NamedTensor operand) {
  Tensor& tensor = operand.tensor;
  check_size(tensor);
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    if (!std::isfinite(tensor.values[i]))
      throw InputError(operand.name + ": " + not_finite(i, tensor.values[i]));
  }
  const QuantizedTensor cut = make_quantized(Format::kIF4, tensor.shape);
  tensor.shape = {cut.rows(), cut.columns()};
  return operand;
}

struct Operand {
  QuantizedTensor tensor;
  ErrorSums errors;
};

Operand quantize_measured(const NamedTensor& matrix, const QuantizeOptions& options, unsigned threads) {
  try {
    const FastQuantizer quantizer(view_of(matrix.tensor), options, threads);
    Operand operand{make_quantized(options.format, quantizer.shape()), {}};
    operand.tensor.amax = quantizer.amax();
    quantizer.encode(0, quantizer.parts(), operand.tensor.codes.data(), operand.tensor.scales.data(),
                     &operand.errors);
    return operand;
  } catch (const InputError& error) {
    throw InputError(matrix.name + ": " + error.what());
  }
}

std::vector<double> multiply_quantized(const QuantizedTensor& a, const QuantizedTensor& w, unsigned threads) {
  if (!has_mac(a.format)) return multiply(dequantize(a), dequantize(w), threads);
  GemmOptions options;
  options.threads = threads;
  const GemmResult product = gemm({a.format, kBlockSize, kWidestAccumulator}, a, w, options);
  const double unit = value_unit(a) * value_unit(w);
  std::vector<double> results;
  results.reserve(product.bits.size());
  for (const std::uint32_t bits : product.bits)
    results.push_back(static_cast<double>(float_from_bits(bits)) * unit);
  return results;
}

}  // namespace

ProductReference::ProductReference(NamedTensor activations, NamedTensor weights, unsigned threads)
    : activations_(matrix_of(std::move(activations))),
      weights_(matrix_of(std::move(weights))),
      threads_(threads) {
  const Tensor &a = activations_.tensor, &w = weights_.tensor;
  if (a.columns() != w.columns()) {
    throw InputError(activations_.name + " " + to_string(a.shape) + " and " + weights_.name + " " +
                     to_string(w.shape) + " do not match: K is " + std::to_string(a.columns()) + " and " +
                     std::to_string(w.columns()));
  }
  results_ = multiply(a, w, threads_);
}

ProductAccuracy ProductReference::measure(const QuantizeOptions& options) const {
  if (options.transpose) throw InputError("a product takes its operands as they are, not transposed");
  QuantizeOptions other = options;
  if (other.seed) ++*other.seed;
  const Operand a = quantize_measured(activations_, options, threads_);
  const Operand w = quantize_measured(weights_, other, threads_);
  ProductAccuracy accuracy{a.errors, w.errors, {}};
  const std::vector<double> quantized = multiply_quantized(a.tensor, w.tensor, threads_);
  for (std::size_t i = 0; i < results_.size(); ++i) {
    const double difference = results_[i] - quantized[i];
    accuracy.product.noise += difference * difference;
    accuracy.product.signal += results_[i] * results_[i];
  }
  return accuracy;
}

}  // namespace if4
