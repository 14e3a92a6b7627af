// A cut of a trained network: FP32 against the script that made it, and the products of the array.
#include <cmath>
#include <tuple>

#include "model/mac/mac.hpp"
#include "model/quantize/quantizer.hpp"
#include "sim/graph/evaluation.hpp"
#include "sim/system/fast_timing.hpp"
#include "testbench/network/network_testing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;

struct CutNetwork {
  Network network{kCut + "network.json"};
  std::vector<std::vector<std::uint32_t>> ids = read_ids(kCut + "sentences.safetensors");
  Batch batch{network, ids, "ids"};
};

/// Rows of FP32 as one quantized operand, by the quantizer that is the specification.
QuantizedTensor quantized(const float* values, std::size_t rows, std::size_t columns,
                          const QuantizeOptions& options) {
  return quantize({{rows, columns}, std::vector<float>(values, values + rows * columns)}, options);
}

/// Every product by the scalar quantizer and the golden MAC, and nothing of the multiplier that is tested.
class SlowMultiplier : public Multiplier {
 public:
  explicit SlowMultiplier(const QuantizeOptions& options) : options_(options) {}

 private:
  void run(const Product& product, ProductCounts&) override {
    MacConfig mac;
    mac.format = options_.format;
    for (const Product::Part& part : product.parts) {
      const float* weights = product.weights == nullptr ? part.w : product.weights->values.data();
      const QuantizedTensor a = quantized(part.a, part.m, part.k, options_);
      const QuantizedTensor w = quantized(weights, part.n, part.k, options_);
      const double divisor = static_cast<double>(amax_divisor(options_.format));
      const double unit = static_cast<double>(a.amax) / divisor * (static_cast<double>(w.amax) / divisor);
      for (std::size_t m = 0; m < part.m; ++m) {
        for (std::size_t n = 0; n < part.n; ++n) {
          const std::uint32_t bits = dot_product(mac, a, m, w, n).bits;
          float result = 0.0F;
          std::memcpy(&result, &bits, sizeof result);
          part.y[m * part.n + n] = static_cast<float>(static_cast<double>(result) * unit);
        }
      }
    }
  }
  QuantizeOptions options_;
};

}  // namespace

TEST_CASE("FP32 of the cut network is what another program computes", "[network]") {
  const CutNetwork cut;
  PlainMultiplier plain(0);
  const std::vector<float> output = run_network(cut.network, cut.batch, plain);
  CHECK(largest_difference(output, cut_embeddings().values) < 1e-6);
  PlainMultiplier one_thread(1);
  CHECK(same_bits(output, run_network(cut.network, cut.batch, one_thread)));
}

TEST_CASE("a sentence gives the same bits alone and among others", "[network]") {
  const CutNetwork cut;
  for (const bool quantize : {false, true}) {
    const auto run = [&](const std::vector<std::vector<std::uint32_t>>& ids) {
      PlainMultiplier plain(0);
      QuantizedMultiplier array(MacConfig{}, QuantizeOptions{}, 0);
      Multiplier& multiplier = quantize ? static_cast<Multiplier&>(array) : plain;
      return run_network(cut.network, Batch(cut.network, ids, "ids"), multiplier);
    };
    const std::vector<float> all = run(cut.ids);
    const std::size_t columns = all.size() / cut.ids.size();
    for (const std::size_t s : {std::size_t{0}, std::size_t{7}}) {
      const auto row = all.begin() + static_cast<std::ptrdiff_t>(s * columns);
      CHECK(
          same_bits(run({cut.ids[s]}), std::vector<float>(row, row + static_cast<std::ptrdiff_t>(columns))));
    }
  }
}

TEST_CASE("products on the array are those of the golden MAC and the scalar quantizer", "[network]") {
  const CutNetwork cut;
  const std::vector<std::vector<std::uint32_t>> ids = {cut.ids[3]};
  const Batch batch(cut.network, ids, "ids");
  for (const auto& [format, search] : {std::pair{Format::kIF4, false},
                                       {Format::kIF4, true},
                                       {Format::kNVFP4, false},
                                       {Format::kIF6E2M3, false}}) {
    INFO(format_name(format) << (search ? " with search" : ""));
    QuantizeOptions options;
    options.format = format;
    options.search = search;
    MacConfig mac;
    mac.format = format;
    SlowMultiplier slow(options);
    QuantizedMultiplier fast(mac, options, 0);
    CHECK(same_bits(run_network(cut.network, batch, slow), run_network(cut.network, batch, fast)));
    for (const auto& [name, counts] : fast.counts()) {
      INFO(name);
      CHECK(counts.checked == counts.results);  // of the first sentence all
      CHECK(counts.mismatches == 0);
    }
  }
}

