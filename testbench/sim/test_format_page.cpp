// The page model/files/FORMATS.md: the decoder that it prints, in Python with NumPy, gives the bits of
// `if4 dequantize` in every format.
#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "model/core/float_bits.hpp"
#include "model/files/safetensors.hpp"
#include "model/files/tensor_file.hpp"
#include "model/quantize/fast_quantizer.hpp"
#include "testbench/support/program_testing.hpp"
#include "testbench/support/python_testing.hpp"

namespace {

using namespace if4::testing;
using if4::Format;
using if4::Shape;
using if4::Tensor;

/// The Python programs of the page, one after the other.
std::string programs() {
  const std::string page = get("model/files/FORMATS.md");
  const std::string fence = "\n```python\n";
  std::string text;
  std::size_t count = 0;
  for (std::size_t at = page.find(fence); at != std::string::npos; at = page.find(fence, at), ++count) {
    at += fence.size();
    text += page.substr(at, page.find("```\n", at) - at) + "\n";
  }
  REQUIRE(count == 2);
  return text;
}

Tensor random_tensor(const Shape& shape, int power, std::mt19937_64& rng) {
  std::normal_distribution<float> normal;
  Tensor tensor{shape, std::vector<float>(if4::row_count(shape) * if4::column_count(shape))};
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    const float spread = static_cast<float>(rng() % 2001) / 1000 - 1;
    tensor.values[i] = std::ldexp(i / 32 % 2 == 0 ? normal(rng) : spread, power);
  }
  return tensor;
}

struct Case {
  Shape shape;
  int power;
  Args options;
};

}  // namespace

TEST_CASE("the decoder of the page gives the bits of if4 dequantize in all formats", "[page][cli]") {
  const Sandbox box;
  // Each line of the list is a quantized file, and where its values go.
  put(box / "decode.py", programs() +
                             "import sys\n"
                             "np.seterr(all='ignore')\n"
                             "for line in open(sys.argv[1]):\n"
                             "    path, to = line.split()\n"
                             "    load(path, 'w').astype('<f4').tofile(to)\n");
  const std::vector<Case> cases = {
      {{40, 64}, 0, {}},
      {{3, 5, 50}, -20, {"--search"}},
      {{5, 64}, -127, {}},
      {{4, 3, 7, 7}, 3, {}},
      {{140, 80}, 0, {"--scale-layout", "tiled"}},
      {{2, 32, 20}, 0, {"--transpose", "--rht"}},
      {{8, 16, 3, 3}, 0, {"--rht", "--stochastic", "3"}},
      {{3, 32}, 121, {"--rht"}},
      {{6, 5, 7}, 5, {"--transpose", "--scale-layout", "tiled"}},
      {{4, 64}, 124, {"--stochastic", "1"}},
  };
  std::mt19937_64 rng(test_seed() + 920);
  std::string list;
  std::vector<std::string> names;
  for (int number = 0; number < if4::kFormatCount; ++number) {
    for (std::size_t c = 0; c < cases.size(); ++c) {
      const std::string name =
          std::string(if4::format_name(static_cast<Format>(number))) + "_" + std::to_string(c);
      if4::write_tensor(box / "in.safetensors", "w", random_tensor(cases[c].shape, cases[c].power, rng));
      Args args{"quantize", box / "in.safetensors",
                "-o",       box / (name + ".safetensors"),
                "--format", std::string(if4::format_name(static_cast<Format>(number)))};
      args.insert(args.end(), cases[c].options.begin(), cases[c].options.end());
      box.output(args);
      list += box / (name + ".safetensors") + " " + (box / (name + ".f32")) + "\n";
      names.push_back(name);
    }
    // And all bytes and scales that a file may have, those that no quantizer makes among them.
    const auto format = static_cast<Format>(number);
    if4::QuantizedTensor every = if4::make_quantized(format, {64, 4 * if4::block_size(format)});
    for (std::uint8_t& byte : every.codes) byte = static_cast<std::uint8_t>(rng());
    const bool all = if4::mixes_types(format) || traits(format).scale_code == if4::ScaleCode::kE8M0;
    for (std::size_t i = 0; i < every.scales.size(); ++i)
      every.scales[i] = static_cast<std::uint8_t>(all ? i : i & 0x7F);
    every.amax = traits(format).scale_code == if4::ScaleCode::kE8M0 ? 1.0F : 3.7F;
    const std::string name = std::string(if4::format_name(format)) + "_every";
    if4::write_quantized(box / (name + ".safetensors"), {{"w", every, "", false, false}});
    list += box / (name + ".safetensors") + " " + (box / (name + ".f32")) + "\n";
    names.push_back(name);
  }
  put(box / "list", list);
  run_python(box / "decode.py", {box / "list"});
  for (const std::string& name : names) {
    INFO(name);
    const Run run = box.run({"dequantize", box / (name + ".safetensors"), "-o", box / "out.safetensors"});
    REQUIRE(run.code == 0);
    const if4::SafetensorsFile file(box / "out.safetensors");
    const std::vector<float> values = file.read_tensor(file.tensors()[0]).values;
    const std::string bytes = get(box / (name + ".f32"));
    REQUIRE(bytes.size() == values.size() * sizeof(float));
    std::vector<float> decoded(values.size());
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(decoded.data()));
    std::size_t different = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      // A NaN is a NaN: its sign is that of the machine that made it.
      if (std::isnan(values[i]) && std::isnan(decoded[i])) continue;
      different += if4::float_bits(values[i]) != if4::float_bits(decoded[i]) ? 1 : 0;
    }
    CHECK(different == 0);
  }
}
