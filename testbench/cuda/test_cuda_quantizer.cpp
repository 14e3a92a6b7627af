// The quantizer on the device against the scalar specification, bit for bit. Every case here needs a device: [gpu].
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <mutex>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "model/core/parallel.hpp"
#include "model/core/tiled_scales.hpp"
#include "model/cuda/cuda_quantizer.hpp"
#include "model/files/tensor_file.hpp"
#include "model/quantize/quantizer.hpp"
#include "testbench/cuda/on_device.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/tensor_testing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;

constexpr DType kTypes[] = {DType::kF32, DType::kBF16, DType::kF16};

/// The values of a tensor in a type, and the tensor that they are read as.
struct Stored {
  Tensor tensor;
  std::vector<std::uint8_t> bytes;
  DType dtype;
  TensorView view() const { return {tensor.shape, dtype, bytes.data()}; }
};

/// 16-bit values are the upper halves of FP32 ones, or halves with the same bits; not finite ones become 1.
Stored stored(Tensor tensor, DType dtype) {
  Stored result{std::move(tensor), {}, dtype};
  const std::size_t size = dtype_size(dtype);
  result.bytes.resize(result.tensor.values.size() * size);
  for (std::size_t i = 0; i < result.tensor.values.size(); ++i) {
    float& value = result.tensor.values[i];
    if (dtype == DType::kF32) {
      std::memcpy(result.bytes.data() + i * size, &value, size);
      continue;
    }
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    auto half = static_cast<std::uint16_t>(bits >> 16);
    if (dtype == DType::kF16) {
      const int exponent = static_cast<int>(bits >> 23 & 0xFFU) - 112;
      half = static_cast<std::uint16_t>(
          (bits >> 16 & 0x8000U) |
          (exponent <= 0 ? bits >> 16 & 0x3FU
                         : static_cast<unsigned>(std::min(exponent, 30)) << 10 | (bits >> 13 & 0x3FFU)));
    }
    value = dtype == DType::kF16 ? half_to_float(half) : bfloat16_to_float(half);
    std::memcpy(result.bytes.data() + i * size, &half, size);
  }
  return result;
}

void check_on_device(const Stored& input, const QuantizeOptions& options, const DeviceRun& run = {}) {
  CAPTURE(text_of(options), to_string(input.tensor.shape), dtype_name(input.dtype), run.misaligned);
  CHECK(difference(quantize_on_device(input.view(), options, run), quantize(input.tensor, options)) == "");
}

}  // namespace

TEST_CASE("the device gives the bits of the scalar quantizer in every format, rule and type", "[gpu]") {
  std::mt19937_64 rng(test_seed() + 2110);
  for (int number = 0; number < kFormatCount; ++number) {
    for (const Rule rule : kRules) {
      for (const DType dtype : kTypes) {
        for (const bool search : {false, true}) {
          const QuantizeOptions options{static_cast<Format>(number), rule, search};
          check_on_device(stored(mixed_tensor({33, 160}, rng), dtype), options);
        }
      }
    }
  }
}

TEST_CASE("the device gives the bits of the scalar quantizer with any options, shape and type", "[gpu]") {
  std::mt19937_64 rng(test_seed() + 2111);
  for (int repeat = 0; repeat < 1500; ++repeat) {
    const QuantizeOptions options = random_options(rng);
    std::size_t rows = 1 + rng() % 50;
    std::size_t columns = 1 + rng() % 300;
    if (options.rotate || rng() % 2 == 0) (options.transpose ? rows : columns) = 16 * (1 + rng() % 8);
    Shape shape = {rows, columns};
    if (rng() % 4 == 0) shape = {1 + rng() % 4, rows, columns};
    if (rng() % 8 == 0 && !options.rotate)
      shape = {1 + rng() % 9, 1 + rng() % 5, 1 + rng() % 7, 1 + rng() % 7};
    if (rng() % 8 == 0 && options.rotate) shape = {1 + rng() % 9, 8, 2, 4};
    if (rng() % 16 == 0 && !options.transpose) shape = {columns};
    Tensor tensor = mixed_tensor(shape, rng);
    const int power = static_cast<int>(rng() % 250) - 130;
    if (rng() % 2 == 0) {
      for (float& x : tensor.values) x = std::ldexp(x, rng() % 2 == 0 ? power : power - 1);
    }
    CAPTURE(repeat);
    DeviceRun run;
    run.misaligned = rng() % 3 == 0 ? rng() % 9 : 0;
    check_on_device(stored(std::move(tensor), kTypes[rng() % 3]), options, run);
  }
}

