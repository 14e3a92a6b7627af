// Writes small valid files of every kind into a directory: the seeds of fuzz_readers; and into
// DIRECTORY_array, _vectors and _network those of fuzz_array, fuzz_vectors and fuzz_network.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "model/files/atomic_file.hpp"
#include "model/files/safetensors.hpp"
#include "model/files/tensor_file.hpp"
#include "model/kit/vectors.hpp"

namespace {

std::string npy(int major, const std::string& header, std::size_t data_size) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(major);
  bytes += '\0';
  bytes += static_cast<char>(header.size());
  bytes.append(major == 1 ? 1 : 3, '\0');
  return bytes + header + std::string(data_size, '\x3C');
}

if4::NamedQuantized quantized(const std::string& name, if4::Format format, const if4::Shape& shape) {
  if4::NamedQuantized result{name, if4::make_quantized(format, shape), "mse"};
  result.tensor.scales.back() = format == if4::Format::kIF4 ? 0xFF : 0x38;
  result.tensor.codes[0] = 0x7;
  result.tensor.amax = 2.5F;
  return result;
}

/// A tensor of zeros, or of ones in the case of F32.
struct Part {
  std::string name;
  if4::DType dtype;
  if4::Shape shape;
};

void write_parts(const std::string& path, const std::vector<Part>& parts) {
  const std::vector<float> ones(256, 1.0F);
  const std::vector<std::uint8_t> zeros(1024);
  std::vector<if4::TensorBytes> tensors;
  for (const Part& part : parts) {
    const bool f32 = part.dtype == if4::DType::kF32;
    tensors.push_back({part.name, part.dtype, part.shape,
                       f32 ? static_cast<const void*>(ones.data()) : zeros.data(),
                       *if4::byte_count(part.dtype, part.shape)});
  }
  if4::write_safetensors(path, tensors, {});
}

/// Quantized tensors of other tools, and beginnings of files of other kinds.
void write_foreign(const std::filesystem::path& directory) {
  using if4::DType;
  const auto path = [&](const char* name) { return (directory / name).string(); };
  write_parts(path("ct.safetensors"), {{"w_packed", DType::kU8, {2, 8}},
                                       {"w_scale", DType::kF8E4M3, {2, 1}},
                                       {"w_global_scale", DType::kF32, {1}}});
  write_parts(path("modelopt.safetensors"), {{"a.weight", DType::kU8, {2, 16}},
                                             {"a.weight_scale", DType::kF8E4M3, {2, 2}},
                                             {"a.weight_scale_2", DType::kF32, {}}});
  write_parts(path("experts.safetensors"), {{"e", DType::kU8, {2, 3, 8}},
                                            {"e_weight_scale", DType::kF8E4M3, {2, 3, 1}},
                                            {"e_weight_scale_2", DType::kF32, {2}}});
  write_parts(path("gptq.safetensors"), {{"q.qweight", DType::kI32, {2, 8}},
                                         {"q.qzeros", DType::kI32, {1, 1}},
                                         {"q.scales", DType::kF16, {1, 8}}});
  write_parts(path("bnb.safetensors"),
              {{"b.weight", DType::kU8, {8, 1}}, {"b.weight.absmax", DType::kF32, {1}}});
  write_parts(path("gptoss.safetensors"),
              {{"g_blocks", DType::kU8, {1, 1, 16}}, {"g_scales", DType::kU8, {1, 1}}});
  write_parts(path("comfy.safetensors"), {{"c.weight", DType::kU8, {1, 8}},
                                          {"c.weight_scale", DType::kF8E4M3, {1, 1}},
                                          {"c.comfy_quant", DType::kU8, {4}}});
  using namespace std::string_literals;
  if4::write_text_file(path("kind.onnx"), "\x08\x07\x12\x04test\x3A\x02\x12\0"s);
  if4::write_text_file(path("kind.zip"), "PK\3\4"s + std::string(26, '\0') + "archive/data.pkl");
  if4::write_text_file(path("kind.html"), "<!doctype html><html></html>");
}

void write_corpus(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  const auto path = [&](const char* name) { return (directory / name).string(); };

  if4::write_safetensors(path("none.safetensors"), {}, {});
  if4::write_tensor(path("scalar.safetensors"), "s", if4::Tensor{{}, {1.0F}});
  if4::write_tensor(path("matrix.safetensors"), "a.weight", if4::Tensor{{2, 3}, {1, -2, 0, 0.5F, 3, 4}});
  if4::write_tensor(path("empty.safetensors"), "e", if4::Tensor{{0, 4}, {}});
  if4::write_tensor(path("escapes.safetensors"), "\xC3\xA9\n\"\\", if4::Tensor{{1}, {-0.0F}});

  const std::vector<std::uint8_t> bytes(32);
  std::vector<if4::TensorBytes> all;
  for (std::size_t i = 1; i < if4::kDTypeCount; ++i) {
    const auto dtype = static_cast<if4::DType>(i);
    all.push_back(
        {std::string(if4::dtype_name(dtype)), dtype, {1, 4}, bytes.data(), *if4::byte_count(dtype, {1, 4})});
  }
  if4::write_safetensors(path("dtypes.safetensors"), all, {{"format", "pt"}});

  if4::write_quantized(path("vector.safetensors"), {quantized("w", if4::Format::kIF4, {5})});
  if4::write_quantized(path("two.safetensors"), {quantized("w", if4::Format::kIF4, {2, 17}),
                                                 quantized("v", if4::Format::kNVFP4, {2, 1, 16})});

  if4::write_text_file(
      path("index.json"),
      R"({"metadata": {"total_size": 8}, "weight_map": {"a": "x.safetensors", "b": "y/z"}})");

  if4::write_text_file(path("f4.npy"),
                       npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24));
  if4::write_text_file(path("f2.npy"),
                       npy(2, "{'descr': '<f2', 'fortran_order': True, 'shape': (3,), }\n", 6));
  write_foreign(directory);
  if4::write_text_file(path("scalar.npy"), npy(3, "{'descr':'<f4','fortran_order':False,'shape':()}", 4));
}

