#include "model/files/tensor_file.hpp"

#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/foreign_layout.hpp"
#include "model/files/model_folder.hpp"
#include "model/files/npy.hpp"
#include "model/files/safetensors.hpp"
#include "model/simd/rotation.hpp"

namespace if4 {
namespace {

constexpr std::string_view kSafetensors = ".safetensors";
constexpr std::size_t kListedNames = 5;

std::string first_names(const std::vector<std::string>& names) {
  std::string list;
  for (std::size_t i = 0; i < names.size() && i < kListedNames; ++i)
    list += (i == 0 ? "" : ", ") + quoted_name(names[i]);
  if (names.size() > kListedNames) list += " and " + std::to_string(names.size() - kListedNames) + " more";
  return list;
}

/// What the file holds that is not read, as the end of a message.
std::string note_of(const SafetensorsFile& file) {
  const std::string note = unread_note(file);
  return note.empty() ? note : "; " + note;
}

/// The wanted name, which must be one of `names`, or the only one of them where no name is wanted. `what`
/// says in messages what they name.
std::string choose(const SafetensorsFile& file, const std::string& wanted,
                   const std::vector<std::string>& names, const std::string& what) {
  const std::string path = one_line(file.path()) + ": ";
  if (!wanted.empty()) {
    for (const std::string& name : names) {
      if (name == wanted) return name;
    }
    if (names.empty())
      throw InputError(path + "no " + what + " " + quoted_name(wanted) + "; the file holds none" +
                       note_of(file));
    throw InputError(path + "no " + what + " " + quoted_name(wanted) + "; the file holds " +
                     first_names(names));
  }
  if (names.empty()) throw InputError(path + "the file holds no " + what + note_of(file));
  if (names.size() > 1) {
    throw InputError(path + "which " + what + "? The file holds " + first_names(names) +
                     "; name one as FILE:NAME");
  }
  return names[0];
}

/// Calls fail(MESSAGE) for the first value that cannot be quantized.
template <class Fail>
void check_values(const Tensor& tensor, Fail fail) {
  if (tensor.values.empty()) fail("shape " + to_string(tensor.shape) + " has no values");
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    if (!std::isfinite(tensor.values[i])) fail(not_finite(i, tensor.values[i]));
  }
}

}  // namespace

TensorRef parse_tensor_ref(std::string_view text) {
  std::size_t length = text.size();  // of the path
  for (const std::string_view ending : {kSafetensors, kIndexSuffix}) {
    const std::size_t cut = text.rfind(std::string(ending) + ":");
    if (cut != std::string_view::npos) length = cut + ending.size();
  }
  // A folder may have any name, and so may a file with a colon in it.
  if (length == text.size() && !is_model_folder(std::string(text))) {
    const std::size_t cut = text.rfind(':');
    if (cut != std::string_view::npos && is_model_folder(std::string(text.substr(0, cut)))) length = cut;
  }
  TensorRef ref{std::string(text.substr(0, length)), ""};
  if (length < text.size()) ref.name = text.substr(length + 1);
  if (ref.path.empty())
    throw InputError("a tensor is named as FILE or FILE.safetensors:NAME, not by an empty text");
  return ref;
}

std::string to_string(const TensorRef& ref) {
  return one_line(ref.path) + (ref.name.empty() ? "" : ":" + one_line(ref.name));
}

std::string no_quantized_tensor(const SafetensorsFile& file) {
  return "the file holds no quantized tensor" + note_of(file);
}

bool is_quantized(const SafetensorsFile& file, const std::string& name) {
  return is_own(file, name) || is_foreign(file, name);
}

std::vector<std::string> quantized_names(const SafetensorsFile& file) {
  std::vector<std::string> names;
  for (const TensorInfo& info : file.tensors()) {
    std::optional<std::string> own = is_codes_name(info.name) ? own_owner(file, info) : std::nullopt;
    if (!own) own = foreign_with_codes(file, info);
    if (own) names.push_back(std::move(*own));
  }
  // The message of their reader says that the codes are gone.
  for (std::string& name : own_without_codes(file)) names.push_back(std::move(name));
  return names;
}

bool is_part(const SafetensorsFile& file, const TensorInfo& info) {
  return own_owner(file, info) || foreign_owner(file, info);
}

bool is_plain(const SafetensorsFile& file, const TensorInfo& info) {
  return !is_part(file, info) && !unread_scheme(file, info);
}

std::vector<std::string> plain_names(const SafetensorsFile& file) {
  std::vector<std::string> names;
  for (const TensorInfo& info : file.tensors()) {
    if (is_plain(file, info)) names.push_back(info.name);
  }
  return names;
}

