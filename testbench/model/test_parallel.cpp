// The loop over pieces of work on several threads.

#include <atomic>
#include <thread>
#include <vector>

#include "model/core/error.hpp"
#include "model/core/parallel.hpp"
#include "testbench/support/catch.hpp"

using namespace if4;

TEST_CASE("parallel_for does every piece once and hands on an exception", "[parallel]") {
  std::vector<int> done(1000);
  parallel_for(done.size(), 4, [&](std::size_t i) { ++done[i]; });
  CHECK(done == std::vector<int>(1000, 1));
  CHECK_THROWS_AS(parallel_for(100, 3,
                               [](std::size_t i) {
                                 if (i == 50) throw InputError("fifty");
                               }),
                  InputError);
}

TEST_CASE("an exception ends the loop early", "[parallel]") {
  // One thread: pieces are done in order, and none after the one that fails.
  std::vector<int> done(100);
  CHECK_THROWS_AS(parallel_for(done.size(), 1,
                               [&](std::size_t i) {
                                 ++done[i];
                                 if (i == 50) throw InputError("fifty");
                               }),
                  InputError);
  CHECK(done[50] == 1);
  CHECK(done[51] == 0);
}

TEST_CASE("no two pieces have the same worker at the same time", "[parallel]") {
  CHECK(worker_count(3, 8) == 3);
  CHECK(worker_count(8, 3) == 3);
  CHECK(worker_count(0, 3) == 0);
  CHECK(thread_count(0) >= 1);
  const unsigned workers = worker_count(1000, 5);
  REQUIRE(workers == 5);
  // Each piece lasts until all threads have one: whatever the machine does, they are all at work at once.
  std::vector<std::atomic<int>> calls(workers);
  std::atomic<unsigned> inside{0};
  parallel_for(workers, workers, [&](std::size_t, unsigned worker) {
    if (worker < workers) ++calls[worker];
    ++inside;
    while (inside < workers) std::this_thread::yield();
  });
  for (const std::atomic<int>& count : calls) CHECK(count == 1);
}