void write_vector_corpus(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  const auto put = [&](const char* name, const std::string& text) {
    if4::write_text_file((directory / name).string(), text);
  };
  const std::string lines =
      "# testpoint: a.b\nS 60 0\nB 0 E8 41 E97F359DB46F 636DA0FB66B7\nB 1 94 65 C7EDCA3F62B4 57A50C679C7F\n"
      "R C802A96C 0 0\nX edge 3\nW 16\nH 8\nI 4\nB 1 7F 65 C7EDCA3F62B4 57A50C679C7F\nR 7FC00000 1 0\nE 2\n";
  if4::VectorHeader header;
  header.mac.format = if4::Format::kIF3;
  put("if3.txt", if4::header_text(header) + lines);
  put("lines.txt", lines);
  put("script.txt",
      "# format: if4\n1 E8 41 E97F359DB46F0B73 636DA0FB66B74D6B\n0 94 65 C7EDCA3F62B4AD37 57A50C679C7F4770\n"
      "R C802A96C\n# format: if3\n1 38 B9 0123456789AB FFFFFFFFFFFF\nR 3F800000\n");
}

void write_array_corpus(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  const auto put = [&](const char* name, const char* text) {
    if4::write_text_file((directory / name).string(), text);
  };
  put("plain.csv", "a, 1, 2, 3\n");
  put("counted.csv",
      "\xEF\xBB\xBFLayer, M, N, K, count,\r\n# again\r\nq.k, 512, 4096, 16777216, 32,\r\n\r\n");
  put("conv.csv",
      "Layer name; IFMAP Height; IFMAP Width; Filter Height; Filter Width; Channels; Num Filter; Strides; "
      "count\n"
      "\"DP; 1\"; 224; 223; 11; 3; 3; 96; 4; 2\n");
  put("model.json", R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "num_attention_heads": 32,
"num_key_value_heads": 8, "head_dim": 128, "num_experts_per_tok": 2, "sliding_window": null, "image_size": 224,
"patch_size": 16, "tie_word_embeddings": false, "text_config": {"n_head": 2}})");
  put("array.json", R"({"rows": 4, "columns": 3, "lanes": 32, "format": "nvfp4", "acc-width": 70,
"shared-output": true, "depth": 1, "clock": 1.5e3, "overlap": false, "order": "nm", "snake": true})");
  put("memory.json",
      R"({"acts-buffer": "64K", "weights-buffer": 65536, "output-buffer": "1G", "acts-banks": 3,
"weights-banks": 2, "dram-bandwidth": 7.25, "dram-latency": 31, "dram-burst": 48})");
  put("ideal.json", R"({"ideal-memory": true, "format": "if6_e3m2", "lanes": 64})");
}

void write_network_corpus(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  const auto put = [&](const char* name, const char* text) {
    if4::write_text_file((directory / name).string(), text);
  };
  put("network.json",
      R"({"name": "n", "weights": ["w", "v"], "tokenizer": "t", "most_tokens": 8, "output": "u",
"operations": [{"name": "u", "op": "unit", "in": "m", "epsilon": 1e-12}, {"name": "m", "op": "mean", "in": "a"},
{"name": "a", "op": "add", "in": ["x", "v"]}, {"name": "v", "op": "values", "in": ["s", "x"], "heads": 2},
{"name": "s", "op": "scores", "in": ["q", "x"], "heads": 2}, {"name": "x", "op": "embed", "weight": "e", "by": 2},
{"name": "q", "op": "slice", "in": "l", "part": 1, "parts": 3}, {"name": "l", "op": "linear", "in": "x", "weight": "w"}]})");
  put("tokenizer.json",
      R"({"pieces": [["?", 0], ["a", -1.5], ["\u2581a", -2], ["\u00e9t", -3]], "reserved": 1,
"decompositions": [["\u00e9", "e\u0301"]], "classes": [["\u0301", 230]], "compositions": [["e", "\u0301", "\u00e9"]]})");
  put("energy.json",
      R"({"library": "l", "arrays": [{"format": "if4", "rows": 8, "columns": 8, "lanes": 16, "acc-width": 0,
"shared-output": false, "beat_pj": 7.5, "idle_pj": 3, "tile_pj": 2e1, "leakage_mw": 0.25, "clock_mhz": 80}]})");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_corpus DIRECTORY\n");
    return 2;
  }
  try {
    write_corpus(argv[1]);
    write_array_corpus(std::string(argv[1]) + "_array");
    write_vector_corpus(std::string(argv[1]) + "_vectors");
    write_network_corpus(std::string(argv[1]) + "_network");
  } catch (const if4::InputError& error) {
    std::fprintf(stderr, "make_corpus: %s\n", error.what());
    return 2;
  } catch (const std::filesystem::filesystem_error& error) {
    std::fprintf(stderr, "make_corpus: %s\n", error.what());
    return 2;
  }
  return 0;
}
