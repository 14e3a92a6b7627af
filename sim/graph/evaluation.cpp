#include "sim/graph/evaluation.hpp"

#include <algorithm>
#include <cmath>

#include "sim/system/fast_timing.hpp"

namespace if4 {
namespace {

double relative_error(const std::vector<float>& plain, const std::vector<float>& values) {
  double noise = 0.0, signal = 0.0;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const double x = static_cast<double>(plain[i]), d = static_cast<double>(values[i]) - x;
    noise += d * d;
    signal += x * x;
  }
  return noise == 0.0 ? 0.0 : std::sqrt(noise / signal);
}

GemmShape shape_of(const std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>& key) {
  return {std::get<0>(key), std::get<1>(key), std::get<2>(key)};
}

}  // namespace

RunStats FormatResult::total() const {
  RunStats total;
  for (const LayerResult& layer : layers) add(total, layer.stats, 1);
  return total;
}

std::uint64_t FormatResult::macs() const {
  std::uint64_t total = 0;
  for (const LayerResult& layer : layers) total += layer.macs;
  return total;
}

double FormatResult::int_share() const {
  std::uint64_t blocks = 0, ints = 0;
  for (const LayerResult& layer : layers) {
    blocks += layer.counts.activation_blocks + layer.counts.weight_blocks;
    ints += layer.counts.activation_ints + layer.counts.weight_ints;
  }
  return blocks == 0 ? 0.0 : static_cast<double>(ints) / static_cast<double>(blocks);
}

bool FormatResult::passed() const {
  return (!quantized || !layers.empty()) &&
         std::all_of(layers.begin(), layers.end(), [this](const LayerResult& layer) {
           return (!quantized || layer.counts.checked != 0) && layer.counts.mismatches == 0 &&
                  layer.engine_mismatches == 0 && layer.cycles_agree;
         });
}

Evaluation::Evaluation(const Network& network, const Batch& batch, unsigned threads)
    : network_(network), batch_(batch), threads_(threads), results_(network.steps().size()) {
  PlainMultiplier multiplier(threads);
  plain_.name = "fp32";
  plain_.quantized = false;
  plain_.output =
      run_network(network, batch, multiplier, [&](std::size_t step, const std::vector<float>& values) {
        if (is_product(network.steps()[step].operation.kind)) results_[step] = values;
      });
  plain_.layers = layers(multiplier);
  plain_.agreement = agreement(plain_.output, plain_.output, network.output().shape.columns);
}

std::vector<LayerResult> Evaluation::layers(const Multiplier& multiplier) const {
  std::vector<LayerResult> all;
  for (const Step& step : network_.steps()) {
    if (!is_product(step.operation.kind)) continue;
    LayerResult layer;
    layer.name = step.operation.name;
    layer.kind = step.operation.kind;
    layer.counts = multiplier.counts().at(layer.name);
    for (const auto& [key, count] : layer.counts.shapes) {
      const GemmShape shape = shape_of(key);
      layer.products += count;
      layer.macs += shape.m * shape.n * shape.k * count;
    }
    all.push_back(std::move(layer));
  }
  return all;
}

SystemConfig Evaluation::fitted(SystemConfig config) const {
  for (const LayerResult& layer : plain_.layers)
    for (const auto& [key, count] : layer.counts.shapes) fit_buffers(config, shape_of(key));
  for (const LayerResult& layer : plain_.layers)
    for (const auto& [key, count] : layer.counts.shapes) Geometry(config, shape_of(key));
  return config;
}

FormatResult Evaluation::run(const std::string& name, const SystemConfig& config, QuantizeOptions options,
                             const QuantizedMultiplier::Watch& watch) const {
  options.format = config.array.mac.format;
  QuantizedMultiplier multiplier(config.array.mac, options, threads_);
  multiplier.watch(watch);
  std::map<std::string, double> errors;
  FormatResult result;
  result.name = name;
  result.config = config;
  result.output =
      run_network(network_, batch_, multiplier, [&](std::size_t step, const std::vector<float>& values) {
        if (!results_[step].empty())
          errors[network_.steps()[step].operation.name] = relative_error(results_[step], values);
      });
  result.layers = layers(multiplier);
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>, RunStats> known;
  for (LayerResult& layer : result.layers) {
    layer.error = errors.at(layer.name);
    for (const auto& [key, count] : layer.counts.shapes) {
      const auto [stats, is_new] = known.emplace(key, RunStats{});
      if (is_new) stats->second = fast_timing(config, shape_of(key));
      add(layer.stats, stats->second, count);
    }
  }
  result.agreement = agreement(plain_.output, result.output, network_.output().shape.columns);
  return result;
}

}  // namespace if4
