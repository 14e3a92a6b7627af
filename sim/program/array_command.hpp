// if4 array: products of matrices on the array with its memories.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/quantize/options.hpp"
#include "sim/verilated/wave_file.hpp"

namespace if4 {

/// What runs the products.
enum class ArrayEngine : std::uint8_t {
  kFast,          ///< exact results by SIMD, cycles by the fast model
  kSystemcModel,  ///< SystemC, the array in C++
  kSystemcGrid,   ///< SystemC, the array a grid of Verilated cells
  kSystemcRtl,    ///< SystemC, the Verilated array
};

struct ArrayArgs {
  std::string gemm;         ///< "M,N,K"
  std::string topology;     ///< FILE
  std::string activations;  ///< FILE:NAME, plain (quantized first) or quantized
  std::string weights;
  Rule rule = Rule::kMse;                                  ///< of plain tensors
  std::uint64_t seed = 1;                                  ///< of random operands
  std::string config;                                      ///< JSON file of knobs
  std::vector<std::pair<std::string, std::string>> knobs;  ///< and those that the command line sets
  ArrayEngine engine = ArrayEngine::kFast;
  bool timing_only = false;
  unsigned threads = 0;               ///< of the exact results; 0: as many as cores
  std::string csv, json, trace, svg;  ///< files; empty: none
  Wave wave{"", 10'000};
};
int run_array(const ArrayArgs& args);

}  // namespace if4
