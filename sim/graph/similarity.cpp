#include "sim/graph/similarity.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace if4 {
namespace {

// From 0; equal values share the mean of theirs.
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = static_cast<double>(begin + end - 1) / 2.0;
  }
  return ranks;
}

}  // namespace

double cosine(const float* a, const float* b, std::size_t size) {
  double ab = 0.0, aa = 0.0, bb = 0.0;
  for (std::size_t i = 0; i < size; ++i) {
    const auto x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa == 0.0 || bb == 0.0 ? 0.0 : ab / std::sqrt(aa * bb);
}

std::vector<double> similarities(const std::vector<float>& rows, std::size_t columns) {
  const std::size_t count = rows.size() / columns;
  std::vector<double> pairs;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = i + 1; j < count; ++j)
      pairs.push_back(cosine(rows.data() + i * columns, rows.data() + j * columns, columns));
  return pairs;
}

double rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const std::vector<double> x = ranks(a), y = ranks(b);
  const double mean = (static_cast<double>(a.size()) - 1.0) / 2.0;
  double xy = 0.0, xx = 0.0, yy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xx == 0.0 || yy == 0.0 ? 0.0 : xy / std::sqrt(xx * yy);
}

std::vector<std::size_t> nearest(const std::vector<double>& pairs, std::size_t rows) {
  std::vector<std::size_t> best(rows);
  std::vector<double> most(rows, -2.0);
  std::size_t at = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = i + 1; j < rows; ++j, ++at) {
      if (pairs[at] > most[i]) most[i] = pairs[at], best[i] = j;
      if (pairs[at] > most[j]) most[j] = pairs[at], best[j] = i;
    }
  }
  return best;
}

Agreement agreement(const std::vector<float>& plain, const std::vector<float>& rows, std::size_t columns) {
  Agreement result;
  const std::size_t count = rows.size() / columns;
  for (std::size_t i = 0; i < count; ++i) {
    const double distance = 1.0 - cosine(plain.data() + i * columns, rows.data() + i * columns, columns);
    result.mean_distance += distance / static_cast<double>(count);
    result.largest_distance = i == 0 ? distance : std::max(result.largest_distance, distance);
  }
  result.pairs = count > 2;
  if (!result.pairs) return result;
  const std::vector<double> a = similarities(plain, columns), b = similarities(rows, columns);
  result.rank_correlation = rank_correlation(a, b);
  const std::vector<std::size_t> x = nearest(a, count), y = nearest(b, count);
  std::size_t same = 0;
  for (std::size_t i = 0; i < count; ++i) same += x[i] == y[i] ? 1 : 0;
  result.same_neighbour = static_cast<double>(same) / static_cast<double>(count);
  return result;
}

}  // namespace if4
