// Cosines, ranks and neighbours, on numbers that can be checked by hand.
#include <cmath>

#include "sim/graph/similarity.hpp"
#include "testbench/support/catch.hpp"

using namespace if4;

namespace {

bool near(double a, double b) { return std::abs(a - b) < 1e-12; }

}  // namespace

TEST_CASE("cosines of vectors", "[network]") {
  const float a[] = {3, 4}, b[] = {4, 3}, zero[] = {0, 0};
  CHECK(near(cosine(a, b, 2), 24.0 / 25.0));
  CHECK(near(cosine(a, a, 2), 1.0));
  CHECK(cosine(a, zero, 2) == 0.0);
}

TEST_CASE("the correlation of ranks, with equal values", "[network]") {
  CHECK(near(rank_correlation({1, 2, 3}, {10, 20, 300}), 1.0));
  CHECK(near(rank_correlation({1, 2, 3}, {9, 8, 7}), -1.0));
  // 1 - 6 sum d^2 / (n (n^2 - 1)), d = 1, 1, 0, 1, 1.
  CHECK(near(rank_correlation({1, 2, 3, 4, 5}, {2, 1, 3, 5, 4}), 0.8));
  // Ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3.
  CHECK(near(rank_correlation({1, 2, 2, 3}, {1, 2, 3, 4}), 4.5 / std::sqrt(4.5 * 5.0)));
  CHECK(rank_correlation({1, 1, 1}, {1, 2, 3}) == 0.0);
}

TEST_CASE("the nearest row, and how many stay nearest", "[network]") {
  // Pairs (0,1), (0,2), (0,3), (1,2), (1,3), (2,3).
  CHECK(nearest({0.1, 0.9, 0.2, 0.3, 0.4, 0.9}, 4) == std::vector<std::size_t>{2, 3, 0, 2});
  const std::vector<float> plain = {1, 0, 0.9F, 0.1F, 0, 1}, other = {1, 0, 0.1F, 0.9F, 0, 1};
  const Agreement same = agreement(plain, plain, 2);
  CHECK(near(same.mean_distance, 0.0));
  CHECK(same.pairs);
  CHECK(near(same.rank_correlation, 1.0));
  CHECK(same.same_neighbour == 1.0);
  const Agreement changed = agreement(plain, other, 2);
  const double distance = 1.0 - 0.18 / 0.82;  // of the row that changed
  CHECK(std::abs(changed.largest_distance - distance) < 1e-6);
  CHECK(std::abs(changed.mean_distance - distance / 3) < 1e-6);
  // Nearest were 1, 0, 1, and are 1, 2, 1.
  CHECK(near(changed.same_neighbour, 2.0 / 3.0));
  CHECK_FALSE(agreement({1, 0, 0, 1}, {1, 0, 0, 1}, 2).pairs);
}
