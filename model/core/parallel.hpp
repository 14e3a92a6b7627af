// A loop over independent pieces of work on several threads. No other file of the project starts threads.
#pragma once

#include <cstddef>
#include <functional>

namespace if4 {

/// `threads`, or the number of cores where that is 0.
unsigned thread_count(unsigned threads);

/// How many threads a loop over `count` pieces uses at most: thread_count(threads), but no more than pieces.
unsigned worker_count(std::size_t count, unsigned threads);

/// Calls work(i) once for each i from 0 to count - 1, in any order, on up to `threads` threads. The calling
/// thread is one of them. The first exception of a call ends the loop early and is thrown again here.
void parallel_for(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& work);

/// The same for pieces of work that need scratch memory: `worker` says which of the worker_count(count,
/// threads) threads makes the call, so that each can have its own. Worker 0 is the calling thread.
void parallel_for(std::size_t count, unsigned threads,
                  const std::function<void(std::size_t i, unsigned worker)>& work);

}  // namespace if4
