// SIGINT, SIGTERM and SIGHUP as an exception, so that destructors remove files that are half written.
#pragma once

#include <array>
#include <csignal>
#include <exception>

namespace if4 {

/// A signal came. This is no InputError, since nothing is wrong with the input.
class Interrupted : public std::exception {
 public:
  explicit Interrupted(int signal) : signal_(signal) {}
  int signal() const { return signal_; }
  const char* what() const noexcept override { return "interrupted"; }

 private:
  int signal_;
};

/// While an object lives, the signals are noted and do not end the program, unless they were ignored before.
/// check() throws Interrupted once one was noted.
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
