// Memory, streams and events of a device that go with their owners.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "model/cuda/errors.hpp"

namespace if4::cuda {

/// Memory that only grows: of the device, or of the host where the device can read it at full speed.
template <bool kOnDevice>
class Buffer {
 public:
  Buffer() = default;
  ~Buffer() { release(); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  /// Makes room for that many bytes; what was there is lost if there was none.
  void reserve(std::size_t bytes) {
    if (bytes <= size_) return;
    release();
    check(kOnDevice ? cudaMalloc(&data_, bytes) : cudaMallocHost(&data_, bytes),
          "cannot take " + std::to_string(bytes) +
              (kOnDevice ? " bytes of its memory" : " bytes of pinned memory"));
    size_ = bytes;
  }
  template <class T = std::uint8_t>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void release() {
    if (data_ != nullptr) kOnDevice ? cudaFree(data_) : cudaFreeHost(data_);
    data_ = nullptr;
    size_ = 0;
  }
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

class Stream {
 public:
  Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cannot make a stream"); }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

/// A point in a stream.
class Event {
 public:
  Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cannot make an event"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  void record(const Stream& stream) {
    check(cudaEventRecord(event_, stream.get()), "cannot record an event");
  }
  /// Waits here until the stream has come to the point that was recorded last, if any was.
  void wait() const { check(cudaEventSynchronize(event_), "a kernel or a copy failed"); }
  /// Makes a stream wait.
  void hold(const Stream& stream) const {
    check(cudaStreamWaitEvent(stream.get(), event_, 0), "cannot wait for an event");
  }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace if4::cuda
