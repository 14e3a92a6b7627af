// What each operation computes, on numbers that can be checked by hand.
#include <cmath>

#include "testbench/network/network_testing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;

using Floats = std::vector<float>;

/// Three tokens of four numbers.
std::vector<SmallTensor> tensors() {
  return {{"e", {{3, 4}, {1, -2, 3, 4, 0, 0, 0, 0, -1, 5, 2, 2}}},
          {"w", {{2, 4}, {1, 0, 2, 0, -1, 1, 0, 0.5F}}},
          {"p", {{2, 4}, {10, 20, 30, 40, 50, 60, 70, 80}}},
          {"periods", {{2}, {1, 0.5F}}},
          {"gain", {{4}, {1, 2, 1, 1}}},
          {"shift", {{4}, {0, 0, 10, 0}}},
          {"two", {{2}, {100, 200}}},
          {"half", {{1}, {0.5F}}}};
}

/// The result of one operation on the tokens, x.
Floats result(const std::string& operation, const std::vector<std::vector<std::uint32_t>>& ids) {
  const std::string embed = R"({"name": "x", "op": "embed", "weight": "e"}, )";
  return SmallNetwork(tensors(), embed + R"({"name": "y", )" + operation + "}", "y").run(ids);
}

void check_near(const Floats& actual, const std::vector<double>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    INFO("value " << i);
    CHECK(std::abs(static_cast<double>(actual[i]) - expected[i]) <= 1e-6 * (1.0 + std::abs(expected[i])));
  }
}

}  // namespace

TEST_CASE("tokens and their positions become rows", "[network]") {
  CHECK(result(R"("op": "embed", "weight": "e", "by": 2)", {{2, 0}, {0}}) ==
        Floats{-2, 10, 4, 4, 2, -4, 6, 8, 2, -4, 6, 8});
  CHECK(result(R"("op": "position", "weight": "p")", {{1, 1}, {2}}) ==
        Floats{10, 20, 30, 40, 50, 60, 70, 80, 10, 20, 30, 40});
  check_near(result(R"("op": "sinusoid", "weight": "periods")", {{0}, {0, 0}}),
             {0, 0, 1, 1, 0, 0, 1, 1, std::sin(1.0), std::sin(0.5), std::cos(1.0), std::cos(0.5)});
}

TEST_CASE("operations on values give what their formulas say", "[network]") {
  CHECK(result(R"("op": "relu", "in": "x")", {{0}}) == Floats{1, 0, 3, 4});
  CHECK(result(R"("op": "scale", "in": "x", "by": -2)", {{0}}) == Floats{-2, 4, -6, -8});
  CHECK(result(R"("op": "scale", "in": "x", "weight": "half")", {{0}}) == Floats{0.5F, -1, 1.5F, 2});
  CHECK(result(R"("op": "add", "in": ["x", "x"])", {{0}}) == Floats{2, -4, 6, 8});
  CHECK(result(R"("op": "slice", "in": "x", "part": 1, "parts": 2)", {{0, 2}}) == Floats{3, 4, 2, 2});
  check_near(result(R"("op": "tanh", "in": "x")", {{0}}),
             {std::tanh(1.0), std::tanh(-2.0), std::tanh(3.0), std::tanh(4.0)});
  // x times the normal distribution up to x.
  check_near(result(R"("op": "gelu", "in": "x")", {{0}}),
             {0.841344746069, -0.045500263896, 2.99595030938, 3.99987331503});
}

TEST_CASE("operations on rows give what their formulas say", "[network]") {
  // Mean 1.5, variance 5.25.
  const double root = std::sqrt(5.25 + 0.75);
  check_near(result(R"("op": "norm", "in": "x", "weight": "gain", "bias": "shift", "epsilon": 0.75)", {{0}}),
             {-0.5 / root, -7.0 / root, 1.5 / root + 10.0, 2.5 / root});
  const double sum = std::exp(1.0) + std::exp(-2.0) + std::exp(3.0) + std::exp(4.0);
  check_near(result(R"("op": "softmax", "in": "x")", {{0, 1}}),
             {std::exp(1.0) / sum, std::exp(-2.0) / sum, std::exp(3.0) / sum, std::exp(4.0) / sum, 0.25, 0.25,
              0.25, 0.25});
  const double length = std::sqrt(30.0);
  check_near(result(R"("op": "unit", "in": "x")", {{0, 1}}),
             {1 / length, -2 / length, 3 / length, 4 / length, 0, 0, 0, 0});
  check_near(result(R"("op": "unit", "in": "x", "epsilon": 120)", {{0}}),
             {1 / std::sqrt(120.0), -2 / std::sqrt(120.0), 3 / std::sqrt(120.0), 4 / std::sqrt(120.0)});
}

TEST_CASE("the tokens of a sentence become one row", "[network]") {
  const std::vector<std::vector<std::uint32_t>> ids = {{0, 2}, {2}, {0, 0, 1, 2}};
  CHECK(result(R"("op": "mean", "in": "x")", ids) ==
        Floats{0, 1.5F, 2.5F, 3, -1, 5, 2, 2, 0.25F, 0.25F, 2, 2.5F});
  const double r = std::sqrt(2.0);
  check_near(result(R"("op": "sqrt-mean", "in": "x")", ids),
             {0, 3 / r, 5 / r, 6 / r, -1, 5, 2, 2, 0.5, 0.5, 4, 5});
  CHECK(result(R"("op": "first", "in": "x")", ids) == Floats{1, -2, 3, 4, -1, 5, 2, 2, 1, -2, 3, 4});
}

TEST_CASE("products give what their formulas say", "[network]") {
  CHECK(result(R"("op": "linear", "in": "x", "weight": "w")", {{0, 2}}) == Floats{7, -1, 3, 7});
  CHECK(result(R"("op": "linear", "in": "x", "weight": "w", "bias": "two")", {{0}, {2}}) ==
        Floats{107, 199, 103, 207});
}

TEST_CASE("attention is within a sentence and within a head", "[network]") {
  const std::string list = R"({"name": "x", "op": "embed", "weight": "e"},
      {"name": "y", "op": "scale", "in": "x", "by": 10},
      {"name": "s", "op": "scores", "in": ["x", "y"], "heads": 2},
      {"name": "v", "op": "values", "in": ["s", "x"], "heads": 2})";
  const SmallNetwork small(tensors(), list, "v");
  // Tokens a = (1, -2 | 3, 4) and b = (-1, 5 | 2, 2). Head 0: a.a 5, a.b -11, b.b 26. Head 1: 25, 14, 8.
  CHECK(small.run({{0, 2}}) == Floats{160, -650, 1030, 1280, -370, 1520, 580, 720});
  // A sentence alone gives what it gives among others.
  CHECK(small.run({{2}, {0, 2}, {1}}) ==
        Floats{-260, 1300, 160, 160, 160, -650, 1030, 1280, -370, 1520, 580, 720, 0, 0, 0, 0});
}

TEST_CASE("a value that is not finite ends a run", "[network]") {
  const SmallNetwork small(tensors(), R"({"name": "x", "op": "embed", "weight": "e", "by": 1e38})", "x");
  check_contains(error_of(small.path(), [&] { small.run({{0}}); }),
                 "operation 'x': its result: value 3 is infinite");
}
