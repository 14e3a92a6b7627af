// The reader of descriptions, and the shapes of a network.
#include "testbench/network/network_testing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;

const std::string kEmbed = R"({"name": "x", "op": "embed", "weight": "e"})";

std::string with(const std::string& operation) { return kEmbed + ", " + operation; }

std::vector<SmallTensor> tensors() {
  return {
      {"e", {{3, 4}, std::vector<float>(12, 1.0F)}},     {"w", {{2, 4}, std::vector<float>(8, 1.0F)}},
      {"narrow", {{2, 3}, std::vector<float>(6, 1.0F)}}, {"four", {{4}, std::vector<float>(4, 1.0F)}},
      {"two", {{2}, std::vector<float>(2, 1.0F)}},       {"cube", {{2, 2, 2}, std::vector<float>(8, 1.0F)}}};
}

struct BadNetwork {
  std::string operations, output, fragment;
};

}  // namespace

TEST_CASE("operations run in the order of what they take, whatever the order of the list", "[network]") {
  const std::string add = R"({"name": "sum", "op": "add", "in": ["y", "x"]})";
  const std::string scale = R"({"name": "y", "op": "scale", "in": "x", "by": 3})";
  const std::string lists[] = {add + ", " + scale + ", " + kEmbed, kEmbed + ", " + add + ", " + scale,
                               scale + ", " + kEmbed + ", " + add};
  for (const std::string& list : lists) {
    const SmallNetwork small(tensors(), list, "sum");
    const Network network(small.path());
    CHECK(network.output().operation.name == "sum");
    for (std::size_t i = 0; i < network.steps().size(); ++i)
      for (const std::size_t input : network.steps()[i].operation.inputs) CHECK(input < i);
    CHECK(small.run({{0}}) == std::vector<float>(4, 4.0F));
  }
}

TEST_CASE("descriptions of networks that cannot run are refused", "[network]") {
  const BadNetwork table[] = {
      {kEmbed, "z", "'output': there is no operation 'z'"},
      {kEmbed + ", " + kEmbed, "x", "'x': another operation has this name"},
      {with(R"({"name": "y", "op": "dropout", "in": "x"})"), "y", "'dropout'; the operations are embed"},
      {with(R"({"name": "y", "in": "x"})"), "y", "'op' is missing"},
      {with(R"({"op": "relu", "in": "x"})"), "x", "operation 2: 'name' is missing"},
      {with(R"({"name": 7, "op": "relu", "in": "x"})"), "x", "operation 2: 'name' is '7', not a name"},
      {with("3"), "x", "operation 2 is not an object"},
      {with(R"({"name": "y", "op": "relu"})"), "y", "'in' is missing"},
      {with(R"({"name": "y", "op": "relu", "in": ["x", "x"]})"), "y",
       "'in' names 2 results, and 'relu' takes 1"},
      {with(R"({"name": "y", "op": "add", "in": "x"})"), "y", "'in' names 1 results, and 'add' takes 2"},
      {with(R"({"name": "y", "op": "relu", "in": [["x"]]})"), "y", "'in' holds a list"},
      {with(R"({"name": "y", "op": "relu", "in": "z"})"), "y", "'y': there is no operation 'z'"},
      {with(R"({"name": "y", "op": "relu", "in": "x", "wieght": "w"})"), "y", "'wieght' means nothing here"},
      {with(R"({"name": "y", "op": "linear", "in": "x"})"), "y", "'weight' is missing"},
      {with(R"({"name": "y", "op": "linear", "in": "x", "weight": "v"})"), "y", "no tensor 'v'"},
      {with(R"({"name": "y", "op": "linear", "in": "x", "weight": "narrow"})"), "y",
       "'narrow' is [2, 3], not a matrix with 4 columns"},
      {with(R"({"name": "y", "op": "linear", "in": "x", "weight": "cube"})"), "y", "'cube' is [2, 2, 2]"},
      {with(R"({"name": "y", "op": "linear", "in": "x", "weight": "w", "bias": "four"})"), "y",
       "'four' is [4], not [2]"},
      {with(R"({"name": "y", "op": "norm", "in": "x", "weight": "four", "bias": "four"})"), "y",
       "'epsilon' is missing"},
      {with(R"({"name": "y", "op": "norm", "in": "x", "weight": "two", "bias": "four", "epsilon": 1})"), "y",
       "'two' is [2], not [4]"},
      {with(R"({"name": "y", "op": "norm", "in": "x", "weight": "four", "bias": "four", "epsilon": -1})"),
       "y", "'epsilon' is negative"},
      {with(R"({"name": "y", "op": "norm", "in": "x", "weight": "four", "bias": "four", "epsilon": "1"})"),
       "y", "'epsilon' is '\"1\"', not a number"},
      {with(R"({"name": "y", "op": "scale", "in": "x"})"), "y", "give either 'weight'"},
      {with(R"({"name": "y", "op": "scale", "in": "x", "weight": "two", "by": 2})"), "y", "give either"},
      {with(R"({"name": "y", "op": "scale", "in": "x", "weight": "two"})"), "y", "'two' is [2], not [1]"},
      {with(R"({"name": "y", "op": "scale", "in": "x", "by": 1e300})"), "y", "not a number of FP32"},
      {with(R"({"name": "y", "op": "slice", "in": "x", "part": 0, "parts": 3})"), "y",
       "3 parts do not divide 4 columns"},
      {with(R"({"name": "y", "op": "slice", "in": "x", "part": 2, "parts": 2})"), "y", "'part' is 2 of 2"},
      {with(R"({"name": "y", "op": "slice", "in": "x", "part": 0, "parts": 0})"), "y", "'parts' is '0'"},
      {with(R"({"name": "y", "op": "slice", "in": "x", "part": -1, "parts": 2})"), "y", "'part' is '-1'"},
      {with(R"({"name": "y", "op": "slice", "in": "x", "part": 0.5, "parts": 2})"), "y", "'part' is '0.5'"},
      {with(R"({"name": "y", "op": "scores", "in": ["x", "x"], "heads": 3})"), "y",
       "3 heads do not divide 4"},
      {with(R"({"name": "y", "op": "scores", "in": ["x", "x"], "heads": 2})"), "y", "is the output"},
      {with(R"({"name": "m", "op": "mean", "in": "x"}, {"name": "y", "op": "mean", "in": "m"})"), "y",
       "takes a row for each token, not sentences x 4"},
      {with(R"({"name": "m", "op": "mean", "in": "x"}, {"name": "y", "op": "add", "in": ["m", "x"]})"), "y",
       "adds two of one shape, not sentences x 4 and tokens x 4"},
      {with(R"({"name": "s", "op": "scores", "in": ["x", "x"], "heads": 2},
               {"name": "y", "op": "values", "in": ["s", "x"], "heads": 4})"),
       "y", "takes 4 heads x tokens x tokens, not 2 heads x tokens x tokens"},
      {with(R"({"name": "s", "op": "scores", "in": ["x", "x"], "heads": 2},
               {"name": "y", "op": "linear", "in": "s", "weight": "w"})"),
       "y", "takes no result of 2 heads"},
      {R"({"name": "x", "op": "sinusoid", "weight": "w"})", "x", "not a vector"},
      {R"({"name": "x", "op": "sinusoid", "weight": "two"})", "x", "no operation is 'embed'"},
      {R"({"name": "x", "op": "embed", "weight": "two"})", "x", "'two' is [2], not a matrix"},
      {"", "x", "'operations' is not a list"},
  };
  for (const BadNetwork& bad : table) {
    const SmallNetwork small(tensors(), bad.operations, bad.output);
    INFO(bad.operations);
    check_contains(error_of(small.path(), [&] { Network{small.path()}; }), bad.fragment);
  }
}

