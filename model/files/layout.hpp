// How quantized tensors lie in safetensors files: the layout of this project, and those of other tools.
//
// A quantized tensor NAME of the true shape [rows..., columns] has blocks = ceil(columns /
// block_size(format)) blocks in a row. It is kept in a safetensors file as three tensors
//   NAME.codes   U8   [rows..., blocks * code_bytes(format)], the codes of a block from the lowest bits up, so
//                      that of two 4-bit codes in a byte the even element is the low nibble
//   NAME.scales  U8   [rows..., blocks], or [tiled_size()] where they are in scale tiles
//   NAME.amax    F32  [1]
// and as entries of the metadata
//   NAME.format        a format_name(), "if4"
//   NAME.shape         the true shape, "[64, 250]"
//   NAME.rule          a rule_name(), "mse"; missing where the rule is not known or decided nothing
//   NAME.scale_layout  "tiled" where the scales are in the scale tiles of tiled_scales.hpp, else missing
//   NAME.rotation      "rht16" where every 16 values were rotated first (rotation.hpp), else missing
//   NAME.transposed    "true" where the shape is that of the transposed matrix, else missing
// The scales may also have the dtype F8_E4M3, or F8_E8M0 where that is what they are. The layouts of other tools are in
// foreign_layout.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/core/tensor.hpp"
#include "model/files/safetensors.hpp"

namespace if4 {

/// Whose layout it is.
enum class Layout : std::uint8_t { kIF4, kCompressedTensors, kModelOpt };

/// "if4", "compressed-tensors" and "modelopt".
std::string_view layout_name(Layout layout);

/// What the metadata of a file says of a quantized tensor.
struct QuantizedInfo {
  Format format = Format::kIF4;
  Shape shape;           ///< of the tensor as it is stored
  std::string rule;      ///< the rule_name() by which element types were chosen; empty where it is not known
  bool rotated = false;  ///< every 16 values were rotated first
  bool transposed = false;  ///< the tensor is the transposed matrix
  Layout layout = Layout::kIF4;
};

/// A quantized tensor of a file, and what its metadata says about how it was made.
struct NamedQuantized {
  std::string name;
  QuantizedTensor tensor;
  std::string rule;      ///< the rule_name() by which element types were chosen; empty where it is not known
  bool rotated = false;  ///< every 16 values were rotated first
  bool transposed = false;  ///< the tensor is the transposed matrix
  Layout layout = Layout::kIF4;
};

/// The three tensors that a quantized tensor is in a file, `amax` its global scale in layouts of others, without their data, which need not exist yet.
struct QuantizedParts {
  TensorBytes codes;
  TensorBytes scales;
  TensorBytes amax;
};
QuantizedParts quantized_parts(const std::string& name, Format format, const Shape& shape, bool tiled);
/// Adds the entries of a quantized tensor to the metadata of its file.
void describe_quantized(const std::string& name, Format format, const Shape& shape, const std::string& rule,
                        bool tiled, bool rotated, bool transposed,
                        std::map<std::string, std::string>& metadata);

/// Takes from the metadata of a file what describe_quantized() adds for that name.
void remove_description(const std::string& name, std::map<std::string, std::string>& metadata);

// The layout of this project.

/// is_quantized(), quantized_info() and read_quantized() of tensor_file.hpp for it.
bool is_own(const SafetensorsFile& file, const std::string& name);
QuantizedInfo own_info(const SafetensorsFile& file, const std::string& name);
NamedQuantized read_own(const SafetensorsFile& file, const std::string& name);
/// The name of the quantized tensor that this tensor is a part of, if it is one.
std::optional<std::string> own_owner(const SafetensorsFile& file, const TensorInfo& part);
/// The names of quantized tensors that the metadata speaks of, and whose codes are not there.
std::vector<std::string> own_without_codes(const SafetensorsFile& file);
/// Whether that is the name of the codes of a quantized tensor.
bool is_codes_name(std::string_view name);

}  // namespace if4
