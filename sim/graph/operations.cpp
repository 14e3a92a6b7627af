#include "sim/graph/operations.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace if4 {
namespace {

// A number that is rounded to FP32 once. -0 stays.
float rounded(double value) { return static_cast<float>(value); }

std::vector<float> look_up(const Step& step, const Batch& batch) {
  const Tensor& table = *step.weight;
  const std::size_t columns = table.columns();
  const bool by_position = step.operation.kind == OpKind::kPosition;
  const auto by = static_cast<float>(step.operation.by);
  std::vector<float> to;
  to.reserve(value_count(step.shape, batch));
  for (std::size_t s = 0; s < batch.sentences(); ++s) {
    for (std::size_t p = 0; p < batch.length(s); ++p) {
      const float* row = table.values.data() + (by_position ? p : batch.ids(s)[p]) * columns;
      for (std::size_t c = 0; c < columns; ++c) to.push_back(by * row[c]);
    }
  }
  return to;
}

// Sines, then cosines, of the position times each inverse period: the angle in FP32, as the published graphs have it.
std::vector<float> sinusoids(const Step& step, const Batch& batch) {
  std::vector<float> to;
  to.reserve(value_count(step.shape, batch));
  for (std::size_t s = 0; s < batch.sentences(); ++s) {
    for (std::size_t p = 0; p < batch.length(s); ++p) {
      const auto angle = [p](float inverse) { return static_cast<double>(static_cast<float>(p) * inverse); };
      for (const float inverse : step.weight->values) to.push_back(rounded(std::sin(angle(inverse))));
      for (const float inverse : step.weight->values) to.push_back(rounded(std::cos(angle(inverse))));
    }
  }
  return to;
}

void norm_row(const Step& step, const float* x, std::size_t columns, float* to) {
  double mean = 0.0, variance = 0.0;
  for (std::size_t c = 0; c < columns; ++c) mean += static_cast<double>(x[c]);
  mean /= static_cast<double>(columns);
  for (std::size_t c = 0; c < columns; ++c) {
    const double d = static_cast<double>(x[c]) - mean;
    variance += d * d;
  }
  variance /= static_cast<double>(columns);
  const double factor = 1.0 / std::sqrt(variance + step.operation.epsilon);
  for (std::size_t c = 0; c < columns; ++c) {
    const double value = (static_cast<double>(x[c]) - mean) * factor;
    to[c] = rounded(value * static_cast<double>(step.weight->values[c]) +
                    static_cast<double>(step.bias->values[c]));
  }
}

void softmax_row(const float* x, std::size_t columns, float* to) {
  const auto largest = static_cast<double>(*std::max_element(x, x + columns));
  double sum = 0.0;
  for (std::size_t c = 0; c < columns; ++c) sum += std::exp(static_cast<double>(x[c]) - largest);
  for (std::size_t c = 0; c < columns; ++c)
    to[c] = rounded(std::exp(static_cast<double>(x[c]) - largest) / sum);
}

// The sum of the squares is at least epsilon, so that a row of zeros stays one.
void unit_row(const Step& step, const float* x, std::size_t columns, float* to) {
  double sum = 0.0;
  for (std::size_t c = 0; c < columns; ++c) sum += static_cast<double>(x[c]) * static_cast<double>(x[c]);
  sum = std::max(sum, step.operation.epsilon);
  const double factor = sum == 0.0 ? 0.0 : 1.0 / std::sqrt(sum);
  for (std::size_t c = 0; c < columns; ++c) to[c] = rounded(static_cast<double>(x[c]) * factor);
}

// A row of the sentence from those of its tokens.
std::vector<float> pool(const Step& step, const Batch& batch, const std::vector<float>& x) {
  const std::size_t columns = step.shape.columns;
  std::vector<float> to;
  to.reserve(value_count(step.shape, batch));
  for (std::size_t s = 0; s < batch.sentences(); ++s) {
    const float* first = x.data() + batch.start(s) * columns;
    const auto tokens = static_cast<double>(batch.length(s));
    for (std::size_t c = 0; c < columns; ++c) {
      if (step.operation.kind == OpKind::kFirst) {
        to.push_back(first[c]);
        continue;
      }
      double sum = 0.0;
      for (std::size_t p = 0; p < batch.length(s); ++p) sum += static_cast<double>(first[p * columns + c]);
      to.push_back(rounded(sum / (step.operation.kind == OpKind::kMean ? tokens : std::sqrt(tokens))));
    }
  }
  return to;
}

std::vector<float> slice(const Step& step, std::size_t columns, const std::vector<float>& x) {
  const std::size_t width = step.shape.columns;
  std::vector<float> to;
  to.reserve(x.size() / step.operation.parts);
  for (std::size_t at = step.operation.part * width; at < x.size(); at += columns)
    to.insert(to.end(), x.begin() + static_cast<std::ptrdiff_t>(at),
              x.begin() + static_cast<std::ptrdiff_t>(at + width));
  return to;
}

template <class Function>
std::vector<float> each_value(const std::vector<float>& x, const Function& function) {
  std::vector<float> to(x.size());
  std::transform(x.begin(), x.end(), to.begin(), function);
  return to;
}

template <class Function>
std::vector<float> each_row(const std::vector<float>& x, std::size_t columns, const Function& function) {
  std::vector<float> to(x.size());
  for (std::size_t at = 0; at < x.size(); at += columns) function(x.data() + at, columns, to.data() + at);
  return to;
}

std::vector<float> softmax(const Batch& batch, const ResultShape& shape, const std::vector<float>& x) {
  if (shape.rows != RowsOf::kHeads) return each_row(x, shape.columns, softmax_row);
  std::vector<float> to(x.size());
  for (std::size_t s = 0; s < batch.sentences(); ++s) {
    for (std::size_t at = value_start(shape, batch, s); at < value_start(shape, batch, s + 1);
         at += batch.length(s))
      softmax_row(x.data() + at, batch.length(s), to.data() + at);
  }
  return to;
}

float gelu(float value) {
  const auto x = static_cast<double>(value);
  return rounded(0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0))));
}

}  // namespace

