// The subcommands of the program `if4`. Each prints its report to stdout and returns the exit code: 0, or 1
// where a check failed. Bad input is an InputError (exit code 2).
#pragma once

#include <cstdint>
#include <string>

#include "model/files/model_quantizer.hpp"
#include "model/quantize/options.hpp"
#include "sim/mac/cosim.hpp"

namespace if4 {

struct QuantizeArgs {
  std::string input;  ///< FILE or FILE:NAME
  std::string output;
  bool stats = false;  ///< only measure; output is empty
  ModelOptions options;
};
int run_quantize(const QuantizeArgs& args);

struct CompareArgs {
  std::string input;  ///< FILE or FILE:NAME
  std::string svg;    ///< picture to write; empty: none
  bool json = false;
  ModelOptions options;  ///< format and search are of no effect: all are compared
};
int run_compare(const CompareArgs& args);

struct DequantizeArgs {
  std::string input;  ///< FILE or FILE:NAME of a quantized tensor; without a name the only one
  std::string output;
};
int run_dequantize(const DequantizeArgs& args);

struct InspectArgs {
  std::string input;  ///< FILE or FILE:NAME, plain or quantized
  Rule rule = Rule::kMse;
  bool json = false;
};
int run_inspect(const InspectArgs& args);

struct CosimArgs {
  std::string activations;  ///< FILE:NAME, plain (quantized first) or quantized
  std::string weights;
  QuantizeOptions quantize;
  CosimOptions options;
  std::string json;  ///< file; empty: none
};
int run_cosim(const CosimArgs& args);

/// Which model gives the results of a vector file.
enum class ResultOrder : std::uint8_t {
  kLaneFp32,  ///< the published unit's
  kExact,     ///< ours: rounded once
};

struct VectorsArgs {
  std::string output;
  std::uint64_t count = 100;  ///< dot products; ignored where tensors are given
  unsigned beats = 10;        ///< of each
  Format format = Format::kIF4;
  std::uint64_t seed = 1;
  ResultOrder order = ResultOrder::kLaneFp32;
  std::string activations;  ///< FILE:NAME, or empty for random operands
  std::string weights;
  Rule rule = Rule::kMse;
};
int run_vectors(const VectorsArgs& args);

struct ReplayArgs {
  std::string file;
  ResultOrder order = ResultOrder::kLaneFp32;
};
int run_replay(const ReplayArgs& args);

}  // namespace if4
