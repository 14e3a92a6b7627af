// Command lines of a shell in a folder, for tests of what others do with the project's files.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "testbench/support/file_testing.hpp"

namespace if4::testing {

struct Outcome {
  int status;        ///< exit code; -1 after a signal
  std::string text;  ///< stdout and stderr
};

/// Runs a command line in the folder, whose path and own text hold no single quote where that would end a word.
inline Outcome run_shell(const std::string& folder, const std::string& command) {
  const TempDir logs;
  const std::string log = logs / "log";
  const int status = std::system(("cd '" + folder + "' && { " + command + "; } >'" + log + "' 2>&1").c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, get(log)};
}

/// The folder of the programs that Make has built: that of this test program.
inline std::string built_folder() { return fs::read_symlink("/proc/self/exe").parent_path().string(); }

}  // namespace if4::testing
