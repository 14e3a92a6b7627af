// A progress bar on stderr. It appears only if stderr is a terminal and the work takes long.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace if4 {

class ProgressBar {
 public:
  /// `label` stands before the bar.
  explicit ProgressBar(std::string label);
  /// Removes the bar.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Draws the bar, at most ten times a second and not in the first half second.
  void update(std::uint64_t done, std::uint64_t total);
  /// Removes the bar of this process, if there is one, from any thread.
  static void erase();

 private:
  std::string label_;
  bool terminal_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace if4
