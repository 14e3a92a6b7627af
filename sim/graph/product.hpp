// The matrix products of a network: in FP32, and as the array computes them, from operands that are quantized first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "model/mac/mac.hpp"
#include "model/quantize/options.hpp"
#include "sim/system/geometry.hpp"

namespace if4 {

/// A layer's products: y = a w^T of each part.
struct Product {
  std::string layer;  ///< name of the operation
  struct Part {
    const float* a = nullptr;  ///< [m, k], the activations
    const float* w = nullptr;  ///< [n, k]; null where the layer has weights
    float* y = nullptr;        ///< [m, n]
    std::size_t m = 0, n = 0, k = 0;
  };
  /// With weights one for each sentence; otherwise one for each sentence and head, a product of its own.
  std::vector<Part> parts;
  std::size_t first_parts = 1;      ///< how many of them belong to the first sentence
  const Tensor* weights = nullptr;  ///< [n, k] for all parts, whose rows are then one product; or null
};

/// What a layer's products were.
struct ProductCounts {
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>, std::uint64_t>
      shapes;  ///< M, N, K: how many
  std::uint64_t results = 0;
  std::uint64_t checked = 0, mismatches = 0;  ///< results compared with the golden MAC
  std::string first_mismatch;
  std::uint64_t activation_blocks = 0, activation_ints = 0;  ///< blocks quantized, and those of integers
  std::uint64_t weight_blocks = 0, weight_ints = 0;
};

/// Who multiplies, and counts what.
class Multiplier {
 public:
  Multiplier() = default;
  virtual ~Multiplier() = default;
  Multiplier(const Multiplier&) = delete;
  Multiplier& operator=(const Multiplier&) = delete;
  void multiply(const Product& product);
  /// By the name of the layer.
  const std::map<std::string, ProductCounts>& counts() const { return counts_; }

 private:
  virtual void run(const Product& product, ProductCounts& counts) = 0;

  std::map<std::string, ProductCounts> counts_;
};

/// FP32: every sum is taken in FP32 from k = 0 on, so that it does not depend on the machine or the number of threads.
class PlainMultiplier : public Multiplier {
 public:
  explicit PlainMultiplier(unsigned threads) : threads_(threads) {}

 private:
  void run(const Product& product, ProductCounts& counts) override;

  unsigned threads_;
};

/// The array: operands are quantized and multiplied exactly, each result is rounded once to FP32, and its real value is
/// FP32(result * amax_a * amax_w / divisor^2), computed in double.
///
/// Either operand of a part has an amax of its own, and a matrix of weights has one. So what a sentence gives does not
/// depend on the others that run with it.
///
/// All results of the first sentence are compared with the golden MAC, and one in a hundred of the others. multiply() throws InputError,
/// naming the layer, where a value is not finite, and where an accumulator overflows.
class QuantizedMultiplier : public Multiplier {
 public:
  /// Is called with the operands of each product, as the array gets them, in the order of the sentences.
  using Watch = std::function<void(const std::string& layer, const QuantizedTensor& activations,
                                   const QuantizedTensor& weights)>;

  QuantizedMultiplier(const MacConfig& mac, const QuantizeOptions& quantize, unsigned threads)
      : mac_(mac), quantize_(quantize), threads_(threads) {}
  void watch(Watch watch) { watch_ = std::move(watch); }

 private:
  void run(const Product& product, ProductCounts& counts) override;
  const QuantizedTensor& quantized(const Product& product, ProductCounts& counts);
  void multiply_weights(const Product& product, ProductCounts& counts);
  void multiply_heads(const Product& product, ProductCounts& counts);
  void check(const QuantizedTensor& a, const QuantizedTensor& w, const std::vector<std::uint32_t>& bits,
             std::size_t all_rows, ProductCounts& counts) const;

  MacConfig mac_;
  QuantizeOptions quantize_;
  unsigned threads_;
  Watch watch_;
  std::map<const Tensor*, QuantizedTensor> weights_;
};

}  // namespace if4
