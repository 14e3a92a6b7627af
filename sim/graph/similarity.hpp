// What a format does to the output of a network: cosines with the FP32 output, and whether the sentences are still as near
// to each other as they were.
#pragma once

#include <cstddef>
#include <vector>

namespace if4 {

/// The cosine of two vectors; 0 where one is all zeros.
double cosine(const float* a, const float* b, std::size_t size);

/// The similarity of every two rows, (0, 1), (0, 2) ... (1, 2) ..., of a matrix with that many columns.
std::vector<double> similarities(const std::vector<float>& rows, std::size_t columns);

/// Spearman's correlation of the ranks of two lists of one length; equal values share their mean rank. 0 where one list is
/// all equal or has fewer than two values.
double rank_correlation(const std::vector<double>& a, const std::vector<double>& b);

/// The row that is nearest to each, by `pairs` as similarities() gives them for so many rows; of equal ones the first.
std::vector<std::size_t> nearest(const std::vector<double>& pairs, std::size_t rows);

/// Of rows and the same rows in FP32.
struct Agreement {
  double mean_distance = 0.0, largest_distance = 0.0;  ///< 1 - cosine to the FP32 row
  double rank_correlation = 0.0;                       ///< of the similarities of all pairs
  double same_neighbour = 0.0;  ///< share of the rows whose nearest row is the same, 0 to 1
  bool pairs = false;  ///< there are three rows or more; without them the two figures above say nothing
};
Agreement agreement(const std::vector<float>& plain, const std::vector<float>& rows, std::size_t columns);

}  // namespace if4
