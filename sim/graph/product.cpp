#include "sim/graph/product.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "model/core/error.hpp"
#include "model/core/parallel.hpp"
#include "model/core/text.hpp"
#include "model/mac/gemm.hpp"
#include "model/quantize/fast_quantizer.hpp"

namespace if4 {
namespace {

// Which results beside those of the first sentence are compared: one in a hundred, spread by a hash of its place.
bool is_sampled(std::uint64_t place) {
  std::uint64_t x = place * 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 31)) * 0xBF58476D1CE4E5B9U;
  return (x ^ (x >> 29)) % 100 == 0;
}

// The rows of all matrices, one after the other. The amax stays with each.
QuantizedTensor stacked(const std::vector<QuantizedTensor>& tensors) {
  QuantizedTensor all;
  all.format = tensors.front().format;
  std::size_t rows = 0;
  for (const QuantizedTensor& tensor : tensors) {
    rows += tensor.rows();
    all.codes.insert(all.codes.end(), tensor.codes.begin(), tensor.codes.end());
    all.scales.insert(all.scales.end(), tensor.scales.begin(), tensor.scales.end());
  }
  all.shape = {rows, tensors.front().columns()};
  return all;
}

std::uint64_t ints(const QuantizedTensor& tensor) {
  return static_cast<std::uint64_t>(std::count_if(
      tensor.scales.begin(), tensor.scales.end(),
      [&](std::uint8_t scale) { return element_type(tensor.format, scale) == ElementType::kInt; }));
}

void write_real(const std::uint32_t* bits, std::size_t count, double unit, float* to) {
  for (std::size_t i = 0; i < count; ++i) {
    float result = 0.0F;
    std::memcpy(&result, bits + i, sizeof result);
    to[i] = static_cast<float>(static_cast<double>(result) * unit);
  }
}

QuantizedTensor quantize_rows(const std::string& layer, const float* values, std::size_t rows,
                              std::size_t columns, const QuantizeOptions& options, unsigned threads) {
  TensorView view;
  view.shape = {rows, columns};
  view.data = values;
  try {
    return quantize_fast(view, options, threads);
  } catch (const InputError& error) {
    throw InputError("operation " + quoted_name(layer) + ": an operand: " + error.what());
  }
}

void check_overflow(const std::string& layer, const MacConfig& mac, const GemmResult& result) {
  if (result.overflow == 0 && result.nan == 0) return;
  throw InputError(fmt::format("operation {}: {} results overflow an accumulator of {} bits",
                               quoted_name(layer), result.overflow + result.nan, acc_width(mac)));
}

// ---------------------------------------------------------------------------------------------------- FP32

using Four = float __attribute__((vector_size(16)));
constexpr std::size_t kColumns = 8;  // that are summed at the same time: two vectors

// Columns n to n + 7 of the product for `m` rows. `packed`: [k][8], the rows of the weights side by side.
void multiply_columns(const float* a, std::size_t m, std::size_t k, const Four* packed, std::size_t used,
                      float* y, std::size_t stride) {
  constexpr std::size_t kRows = 4;
  for (std::size_t row = 0; row < m; row += kRows) {
    const std::size_t rows = std::min(kRows, m - row);
    const float* from[kRows];
    for (std::size_t i = 0; i < kRows; ++i) from[i] = a + (row + std::min(i, rows - 1)) * k;
    Four sums[kRows][2] = {};
    for (std::size_t j = 0; j < k; ++j) {
      const Four w0 = packed[2 * j], w1 = packed[2 * j + 1];
      for (std::size_t i = 0; i < kRows; ++i) {
        const float x = from[i][j];
        const Four all = {x, x, x, x};
        sums[i][0] += all * w0;
        sums[i][1] += all * w1;
      }
    }
    for (std::size_t i = 0; i < rows; ++i) {
      float values[kColumns];
      std::memcpy(values, sums[i], sizeof values);
      std::memcpy(y + (row + i) * stride, values, used * sizeof(float));
    }
  }
}

// y = a w^T, for columns n0 to before n0 + 8.
struct PlainPart {
  const float* a;
  float* y;
  std::size_t m;
};
void multiply_plain(const std::vector<PlainPart>& parts, std::size_t k, const float* w, std::size_t n,
                    std::size_t n0) {
  const std::size_t used = std::min(kColumns, n - n0);
  std::vector<Four> packed(2 * k);
  for (std::size_t j = 0; j < k; ++j) {
    float values[kColumns] = {};
    for (std::size_t c = 0; c < used; ++c) values[c] = w[(n0 + c) * k + j];
    std::memcpy(&packed[2 * j], values, sizeof values);
  }
  for (const PlainPart& part : parts)
    multiply_columns(part.a, part.m, k, packed.data(), used, part.y + n0, n);
}

}  // namespace

void Multiplier::multiply(const Product& product) {
  ProductCounts& counts = counts_[product.layer];
  if (product.weights != nullptr) {
    std::uint64_t m = 0;
    for (const Product::Part& part : product.parts) m += part.m;
    ++counts.shapes[{m, product.weights->rows(), product.weights->columns()}];
  } else {
    for (const Product::Part& part : product.parts) ++counts.shapes[{part.m, part.n, part.k}];
  }
  run(product, counts);
}

