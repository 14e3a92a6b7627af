#include "sim/graph/network.hpp"

#include <algorithm>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/tensor_file.hpp"

namespace if4 {
namespace {

constexpr std::size_t kMostSize = std::size_t{1} << 24;  // columns of a result, rows of a product

// The rules that one operation must obey, with its name for messages.
class Rules {
 public:
  Rules(const Description& description, const Step& step) : description_(description), step_(step) {}

  [[noreturn]] void fail(const std::string& message) const {
    throw InputError(one_line(description_.path) + ": operation " + quoted_name(step_.operation.name) + ": " +
                     message);
  }
  void need(const Tensor& tensor, const std::string& name, const Shape& shape) const {
    if (tensor.shape == shape) return;
    fail("tensor " + quoted_name(name) + " is " + to_string(tensor.shape) + ", not " + to_string(shape));
  }
  // The weight, a matrix of any number of rows; those of `columns` numbers unless that is 0.
  const Tensor& matrix(std::size_t columns) const {
    const Tensor& tensor = *step_.weight;
    if (tensor.shape.size() == 2 && (columns == 0 || tensor.columns() == columns)) return tensor;
    fail("tensor " + quoted_name(step_.operation.weight) + " is " + to_string(tensor.shape) +
         (columns == 0 ? ", not a matrix" : ", not a matrix with " + std::to_string(columns) + " columns"));
  }
  void plain(const ResultShape& input) const {
    if (input.rows == RowsOf::kHeads) fail("takes no result of " + to_string(input));
  }
  void tokens(const ResultShape& input) const {
    if (input.rows != RowsOf::kTokens) fail("takes a row for each token, not " + to_string(input));
  }
  std::size_t head_size(const ResultShape& input) const {
    const std::size_t heads = step_.operation.heads;
    if (input.columns % heads != 0)
      fail(std::to_string(heads) + " heads do not divide " + std::to_string(input.columns) + " columns");
    return input.columns / heads;
  }

