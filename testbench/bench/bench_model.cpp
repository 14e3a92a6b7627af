// Speed of the quantization of a whole model, on disk: a folder of shards next to the same tensors in one file.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "model/checkpoint/model_quantizer.hpp"
#include "model/files/atomic_file.hpp"
#include "model/files/safetensors.hpp"
#include "testbench/support/tensor_testing.hpp"

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShards = 3;
constexpr std::size_t kTensors = 15;
constexpr std::size_t kRows = 4096;
constexpr std::size_t kColumns = 4096;  // a tensor is 67 MB, all of them 1.0 GB

/// The model in a folder that lives as long as the program.
class Model {
 public:
  Model() : root_(fs::temp_directory_path() / ("if4-bench-" + std::to_string(::getpid()))) {
    fs::create_directories(root_ / "shards");
    const if4::Tensor tensor = if4::testing::two_kinds_of_blocks(kRows, kColumns, 1);
    std::vector<if4::TensorBytes> all;
    for (std::size_t i = 0; i < kTensors; ++i) {
      all.push_back({"w" + std::to_string(i), if4::DType::kF32, tensor.shape, tensor.values.data(),
                     tensor.values.size() * sizeof(float)});
    }
    if4::write_safetensors(file(), all, {});
    std::string map;
    for (std::size_t shard = 0; shard < kShards; ++shard) {
      const std::string name = std::to_string(shard) + ".safetensors";
      const auto first = all.begin() + static_cast<std::ptrdiff_t>(shard * kTensors / kShards);
      const auto last = all.begin() + static_cast<std::ptrdiff_t>((shard + 1) * kTensors / kShards);
      if4::write_safetensors(folder() + "/" + name, {first, last}, {});
      for (auto at = first; at != last; ++at)
        map += (map.empty() ? "\"" : ",\"") + at->name + "\":\"" + name + "\"";
    }
    if4::write_text_file(folder() + "/model.safetensors.index.json", "{\"weight_map\":{" + map + "}}");
  }
  ~Model() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  std::string file() const { return (root_ / "model.safetensors").string(); }
  std::string folder() const { return (root_ / "shards").string(); }

  /// Bytes of input a second.
  double speed(const std::string& input, const std::string& ending) const {
    const std::string output = (root_ / ("out" + ending)).string();
    const auto start = std::chrono::steady_clock::now();
    const if4::ModelSummary summary = if4::quantize_model({input, ""}, output, {}, {});
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    fs::remove_all(output);
    return static_cast<double>(summary.input_bytes) / seconds.count();
  }

 private:
  fs::path root_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// An iteration is one run of each, so that a disk that slows down meanwhile slows both.
void bench_folder(benchmark::State& state) {
  const Model model;
  std::vector<double> file, folder, ratio;
  for (auto _ : state) {
    file.push_back(model.speed(model.file(), ".safetensors"));
    folder.push_back(model.speed(model.folder(), ""));
    ratio.push_back(folder.back() / file.back());
  }
  state.counters["file_bytes/s"] = median(file);
  state.counters["folder_bytes/s"] = median(folder);
  state.counters["ratio"] = median(ratio);
}
BENCHMARK(bench_folder)
    ->Name("ModelFolderRatio")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(5);

}  // namespace
