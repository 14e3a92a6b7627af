// How many blocks of threads a kernel is started with.
#pragma once

#include <atomic>
#include <cstdint>

namespace if4::cuda {

/// As many as the device runs at a time, each of which then takes one piece of work after the other: what they all begin
/// with is done once, and a thread can fetch its next values early. Has an object for each kernel, which remembers the
/// number for each device.
class Grid {
 public:
  template <class Kernel>
  int blocks(Kernel kernel, std::uint64_t threads_needed, int threads = 256) {
    int device = 0;
    if (cudaGetDevice(&device) != cudaSuccess) return 1;
    int most = device < kDevices ? most_[device].load() : 0;
    if (most == 0) {
      int processors = 1;
      int each = 1;
      cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
      if (cudaOccupancyMaxActiveBlocksPerMultiprocessor(&each, kernel, threads, 0) != cudaSuccess ||
          each < 1) {
        return 1;  // the launch itself says what is wrong
      }
      most = processors * each;
      if (device < kDevices) most_[device].store(most);
    }
    const std::uint64_t needed =
        (threads_needed + static_cast<unsigned>(threads) - 1) / static_cast<unsigned>(threads);
    return static_cast<int>(needed < static_cast<std::uint64_t>(most) ? needed
                                                                      : static_cast<std::uint64_t>(most));
  }

 private:
  static constexpr int kDevices = 64;
  std::atomic<int> most_[kDevices] = {};
};

}  // namespace if4::cuda
