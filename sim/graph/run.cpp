#include "sim/graph/run.hpp"

#include <algorithm>
#include <cmath>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "sim/graph/operations.hpp"

namespace if4 {
namespace {

// The rows of one head, and those of the next after them: [heads * rows, size] of [rows, heads * size].
std::vector<float> by_head(const float* x, std::size_t rows, std::size_t heads, std::size_t size) {
  std::vector<float> to;
  to.reserve(heads * rows * size);
  for (std::size_t head = 0; head < heads; ++head)
    for (std::size_t row = 0; row < rows; ++row) {
      const float* from = x + (row * heads + head) * size;
      to.insert(to.end(), from, from + size);
    }
  return to;
}

// The same transposed within each head: [heads * size, rows].
std::vector<float> by_head_transposed(const float* x, std::size_t rows, std::size_t heads, std::size_t size) {
  std::vector<float> to;
  to.reserve(heads * rows * size);
  for (std::size_t column = 0; column < heads * size; ++column)
    for (std::size_t row = 0; row < rows; ++row) to.push_back(x[row * heads * size + column]);
  return to;
}

// Adds a product of m x n x k for each head of a sentence. Its operands and its results are one head's after the other.
void add_heads(Product& product, std::size_t heads, const Product::Part& first) {
  for (std::size_t head = 0; head < heads; ++head) {
    Product::Part part = first;
    part.a += head * part.m * part.k;
    part.w += head * part.n * part.k;
    part.y += head * part.m * part.n;
    product.parts.push_back(part);
  }
}

class Runner {
 public:
  Runner(const Network& network, const Batch& batch, Multiplier& multiplier)
      : network_(network), batch_(batch), multiplier_(multiplier), values_(network.steps().size()) {
    last_use_.resize(values_.size());
    for (std::size_t i = 0; i < values_.size(); ++i)
      for (const std::size_t input : network.steps()[i].operation.inputs) last_use_[input] = i;
    last_use_[network.description().output] = values_.size();
  }

  std::vector<float> run(const Results& results) {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const Step& step = network_.steps()[i];
      values_[i] = result(step);
      check(step, values_[i]);
      if (results) results(i, values_[i]);
      for (const std::size_t input : step.operation.inputs)
        if (last_use_[input] == i) values_[input] = {};
    }
    return std::move(values_[network_.description().output]);
  }

 private:
  std::vector<float> result(const Step& step) {
    switch (step.operation.kind) {
      case OpKind::kLinear:
        return linear(step);
      case OpKind::kScores:
        return scores(step);
      case OpKind::kValues:
        return weighted_values(step);
      default: {
        std::vector<InputValues> inputs;
        for (const std::size_t input : step.operation.inputs)
          inputs.push_back({network_.steps()[input].shape, &values_[input]});
        return compute(step, batch_, inputs);
      }
    }
  }
  const ResultShape& shape(const Step& step, std::size_t input) const {
    return network_.steps()[step.operation.inputs[input]].shape;
  }
  const float* sentence(const Step& step, std::size_t input, std::size_t s) const {
    const std::size_t index = step.operation.inputs[input];
    return values_[index].data() + value_start(network_.steps()[index].shape, batch_, s);
  }
  static Product product_of(const Step& step) {
    Product product;
    product.layer = step.operation.name;
    return product;
  }

  std::vector<float> linear(const Step& step) {
    std::vector<float> to(value_count(step.shape, batch_));
    Product product = product_of(step);
    product.weights = step.weight;
    product.parts.resize(batch_.sentences());
    for (std::size_t s = 0; s < batch_.sentences(); ++s) {
      Product::Part& part = product.parts[s];
      part.a = sentence(step, 0, s);
      part.y = to.data() + value_start(step.shape, batch_, s);
      part.m = step.shape.rows == RowsOf::kTokens ? batch_.length(s) : 1;
      part.n = step.shape.columns;
      part.k = step.weight->columns();
    }
    multiplier_.multiply(product);
    if (step.bias == nullptr) return to;
    const std::vector<float>& bias = step.bias->values;
    for (std::size_t at = 0; at < to.size(); at += bias.size())
      for (std::size_t c = 0; c < bias.size(); ++c) to[at + c] += bias[c];
    return to;
  }

