// What a file is that is no safetensors file.
#include "model/core/file_kind.hpp"
#include "model/files/safetensors.hpp"
#include "testbench/support/file_testing.hpp"

using namespace if4::testing;
using namespace std::string_literals;

namespace {

std::string zip_entry(const std::string& name) {
  return "PK\x03\x04\x14\0\0\0\0\0\0\0!\0"s + std::string(12, '\1') + little_endian(name.size(), 2) +
         "\0\0"s + name + std::string(64, '\2');
}

/// IR version, producer and a graph of 200 bytes.
std::string onnx(std::size_t graph_bytes) {
  return "\x08\x07\x12\x07pytorch\x1A\x03"
         "2.1\x3A\xC8\x01"s +
         std::string(graph_bytes, '\x0A');
}

}  // namespace

TEST_CASE("a file of another kind is called by its name", "[io][foreign]") {
  const TempDir dir;
  const std::string path = dir / "a.safetensors";
  const auto is = [&](const std::string& bytes, const std::string& kind) {
    INFO(kind);
    put(path, bytes);
    CHECK(error_of(path, [&] { if4::SafetensorsFile{path}; }) ==
          path + ": not a safetensors file: it is " + kind);
  };
  const std::string tail(3000, '\7');
  is("GGUF\3\0\0\0"s + tail, "a GGUF file");
  is("GGUF\3\0\0"s, "a GGUF file");
  is("tjgg\3\0\0\0"s + tail, "a GGML file, which GGUF has replaced");
  is("\x89HDF\r\n\x1A\n"s + tail, "an HDF5 file, as Keras writes them");
  is("\x93NUMPY\1\0v\0{'descr'"s, "a .npy array of numpy");
  is("\x1F\x8B\x08\0\0\0\0\0"s + tail, "compressed by gzip");
  is("\x28\xB5\x2F\xFD\x04\0\0\0"s + tail, "compressed by zstd");
  is("\xFD"
     "7zXZ\0\0\4"s +
         tail,
     "compressed by xz");
  is("BZh91AY&SY"s + tail, "compressed by bzip2");
  is(std::string(257, 'x') + "ustar\00000"s + tail, "a tar archive");
  is("\x1C\0\0\0TFL3"s + tail, "a TensorFlow Lite model");
  is(zip_entry("archive/data.pkl"), "a PyTorch checkpoint (a pickle in a zip archive)");
  is(zip_entry("pytorch_model/data.pkl"), "a PyTorch checkpoint (a pickle in a zip archive)");
  is(zip_entry("w.npy"), "a zip archive of .npy arrays (numpy's .npz)");
  is(zip_entry("notes.txt"), "a zip archive; PyTorch checkpoints (.pt, .bin) and .npz files are such");
  is("\x80\x02\x8A\x0Al\xFC\x9C\x46\xF9 j\xA8P\x19.\x80\x02M\xE9\x03."s,
     "a pickle of Python, as older PyTorch checkpoints are");
  is("\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94"s + tail, "a pickle of Python, as older PyTorch checkpoints are");
  is("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 132\n",
     "a Git LFS pointer: the file itself was not fetched");
  is("/annex/objects/SHA256E-s31390--f50d\n", "a git-annex pointer: the file itself was not fetched");
  is("<!DOCTYPE html>\n<html><head>", "an HTML page");
  is("\xEF\xBB\xBF\r\n  <HTML lang=\"en\">", "an HTML page");
  is("<?xml version=\"1.0\"?><Error>", "an XML text");
  is(R"({"metadata":{"total_size":1},"weight_map":{"w":"a.safetensors"}})",
     "the index of a folder of shards (JSON)");
  is("{\n  \"architectures\": [\"LlamaForCausalLM\"]\n}", "a JSON text");
  is("Entry not found", "a text that begins with 'Entry not found'");
  is("Layer, M, N, K\nq, 1, 2, 3\n", "a text that begins with 'Layer, M, N, K'");
  is(onnx(200), "an ONNX model");
  is("\x08\x07:\x06\x12\x04main"s, "an ONNX model");
}

TEST_CASE("what is only a broken safetensors file is called no other kind", "[io][foreign]") {
  const TempDir dir;
  const std::string path = dir / "a.safetensors";
  for (const std::string& bytes :
       {onnx(199), "\x08\x07\x12\x7Fx"s, "\x08\0\0\0\0\0\0\0 \x3A\2ab    "s, std::string(100, '\0'),
        "\x80\2\xC0\0\0\0\0\0"s + "{", little_endian(1000, 8) + "{\"w\":", "GGU"s, "Not"s,
        "\xFF\xFE\0\0 text "s}) {
    put(path, bytes);
    CHECK(error_of(path, [&] { if4::SafetensorsFile{path}; }).rfind(path + ": header: ", 0) == 0);
    CHECK_FALSE(if4::file_kind(bytes, bytes.size()));
  }
  CHECK_FALSE(if4::file_kind("", 0));
}
