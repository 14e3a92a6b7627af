// Quantizes the tensors of a whole model. The memory that this takes grows with the number of its tensors, not with
// their sizes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/files/tensor_file.hpp"
#include "model/quantize/measure.hpp"
#include "model/quantize/options.hpp"

namespace if4 {

/// What quantizes.
enum class DeviceKind : std::uint8_t {
  kCpu,   ///< FastQuantizer
  kCuda,  ///< the current CUDA device, with the same bits
};

struct ModelOptions {
  QuantizeOptions quantize;
  std::vector<std::string> include;  ///< patterns of names, for matches()
  std::vector<std::string> exclude;  ///< likewise
  /// Layouts of other tools take NVFP4 formats of neither transposed nor rotated tensors, and no scale tiles.
  Layout layout = Layout::kIF4;
  bool tiled = false;    ///< store the scales in the layout of tensor cores: tiled_scales.hpp
  unsigned threads = 0;  ///< 0 means as many as there are cores
  DeviceKind device = DeviceKind::kCpu;
  /// The largest size of a shard in bytes, as plan_shards() has it; kDefaultShardSize if it is not given.
  std::optional<std::uint64_t> shard_size;
};

/// A tensor that was quantized, and its errors. With rotation they are those of the rotated values.
struct TensorSummary : ErrorSums {
  std::string name;
  Shape shape;  ///< as stored: transposed if that is an option
  std::uint64_t values = 0;
  double amax = 0.0;
};

struct ModelSummary {
  std::vector<TensorSummary> tensors;  ///< the quantized ones, in file order
  std::size_t copied = 0;              ///< how many tensors were copied unchanged
  std::uint64_t input_bytes = 0;       ///< the size of the tensors that were quantized
  std::uint64_t output_bytes = 0;      ///< the size of their codes, scales and amax

  TensorSummary total() const;  ///< the sums over all tensors, and the largest amax
};

/// Called now and then with the bytes of input that have been seen and the bytes of all input. What it throws
/// ends the work.
using ModelProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// Whether the whole of `name` matches the pattern, in which * stands for any text and ? for one character.
bool matches(const std::string& pattern, const std::string& name);

/// Quantizes a file or a folder of shards, or one tensor of it where `input` has a name. Of a model without a
/// name, those F32, F16 and BF16 tensors are quantized that match an include pattern (without include patterns:
/// that have two or more dimensions) and no exclude pattern, and whose blocks are whole where the layout is that of
/// another tool. The others are copied, and so is the metadata. Where nothing is written, the values of quantized
/// tensors are measured too.
/// The output gets its name when it is complete: a file or, for a folder, a folder of shards with their index
/// and the other_files(). With an empty `output` the errors are measured and nothing is written.
/// The input is mapped into memory. Beyond that the function needs a few megabytes, some 2 kB for each tensor,
/// and with tiled scales or 2D blocks as much as the scales of one tensor or 16 rows of it take. Throws
/// InputError, naming file and tensor, also where there is no tensor to quantize, where the output is the input or
/// has the name of another kind of file, and where there is no such device.
ModelSummary quantize_model(const TensorRef& input, const std::string& output, const ModelOptions& options,
                            const ModelProgress& progress);

}  // namespace if4
