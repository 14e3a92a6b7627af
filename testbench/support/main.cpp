// The test program: Catch2's session with a random seed that it prints, failure where a filter chose no test,
// and an end at once where a signal asks for it.
#ifndef CATCH_CONFIG_RUNNER
#define CATCH_CONFIG_RUNNER
#endif
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <random>
#include <string>
#include <thread>

#include "testbench/support/catch.hpp"

namespace {

#if __has_include(<catch2/catch_all.hpp>)
using Listener = Catch::EventListenerBase;
using Spec = Catch::StringRef;
std::string output_file(const Catch::ConfigData& config) { return config.defaultOutputFilename; }
#else
using Listener = Catch::TestEventListenerBase;
using Spec = const std::string&;
std::string output_file(const Catch::ConfigData& config) { return config.outputFilename; }
#endif

// The exit code of a run that checked nothing, or that left out what a part of its filter asked for. Catch2's
// own code differs from version to version, and may be 0.
constexpr int kNothingChecked = 3;

std::uint64_t seed = 0;
std::uint64_t assertions = 0;
bool unmatched = false;

class RunWatcher : public Listener {
 public:
  using Listener::Listener;
  void testRunEnded(const Catch::TestRunStats& stats) override {
    assertions = static_cast<std::uint64_t>(stats.totals.assertions.total());
  }
  void noMatchingTestCases(Spec spec) override {
    unmatched = true;
    std::fprintf(stderr, "no test matches '%s'\n", std::string(spec).c_str());
  }
};
CATCH_REGISTER_LISTENER(RunWatcher)

// Catch2 would report from within the signal's handler, where it may wait for ever for a lock that the
// interrupted code holds, and leave half a report behind. So all threads block the two signals, and one that
// does nothing else waits for them. It removes the report, which is empty until the end of the run, and ends
// the program.
void end_at_signals(const std::string& report) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals, report] {
    int signal = 0;
    while (sigwait(&signals, &signal) != 0) {
    }
    if (!report.empty()) ::unlink(report.c_str());
    std::fprintf(stderr, "if4_tests: ended by a signal\n");
    ::_exit(128 + signal);
  }).detach();
}

}  // namespace

std::uint64_t test_seed() { return seed; }

int main(int argc, char** argv) {
  Catch::Session session;
  session.configData().rngSeed = std::random_device{}();
  if (const int error = session.applyCommandLine(argc, argv); error != 0) return 2;
  const auto& config = session.configData();
  if (config.showHelp || config.listTests || config.listTags || config.listReporters) return session.run();
  end_at_signals(output_file(config));
  seed = config.rngSeed;
  // On stderr, since a reporter may write XML to stdout.
  std::fprintf(stderr, "random seed %llu (the same again: make test SEED=%llu)\n",
               static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed));
  const int failed = session.run();
  if (failed == 0 && (unmatched || assertions == 0)) {
    std::fprintf(stderr, "no test ran%s\n", unmatched ? " for a part of the filter" : "");
    return kNothingChecked;
  }
  return failed == 0 ? 0 : 1;
}