TEST_CASE("the device at the extremes of FP32", "[gpu]") {
  for (const float amax : kExtremes) {
    CAPTURE(amax);
    const Tensor tensor = extreme_tensor(amax);
    for (int number = 0; number < kFormatCount; ++number) {
      for (const bool search : {false, true}) {
        for (const bool noise : {false, true}) {
          for (const bool square : {false, true}) {
            QuantizeOptions options{static_cast<Format>(number), Rule::kMse, search};
            if (noise) options.seed = 7;
            options.square = square && block_size(options.format) == kBlockSize;
            check_on_device(stored(tensor, DType::kF32), options);
          }
        }
      }
    }
  }
}

TEST_CASE("every finite BF16 and F16 number on the device", "[gpu]") {
  std::mt19937_64 rng(test_seed() + 2112);
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    for (int repeat = 0; repeat < 3; ++repeat) {
      Stored input{{{2048, 32}, {}}, {}, dtype};
      std::vector<std::uint16_t> bits;
      for (unsigned b = 0; b < 65536; ++b) {
        const float value = dtype == DType::kBF16 ? bfloat16_to_float(static_cast<std::uint16_t>(b))
                                                  : half_to_float(static_cast<std::uint16_t>(b));
        bits.push_back(std::isfinite(value) ? static_cast<std::uint16_t>(b) : std::uint16_t{0});
      }
      if (repeat != 0) std::shuffle(bits.begin(), bits.end(), rng);
      for (std::uint16_t& b : bits) {
        if (repeat == 2) b &= dtype == DType::kBF16 ? 0xBFFF : 0xBBFF;  // a smaller amax
        input.tensor.values.push_back(dtype == DType::kBF16 ? bfloat16_to_float(b) : half_to_float(b));
      }
      input.bytes.resize(2 * bits.size());
      std::memcpy(input.bytes.data(), bits.data(), input.bytes.size());
      for (int number = 0; number < kFormatCount; ++number) {
        for (const Rule rule : kRules) check_on_device(input, {static_cast<Format>(number), rule});
      }
    }
  }
}

TEST_CASE("scale tiles on the device", "[gpu]") {
  std::mt19937_64 rng(test_seed() + 2113);
  for (int repeat = 0; repeat < 60; ++repeat) {
    QuantizeOptions options = random_options(rng);
    options.rotate = false;
    const Stored input = stored(mixed_tensor({1 + rng() % 300, 1 + rng() % 200}, rng), kTypes[rng() % 3]);
    CAPTURE(text_of(options), to_string(input.tensor.shape));
    DeviceRun run;
    run.tiled = true;
    QuantizedTensor expected = quantize(input.tensor, options);
    expected.scales = tile_scales(expected.scales, expected.rows(), expected.blocks_per_row());
    CHECK(difference(quantize_on_device(input.view(), options, run), expected) == "");
  }
}

TEST_CASE("a given amax, of which a tensor is a part", "[gpu]") {
  std::mt19937_64 rng(test_seed() + 2114);
  for (int repeat = 0; repeat < 60; ++repeat) {
    QuantizeOptions options = random_options(rng);
    options.transpose = options.square = options.rotate = false;
    const Tensor whole = mixed_tensor({24, 96}, rng);
    const Tensor half{{12, 96}, {whole.values.begin(), whole.values.begin() + 12 * 96}};
    QuantizedTensor expected = quantize(whole, options);
    expected.shape = half.shape;
    expected.codes.resize(expected.codes.size() / 2);
    expected.scales.resize(expected.scales.size() / 2);
    DeviceRun run;
    run.amax = *std::max_element(whole.values.begin(), whole.values.end(),
                                 [](float a, float b) { return std::fabs(a) < std::fabs(b); });
    run.amax = std::fabs(*run.amax);
    CAPTURE(text_of(options));
    CHECK(difference(quantize_on_device(view_of(half), options, run), expected) == "");
  }
}

