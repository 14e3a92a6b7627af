// The test program: Catch2's session with a printed random seed, and failure where no test ran.
#ifndef CATCH_CONFIG_RUNNER
#define CATCH_CONFIG_RUNNER
#endif
#include <cstdio>
#include <random>

#include "testbench/support/catch.hpp"

namespace {
std::uint64_t seed = 0;

// A run that checked nothing fails, whatever the version of Catch2 thinks of it.
constexpr int kNothingChecked = 3;
}  // namespace

std::uint64_t test_seed() { return seed; }

namespace {

std::uint64_t assertions = 0;

#if __has_include(<catch2/catch_all.hpp>)
using Listener = Catch::EventListenerBase;
#else
using Listener = Catch::TestEventListenerBase;
#endif

class AssertionCounter : public Listener {
 public:
  using Listener::Listener;
  void testRunEnded(const Catch::TestRunStats& stats) override {
    assertions = static_cast<std::uint64_t>(stats.totals.assertions.total());
  }
};
CATCH_REGISTER_LISTENER(AssertionCounter)

}  // namespace

int main(int argc, char** argv) {
  Catch::Session session;
  session.configData().rngSeed = std::random_device{}();
  if (const int error = session.applyCommandLine(argc, argv); error != 0) return 2;
  const auto& config = session.configData();
  if (config.showHelp || config.listTests || config.listTags || config.listReporters) return session.run();
  seed = config.rngSeed;
  std::printf("random seed %llu (the same again: make test SEED=%llu)\n",
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  const int failed = session.run();
  if (failed == 0 && assertions == 0) {
    std::fprintf(stderr, "no test ran\n");
    return kNothingChecked;
  }
  return failed == 0 ? 0 : 1;
}
