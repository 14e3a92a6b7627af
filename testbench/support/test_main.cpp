// The test program itself: what it says of a filter that matches nothing, and what a signal leaves.
#include <fcntl.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "testbench/support/program_testing.hpp"

using namespace if4::testing;

namespace {

pid_t start_suite(const Args& args, const std::string& err = "/dev/null") {
  return start_program(fs::read_symlink("/proc/self/exe").string(), args, "/dev/null", err);
}

int exit_code(pid_t child) {
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

TEST_CASE("a run of the tests fails unless every part of its filter matches a test", "[suite]") {
  const TempDir folder;
  const std::string err = folder / "err";
  CHECK(exit_code(start_suite({"formats have their numbers and names"}, err)) == 0);
  CHECK(get(err).rfind("random seed ", 0) == 0);
  CHECK(exit_code(start_suite({"no such test"}, err)) == 3);
  CHECK(exit_code(start_suite({"formats have their numbers and names,no such test"}, err)) == 3);
  check_contains(get(err), "no test matches 'no such test'");
}

TEST_CASE("a case of a regression tells its checks and a digest of its stimuli, which its seed decides",
          "[suite]") {
  const TempDir folder;
  const auto lines = [&](const std::string& tests, const std::string& seed) {
    const std::string err = folder / "err";
    REQUIRE(::setenv("IF4_STIMULI", "1", 1) == 0);
    const pid_t child = start_suite({tests, "--rng-seed", seed}, err);
    ::unsetenv("IF4_STIMULI");
    CHECK(exit_code(child) == 0);
    return get(err).substr(get(err).find('\n') + 1);  // without the seed
  };
  const std::string tests = "The fast model and the SystemC system in random cases";
  const std::string first = lines(tests, "1");
  CHECK(first.rfind("stimuli ", 0) == 0);
  check_contains(first, " " + tests + "\nchecks ");
  CHECK(lines(tests, "1") == first);
  CHECK(lines(tests, "2").substr(0, 40) != first.substr(0, 40));
  // A test that feeds nothing random to anything has no digest.
  CHECK(lines("formats have their numbers and names", "1").rfind("checks ", 0) == 0);
}

TEST_CASE("a signal ends a run of the tests at once and leaves no half of a report", "[suite]") {
  const TempDir folder;
  const std::string report = folder / "report.xml";
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const pid_t child = start_suite({"[rtl][long]", "--reporter", "junit", "--out", report});
    int status = 0;
    while (!fs::exists(report) && ::waitpid(child, &status, WNOHANG) == 0) ::usleep(1000);
    INFO("status " << status);
    REQUIRE(::kill(child, signal) == 0);
    CHECK(exit_code(child) == 128 + signal);
    CHECK_FALSE(fs::exists(report));
  }
}

TEST_CASE("a run of the tests ends when nobody reads any more what it says", "[suite]") {
  int ends[2] = {};
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  // Both streams, as of `if4_tests 2>&1 | head`; with -s it says more than a pipe holds.
  const std::string writer = "/proc/self/fd/" + std::to_string(ends[1]);
  const pid_t child =
      start_program(fs::read_symlink("/proc/self/exe").string(), {"[mac]~[long]", "-s"}, writer, writer);
  ::close(ends[1]);
  char first = 0;
  CHECK(::read(ends[0], &first, 1) == 1);
  ::close(ends[0]);
  CHECK(exit_code(child) == 128 + SIGPIPE);
}

// What the test below interrupts. A hidden test would not do: filters that leave out tags choose it.
TEST_CASE("a program that runs for hours, if IF4_RUN_FOR_HOURS is set", "[suite]") {
  if (std::getenv("IF4_RUN_FOR_HOURS") == nullptr) return;
  CHECK(exit_code(start_program("/bin/sleep", {"100000"}, "/dev/null", "/dev/null")) == 0);
}

TEST_CASE("a signal that ends a run of the tests also ends what it has started", "[suite]") {
  REQUIRE(::setenv("IF4_RUN_FOR_HOURS", "1", 1) == 0);
  const pid_t child = start_suite({"a program that runs for hours*"});
  ::unsetenv("IF4_RUN_FOR_HOURS");
  const std::string process = "/proc/" + std::to_string(child) + "/task/" + std::to_string(child);
  int status = 0;
  std::string grandchild;
  while (grandchild.empty() && ::waitpid(child, &status, WNOHANG) == 0) {
    std::ifstream(process + "/children") >> grandchild;
    ::usleep(1000);
  }
  REQUIRE_FALSE(grandchild.empty());
  REQUIRE(::kill(child, SIGTERM) == 0);
  CHECK(exit_code(child) == 128 + SIGTERM);
  // It is gone, or waits for somebody to take its exit code.
  const auto runs = [&] {
    std::string number, name, state;
    std::ifstream("/proc/" + grandchild + "/stat") >> number >> name >> state;
    return !state.empty() && state != "Z";
  };
  while (runs()) ::usleep(1000);
}