 private:
  const Description& description_;
  const Step& step_;
};

ResultShape shape_of_input(const Rules& rules, const Step& step) {
  ResultShape shape;
  switch (step.operation.kind) {
    case OpKind::kSinusoid:
      if (step.weight->shape.size() != 1) {
        rules.fail("tensor " + quoted_name(step.operation.weight) + " is " + to_string(step.weight->shape) +
                   ", not a vector");
      }
      shape.columns = 2 * step.weight->columns();
      break;
    default:
      shape.columns = rules.matrix(0).columns();
  }
  return shape;
}

ResultShape shape_of_attention(const Rules& rules, const Step& step, const ResultShape& a,
                               const ResultShape& b) {
  rules.tokens(b);
  if (step.operation.kind == OpKind::kScores) {
    rules.tokens(a);
    if (a.columns != b.columns)
      rules.fail("takes two of one size, not " + to_string(a) + " and " + to_string(b));
    rules.head_size(b);
    return {RowsOf::kHeads, 0, step.operation.heads};
  }
  rules.head_size(b);
  if (a.rows != RowsOf::kHeads || a.heads != step.operation.heads)
    rules.fail("takes " + std::to_string(step.operation.heads) + " heads x tokens x tokens, not " +
               to_string(a));
  return b;
}

ResultShape shape_of_rows(const Rules& rules, const Step& step, const ResultShape& x) {
  const Operation& operation = step.operation;
  ResultShape shape = x;
  switch (operation.kind) {
    case OpKind::kLinear:
      rules.plain(x);
      shape.columns = rules.matrix(x.columns).rows();
      if (step.bias != nullptr) rules.need(*step.bias, operation.bias, {shape.columns});
      break;
    case OpKind::kNorm:
      rules.plain(x);
      rules.need(*step.weight, operation.weight, {x.columns});
      rules.need(*step.bias, operation.bias, {x.columns});
      break;
    case OpKind::kSlice:
      rules.plain(x);
      if (x.columns % operation.parts != 0) {
        rules.fail(std::to_string(operation.parts) + " parts do not divide " + std::to_string(x.columns) +
                   " columns");
      }
      shape.columns = x.columns / operation.parts;
      break;
    case OpKind::kScale:
      if (step.weight != nullptr) rules.need(*step.weight, operation.weight, {1});
      break;
    case OpKind::kMean:
    case OpKind::kSqrtMean:
    case OpKind::kFirst:
      rules.tokens(x);
      shape.rows = RowsOf::kSentences;
      break;
    case OpKind::kUnit:
      rules.plain(x);
      break;
    default:  // value by value, or softmax
      break;
  }
  return shape;
}

}  // namespace

std::string to_string(const ResultShape& shape) {
  if (shape.rows == RowsOf::kHeads) return std::to_string(shape.heads) + " heads x tokens x tokens";
  return (shape.rows == RowsOf::kTokens ? "tokens x " : "sentences x ") + std::to_string(shape.columns);
}

Network::Network(const std::string& path) : description_(read_description(path)) {
  read_tensors();
  steps_.reserve(description_.operations.size());
  for (std::size_t i = 0; i < description_.operations.size(); ++i) bind(i);
  if (vocabulary_ == 0)
    throw InputError(one_line(path) + ": no operation is 'embed', which looks up what the ids stand for");
  const Rules rules(description_, output());
  if (output().shape.rows == RowsOf::kHeads)
    rules.fail("is the output, which is a row for each token or sentence, not " + to_string(output().shape));
}

void Network::read_tensors() {
  std::vector<SafetensorsFile> files;
  for (const std::string& path : description_.weights) files.emplace_back(path);
  for (const Operation& operation : description_.operations) {
    for (const std::string* name : {&operation.weight, &operation.bias}) {
      if (name->empty() || tensors_.count(*name) != 0) continue;
      const SafetensorsFile* holder = nullptr;
      for (const SafetensorsFile& file : files) {
        if (file.find(*name) == nullptr) continue;
        if (holder != nullptr) {
          throw InputError(one_line(file.path()) + ": tensor " + quoted_name(*name) + " is in " +
                           one_line(holder->path()) + " too");
        }
        holder = &file;
      }
      if (holder == nullptr) {
        throw InputError(one_line(description_.path) + ": operation " + quoted_name(operation.name) +
                         ": there is no tensor " + quoted_name(*name) + " in " +
                         one_line(files.front().path()) + (files.size() > 1 ? " and the others" : ""));
      }
      tensors_.emplace(*name, read_tensor(*holder, *name));
    }
  }
}

void Network::bind(std::size_t index) {
  Step step;
  step.operation = description_.operations[index];
  const Operation& operation = step.operation;
  if (!operation.weight.empty()) step.weight = &tensors_.at(operation.weight);
  if (!operation.bias.empty()) step.bias = &tensors_.at(operation.bias);
  const Rules rules(description_, step);
  const auto input = [&](std::size_t i) -> const ResultShape& { return steps_[operation.inputs[i]].shape; };
  if (operation.inputs.empty()) {
    step.shape = shape_of_input(rules, step);
  } else if (operation.kind == OpKind::kScores || operation.kind == OpKind::kValues) {
    step.shape = shape_of_attention(rules, step, input(0), input(1));
  } else {
    step.shape = shape_of_rows(rules, step, input(0));
  }
  if (operation.kind == OpKind::kAdd) {
    const ResultShape &a = input(0), &b = input(1);
    if (a.rows != b.rows || a.columns != b.columns || a.heads != b.heads)
      rules.fail("adds two of one shape, not " + to_string(a) + " and " + to_string(b));
  }
  if (step.shape.columns > kMostSize) rules.fail("has more than " + std::to_string(kMostSize) + " columns");
  const auto least = [&step](std::size_t& limit) {
    const std::size_t rows = step.weight->rows();
    limit = limit == 0 ? rows : std::min(limit, rows);
  };
  if (operation.kind == OpKind::kEmbed) least(vocabulary_);
  if (operation.kind == OpKind::kPosition) least(positions_);
  steps_.push_back(std::move(step));
}

std::vector<std::string> Network::files() const {
  std::vector<std::string> all = description_.weights;
  all.push_back(description_.path);
  if (!description_.tokenizer.empty()) all.push_back(description_.tokenizer);
  return all;
}

}  // namespace if4
