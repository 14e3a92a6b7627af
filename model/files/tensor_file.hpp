// The tensors that a command line names: plain ones in safetensors and .npy files, and quantized ones in
// safetensors files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/core/tensor.hpp"
#include "model/files/layout.hpp"
#include "model/files/safetensors.hpp"

namespace if4 {

/// A file, or a folder of shards, and a tensor in it. An empty name stands for the only tensor of the file.
struct TensorRef {
  std::string path;
  std::string name;
};

/// Reads "FILE.safetensors:NAME", which is cut at the last ".safetensors:", likewise for the index of a folder,
/// and "FOLDER:NAME", where there is that folder. Any other text is a path without a name. Throws InputError
/// where the path is empty.
TensorRef parse_tensor_ref(std::string_view text);
/// The text that parse_tensor_ref() reads, on one line, for messages and reports.
std::string to_string(const TensorRef& ref);

/// The values of an F32, F16 or BF16 tensor as FP32, exact. The shape [] has one value.
/// Throws InputError, naming file and tensor, where the file is malformed; where the tensor is missing, of
/// another type, quantized, or empty (a dimension is 0); where the name is left out and the file has several
/// tensors; and where a value is NaN or infinite ("a.safetensors: tensor 'w': value 17 is NaN", in row-major
/// order from 0).
Tensor read_tensor(const TensorRef& ref);

/// The same of a file that is open and has that tensor.
Tensor read_tensor(const SafetensorsFile& file, const std::string& name);

/// Writes a file with one F32 tensor. Throws InputError where it cannot be written.
void write_tensor(const std::string& path, const std::string& name, const Tensor& tensor);

/// Writes a file with those tensors, each in its layout. Scales are stored row by row, and a scalar as a tensor of
/// the shape [1].
/// Throws InputError where a name is used twice, where a tensor is empty or its vectors do not have the sizes
/// that belong to its shape, where it has a global scale in our layout or none in one of others, and where the file cannot be written.
void write_quantized(const std::string& path, const std::vector<NamedQuantized>& tensors);

/// Reads a quantized tensor. Throws InputError, naming file and tensor, unless its three tensors are there
/// and agree with the true shape, the codes of the padding are 0, amax is finite and >= 0, and no scale of a
/// format with one type has bit 7 set. NaN scales (0x7F, 0xFF) are legal.
NamedQuantized read_quantized(const TensorRef& ref);

/// The same of a file that is open. The tensor must be is_quantized().
NamedQuantized read_quantized(const SafetensorsFile& file, const std::string& name);

/// What is known of it without its data. Throws as read_quantized() does of the metadata.
QuantizedInfo quantized_info(const SafetensorsFile& file, const std::string& name);

/// The shape and the values of the tensor that was quantized: rotated and transposed back.
Shape original_shape(const QuantizedInfo& info);
Tensor original_values(const NamedQuantized& named);

/// Whether the file has a quantized tensor of that name: its metadata has the entry NAME.format, or its parts have the
/// names and types of another tool's layout. NAME.codes alone says nothing, since others may call theirs so. Without
/// any of our parts the entry must name a format, and NAME must be no tensor: others use such keys, and keep ours for
/// tensors that they decoded.
bool is_quantized(const SafetensorsFile& file, const std::string& name);
/// The names of the quantized tensors in the order of the file, and of the tensors that are not parts of these nor of
/// quantized tensors that are not read, such as those of GPTQ.
std::vector<std::string> quantized_names(const SafetensorsFile& file);
std::vector<std::string> plain_names(const SafetensorsFile& file);
/// "the file holds no quantized tensor", and which it holds that is not read.
std::string no_quantized_tensor(const SafetensorsFile& file);
/// Whether the tensor is a part of one of quantized_names().
bool is_part(const SafetensorsFile& file, const TensorInfo& info);
/// Whether the tensor is one of plain_names().
bool is_plain(const SafetensorsFile& file, const TensorInfo& info);

/// Whether the reference is for read_quantized() and not for read_tensor(): the file has a quantized tensor
/// of that name or, where the reference has no name, any quantized tensor. Throws InputError where the file
/// cannot be read.
bool has_quantized(const TensorRef& ref);

}  // namespace if4
