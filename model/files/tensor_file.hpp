// Tensors of the files named on a command line: plain ones (.safetensors, .npy) and block-quantized ones.
//
// A quantized tensor NAME of true shape [rows..., columns], with blocks = ceil(columns / 16), is kept in a
// safetensors file as
//   NAME.codes   U8  [rows..., bytes * blocks]  codes in order, lowest bits first, so that of two 4-bit codes
//   in a
//                                               byte the even element is the low nibble; bytes =
//                                               code_bytes(format)
//   NAME.scales  U8  [rows..., blocks], or [tiled_size()] if they are tiled
//   NAME.amax    F32 [1]
// and in the metadata "NAME.format" ("if4" or another format_name()), "NAME.shape" ("[64, 250]") and, if
// known, "NAME.rule"; "NAME.scale_layout" "tiled" for the 128 x 4 tiles of tiled_scales.hpp; "NAME.rotation"
// "rht16" where every 16 values were rotated first (rotation.hpp); "NAME.transposed" "true" where the shape
// is that of the transposed matrix. For MXFP4 blocks are 32 values.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/core/tensor.hpp"
#include "model/files/safetensors.hpp"

namespace if4 {

/// A file and a tensor in it. An empty name means "the only one".
struct TensorRef {
  std::string path;
  std::string name;
};

/// "FILE.safetensors:NAME" (cut at the last ".safetensors:"), or any other text as a path without a name.
/// Throws InputError if the path is empty.
TensorRef parse_tensor_ref(std::string_view text);
/// The text that parse_tensor_ref takes, on one line, for messages and reports.
std::string to_string(const TensorRef& ref);

/// The values as FP32, exact from F32, F16 or BF16. Shape [] has one value.
/// Throws InputError, naming file and tensor, if the file is malformed, the tensor is missing, of another
/// type, quantized, or empty (a dimension is 0), if the name is left out and the file holds several, and if a
/// value is NaN or infinite ("a.safetensors: tensor 'w': value 17 is NaN", counting in row-major order from
/// 0).
Tensor read_tensor(const TensorRef& ref);

/// Writes a file with one F32 tensor. Throws InputError if it cannot be written.
void write_tensor(const std::string& path, const std::string& name, const Tensor& tensor);

struct NamedQuantized {
  std::string name;
  QuantizedTensor tensor;
  std::string rule;  ///< how the quantizer chose the element types; empty if not known
  bool rotated = false;
  bool transposed = false;
};

/// The parts of a quantized tensor in a file. Their data are left out: they need not exist yet.
struct QuantizedParts {
  TensorBytes codes;
  TensorBytes scales;
  TensorBytes amax;
};
QuantizedParts quantized_parts(const std::string& name, Format format, const Shape& shape, bool tiled);
/// Adds the metadata of the tensor to that of its file.
void describe_quantized(const std::string& name, Format format, const Shape& shape, const std::string& rule,
                        bool tiled, bool rotated, bool transposed,
                        std::map<std::string, std::string>& metadata);

/// Writes a file with those tensors, scales linear. A scalar is stored as shape [1]. Throws InputError if a
/// name is used twice, a tensor is empty or its vectors do not have the sizes of its shape, or the file
/// cannot be written.
void write_quantized(const std::string& path, const std::vector<NamedQuantized>& tensors);

/// Throws InputError, naming file and tensor, unless the parts are all there and agree with the true shape,
/// padding codes are 0, amax is finite and >= 0, and no scale of a format with one type has bit 7 set. NaN
/// scales (0x7F, 0xFF) are legal.
NamedQuantized read_quantized(const TensorRef& ref);

/// Names of the quantized tensors (those with NAME.codes) in file order; none for a .npy file.
std::vector<std::string> list_quantized(const std::string& path);

/// Whether read_quantized is the function for this reference: the file holds NAME.codes, or, without a name,
/// any quantized tensor. Throws InputError if the file cannot be read.
bool has_quantized(const TensorRef& ref);

}  // namespace if4
