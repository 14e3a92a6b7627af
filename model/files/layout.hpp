// How quantized tensors lie in safetensors files: the layout of this project, and those of other tools.
//
// A quantized tensor NAME is kept as the tensors NAME.codes, NAME.scales and NAME.amax, and as entries of the
// metadata. FORMATS.md, beside this file, says what each of them holds. The layouts of other tools are in
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
  bool transposed = false;  ///< each matrix of the last two dimensions is the transposed one
  bool flattened = false;   ///< that of QuantizedTensor
  Layout layout = Layout::kIF4;
};

/// A quantized tensor of a file, and what its metadata says about how it was made.
struct NamedQuantized {
  std::string name;
  QuantizedTensor tensor;
  std::string rule;      ///< the rule_name() by which element types were chosen; empty where it is not known
  bool rotated = false;  ///< every 16 values were rotated first
  bool transposed = false;  ///< each matrix of the last two dimensions is the transposed one
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
