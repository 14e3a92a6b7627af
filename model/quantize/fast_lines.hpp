// How the loops that find both types of IF4 at once tell the FP4 codes apart: a magnitude, in steps, is rounded to INT4 first,
// and between two ties of INT4 the FP4 code is one line of the magnitude, rounded once.
#pragma once

namespace if4 {

/// The magnitudes of FP4's codes, in halves.
inline constexpr int kFloatHalves[8] = {0, 1, 2, 3, 4, 6, 8, 12};

/// Of a magnitude, in steps of the block, that INT4 rounds to an integer: the FP4 codes that it can have, from `first` to
/// `last`. Its code is magnitude / step, rounded to a whole number, ties to even, plus `offset`.
struct FloatLine {
  int first, last;
  float step;
  int offset;
};
inline constexpr FloatLine kFloatLines[8] = {{0, 1, 0.5F, 0}, {1, 3, 0.5F, 0}, {3, 4, 0.5F, 0},
                                             {4, 5, 1.0F, 2}, {5, 6, 1.0F, 2}, {6, 6, 2.0F, 4},
                                             {6, 7, 2.0F, 4}, {7, 7, 2.0F, 4}};

}  // namespace if4
