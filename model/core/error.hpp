// The one exception of the project that says that what the user gave is wrong.
#pragma once

#include <stdexcept>
#include <string>

namespace if4 {

/// Bad input: a malformed file, a wrong shape, an unknown name, an output that cannot be written.
/// what() is one line that names the file or the option, and the place in it. Programs print it and
/// exit with 2.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace if4