TEST_CASE("a circle of operations is named", "[network]") {
  const std::string circle =
      R"({"name": "a", "op": "relu", "in": "c"}, {"name": "b", "op": "relu", "in": "a"},
                                {"name": "c", "op": "add", "in": ["x", "b"]})";
  const SmallNetwork small(tensors(), with(circle), "a");
  check_contains(error_of(small.path(), [&] { Network{small.path()}; }),
                 "waits for its own result, in a circle of 3");
  const SmallNetwork own(tensors(), with(R"({"name": "a", "op": "relu", "in": "a"})"), "x");
  check_contains(error_of(own.path(), [&] { Network{own.path()}; }),
                 "'a' waits for its own result, in a circle of 1");
  std::string chain = kEmbed;  // as long as a description may be, and walked from its far end
  for (int i = 9998; i >= 0; --i) {
    chain += R"(, {"name": "n)" + std::to_string(i) + R"(", "op": "relu", "in": ")" +
             (i == 0 ? "x" : "n" + std::to_string(i - 1)) + "\"}";
  }
  const SmallNetwork longest(tensors(), chain, "n9998");
  CHECK(Network(longest.path()).steps().size() == 9999 + 1);
}

TEST_CASE("files that are no description are refused", "[network]") {
  const TempDir folder;
  const std::string path = folder / "n.json";
  const BadFile table[] = {
      {"", "not JSON"},
      {"[]", "is not a JSON object"},
      {R"({"name": "n"})", "'weights' is missing"},
      {R"({"name": "n", "weights": [], "output": "x", "operations": []})", "'weights' names no file"},
      {R"({"name": "n", "weights": 3})", "'weights' is '3', neither a name nor a list"},
      {R"({"name": "n", "name": "m"})", "'name' is there twice"},
      {R"({"name": "n", "layers": 3})", "'layers' means nothing here; the keys are name, weights"},
      {R"({"name": "n", "weights": "w", "most_tokens": 0})", "'most_tokens' is '0'"},
      {R"({"name": )" + std::string(100'000, '[') + std::string(100'000, ']') + "}",
       "'name' is a list, not a name"},
      {std::string((1 << 20) + 1, ' '), "larger than 1 MiB"},
  };
  for (const BadFile& bad : table) {
    put(path, bad.bytes);
    check_contains(error_of(path, [&] { read_description(path); }), bad.fragment);
  }
}

TEST_CASE("sentences that the network does not take are refused", "[network]") {
  const SmallNetwork small(tensors(), with(R"({"name": "p", "op": "position", "weight": "w"})"), "x");
  const Network network(small.path());
  const auto refused = [&](const std::vector<std::vector<std::uint32_t>>& ids, const std::string& fragment) {
    check_contains(error_of("ids", [&] { Batch(network, ids, "ids"); }), fragment);
  };
  refused({}, "there is no sentence");
  refused({{1}, {}}, "sentence 2 has no token");
  refused({{0, 1}, {2, 3}}, "sentence 2 has the id 3 as token 2; those of the network are below 3");
  refused({{0, 1, 2}}, "sentence 1 has 3 tokens, and the network positions for 2");
  CHECK(Batch(network, {{0, 1}, {2}}, "ids").tokens() == 3);
  const SmallNetwork cut(tensors(), kEmbed, "x", ", \"most_tokens\": 2");
  const Network limited(cut.path());
  const Batch batch(limited, {{0, 1, 2}, {2, 1}}, "ids");
  CHECK(batch.cut() == 1);
  CHECK(batch.ids(0) == std::vector<std::uint32_t>{0, 1});
}