std::vector<float> compute(const Step& step, const Batch& batch, const std::vector<InputValues>& inputs) {
  const Operation& operation = step.operation;
  if (operation.kind == OpKind::kSinusoid) return sinusoids(step, batch);
  if (inputs.empty()) return look_up(step, batch);
  const std::vector<float>& x = *inputs[0].values;
  const std::size_t columns = inputs[0].shape.columns;
  switch (operation.kind) {
    case OpKind::kNorm:
      return each_row(x, columns,
                      [&](const float* from, std::size_t n, float* to) { norm_row(step, from, n, to); });
    case OpKind::kUnit:
      return each_row(x, columns,
                      [&](const float* from, std::size_t n, float* to) { unit_row(step, from, n, to); });
    case OpKind::kSoftmax:
      return softmax(batch, step.shape, x);
    case OpKind::kSlice:
      return slice(step, columns, x);
    case OpKind::kScale: {
      const float by = step.weight != nullptr ? step.weight->values[0] : static_cast<float>(operation.by);
      return each_value(x, [by](float value) { return value * by; });
    }
    case OpKind::kAdd: {
      std::vector<float> to(x.size());
      std::transform(x.begin(), x.end(), inputs[1].values->begin(), to.begin(),
                     [](float a, float b) { return a + b; });
      return to;
    }
    case OpKind::kRelu:
      return each_value(x, [](float value) { return value > 0.0F ? value : 0.0F; });
    case OpKind::kGelu:
      return each_value(x, gelu);
    case OpKind::kTanh:
      return each_value(x, [](float value) { return rounded(std::tanh(static_cast<double>(value))); });
    case OpKind::kMean:
    case OpKind::kSqrtMean:
    case OpKind::kFirst:
      return pool(step, batch, x);
    default:
      throw std::logic_error("compute() of a product");
  }
}

}  // namespace if4
