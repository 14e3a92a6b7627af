// A loop over independent pieces of work on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace if4 {

/// `threads`, or the number of cores where that is 0.
unsigned thread_count(unsigned threads);

/// work(0) to work(count - 1), each once, in any order, on up to `threads` threads (the calling one among
/// them). The first exception of a work ends the loop early and is thrown again here.
void parallel_for(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& work);

}  // namespace if4