TEST_CASE("values that are not finite never pass for numbers", "[gpu]") {
  std::mt19937_64 rng(test_seed() + 2115);
  for (const DType dtype : kTypes) {
    for (int number = 0; number < kFormatCount; ++number) {
      for (const bool square : {false, true}) {
        for (const bool nan : {false, true}) {
          QuantizeOptions options{static_cast<Format>(number), Rule::kMse};
          options.square = square && block_size(options.format) == kBlockSize;
          options.search = rng() % 2 == 0;
          Stored input = stored(mixed_tensor({32, 64}, rng), dtype);
          const std::size_t at = rng() % input.tensor.values.size();
          const std::uint32_t bad = (nan ? 0x7FC00000U : 0x7F800000U) | static_cast<std::uint32_t>(rng() % 2)
                                                                            << 31;
          const auto half = static_cast<std::uint16_t>(
              dtype == DType::kBF16 ? bad >> 16 : (bad >> 31) << 15 | (nan ? 0x7E00U : 0x7C00U));
          std::memcpy(input.bytes.data() + at * dtype_size(dtype),
                      dtype == DType::kF32 ? static_cast<const void*>(&bad) : &half, dtype_size(dtype));
          CAPTURE(text_of(options), dtype_name(dtype), at, nan);
          const QuantizedTensor whole = quantize_on_device(input.view(), options);
          CHECK(!std::isfinite(whole.amax));
          CHECK(nan_scales(whole) == whole.scales.size());

          DeviceRun run;
          run.amax = 4.0F;
          const QuantizedTensor part = quantize_on_device(input.view(), options, run);
          const std::size_t block = at / block_size(options.format);
          const std::size_t per_row = part.blocks_per_row();
          std::size_t expected = 0;
          for (std::size_t b = 0; b < part.scales.size(); ++b) {
            const bool mine = options.square
                                  ? b / per_row / 16 == block / per_row / 16 && b % per_row == block % per_row
                                  : b == block;
            expected += mine;
            CHECK(std::isnan(scale_value(options.format, part.scales[b])) == mine);
          }
          CHECK(nan_scales(part) == expected);
        }
      }
    }
  }
}

TEST_CASE("errors that the device sums are those of the CPU", "[gpu]") {
  std::mt19937_64 rng(test_seed() + 2116);
  for (int repeat = 0; repeat < 100; ++repeat) {
    QuantizeOptions options = random_options(rng);
    options.rotate = false;
    const Stored input = stored(mixed_tensor({1 + rng() % 90, 1 + rng() % 300}, rng), kTypes[rng() % 3]);
    CAPTURE(text_of(options), to_string(input.tensor.shape));
    const FastQuantizer quantizer(input.view(), options, 1);
    std::vector<std::uint8_t> codes(quantizer.code_bytes(0, quantizer.parts()));
    std::vector<std::uint8_t> scales(quantizer.scale_bytes(0, quantizer.parts()));
    ErrorSums expected;
    quantizer.encode(0, quantizer.parts(), codes.data(), scales.data(), &expected);
    const ErrorSums sums = errors_on_device(input.view(), options);
    CHECK(std::fabs(sums.noise - expected.noise) <= 1e-12 * expected.noise);
    CHECK(std::fabs(sums.signal - expected.signal) <= 1e-12 * expected.signal);
  }
}

