// Lists of matrix products, in the layout of SCALE-Sim's GEMM topologies.
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
  std::uint64_t count = 1;  ///< how often the network runs it
  std::string place;        ///< where it was read, for messages: "net.csv: line 3"
};

/// "M,N,K", each 1 to 16,777,216. Throws InputError "--gemm: ...".
GemmShape parse_gemm(const std::string& text);

/// Reads a CSV file of name, M, N, K and, if wanted, how often the layer runs. A first line "Layer, M, N, K"
/// or "Layer, M, N, K, count" is a header; a comma may end a line; # begins a comment line. Throws
/// InputError, naming file and line, for anything else, and for a file without a layer.
std::vector<Layer> read_topology(const std::string& path);

}  // namespace if4
