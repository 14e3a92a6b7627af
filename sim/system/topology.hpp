// Lists of matrix products: SCALE-Sim's GEMM topologies.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/system/geometry.hpp"

namespace if4 {

/// A line of a topology.
struct Layer {
  std::string name;
  GemmShape shape;
  std::uint64_t count = 1;  ///< times that it runs
  std::string place;        ///< where it is from, for messages: "net.csv: line 3"
};

/// "M,N,K", each 1 to 16,777,216. Throws InputError "--gemm: ...".
GemmShape parse_gemm(const std::string& text);

/// A CSV file of name, M, N, K and, if wanted, how often the layer runs. A first line "Layer, M, N, K" or
/// "Layer, M, N, K, count" is a header; a comma may end a line; # begins a comment line. Throws InputError,
/// naming file and line, for anything else, and for a file without a layer.
std::vector<Layer> read_topology(const std::string& path);

}  // namespace if4
