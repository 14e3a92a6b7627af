#include "model/core/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace if4 {

unsigned thread_count(unsigned threads) {
  // The library asks the system each time, which takes longer than to quantize a small tensor.
  static const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  return threads != 0 ? threads : cores;
}

unsigned worker_count(std::size_t count, unsigned threads) {
  return static_cast<unsigned>(std::min<std::size_t>(thread_count(threads), count));
}

void parallel_for(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& work) {
  parallel_for(count, threads, [&](std::size_t i, unsigned) { work(i); });
}

void parallel_for(std::size_t count, unsigned threads,
                  const std::function<void(std::size_t, unsigned)>& work) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto run = [&](unsigned worker) {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i, worker);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  };
  std::vector<std::thread> others;
  const unsigned workers = worker_count(count, threads);
  others.reserve(workers);
  try {
    for (unsigned worker = 1; worker < workers; ++worker) others.emplace_back(run, worker);
  } catch (const std::system_error&) {
    // The system gives no more threads: those that there are do the work.
  }
  run(0);
  for (std::thread& thread : others) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace if4