void PlainMultiplier::run(const Product& product, ProductCounts& /*counts*/) {
  if (product.weights != nullptr) {
    std::vector<PlainPart> parts;
    for (const Product::Part& part : product.parts) parts.push_back({part.a, part.y, part.m});
    const std::size_t n = product.weights->rows(), k = product.weights->columns();
    parallel_for(ceil_div(n, kColumns), threads_, [&](std::size_t i) {
      multiply_plain(parts, k, product.weights->values.data(), n, i * kColumns);
    });
    return;
  }
  parallel_for(product.parts.size(), threads_, [&](std::size_t i) {
    const Product::Part& part = product.parts[i];
    for (std::size_t n0 = 0; n0 < part.n; n0 += kColumns)
      multiply_plain({{part.a, part.y, part.m}}, part.k, part.w, part.n, n0);
  });
}

void QuantizedMultiplier::run(const Product& product, ProductCounts& counts) {
  if (product.weights != nullptr) {
    multiply_weights(product, counts);
  } else {
    multiply_heads(product, counts);
  }
}

const QuantizedTensor& QuantizedMultiplier::quantized(const Product& product, ProductCounts& counts) {
  auto known = weights_.find(product.weights);
  if (known == weights_.end()) {
    const Tensor& tensor = *product.weights;
    known = weights_
                .emplace(product.weights, quantize_rows(product.layer, tensor.values.data(), tensor.rows(),
                                                        tensor.columns(), quantize_, threads_))
                .first;
  }
  counts.weight_blocks += known->second.scales.size();
  counts.weight_ints += ints(known->second);
  return known->second;
}

void QuantizedMultiplier::multiply_weights(const Product& product, ProductCounts& counts) {
  const QuantizedTensor& w = quantized(product, counts);
  std::vector<QuantizedTensor> operands(product.parts.size());
  parallel_for(product.parts.size(), threads_, [&](std::size_t i) {
    const Product::Part& part = product.parts[i];
    operands[i] = quantize_rows(product.layer, part.a, part.m, part.k, quantize_, 1);
  });
  const QuantizedTensor a = stacked(operands);
  GemmOptions options;
  options.threads = threads_;
  const GemmResult result = gemm(mac_, a, w, options);
  check_overflow(product.layer, mac_, result);
  const std::size_t n = w.rows();
  const std::uint32_t* bits = result.bits.data();
  for (std::size_t i = 0; i < product.parts.size(); ++i) {
    write_real(bits, product.parts[i].m * n, value_unit(operands[i]) * value_unit(w), product.parts[i].y);
    bits += product.parts[i].m * n;
  }
  counts.activation_blocks += a.scales.size();
  counts.activation_ints += ints(a);
  check(a, w, result.bits, product.parts.front().m, counts);
  counts.results += result.bits.size();
  if (watch_) watch_(product.layer, a, w);
}

void QuantizedMultiplier::multiply_heads(const Product& product, ProductCounts& counts) {
  struct Work {
    QuantizedTensor a, w;
    GemmResult result;
  };
  std::vector<Work> all(product.parts.size());
  parallel_for(all.size(), threads_, [&](std::size_t i) {
    const Product::Part& part = product.parts[i];
    Work& work = all[i];
    work.a = quantize_rows(product.layer, part.a, part.m, part.k, quantize_, 1);
    work.w = quantize_rows(product.layer, part.w, part.n, part.k, quantize_, 1);
    GemmOptions options;
    options.threads = 1;
    work.result = gemm(mac_, work.a, work.w, options);
    check_overflow(product.layer, mac_, work.result);
    write_real(work.result.bits.data(), part.m * part.n, value_unit(work.a) * value_unit(work.w), part.y);
  });
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Product::Part& part = product.parts[i];
    const Work& work = all[i];
    counts.activation_blocks += work.a.scales.size();
    counts.activation_ints += ints(work.a);
    counts.weight_blocks += work.w.scales.size();
    counts.weight_ints += ints(work.w);
    check(work.a, work.w, work.result.bits, i < product.first_parts ? part.m : 0, counts);
    counts.results += part.m * part.n;
    if (watch_) watch_(product.layer, work.a, work.w);
  }
}

// Compares all results of the first `all_rows` rows and a hundredth of the others.
void QuantizedMultiplier::check(const QuantizedTensor& a, const QuantizedTensor& w,
                                const std::vector<std::uint32_t>& bits, std::size_t all_rows,
                                ProductCounts& counts) const {
  const std::size_t n = w.rows();
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < bits.size(); ++i)
    if (i / n < all_rows || is_sampled(counts.results + i)) places.push_back(i);
  std::vector<std::uint32_t> expected(places.size());
  constexpr std::size_t kPiece = 256;
  parallel_for(ceil_div(places.size(), kPiece), threads_, [&](std::size_t piece) {
    for (std::size_t i = piece * kPiece; i < std::min(places.size(), (piece + 1) * kPiece); ++i)
      expected[i] = dot_product(mac_, a, places[i] / n, w, places[i] % n).bits;
  });
  counts.checked += places.size();
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::uint32_t actual = bits[places[i]];
    if (actual == expected[i]) continue;
    if (counts.mismatches++ == 0) {
      counts.first_mismatch = fmt::format("m {} n {}: expected 0x{:08X}, got 0x{:08X}", places[i] / n,
                                          places[i] % n, expected[i], actual);
    }
  }
}

}  // namespace if4
