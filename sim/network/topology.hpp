// Lists of matrix products, in the layouts of SCALE-Sim's topologies.
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

/// Reads a CSV file (see CsvReader) of products or of convolutions. A first line without a number names the columns, in
/// any order; without one they are name, M, N, K and, if wanted, count. README.md has the names, and the product that a
/// convolution is. Throws InputError, naming file and line, for anything else: so for a value in a column of another
/// name, and for a file without a layer.
std::vector<Layer> read_topology(const std::string& path);

/// The text of a topology that read_topology() reads: `comments`, each a line after "# ", a header, and the layers.
std::string topology_text(const std::vector<Layer>& layers, const std::vector<std::string>& comments);

}  // namespace if4
