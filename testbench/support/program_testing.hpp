// The program if4 as a user runs it, for tests: a folder for its files, its exit code and what it prints.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "testbench/support/file_testing.hpp"

namespace if4::testing {

using Args = std::vector<std::string>;

struct Run {
  int code = -1;  ///< exit code; 128 and the signal after a crash
  std::string out, err;
};

/// Starts the program with its output in these files, and gives its process. The test program blocks the
/// signals that end it (support/main.cpp), and whoever started that may ignore some (nohup); what is started
/// here must do neither.
inline pid_t start_program(const std::string& program, const Args& args, const std::string& out,
                           const std::string& err) {
  posix_spawn_file_actions_t actions;
  REQUIRE(::posix_spawn_file_actions_init(&actions) == 0);
  const int flags = O_WRONLY | O_CREAT | O_TRUNC;
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), flags, 0600);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), flags, 0600);
  posix_spawnattr_t attributes;
  REQUIRE(::posix_spawnattr_init(&attributes) == 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  sigset_t ending = none;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXFSZ, SIGXCPU})
    ::sigaddset(&ending, signal);
  ::posix_spawnattr_setsigdefault(&attributes, &ending);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  Args words = args;
  words.insert(words.begin(), program);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawn(&child, argv[0], &actions, &attributes, argv.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  INFO("program " << program);
  REQUIRE(error == 0);
  return child;
}

/// A folder that lives as long as the test, and the program run with files in it. What the program prints is
/// kept outside of it, so that the folder holds what the program left and nothing else.
class Sandbox {
 public:
  Sandbox() { fs::create_directory(root_ / "files"); }

  std::string operator/(const std::string& name) const { return folder() + "/" + name; }
  std::string folder() const { return root_ / "files"; }

  std::set<std::string> names() const {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder())) names.insert(entry.path().string());
    return names;
  }

  /// `out`: where stdout goes instead of Run::out.
  Run run(const Args& args, const std::string& out = "") const {
    const std::string out_file = out.empty() ? root_ / "out" : out;
    const std::string err_file = root_ / "err";
    const pid_t child = start_program(program(), args, out_file, err_file);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    Run run;
    run.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (out.empty()) run.out = get(out_file);
    run.err = get(err_file);
    return run;
  }

  /// stdout of a run that must succeed.
  std::string output(const Args& args) const {
    const Run result = run(args);
    INFO("stderr: " << result.err);
    REQUIRE(result.code == 0);
    CHECK(result.err.empty());
    return result.out;
  }

  /// The path of the program.
  static std::string program() {
    const char* const path = std::getenv("IF4_PROGRAM");
    if (path != nullptr && *path != '\0') return path;
    return (fs::read_symlink("/proc/self/exe").parent_path() / "if4").string();
  }

 private:
  TempDir root_;
};

/// A command line that the program must refuse: exit code 2, one line on stderr, no output, no file.
struct BadInput {
  Args args;
  Args named;  ///< each must be in the message
};

inline void check_refused(const Sandbox& box, const BadInput& bad) {
  std::string line = "if4";
  for (const std::string& arg : bad.args) line += " " + arg;
  const auto before = box.names();
  const Run run = box.run(bad.args);
  INFO(line << "\nstderr: " << run.err << "stdout: " << run.out);
  CHECK(run.code == 2);
  CHECK(run.out.empty());
  CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
  for (const std::string& name : bad.named) CHECK(run.err.find(name) != std::string::npos);
  CHECK(box.names() == before);
}

/// Sends the signal to a run that takes long, once it has created a file: the run must end by the signal and
/// leave no file.
inline void check_interrupted(const Sandbox& box, const Args& args, int signal) {
  const auto before = box.names();
  const pid_t child = start_program(Sandbox::program(), args, "/dev/null", "/dev/null");
  // The work has begun when its temporary file is there.
  int status = 0;
  while (box.names() == before && ::waitpid(child, &status, WNOHANG) == 0) ::usleep(200);
  REQUIRE(::kill(child, signal) == 0);
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  if (WIFSIGNALED(status)) CHECK(WTERMSIG(status) == signal);
  CHECK(box.names() == before);
}

}  // namespace if4::testing
