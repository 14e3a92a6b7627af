// Quantized tensors in the layouts of other tools: NVFP4 of compressed-tensors and of ModelOpt, which are read and
// written, and what other tensors are that are only known by their names.
//
// A weight X.weight [..., N, K], K a multiple of 16, is kept by compressed-tensors as
//   X.weight_packed        U8       [..., N, K / 2], the even element in the low nibble
//   X.weight_scale         F8_E4M3  [..., N, K / 16]
//   X.weight_global_scale  F32      [1], a divisor: the value is code * (scale / global scale)
// and by ModelOpt as
//   X.weight               U8       [..., N, K / 2], the even element in the low nibble
//   X.weight_scale         F8_E4M3  [..., N, K / 16]
//   X.weight_scale_2       F32      [], a multiplier: the value is code * (scale * scale_2)
// Both decode in FP32, and round the scale before it is multiplied with the code. Of stacked experts [E, N, K] the
// global scale may have E values. A name that does not end in "weight" has the same suffixes; ModelOpt then has
// _weight_scale and _weight_scale_2. Scales of activations (input_scale, input_global_scale) are plain tensors.
#pragma once

#include <optional>
#include <string>

#include "model/files/layout.hpp"

namespace if4 {

/// Whether the file has a tensor of that name in one of the two layouts, complete or not.
bool is_foreign(const SafetensorsFile& file, const std::string& name);
/// Its format, shape and layout. Throws InputError where the codes are not of the type and shape above.
QuantizedInfo foreign_info(const SafetensorsFile& file, const std::string& name);
/// Reads it as NVFP4. Throws InputError, naming file and tensor, unless its parts are there with the types and shapes
/// above, all global scales are finite and > 0, no scale has bit 7 set, and no value is infinite. NaN scales are legal.
NamedQuantized read_foreign(const SafetensorsFile& file, const std::string& name);

/// The name of the tensor in one of the two layouts that this tensor is a part of, if it is one.
std::optional<std::string> foreign_owner(const SafetensorsFile& file, const TensorInfo& part);
/// The same if the part is the codes. Where those are missing, it is the scales.
std::optional<std::string> foreign_with_codes(const SafetensorsFile& file, const TensorInfo& part);

/// What the tensor belongs to, if that is a layout which is known by its names and not read: "GPTQ", "AWQ",
/// "bitsandbytes (4 bits)", "MXFP4 of gpt-oss", ...
std::optional<std::string> unread_scheme(const SafetensorsFile& file, const TensorInfo& info);
/// The first of a file: "'layers.0.qweight' belongs to GPTQ, which is not read". Empty where there is none.
std::string unread_note(const SafetensorsFile& file);

/// Whether the blocks of the format can be kept in the layout: all in kIF4, those of NVFP4 in the others.
bool takes_format(Layout layout, Format format);
/// The parts in a layout of others of a tensor whose last dimension is a multiple of 16. `global_scales` is how many
/// values the global scale has.
QuantizedParts foreign_parts(Layout layout, const std::string& name, const Shape& shape,
                             std::size_t global_scales = 1);
/// The global scale that stands for amax, rounded to FP32; 1 for a tensor of zeros. Nothing where it is no normal
/// number: amax is too small or too large for the layout.
std::optional<float> global_scale_of(Layout layout, Format format, float amax);

}  // namespace if4
