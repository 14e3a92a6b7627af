#include "sim/graph/description.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>

#include "model/core/error.hpp"
#include "model/core/json_object.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"

namespace if4 {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMostFile = std::uint64_t{1} << 20;  // bytes of a description
constexpr std::uint64_t kMostNumber = 1'000'000;             // heads, parts, tokens
constexpr std::size_t kMostOperations = 10'000;

constexpr std::uint8_t bits(std::initializer_list<OpKey> keys) {
  unsigned all = 0;
  for (const OpKey key : keys) all |= 1U << static_cast<unsigned>(key);
  return static_cast<std::uint8_t>(all);
}

// Lists and objects are not shown: they may be nested more deeply than a recursion can follow.
std::string shown(const Json& value) {
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  return quoted_name(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// A JSON object of the description, and its place for messages.
class Entries {
 public:
  Entries(std::string place, const Json& json) : place_(std::move(place)), json_(json) {}

  [[noreturn]] void fail(const std::string& message) const { throw InputError(place_ + ": " + message); }
  [[noreturn]] void fail(const std::string& key, const std::string& message) const {
    fail(quoted_name(key) + " " + message);
  }
  bool has(const std::string& key) const { return json_.contains(key); }
  const Json& at(const std::string& key) const {
    if (!has(key)) fail(key, "is missing");
    return json_[key];
  }
  std::string text(const std::string& key) const {
    const Json& value = at(key);
    if (!value.is_string() || value.get_ref<const std::string&>().empty())
      fail(key, "is " + shown(value) + ", not a name");
    return value.get<std::string>();
  }
  std::vector<std::string> texts(const std::string& key) const {
    const Json& value = at(key);
    if (value.is_string()) return {text(key)};
    if (!value.is_array()) fail(key, "is " + shown(value) + ", neither a name nor a list of names");
    std::vector<std::string> all;
    for (const Json& item : value) {
      if (!item.is_string() || item.get_ref<const std::string&>().empty())
        fail(key, "holds " + shown(item) + ", which is not a name");
      all.push_back(item.get<std::string>());
    }
    return all;
  }
  std::size_t whole(const std::string& key, std::uint64_t least) const {
    const Json& value = at(key);
    if (!value.is_number_integer() || value < least || value > kMostNumber)
      fail(key, "is " + shown(value) + ", not " + whole_number_range(least, kMostNumber));
    return value.get<std::size_t>();
  }
  double number(const std::string& key) const {
    const Json& value = at(key);
    if (!value.is_number() || !std::isfinite(value.get<float>()))
      fail(key, "is " + shown(value) + ", not a number of FP32");
    return value.get<double>();
  }
  // Throws unless every key is one of these.
  void only(const std::vector<std::string>& keys) const {
    for (const auto& item : json_.items()) {
      if (std::find(keys.begin(), keys.end(), item.key()) != keys.end()) continue;
      std::string all;
      for (const std::string& key : keys) all += (all.empty() ? "" : ", ") + key;
      fail(item.key(), "means nothing here; the keys are " + all);
    }
  }

 private:
  std::string place_;
  const Json& json_;
};

// An operation with the names of its inputs.
struct Named {
  Operation operation;
  std::vector<std::string> inputs;
};

OpKind kind_of(const Entries& entries) {
  const std::string op = entries.text("op");
  std::string all;
  for (const OpTraits& known : op_table()) {
    if (known.name == op) return known.kind;
    all += (all.empty() ? "" : ", ") + std::string(known.name);
  }
  entries.fail("op", "is " + quoted_name(op) + "; the operations are " + all);
}

Named read_operation(const std::string& place, const Json& json) {
  const Entries entries(place, json);
  Named named;
  Operation& operation = named.operation;
  operation.name = entries.text("name");
  operation.kind = kind_of(entries);
  const OpTraits& known = traits(operation.kind);
  std::vector<std::string> keys = {"name", "op"};
  if (known.inputs != 0) keys.emplace_back("in");
  for (std::size_t i = 0; i < kOpKeys.size(); ++i) {
    const std::string key(kOpKeys[i]);
    if ((known.allowed >> i & 1U) != 0) keys.push_back(key);
    if ((known.required >> i & 1U) != 0) entries.at(key);
  }
  entries.only(keys);
  if (known.inputs != 0) named.inputs = entries.texts("in");
  if (named.inputs.size() != known.inputs) {
    entries.fail("in", "names " + std::to_string(named.inputs.size()) + " results, and " +
                           quoted_name(known.name) + " takes " + std::to_string(known.inputs));
  }
  if (entries.has("weight")) operation.weight = entries.text("weight");
  if (entries.has("bias")) operation.bias = entries.text("bias");
  if (entries.has("epsilon")) operation.epsilon = entries.number("epsilon");
  if (operation.epsilon < 0) entries.fail("epsilon", "is negative");
  if (entries.has("by")) operation.by = entries.number("by");
  if (entries.has("heads")) operation.heads = entries.whole("heads", 1);
  if (entries.has("parts")) operation.parts = entries.whole("parts", 1);
  if (entries.has("part")) operation.part = entries.whole("part", 0);
  if (operation.part >= std::max<std::size_t>(operation.parts, 1)) {
    entries.fail("part", "is " + std::to_string(operation.part) + " of " + std::to_string(operation.parts) +
                             " parts, which count from 0");
  }
  if (operation.kind == OpKind::kScale && operation.weight.empty() == !entries.has("by"))
    entries.fail("give either 'weight', a tensor of one value, or 'by', a number");
  return named;
}

// The operations in an order in which each comes after those that it takes results of: a walk through the graph, without
// recursion, since a description may be a long chain.
class Order {
 public:
  Order(std::string path, std::vector<Named> named) : path_(std::move(path)), named_(std::move(named)) {
    for (std::size_t i = 0; i < named_.size(); ++i) {
      if (!indices_.emplace(named_[i].operation.name, i).second)
        throw InputError(place(i) + ": another operation has this name");
    }
    inputs_.resize(named_.size());
    for (std::size_t i = 0; i < named_.size(); ++i) {
      for (const std::string& input : named_[i].inputs) inputs_[i].push_back(find(input, place(i)));
    }
    state_.resize(named_.size());
    position_.resize(named_.size());
    for (std::size_t i = 0; i < named_.size(); ++i) visit(i);
  }
  std::vector<Operation> operations() && { return std::move(done_); }
  // The index of an operation in operations().
  std::size_t position(const std::string& name, const std::string& place) const {
    return position_[find(name, place)];
  }

 private:
  enum class State : std::uint8_t { kNew, kOpen, kDone };

  std::string place(std::size_t i) const {
    return path_ + ": operation " + quoted_name(named_[i].operation.name);
  }
  std::size_t find(const std::string& name, const std::string& place) const {
    const auto found = indices_.find(name);
    if (found == indices_.end()) throw InputError(place + ": there is no operation " + quoted_name(name));
    return found->second;
  }
  void visit(std::size_t first) {
    if (state_[first] == State::kDone) return;
    std::vector<std::pair<std::size_t, std::size_t>> path = {{first, 0}};  // and how many inputs were seen
    state_[first] = State::kOpen;
    while (!path.empty()) {
      const auto [i, seen] = path.back();
      if (seen == inputs_[i].size()) {
        finish(i);
        path.pop_back();
        continue;
      }
      ++path.back().second;
      const std::size_t next = inputs_[i][seen];
      if (state_[next] == State::kOpen) fail_circle(path, next);
      if (state_[next] == State::kDone) continue;
      state_[next] = State::kOpen;
      path.emplace_back(next, 0);
    }
  }
  void finish(std::size_t i) {
    state_[i] = State::kDone;
    position_[i] = done_.size();
    Operation& operation = named_[i].operation;
    for (const std::size_t input : inputs_[i]) operation.inputs.push_back(position_[input]);
    done_.push_back(operation);
  }
  [[noreturn]] void fail_circle(const std::vector<std::pair<std::size_t, std::size_t>>& path,
                                std::size_t start) const {
    constexpr std::size_t kShown = 4;
    std::string circle;
    std::size_t length = 0;
    for (auto step = path.rbegin(); step != path.rend(); ++step) {
      if (length++ < kShown) circle += " takes " + quoted_name(named_[step->first].operation.name);
      if (step->first == start) break;
    }
    // The walk goes from an operation to its inputs, so the circle is told backwards from its last one.
    throw InputError(place(start) + " waits for its own result, in a circle of " + std::to_string(length) +
                     (length > kShown ? ", among them" : ":") + circle.substr(6));
  }

  std::string path_;
  std::vector<Named> named_;
  std::map<std::string, std::size_t> indices_;
  std::vector<std::vector<std::size_t>> inputs_;
  std::vector<State> state_;
  std::vector<std::size_t> position_;  // in done_
  std::vector<Operation> done_;
};

std::string beside(const std::string& path, const std::string& name) {
  return (std::filesystem::path(path).parent_path() / name).string();
}

std::vector<Named> read_operations(const std::string& place, const Entries& entries) {
  const Json& list = entries.at("operations");
  if (!list.is_array() || list.empty() || list.size() > kMostOperations)
    entries.fail("operations", "is not a list of 1 to " + std::to_string(kMostOperations) + " operations");
  std::vector<Named> named;
  for (const Json& item : list) {
    std::string where = place + ": operation " + std::to_string(named.size() + 1);
    if (!item.is_object()) throw InputError(where + " is not an object such as {\"name\": \"x\"}");
    if (item.contains("name") && item["name"].is_string())
      where = place + ": operation " + quoted_name(item["name"].get_ref<const std::string&>());
    named.push_back(read_operation(where, item));
  }
  return named;
}

}  // namespace

const std::array<OpTraits, 18>& op_table() {
  using K = OpKey;
  static constexpr std::uint8_t kNone = 0, kTable = bits({K::kWeight}), kHeads = bits({K::kHeads});
  static constexpr std::uint8_t kNorm = bits({K::kWeight, K::kBias, K::kEpsilon});
  static constexpr std::uint8_t kPart = bits({K::kPart, K::kParts});
  static constexpr std::array<OpTraits, 18> kTable18 = {{
      {OpKind::kEmbed, "embed", 0, kTable, bits({K::kWeight, K::kBy})},
      {OpKind::kPosition, "position", 0, kTable, kTable},
      {OpKind::kSinusoid, "sinusoid", 0, kTable, kTable},
      {OpKind::kLinear, "linear", 1, kTable, bits({K::kWeight, K::kBias})},
      {OpKind::kScores, "scores", 2, kHeads, kHeads},
      {OpKind::kValues, "values", 2, kHeads, kHeads},
      {OpKind::kNorm, "norm", 1, kNorm, kNorm},
      {OpKind::kSoftmax, "softmax", 1, kNone, kNone},
      {OpKind::kSlice, "slice", 1, kPart, kPart},
      {OpKind::kScale, "scale", 1, kNone, bits({K::kWeight, K::kBy})},
      {OpKind::kAdd, "add", 2, kNone, kNone},
      {OpKind::kRelu, "relu", 1, kNone, kNone},
      {OpKind::kGelu, "gelu", 1, kNone, kNone},
      {OpKind::kTanh, "tanh", 1, kNone, kNone},
      {OpKind::kMean, "mean", 1, kNone, kNone},
      {OpKind::kSqrtMean, "sqrt-mean", 1, kNone, kNone},
      {OpKind::kFirst, "first", 1, kNone, kNone},
      {OpKind::kUnit, "unit", 1, kNone, bits({K::kEpsilon})},
  }};
  return kTable18;
}

const OpTraits& traits(OpKind kind) { return op_table()[static_cast<std::size_t>(kind)]; }

Description read_description(const std::string& path) {
  const InputFile file(path);
  if (file.size() > kMostFile) file.fail("is larger than 1 MiB, too large for the description of a network");
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());
  const Json json = parse_json_object(path, text);
  const std::string place = one_line(path);
  const Entries entries(place, json);
  entries.only({"name", "weights", "tokenizer", "most_tokens", "output", "operations"});
  Description description;
  description.path = path;
  description.name = one_line(entries.text("name"));
  for (const std::string& name : entries.texts("weights")) description.weights.push_back(beside(path, name));
  if (description.weights.empty()) entries.fail("weights", "names no file");
  if (entries.has("tokenizer")) description.tokenizer = beside(path, entries.text("tokenizer"));
  if (entries.has("most_tokens")) description.most_tokens = entries.whole("most_tokens", 1);
  Order order(place, read_operations(place, entries));
  description.output = order.position(entries.text("output"), place + ": 'output'");
  description.operations = std::move(order).operations();
  return description;
}

}  // namespace if4
