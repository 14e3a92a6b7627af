// The instruction sets that the fast quantizer is compiled for: all of Highway except those whose vectors
// have no size at compile time and cannot be members of a struct.
#pragma once

// AVX-512 of Ice Lake and Zen 4, with its permutations of bytes, is a set of its own.
#define HWY_WANT_AVX3_DL
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#include <hwy/targets.h>