TEST_CASE("what the device cannot do is said in one line", "[gpu]") {
  const auto message = [](auto&& work) {
    try {
      work();
    } catch (const CudaError& error) {
      CHECK(std::string(error.what()).find('\n') == std::string::npos);
      return std::string(error.what());
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(message([] {
          CudaQuantizer({2, 8}, DType::kI8, {});
        }) == "a tensor of I8 cannot be quantized, only F32, BF16 and F16");
  QuantizeOptions rotated;
  rotated.rotate = true;
  CHECK(message([&] {
          CudaQuantizer({2, 8}, DType::kF32, rotated);
        }) == "rotation needs rows of a multiple of 16 values, not of 8");
  const CudaQuantizer quantizer({2, 16}, DType::kF32, {});
  CHECK(message([&] { quantizer.find_amax(reinterpret_cast<void*>(2), nullptr, nullptr); }) ==
        "CUDA: the address of the values is no multiple of 4");
  CHECK(message([&] {
          quantizer.encode(nullptr, nullptr, reinterpret_cast<std::uint8_t*>(8), nullptr, nullptr);
        }) == "CUDA: the address of the codes is no multiple of 16");
  constexpr std::size_t kRows = std::size_t{1} << 38;  // 16 TiB
  bool out_of_memory = false;
  try {
    quantize_on_device({{kRows, 16}, DType::kF32, nullptr}, {});
  } catch (const CudaError& error) {
    out_of_memory = error.kind() == CudaError::Kind::kOutOfMemory;
    CHECK(std::string(error.what()) == "CUDA: cannot take 17592186044416 bytes of its memory: out of memory");
  }
  CHECK(out_of_memory);
  // The device works on after that.
  std::mt19937_64 rng(test_seed() + 2117);
  check_on_device(stored(mixed_tensor({4, 64}, rng), DType::kF32), {});
}

// ORACLE, a variable of the environment, names further files of that layout.
TEST_CASE("the oracle's tensors on the device", "[gpu]") {
  std::vector<std::string> paths = {"testbench/data/oracle_subset.safetensors"};
  if (const char* const more = std::getenv("ORACLE"); more != nullptr) {
    std::istringstream words(more);
    for (std::string path; words >> path;) paths.push_back(path);
  }
  for (const std::string& path : paths) {
    std::size_t tensors = 0;
    const SafetensorsFile file(path);
    for (const TensorInfo& info : file.tensors()) {
      if (info.dtype != DType::kF32 && info.dtype != DType::kBF16 && info.dtype != DType::kF16) continue;
      const Tensor tensor = read_tensor(file, info.name);
      const bool finite =
          std::all_of(tensor.values.begin(), tensor.values.end(), [](float x) { return std::isfinite(x); });
      if (!finite || tensor.values.empty()) continue;
      ++tensors;
      CAPTURE(path, info.name);
      for (int number = 0; number < kFormatCount; ++number) {
        for (const Rule rule : kRules) {
          const QuantizeOptions options{static_cast<Format>(number), rule};
          CHECK(difference(quantize_on_device(view_of(tensor), options), quantize(tensor, options)) == "");
        }
      }
    }
    CHECK(tensors > 0);
  }
}

// A thousand million values of IF4 and its relatives: hidden, as it takes the scalar quantizer minutes.
TEST_CASE("a thousand million random values on the device", "[.billion]") {
  constexpr std::size_t kRows = 512;
  constexpr std::size_t kColumns = 4096;
  constexpr std::size_t kTensors = 1000000000 / (kRows * kColumns) + 1;
  std::atomic<std::size_t> wrong{0};
  std::atomic<std::size_t> values{0};
  std::mutex device;
  const std::uint64_t seed = test_seed() + 2118;
  parallel_for(kTensors, 0, [&](std::size_t i) {
    std::mt19937_64 rng(seed + i);
    QuantizeOptions options;
    options.format = i % 2 == 0 ? Format::kIF4 : static_cast<Format>(rng() % kFormatCount);
    options.rule = i % 4 == 0 ? Rule::kMse : static_cast<Rule>(rng() % 3);
    options.search = i % 16 == 3;
    Tensor tensor{{kRows, kColumns}, std::vector<float>(kRows * kColumns)};
    for (std::size_t j = 0; j < tensor.values.size(); ++j) {
      // Bits of any sign and fraction, and exponents near each other in a block.
      const std::uint64_t random = rng();
      const std::uint32_t exponent =
          110 + static_cast<std::uint32_t>(j / 16 % 14) - static_cast<std::uint32_t>(random >> 32 & 3);
      const std::uint32_t bits = (static_cast<std::uint32_t>(random) & 0x807FFFFFU) | exponent << 23;
      std::memcpy(&tensor.values[j], &bits, sizeof bits);
    }
    const Stored input = stored(std::move(tensor), kTypes[i % 3]);
    const QuantizedTensor expected = quantize(input.tensor, options);
    QuantizedTensor actual;
    {
      const std::lock_guard<std::mutex> lock(device);
      actual = quantize_on_device(input.view(), options);
    }
    wrong +=
        actual.codes != expected.codes || actual.scales != expected.scales || actual.amax != expected.amax;
    values += input.tensor.values.size();
  });
  CHECK(wrong == 0);
  CHECK(values >= 1000000000);
}