TEST_CASE("formats are measured against FP32, layer by layer", "[network]") {
  const CutNetwork cut;
  const Evaluation evaluation(cut.network, cut.batch, 0);
  CHECK(evaluation.plain().agreement.largest_distance < 1e-12);
  const auto run = [&](Format format) {
    SystemConfig config;
    config.array.mac.format = format;
    return evaluation.run("", evaluation.fitted(config), {});
  };
  const FormatResult if4 = run(Format::kIF4), nvfp4 = run(Format::kNVFP4), nvint4 = run(Format::kNVINT4);
  CHECK(if4.passed());
  CHECK(if4.agreement.mean_distance > 1e-3);
  CHECK(if4.agreement.mean_distance < nvfp4.agreement.mean_distance);
  CHECK(if4.agreement.largest_distance > if4.agreement.mean_distance);
  CHECK(nvfp4.int_share() == 0.0);
  CHECK(nvint4.int_share() == 1.0);
  CHECK(if4.int_share() > 0.2);
  CHECK(if4.int_share() < 0.9);
  REQUIRE(if4.layers.size() == 8);
  for (const LayerResult& layer : if4.layers) {
    INFO(layer.name);
    CHECK(layer.error > 0.01);
    CHECK(layer.error < 0.5);
    // Most results of one sentence of ten, and about a hundredth of the rest.
    CHECK(layer.counts.checked > layer.counts.results / 14);
    CHECK(layer.counts.checked < layer.counts.results / 5);
  }
}

TEST_CASE("the cycles of a network are those of its products", "[network]") {
  const CutNetwork cut;
  const Evaluation evaluation(cut.network, cut.batch, 0);
  SystemConfig config;
  config.array.rows = 5;
  config.array.columns = 12;
  const FormatResult result = evaluation.run("if4", config, {});
  const std::uint64_t t = cut.batch.tokens(), s = cut.batch.sentences(), size = 64;
  using Shapes = std::vector<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>>;
  const auto attention = [&](bool scores) {
    Shapes shapes;
    for (std::size_t i = 0; i < s; ++i)
      shapes.emplace_back(cut.batch.length(i), scores ? cut.batch.length(i) : size,
                          scores ? size : cut.batch.length(i), 2);
    return shapes;
  };
  const std::pair<const char*, Shapes> expected[] = {
      {"layers.0.attention.qkv", {{t, 384, 128, 1}}},  {"layers.0.attention.scores", attention(true)},
      {"layers.0.attention.values", attention(false)}, {"layers.0.attention.output", {{t, 160, 128, 1}}},
      {"layers.0.projection", {{t, 160, 128, 1}}},     {"layers.0.ffn.up", {{t, 96, 160, 1}}},
      {"layers.0.ffn.down", {{t, 160, 96, 1}}},        {"head", {{s, 64, 160, 1}}},
  };
  RunStats total;
  for (const auto& [name, shapes] : expected) {
    INFO(name);
    const auto layer = std::find_if(result.layers.begin(), result.layers.end(),
                                    [name = name](const LayerResult& l) { return l.name == name; });
    REQUIRE(layer != result.layers.end());
    RunStats stats;
    std::uint64_t products = 0, macs = 0;
    for (const auto& [m, n, k, count] : shapes) {
      add(stats, fast_timing(config, {m, n, k}), count);
      products += count;
      macs += m * n * k * count;
    }
    CHECK(layer->stats == stats);
    CHECK(layer->products == products);
    CHECK(layer->macs == macs);
    add(total, stats, 1);
  }
  CHECK(result.total() == total);
}

TEST_CASE("a product that a chosen buffer does not hold, and an accumulator that overflows, are errors",
          "[network]") {
  const CutNetwork cut;
  const Evaluation evaluation(cut.network, cut.batch, 0);
  SystemConfig config;
  config.weight_bytes = 256;
  config.weight_chosen = true;
  CHECK_THROWS_AS(evaluation.fitted(config), InputError);
  config = {};
  config.array.mac.acc_width = 40;
  try {
    evaluation.run("if4", config, {});
    FAIL("no InputError");
  } catch (const InputError& error) {
    check_contains(error.what(), "results overflow an accumulator of " +
                                     std::to_string(config.array.mac.acc_width) + " bits");
  }
}
