// SIGINT, SIGTERM and SIGHUP as an exception, so that destructors remove what is half done.
#pragma once

#include <array>
#include <csignal>
#include <exception>

namespace if4 {

/// Not an InputError: nothing is wrong with the input.
class Interrupted : public std::exception {
 public:
  explicit Interrupted(int signal) : signal_(signal) {}
  int signal() const { return signal_; }
  const char* what() const noexcept override { return "interrupted"; }

 private:
  int signal_;
};

/// Catches the signals while it lives, unless they are ignored; check() throws Interrupted after one.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  static void check();

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, kSignals.size()> before_{};
};

}  // namespace if4
