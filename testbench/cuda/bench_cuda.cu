// GB/s of input that the device quantizes, amax included, next to the limit that its memory sets for the same traffic, which
// plain kernels measure in the same run: one reads the tensor, the next reads it again and writes as many bytes as codes and
// scales have. Medians of repeated runs, by the events of the device.
//
// usage: if4_cuda_bench [MIB]    the size of the tensors; 1024 if not given
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "model/cuda/cuda_quantizer.hpp"
#include "model/cuda/errors.hpp"
#include "model/quantize/fast_quantizer.hpp"
#include "model/simd/noise.hpp"

namespace if4 {
namespace {

constexpr int kRuns = 15;

void check(cudaError_t status) { cuda::check(status, "the benchmark"); }

/// About normal numbers, as sums of eight bytes of a hash.
__global__ void fill(void* x, DType dtype, std::size_t count) {
  for (std::size_t i = blockIdx.x * std::size_t{256} + threadIdx.x; i < count;
       i += gridDim.x * std::size_t{256}) {
    const std::uint64_t bits = static_cast<std::uint64_t>(mix32(static_cast<std::uint32_t>(i))) << 32 |
                               mix32(static_cast<std::uint32_t>(i) + 0x9E3779B9U);
    int sum = 0;
    for (int byte = 0; byte < 8; ++byte) sum += static_cast<int>(bits >> (8 * byte) & 0xFF);
    const float value = static_cast<float>(sum - 1020) / 209.0F;
    if (dtype == DType::kF32) {
      static_cast<float*>(x)[i] = value + static_cast<float>(bits & 0xFFF) * 0x1p-14F;
    } else if (dtype == DType::kBF16) {
      static_cast<__nv_bfloat16*>(x)[i] = __float2bfloat16(value);
    } else {
      static_cast<__half*>(x)[i] = __float2half(value);
    }
  }
}

__global__ void read_all(const uint4* x, std::size_t count, std::uint32_t* sink) {
  std::uint32_t sum = 0;
  const std::size_t stride = gridDim.x * std::size_t{256};
  std::size_t i = blockIdx.x * std::size_t{256} + threadIdx.x;
  for (; i + 3 * stride < count; i += 4 * stride) {
    const uint4 a = __ldg(x + i), b = __ldg(x + i + stride), c = __ldg(x + i + 2 * stride),
                d = __ldg(x + i + 3 * stride);
    sum ^= a.x ^ a.y ^ a.z ^ a.w ^ b.x ^ b.y ^ b.z ^ b.w ^ c.x ^ c.y ^ c.z ^ c.w ^ d.x ^ d.y ^ d.z ^ d.w;
  }
  for (; i < count; i += stride) sum ^= x[i].x ^ x[i].y ^ x[i].z ^ x[i].w;
  if (sum == 0x12345678U) *sink = sum;
}

/// Reads 32 or 64 bytes (16 values) and writes 8 bytes and one.
template <int kVectors>
__global__ void read_and_write(const uint4* x, std::size_t blocks, uint2* codes, std::uint8_t* scales) {
  const std::size_t i = blockIdx.x * std::size_t{256} + threadIdx.x;
  if (i >= blocks) return;
  uint2 out = make_uint2(0, 0);
  std::uint32_t scale = 0;
#pragma unroll
  for (int k = 0; k < kVectors; ++k) {
    const uint4 v = __ldg(x + i * kVectors + k);
    out.x ^= v.x ^ v.z;
    out.y ^= v.y ^ v.w;
    scale += v.x;
  }
  codes[i] = out;
  scales[i] = static_cast<std::uint8_t>(scale);
}

template <class Work>
double median_seconds(const Work& work) {
  cudaEvent_t begin;
  cudaEvent_t end;
  check(cudaEventCreate(&begin));
  check(cudaEventCreate(&end));
  std::vector<float> times;
  for (int run = -2; run < kRuns; ++run) {
    check(cudaEventRecord(begin));
    work();
    check(cudaEventRecord(end));
    check(cudaEventSynchronize(end));
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin, end));
    if (run >= 0) times.push_back(milliseconds);
  }
  check(cudaEventDestroy(begin));
  check(cudaEventDestroy(end));
  std::nth_element(times.begin(), times.begin() + kRuns / 2, times.end());
  return static_cast<double>(times[kRuns / 2]) / 1e3;
}

struct Case {
  std::string name;
  DType dtype;
  QuantizeOptions options;
  bool tiled = false;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](DType dtype, Format format, auto&& set, const std::string& more = "",
                       bool tiled = false) {
    QuantizeOptions options{format};
    set(options);
    all.push_back({std::string(format_name(format)) + ", " + std::string(rule_name(options.rule)) + more,
                   dtype, options, tiled});
  };
  const auto none = [](QuantizeOptions&) {};
  for (const DType dtype : {DType::kBF16, DType::kF16, DType::kF32}) add(dtype, Format::kIF4, none);
  add(DType::kBF16, Format::kIF4, [](QuantizeOptions& o) { o.rule = Rule::kMae; });
  add(DType::kBF16, Format::kIF4, [](QuantizeOptions& o) { o.rule = Rule::kAbsMax; });
  for (const Format format : {Format::kMixFP4, Format::kNVFP4, Format::kNVFP4_46, Format::kNVINT4,
                              Format::kIF3, Format::kIF6E2M3, Format::kIF6E3M2, Format::kMXFP4}) {
    add(DType::kBF16, format, none);
  }
  add(DType::kBF16, Format::kIF4, none, ", tiled scales", true);
  add(
      DType::kBF16, Format::kIF4, [](QuantizeOptions& o) { o.search = true; }, ", search");
  add(
      DType::kBF16, Format::kNVFP4, [](QuantizeOptions& o) { o.search = true; }, ", search");
  add(
      DType::kBF16, Format::kIF4, [](QuantizeOptions& o) { o.rotate = true; }, ", rht");
  add(
      DType::kBF16, Format::kIF4, [](QuantizeOptions& o) { o.square = true; }, ", 2d");
  add(
      DType::kBF16, Format::kIF4, [](QuantizeOptions& o) { o.transpose = true; }, ", transpose");
  add(
      DType::kBF16, Format::kIF4, [](QuantizeOptions& o) { o.seed = 1; }, ", stochastic");
  return all;
}

