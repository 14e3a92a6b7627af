// Why a block of ours differs from the reference's, decided on the block itself, in double.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "testbench/oracle/check.hpp"

namespace if4 {

/// The blocks that share a scale: one, or the rows of a 2D block.
struct BlockGroup {
  std::string_view input;  ///< name
  QuantizeOptions options;
  float amax;            ///< of the tensor, as stored
  std::vector<float> x;  ///< the values of the blocks one after the other
  std::vector<Block> ours;
  std::vector<Block> reference;
};

/// The member of ReferenceCount to count the group in.
std::size_t ReferenceCount::*classify(const BlockGroup& group);

/// Scale and codes in hex.
std::string to_text(const Block& block);

}  // namespace if4
