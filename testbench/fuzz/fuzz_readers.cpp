// libFuzzer target over all readers of tensor files. Whatever the bytes are, a reader gives a value or throws
// an InputError of one line, and a value that was read can be written and read back equal. Run with
// -malloc_limit_mb=64: nothing may be allocated that the size of the file does not call for.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/core/error.hpp"
#include "model/files/foreign_layout.hpp"
#include "model/files/model_folder.hpp"
#include "model/files/npy.hpp"
#include "model/files/safetensors.hpp"
#include "model/files/tensor_file.hpp"
#include "testbench/fuzz/fuzzing.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using namespace if4::testing;

/// The file is opened anew for every tensor that is looked up; more tensors would only cost time.
constexpr std::size_t kMaxTensors = 8;
constexpr std::size_t kLengthBytes = 8;

/// Runs a step of a round trip, which must not throw at all.
template <class Action>
auto must(const Action& action) {
  try {
    return action();
  } catch (const if4::InputError& error) {
    std::fprintf(stderr, "round trip refused: %s\n", error.what());
    std::abort();
  }
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

void round_trip(const MemoryFile& output, const std::string& name, const if4::Tensor& tensor) {
  must([&] { if4::write_tensor(output.emptied(), name, tensor); });
  const if4::Tensor back = must([&] { return if4::read_tensor({output.path(), name}); });
  require(back.shape == tensor.shape && same_bits(back.values, tensor.values), "tensor round trip");
}

void round_trip(const MemoryFile& output, const if4::NamedQuantized& tensor) {
  must([&] { if4::write_quantized(output.emptied(), {tensor}); });
  const if4::NamedQuantized back = must([&] { return if4::read_quantized({output.path(), tensor.name}); });
  require(back.name == tensor.name && back.rule == tensor.rule, "quantized round trip: name and rule");
  require(back.tensor.format == tensor.tensor.format && back.tensor.shape == tensor.tensor.shape &&
              back.tensor.codes == tensor.tensor.codes && back.tensor.scales == tensor.tensor.scales &&
              same_bits({back.tensor.amax}, {tensor.tensor.amax}),
          "quantized round trip: tensor");
  require(back.layout == tensor.layout &&
              back.tensor.global_scale.has_value() == tensor.tensor.global_scale.has_value(),
          "quantized round trip: layout");
  if (!back.tensor.global_scale) return;
  require(same_bits(back.tensor.global_scale->values, tensor.tensor.global_scale->values),
          "quantized round trip: global scale");
}

void round_trip(const MemoryFile& output, const if4::SafetensorsFile& file) {
  std::vector<std::vector<std::uint8_t>> contents;
  std::vector<if4::TensorBytes> tensors;
  for (const if4::TensorInfo& info : file.tensors()) {
    contents.push_back(must([&] { return file.read_bytes(info); }));
    tensors.push_back({info.name, info.dtype, info.shape, contents.back().data(), contents.back().size(),
                       info.other_dtype});
  }
  must([&] { if4::write_safetensors(output.emptied(), tensors, file.metadata()); });
  const if4::SafetensorsFile back = must([&] { return if4::SafetensorsFile(output.path()); });
  require(back.metadata() == file.metadata(), "metadata round trip");
  require(back.tensors().size() == tensors.size(), "tensor count round trip");
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const if4::TensorInfo& info = back.tensors()[i];
    require(info.name == tensors[i].name && dtype_name(info) == dtype_name(file.tensors()[i]) &&
                info.shape == tensors[i].shape,
            "tensor header round trip");
    require(must([&] { return back.read_bytes(info); }) == contents[i], "tensor bytes round trip");
  }
}

/// The same bytes under the name that an index has, in a folder without shards.
const std::string& index_path(const MemoryFile& input) {
  static const std::string path = [&] {
    std::string folder = "/tmp/if4-fuzz-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) std::abort();
    std::string link = folder + "/m.safetensors.index.json";
    if (::symlink(input.path().c_str(), link.c_str()) != 0) std::abort();
    static const std::string both[] = {link, folder};
    std::atexit([] {
      ::unlink(both[0].c_str());
      ::rmdir(both[1].c_str());
    });
    return link;
  }();
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if4::testing::note_input(data, size);
  static const MemoryFile input;
  static const MemoryFile output;
  input.put(data, size);
  const std::string& path = input.path();

  attempt([&] { if4::read_npy(path); });
  const std::string& index = index_path(input);
  attempt([&] { if4::read_model_folder(index); }, index);
  attempt([&] { round_trip(output, "w", if4::read_tensor({path, ""})); });
  attempt([&] { if4::read_tensor({path, "missing"}); });
  attempt([&] { round_trip(output, if4::read_quantized({path, ""})); });
  attempt([&] { if4::has_quantized({path, "w"}); });
  attempt([&] {
    const if4::SafetensorsFile file(path);
    round_trip(output, file);
    for (std::size_t i = 0; i < std::min(kMaxTensors, file.tensors().size()); ++i) {
      const std::string& name = file.tensors()[i].name;
      attempt([&] { file.read_tensor(file.tensors()[i]); });
      attempt([&] { round_trip(output, name, if4::read_tensor({path, name})); });
    }
    const std::vector<std::string> names = if4::quantized_names(if4::SafetensorsFile(path));
    for (std::size_t i = 0; i < std::min(kMaxTensors, names.size()); ++i) {
      attempt([&] { round_trip(output, if4::read_quantized({path, names[i]})); });
      attempt([&] {
        const if4::Shape shape = if4::original_shape(if4::quantized_info(file, names[i]));
        const if4::NamedQuantized named = if4::read_quantized(file, names[i]);
        // Rotated values are turned back 16 at a time; others are refused without the name of the file.
        if (named.rotated) return;
        require(if4::original_values(named).shape == shape, "shape of the decoded tensor");
      });
    }
    for (const if4::TensorInfo& info : file.tensors()) {
      const bool part = if4::is_part(file, info);
      require(!part || !names.empty(), "a part belongs to a quantized tensor");
      require(!part || !if4::is_plain(file, info), "a part is not plain");
    }
    if4::unread_note(file);
  });
  return 0;
}

/// Mutates the JSON header or the data of a safetensors file and keeps the header length right, which blind
/// mutation hardly ever does. Everything else, and one input in eight, is mutated as plain bytes.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  std::uint64_t length = 0;
  if (size >= kLengthBytes) std::memcpy(&length, data, kLengthBytes);
  if (size < kLengthBytes || length > size - kLengthBytes || seed % 8 == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  const std::size_t room = max_size - size;
  const bool in_header = seed % 8 < 6;
  const std::uint8_t* const start = data + kLengthBytes;
  std::vector<std::uint8_t> header(start, start + length);
  std::vector<std::uint8_t> content(start + length, start + (size - kLengthBytes));
  std::vector<std::uint8_t>& part = in_header ? header : content;
  const std::size_t old_size = part.size();
  part.resize(old_size + room);
  if (part.empty()) return size;
  part.resize(LLVMFuzzerMutate(part.data(), old_size, part.size()));
  length = header.size();
  std::memcpy(data, &length, kLengthBytes);
  std::copy(content.begin(), content.end(), std::copy(header.begin(), header.end(), data + kLengthBytes));
  return kLengthBytes + header.size() + content.size();
}
