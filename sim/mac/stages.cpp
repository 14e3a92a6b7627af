#include "sim/mac/stages.hpp"

namespace if4 {

int block_stages(Format format, int depth) { return depth == 0 ? 2 : mixes_types(format) ? 4 : 3; }

int beat_stages(const MacConfig& mac) { return mac.lanes > kBlockSize ? 1 : 0; }

int accumulator_pieces(const MacConfig& mac, bool iterative, int depth) {
  if (depth == 0) return 1;
  const int lowest = mac.lanes > kBlockSize ? 17 : 13, most = iterative ? 17 : 26;
  return 1 + (acc_width(mac) - lowest + most - 1) / most;
}

int cell_carries(const MacConfig& mac, int depth) {
  return depth == 0 ? 0 : (acc_width(mac) - 1) / kCellPiece;
}

int fp32_stages(const MacConfig& mac, int depth) { return depth == 0 ? 3 : sum_divisor(mac) > 1 ? 5 : 4; }

}  // namespace if4