  // The product of each sentence and head.
  std::vector<float> scores(const Step& step) {
    const std::size_t heads = step.operation.heads, size = shape(step, 0).columns / heads;
    std::vector<float> to(value_count(step.shape, batch_));
    Product product = product_of(step);
    product.first_parts = heads;
    std::vector<std::vector<float>> queries, keys;
    for (std::size_t s = 0; s < batch_.sentences(); ++s) {
      const std::size_t t = batch_.length(s);
      queries.push_back(by_head(sentence(step, 0, s), t, heads, size));
      keys.push_back(by_head(sentence(step, 1, s), t, heads, size));
      float* const y = to.data() + value_start(step.shape, batch_, s);
      add_heads(product, heads, {queries[s].data(), keys[s].data(), y, t, t, size});
    }
    multiplier_.multiply(product);
    return to;
  }

  std::vector<float> weighted_values(const Step& step) {
    const std::size_t heads = step.operation.heads, size = step.shape.columns / heads;
    Product product = product_of(step);
    product.first_parts = heads;
    std::vector<std::vector<float>> weights, results;
    for (std::size_t s = 0; s < batch_.sentences(); ++s) {
      const std::size_t t = batch_.length(s);
      weights.push_back(by_head_transposed(sentence(step, 1, s), t, heads, size));
      results.emplace_back(heads * t * size);
      add_heads(product, heads, {sentence(step, 0, s), weights[s].data(), results[s].data(), t, size, t});
    }
    multiplier_.multiply(product);
    // The heads side by side again: what by_head() does, the other way round.
    std::vector<float> to;
    for (std::size_t s = 0; s < batch_.sentences(); ++s) {
      const std::vector<float> rows = by_head(results[s].data(), heads, batch_.length(s), size);
      to.insert(to.end(), rows.begin(), rows.end());
    }
    return to;
  }

  void check(const Step& step, const std::vector<float>& values) const {
    const auto bad =
        std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
    if (bad == values.end()) return;
    throw InputError(one_line(network_.description().path) + ": operation " +
                     quoted_name(step.operation.name) +
                     ": its result: " + not_finite(static_cast<std::size_t>(bad - values.begin()), *bad));
  }

  const Network& network_;
  const Batch& batch_;
  Multiplier& multiplier_;
  std::vector<std::vector<float>> values_;
  std::vector<std::size_t> last_use_;
};

}  // namespace

Batch::Batch(const Network& network, std::vector<std::vector<std::uint32_t>> ids, const std::string& place)
    : ids_(std::move(ids)) {
  if (ids_.empty()) throw InputError(place + ": there is no sentence");
  const std::size_t most = network.description().most_tokens, positions = network.positions();
  for (std::size_t s = 0; s < ids_.size(); ++s) {
    std::vector<std::uint32_t>& sentence = ids_[s];
    const auto fail = [&](const std::string& message) {
      throw InputError(place + ": sentence " + std::to_string(s + 1) + " " + message);
    };
    if (sentence.empty()) fail("has no token");
    for (std::size_t p = 0; p < sentence.size(); ++p) {
      if (sentence[p] >= network.vocabulary())
        fail("has the id " + std::to_string(sentence[p]) + " as token " + std::to_string(p + 1) +
             "; those of the network are below " + std::to_string(network.vocabulary()));
    }
    if (most != 0 && sentence.size() > most) {
      sentence.resize(most);
      ++cut_;
    }
    if (positions != 0 && sentence.size() > positions)
      fail("has " + std::to_string(sentence.size()) + " tokens, and the network positions for " +
           std::to_string(positions));
    starts_.push_back(starts_.back() + sentence.size());
    squares_.push_back(squares_.back() + sentence.size() * sentence.size());
  }
}

std::size_t value_start(const ResultShape& shape, const Batch& batch, std::size_t sentence) {
  if (shape.rows == RowsOf::kHeads) return shape.heads * batch.square_start(sentence);
  return shape.columns * (shape.rows == RowsOf::kTokens ? batch.start(sentence) : sentence);
}

std::size_t value_count(const ResultShape& shape, const Batch& batch) {
  return value_start(shape, batch, batch.sentences());
}

std::vector<float> run_network(const Network& network, const Batch& batch, Multiplier& multiplier,
                               const Results& results) {
  return Runner(network, batch, multiplier).run(results);
}

}  // namespace if4
