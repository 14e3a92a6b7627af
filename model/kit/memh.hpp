// Vectors as files for $readmemh, for a testbench in SystemVerilog: testbench/kit/if4_mac_tb.sv reads them.
//
//   stimulus.memh         a word a line, {op[7:0], point[15:0], arg}. `arg` has the bits of a beat's operands,
//                         {w_codes, a_codes, w_scale, a_scale}, element 0 and block 0 lowest; `point` is the testpoint's number.
//     op 01, 03           a beat; 03 ends its dot product
//     op 10               stalls from here on: arg[7:0] input, arg[15:8] output, each of 256
//     op 20               a reset: arg[7:0] 0 across an edge of the clock, 1 between two; arg[15:8] clocks to wait before;
//                         arg[47:16] the number, from 0, of the first result after it
//     op 30               wait: arg[47:16] until so many results have been taken or dropped in all; arg[15:0] then so many
//                         clocks without one
//     op 40               hold: arg[15:0] clocks that a result is offered before one is taken
//     op 50               idle: arg[15:0] clocks without a beat
//     op FF               the end
//   expected.memh         a result a line, {point[15:0], 14'b0, overflow, nan, result[31:0]}
//   points.memh           the names of the testpoints, 64 characters a line, zeros before them; line number = point
//   if4_kit_config.svh    macros: IF4_KIT_CODE_BITS, IF4_KIT_LANES, and the numbers of lines, IF4_KIT_STIMULI, IF4_KIT_RESULTS,
//                         IF4_KIT_POINTS
//   index.json            what the vectors are, and what the files are; "scaled" is there, and true, where results leave
//                         out the factor 1 / r^2
//
// vector_line.hpp says what each of these means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/files/atomic_file.hpp"
#include "model/files/atomic_folder.hpp"
#include "model/kit/vector_line.hpp"

namespace if4 {

/// A folder of such files, which appears complete or not at all.
class MemhWriter {
 public:
  /// Throws InputError where `folder` exists and is not empty, and where files cannot be made.
  MemhWriter(const std::string& folder, VectorHeader header);
  /// Adds a line. Throws InputError where it cannot be written, and where there are more than 65,536 testpoints or 2^32
  /// results.
  void write(const VectorLine& line);
  /// Writes what is left and gives the folder its name. Throws InputError where that fails.
  void commit();

 private:
  void add_stimulus(unsigned op, const std::string& arg);
  /// An argument of that value, in all its digits.
  std::string arg(std::uint64_t value) const;
  std::string beat_arg(const BlockPairs& blocks) const;
  void write_config();
  void write_index();

  void add(const TestpointLine& line);
  void add(const BeatLine& line);
  void add(const ResultLine& line);
  void add(const StallLine& line);
  void add(const ResetLine& line);
  void add(const WaitLine& line);
  void add(const HoldLine& line);
  void add(const IdleLine& line);

  AtomicFolder folder_;
  VectorHeader header_;
  AtomicFile stimulus_;
  AtomicFile expected_;
  std::vector<std::string> points_;
  std::uint64_t stimuli_ = 0;
  std::uint64_t results_ = 0;
};

}  // namespace if4
