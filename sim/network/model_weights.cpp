#include "sim/network/model_weights.hpp"

#include <algorithm>
#include <string_view>

#include "model/core/text.hpp"
#include "model/files/foreign_layout.hpp"
#include "model/files/tensor_file.hpp"

namespace if4 {
namespace {

bool is_number(DType dtype) {
  static constexpr DType kIntegers[] = {DType::kBool, DType::kU8,  DType::kI8,  DType::kI16, DType::kU16,
                                        DType::kI32,  DType::kU32, DType::kI64, DType::kU64};
  return std::find(std::begin(kIntegers), std::end(kIntegers), dtype) == std::end(kIntegers);
}

// What stands beside a weight and is none: scales and zero points of quantizations, biases of fused experts.
bool is_companion(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? name : name.substr(dot + 1);
  return last.find("scale") != std::string_view::npos || last.find("zero") != std::string_view::npos ||
         last == "g_idx" || last == "weight_shape" || ends_with(last, "bias");
}

// The fused experts of gpt-oss, in blocks of two codes a byte: [experts, rows, blocks, 16].
bool unpack_experts(const SafetensorsFile& file, const TensorInfo& info, ModelWeight& weight) {
  constexpr std::string_view kBlocks = "_blocks";
  if (info.dtype != DType::kU8 || info.shape.size() != 4 || !ends_with(info.name, kBlocks)) return false;
  const std::string base = info.name.substr(0, info.name.size() - kBlocks.size());
  weight = {base, {info.shape[0], info.shape[1], info.shape[2] * info.shape[3] * 2}};
  return file.find(base + "_scales") != nullptr;
}

}  // namespace

ModelWeights read_model_weights(const std::string& path) {
  const SafetensorsFile file(path);
  ModelWeights result;
  for (const TensorInfo& info : file.tensors()) {
    if (info.shape.size() < 2 || is_companion(info.name)) continue;
    ModelWeight weight{info.name, info.shape};
    const bool plain = is_plain(file, info);
    if ((plain && is_number(info.dtype)) || unpack_experts(file, info, weight)) {
      result.weights.push_back(std::move(weight));
    } else if (plain ? info.name.find("weight") != std::string::npos
                     : unread_scheme(file, info) && !foreign_owner(file, info)) {
      result.left_out.push_back(info.name);
    }
  }
  for (const std::string& name : quantized_names(file)) {
    Shape shape = original_shape(quantized_info(file, name));
    if (shape.size() >= 2) result.weights.push_back({name, std::move(shape)});
  }
  return result;
}

}  // namespace if4
