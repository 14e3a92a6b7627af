// The test program: Catch2's session with a random seed that it prints, failure where a filter chose no test,
// and an end at once where a signal asks for it.
#ifndef CATCH_CONFIG_RUNNER
#define CATCH_CONFIG_RUNNER
#endif
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <system_error>

#include "sim/terminal/interrupt.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/stimuli.hpp"

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

// For a regression, which reads them: testbench/regress/suites.txt.
bool tells_stimuli() { return std::getenv("IF4_STIMULI") != nullptr; }

class RunWatcher : public Listener {
 public:
  using Listener::Listener;
  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    const std::string digest = if4::testing::take_digest();
    if (!tells_stimuli() || digest.empty()) return;
    std::fprintf(stderr, "stimuli %s %s\n", digest.c_str(), stats.testInfo.name.c_str());
  }
  void testRunEnded(const Catch::TestRunStats& stats) override {
    assertions = static_cast<std::uint64_t>(stats.totals.assertions.total());
    if (!tells_stimuli()) return;
    std::fprintf(stderr, "checks %llu\n",
                 static_cast<unsigned long long>(assertions + if4::testing::told.checks));
  }
  void noMatchingTestCases(Spec spec) override {
    unmatched = true;
    std::fprintf(stderr, "no test matches '%s'\n", std::string(spec).c_str());
  }
};
CATCH_REGISTER_LISTENER(RunWatcher)

// Catch2 would report from within the signal's handler, where it may wait for ever for a lock that the
// interrupted code holds, and leave half a report behind. The report is empty until the end of the run.
void remove_report(const std::string& report) {
  struct stat status {};
  if (::stat(report.c_str(), &status) == 0 && S_ISREG(status.st_mode)) ::unlink(report.c_str());
  // Not through stdio: what is interrupted may hold its lock.
  constexpr std::string_view kEnded = "if4_tests: ended by a signal\n";
  if (::write(STDERR_FILENO, kEnded.data(), kEnded.size()) < 0) return;
}

// A program that a test has started may run for hours, and write as long.
void end_children() {
  std::error_code gone;
  for (std::filesystem::directory_iterator thread("/proc/self/task", gone), end; thread != end; ++thread) {
    std::ifstream children(thread->path() / "children");
    for (pid_t child = 0; children >> child;) ::kill(child, SIGTERM);
  }
}

}  // namespace

std::uint64_t test_seed() { return seed; }

int main(int argc, char** argv) {
  Catch::Session session;
  session.configData().rngSeed = std::random_device{}();
  if (const int error = session.applyCommandLine(argc, argv); error != 0) return 2;
  const auto& config = session.configData();
  if (config.showHelp || config.listTests || config.listTags || config.listReporters) return session.run();
  static std::atomic<bool> ending{false};
  if4::end_at_signals([report = output_file(config)] {
    ending = true;
    end_children();
    remove_report(report);
  });
  seed = config.rngSeed;
  // On stderr, since a reporter may write XML to stdout.
  std::fprintf(stderr, "random seed %llu (the same again: make test SEED=%llu)\n",
               static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed));
  const int failed = session.run();
  // A test whose program was ended by the signal may be over before the thread that ends this one.
  while (ending) ::pause();
  if (failed == 0 && (unmatched || assertions == 0)) {
    std::fprintf(stderr, "no test ran%s\n", unmatched ? " for a part of the filter" : "");
    return kNothingChecked;
  }
  return failed == 0 ? 0 : 1;
}
