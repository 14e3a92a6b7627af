// Files and folders that go away unless they get their final name, also where a signal ends the process.
#pragma once

#include <functional>
#include <string>

namespace if4 {

/// A temporary file or folder ".if4-PID-N.tmp" beside the one that it is to become. The destructor removes it,
/// a folder with all that is in it. A process that is killed by SIGKILL leaves it behind.
class Temporary {
 public:
  /// Makes none yet.
  Temporary() = default;
  ~Temporary();
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  /// Makes it in the folder of `target`, by make(name), which says whether it could and leaves the reason in
  /// errno. So does this function.
  bool create(const std::string& target, const std::function<bool(const char* name)>& make);
  /// Its name; empty where there is none.
  const std::string& path() const { return path_; }
  /// Gives the file or folder its final name, or, of a folder, the file `inside` it. False, with errno, where
  /// that fails.
  bool rename(const std::string& target, const std::string& inside = "");

 private:
  std::string path_;
};

/// Removes all of them, for a process that is about to end: a thread that would make, rename or remove one
/// afterwards waits for ever.
void remove_temporaries();

}  // namespace if4
