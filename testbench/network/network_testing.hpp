// The cut of a trained network, and small networks of a few numbers.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/files/safetensors.hpp"
#include "sim/graph/run.hpp"
#include "sim/graph/sentences.hpp"
#include "testbench/support/file_testing.hpp"

namespace if4::testing {

inline const std::string kCut = "testbench/data/network/";

/// What the cut network gives for its sentences, by the script that made it.
inline Tensor cut_embeddings() {
  const SafetensorsFile file(kCut + "sentences.safetensors");
  return file.read_tensor(*file.find("embeddings"));
}

inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return largest;
}

/// A tensor of a small network.
struct SmallTensor {
  std::string name;
  Tensor tensor;
};

/// A folder with a description and its tensors.
class SmallNetwork {
 public:
  /// `operations`: the text of the list. `more`: further keys of the description, each after a comma.
  SmallNetwork(const std::vector<SmallTensor>& tensors, const std::string& operations,
               const std::string& output, const std::string& more = "") {
    std::vector<TensorBytes> bytes;
    for (const SmallTensor& small : tensors) {
      bytes.push_back({small.name, DType::kF32, small.tensor.shape, small.tensor.values.data(),
                       small.tensor.values.size() * sizeof(float)});
    }
    write_safetensors(folder_ / "w.safetensors", bytes, {});
    put(path(), R"({"name": "small", "weights": "w.safetensors", "output": ")" + output + "\"" + more +
                    ", \"operations\": [" + operations + "]}");
  }
  std::string path() const { return folder_ / "network.json"; }
  std::string operator/(const std::string& name) const { return folder_ / name; }

  /// What it gives in FP32.
  std::vector<float> run(const std::vector<std::vector<std::uint32_t>>& ids) const {
    const Network network(path());
    PlainMultiplier multiplier(1);
    return run_network(network, Batch(network, ids, "ids"), multiplier);
  }

 private:
  TempDir folder_;
};

}  // namespace if4::testing
