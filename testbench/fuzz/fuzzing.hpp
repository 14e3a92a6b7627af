// What the fuzzers of readers have in common.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "model/core/error.hpp"
#include "testbench/support/stimuli.hpp"

namespace if4::testing {

/// A file in memory, under a path that the readers and writers open like any other.
class MemoryFile {
 public:
  MemoryFile()
      : descriptor_(::memfd_create("fuzz", 0)), path_("/proc/self/fd/" + std::to_string(descriptor_)) {
    if (descriptor_ < 0) std::abort();
  }
  const std::string& path() const { return path_; }
  /// A writer given such a path appends at the position that it shares with this descriptor.
  const std::string& emptied() const {
    if (::ftruncate(descriptor_, 0) != 0 || ::lseek(descriptor_, 0, SEEK_SET) != 0) std::abort();
    return path_;
  }
  void put(const std::uint8_t* data, std::size_t size) const {
    emptied();
    if (::pwrite(descriptor_, data, size, 0) != static_cast<ssize_t>(size)) std::abort();
  }

 private:
  int descriptor_;
  std::string path_;
};

/// Takes note of an input where the environment has IF4_STIMULI, as a regression sets it: the digest of all inputs and their
/// number are printed at the end (testbench/regress/suites.txt).
inline void note_input(const std::uint8_t* data, std::size_t size) {
  struct Teller {
    ~Teller() {
      if (!asked || told.count == 0) return;
      std::fprintf(stderr, "checks %llu\n", static_cast<unsigned long long>(told.checks));
      std::fprintf(stderr, "stimuli %s inputs\n", take_digest().c_str());
    }
    bool asked = std::getenv("IF4_STIMULI") != nullptr;
  };
  static const Teller teller;
  if (!teller.asked) return;
  note_stimulus(std::uint64_t{size});
  for (std::size_t i = 0; i < size; ++i) note_stimulus(std::uint64_t{data[i]});
  count_checks(1);
}

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "property violated: %s\n", what);
  std::abort();
}

/// Runs a reader; an InputError is a legal outcome if it is one printable line that starts with the file.
template <class Action>
void attempt(const Action& action, std::string_view file = "/proc/self/fd/") {
  try {
    action();
  } catch (const if4::InputError& error) {
    const std::string_view message = error.what();
    require(message.substr(0, file.size()) == file, "the message starts with the file");
    require(
        std::none_of(message.begin(), message.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }),
        "the message is one line");
    require(message.size() < 1000, "the message is short");
  }
}

}  // namespace if4::testing
