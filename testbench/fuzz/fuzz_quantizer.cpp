// libFuzzer target: the fast quantizer gives the bits of the scalar one, or refuses with the same words. The
// input chooses format, rule, options, shape, type and address of the values, instruction set and threads;
// the rest of it are the values.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "model/quantize/fast_quantizer.hpp"
#include "model/quantize/quantizer.hpp"
#include "model/simd/simd_targets.hpp"
#include "model/simd/simd_values.hpp"
#include "testbench/fuzz/fuzzing.hpp"

namespace {

using namespace if4;

struct Outcome {
  std::optional<QuantizedTensor> tensor;
  std::string refusal;
};

template <class Action>
Outcome outcome_of(const Action& action) {
  try {
    return {action(), ""};
  } catch (const InputError& error) {
    return {std::nullopt, error.what()};
  }
}

void require(bool condition, const char* what, const QuantizeOptions& options, const Shape& shape) {
  if (condition) return;
  std::fprintf(stderr, "%s differs: %s %s%s%s%s%s%s, shape %s, on %s\n", what,
               std::string(format_name(options.format)).c_str(), std::string(rule_name(options.rule)).c_str(),
               options.search ? " search" : "", options.square ? " 2d" : "", options.rotate ? " rht" : "",
               options.transpose ? " transpose" : "", options.seed ? " stochastic" : "",
               to_string(shape).c_str(), simd_target());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if4::testing::note_input(data, size);
  constexpr std::size_t kHead = 8;
  if (size < kHead) return 0;
  QuantizeOptions options;
  options.format = static_cast<Format>(data[0] % kFormatCount);
  options.rule = static_cast<Rule>(data[1] % 3);
  options.search = (data[2] & 1U) != 0;
  options.square = (data[2] & 2U) != 0;
  options.rotate = (data[2] & 4U) != 0;
  options.transpose = (data[2] & 8U) != 0;
  if ((data[2] & 16U) != 0) options.seed = data[3];
  const DType dtype = data[4] % 3 == 0 ? DType::kF32 : data[4] % 3 == 1 ? DType::kBF16 : DType::kF16;
  const std::size_t element = dtype_size(dtype);
  const std::size_t count = std::min<std::size_t>((size - kHead) / element, 4096);
  const std::size_t columns = 1 + data[5] + (data[3] & 1U ? 256U : 0U);
  const Shape shape = {count / columns, columns};
  if (shape[0] == 0) return 0;
  const unsigned threads = 1 + data[6] % 3;
  const std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  hwy::SetSupportedTargetsForTest(targets[data[7] % targets.size()]);

  // The values get memory of their own, so that the sanitizer sees a read beyond their end, at any address.
  const std::size_t offset = data[7] % 8;
  std::vector<std::uint8_t> bytes(offset + shape[0] * columns * element);
  std::memcpy(bytes.data() + offset, data + kHead, shape[0] * columns * element);
  Tensor plain{shape, {}};
  for (std::size_t i = 0; i < shape[0] * columns; ++i) {
    float value = 0.0F;
    std::uint16_t half = 0;
    std::memcpy(dtype == DType::kF32 ? static_cast<void*>(&value) : &half,
                bytes.data() + offset + i * element, element);
    if (dtype == DType::kBF16) value = bfloat16_to_float(half);
    if (dtype == DType::kF16) value = half_to_float(half);
    plain.values.push_back(value);
  }

  const Outcome expected = outcome_of([&] { return quantize(plain, options); });
  const Outcome fast = outcome_of([&] {
    return quantize_fast({shape, dtype, bytes.data() + offset}, options, threads);
  });
  require(expected.refusal == fast.refusal, "the refusal", options, shape);
  if (!expected.tensor) return 0;
  require(fast.tensor->shape == expected.tensor->shape, "the shape", options, shape);
  require(std::memcmp(&fast.tensor->amax, &expected.tensor->amax, sizeof(float)) == 0, "amax", options,
          shape);
  require(fast.tensor->scales == expected.tensor->scales, "a scale", options, shape);
  require(fast.tensor->codes == expected.tensor->codes, "a code", options, shape);
  return 0;
}
