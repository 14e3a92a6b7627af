// Scripts of the testbench that need numpy, run from tests.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "testbench/support/catch.hpp"

namespace if4::testing {

/// An interpreter of Python that has numpy. The first one in PATH may be one without the packages of the system.
inline std::string python_with_numpy() {
  for (const char* python : {"python3", "/usr/bin/python3"}) {
    if (std::system((std::string(python) + " -c 'import numpy' 2>/dev/null").c_str()) == 0) return python;
  }
  FAIL("no python3 with numpy (package python3-numpy)");
  return "";
}

/// Runs a script of the testbench, with arguments that hold no single quotes. It must succeed.
inline void run_python(const std::string& script, const std::vector<std::string>& arguments) {
  std::string command = python_with_numpy() + " '" + script + "'";
  for (const std::string& argument : arguments) command += " '" + argument + "'";
  INFO(command);
  REQUIRE(std::system(command.c_str()) == 0);
}

}  // namespace if4::testing