Tensor read_tensor(const TensorRef& ref) {
  const std::string path = one_line(ref.path) + ": ";
  if (is_npy(ref.path)) {
    if (!ref.name.empty())
      throw InputError(path + "a .npy file has no tensor names such as " + quoted_name(ref.name));
    Tensor tensor = read_npy(ref.path);
    check_values(tensor, [&](const std::string& message) { throw InputError(path + message); });
    return tensor;
  }
  const SafetensorsFile file(ref.path);
  std::vector<std::string> names;
  for (const TensorInfo& info : file.tensors()) names.push_back(info.name);
  if (!ref.name.empty() && is_quantized(file, ref.name) &&
      (file.find(ref.name) == nullptr || is_foreign(file, ref.name)))
    file.fail(ref.name, "is quantized; a plain tensor is needed");
  // The parts of a quantized tensor are no plain tensors to choose from.
  const std::vector<std::string> quantized = quantized_names(file);
  if (ref.name.empty() && !quantized.empty())
    file.fail(quantized[0], "is quantized; a plain tensor is needed");
  const TensorInfo* const info = file.find(ref.name);
  const std::optional<std::string> scheme = info != nullptr ? unread_scheme(file, *info) : std::nullopt;
  if (scheme) file.fail(ref.name, "belongs to " + *scheme + ", which is not read");
  return read_tensor(file, choose(file, ref.name, names, "tensor"));
}

Tensor read_tensor(const SafetensorsFile& file, const std::string& name) {
  const TensorInfo& info = *file.find(name);
  Tensor tensor = file.read_tensor(info);
  check_values(tensor, [&](const std::string& message) { file.fail(name, message); });
  return tensor;
}

void write_tensor(const std::string& path, const std::string& name, const Tensor& tensor) {
  const TensorBytes bytes{name, DType::kF32, tensor.shape, tensor.values.data(),
                          tensor.values.size() * sizeof(float)};
  write_safetensors(path, {bytes}, {{"generator", "if4"}});
}

void write_quantized(const std::string& path, const std::vector<NamedQuantized>& tensors) {
  std::vector<TensorBytes> parts;
  std::map<std::string, std::string> metadata{{"generator", "if4"}};
  for (const NamedQuantized& named : tensors) {
    const QuantizedTensor& tensor = named.tensor;
    const Shape shape = tensor.shape.empty() ? Shape{1} : tensor.shape;
    const auto fail = [&](const std::string& message) {
      throw InputError(one_line(path) + ": " + tensor_message(named.name, message));
    };
    if (tensor.scales.empty()) fail("shape " + to_string(shape) + " has no values");
    const bool own = named.layout == Layout::kIF4;
    if (own != !tensor.global_scale) fail("has no scale that belongs to its layout");
    QuantizedParts part =
        own ? quantized_parts(named.name, tensor.format, shape, false)
            : foreign_parts(named.layout, named.name, shape, tensor.global_scale->values.size());
    part.codes.data = tensor.codes.data();
    part.codes.size = tensor.codes.size();  // write_safetensors() holds it against the shape
    part.scales.data = tensor.scales.data();
    part.scales.size = tensor.scales.size();
    part.amax.data = own ? &tensor.amax : tensor.global_scale->values.data();
    parts.insert(parts.end(), {part.codes, part.scales, part.amax});
    if (own) {
      describe_quantized(named.name, tensor.format, shape, named.rule, false, named.rotated, named.transposed,
                         metadata);
    }
  }
  write_safetensors(path, parts, metadata);
}

NamedQuantized read_quantized(const TensorRef& ref) {
  if (is_npy(ref.path)) throw InputError(one_line(ref.path) + ": a .npy file holds no quantized tensor");
  const SafetensorsFile file(ref.path);
  return read_quantized(file, choose(file, ref.name, quantized_names(file), "quantized tensor"));
}

NamedQuantized read_quantized(const SafetensorsFile& file, const std::string& name) {
  return is_own(file, name) ? read_own(file, name) : read_foreign(file, name);
}

QuantizedInfo quantized_info(const SafetensorsFile& file, const std::string& name) {
  return is_own(file, name) ? own_info(file, name) : foreign_info(file, name);
}

Shape original_shape(const QuantizedInfo& info) {
  return info.transposed ? transposed(info.shape) : info.shape;
}

Tensor original_values(const NamedQuantized& named) {
  Tensor tensor = dequantize(named.tensor);
  if (named.rotated) tensor = rotated_back(tensor);
  return named.transposed ? transposed(tensor) : tensor;
}

bool has_quantized(const TensorRef& ref) {
  if (is_npy(ref.path)) return false;
  const SafetensorsFile file(ref.path);
  return ref.name.empty() ? !quantized_names(file).empty() : is_quantized(file, ref.name);
}

}  // namespace if4