double limit_seconds(const void* x, std::size_t bytes, DType dtype, std::uint8_t* codes, std::uint8_t* scales,
                     std::uint32_t* sink, int processors) {
  const auto* const vectors = static_cast<const uint4*>(x);
  const std::size_t blocks = bytes / dtype_size(dtype) / 16;
  const auto grid = static_cast<unsigned>((blocks + 255) / 256);
  return median_seconds([&] {
    read_all<<<processors * 8, 256>>>(vectors, bytes / 16, sink);
    if (dtype == DType::kF32) {
      read_and_write<4><<<grid, 256>>>(vectors, blocks, reinterpret_cast<uint2*>(codes), scales);
    } else {
      read_and_write<2><<<grid, 256>>>(vectors, blocks, reinterpret_cast<uint2*>(codes), scales);
    }
  });
}

int run(std::size_t mebibytes) {
  require_cuda();
  cudaDeviceProp device{};
  check(cudaGetDeviceProperties(&device, 0));
  const std::size_t bytes = mebibytes << 20;
  void* x = nullptr;
  std::uint8_t* codes = nullptr;
  std::uint8_t* scales = nullptr;
  float* amax = nullptr;
  check(cudaMalloc(&x, bytes));
  check(cudaMalloc(&codes, bytes / 2));
  check(cudaMalloc(&scales, bytes / 8));
  check(cudaMalloc(&amax, 256));
  auto* const sink = reinterpret_cast<std::uint32_t*>(amax) + 1;

  std::printf("%s, tensors of %zu MiB, medians of %d runs\n", device.name, mebibytes, kRuns);
  const double copied = median_seconds([&] {
    check(cudaMemcpyAsync(x, static_cast<char*>(x) + bytes / 2, bytes / 2, cudaMemcpyDeviceToDevice));
  });
  std::printf("copy in its memory: %.0f GB/s read and written\n", static_cast<double>(bytes) / copied / 1e9);
  std::printf("%-30s %5s %10s %10s %7s %12s\n", "format, rule", "in", "GB/s", "limit", "share", "amax, GB/s");
  DType filled = DType::kOther;
  for (const Case& c : cases()) {
    const std::size_t count = bytes / dtype_size(c.dtype);
    if (filled != c.dtype) fill<<<2048, 256>>>(x, c.dtype, count);
    filled = c.dtype;
    check(cudaGetLastError());
    const CudaQuantizer quantizer({count / 4096, 4096}, c.dtype, c.options, c.tiled);
    const double limit = limit_seconds(x, bytes, c.dtype, codes, scales, sink, device.multiProcessorCount);
    const double found = median_seconds([&] { quantizer.find_amax(x, amax, nullptr); });
    const double seconds = median_seconds([&] {
      quantizer.find_amax(x, amax, nullptr);
      quantizer.encode(x, amax, codes, scales, nullptr);
    });
    const double size = static_cast<double>(bytes) / 1e9;
    std::printf("%-30s %5s %10.0f %10.0f %7.2f %12.0f\n", c.name.c_str(),
                std::string(dtype_name(c.dtype)).c_str(), size / seconds, size / limit, limit / seconds,
                size / found);
  }

  // The CPU in the same run.
  fill<<<2048, 256>>>(x, DType::kBF16, bytes / 2);
  std::vector<std::uint16_t> host(bytes / 2);
  check(cudaMemcpy(host.data(), x, bytes, cudaMemcpyDeviceToHost));
  const TensorView view{{host.size() / 4096, 4096}, DType::kBF16, host.data()};
  std::vector<std::uint8_t> out_codes(host.size() / 2);
  std::vector<std::uint8_t> out_scales(host.size() / 16);
  std::vector<double> times;
  for (int i = 0; i < 7; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const FastQuantizer quantizer(view, {}, 0);
    quantizer.encode(0, quantizer.parts(), out_codes.data(), out_scales.data());
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::nth_element(times.begin(), times.begin() + 3, times.end());
  std::printf("%-30s %5s %10.1f\n", "if4, mse, on all CPU cores", "BF16",
              static_cast<double>(bytes) / 1e9 / times[3]);
  return 0;
}

}  // namespace
}  // namespace if4

int main(int argc, char** argv) {
  try {
    const long mebibytes = argc > 1 ? std::atol(argv[1]) : 1024;
    if (mebibytes < 1 || argc > 2) {
      std::fprintf(stderr, "usage: if4_cuda_bench [MIB]\n");
      return 2;
    }
    return if4::run(static_cast<std::size_t>(mebibytes));
  } catch (const if4::InputError& error) {
    std::fprintf(stderr, "if4_cuda_bench: %s\n", error.what());
    return 2;
  }
}
