// SIGINT and SIGTERM as an exception, so that destructors remove what is half done.
#pragma once

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

/// Catches the two signals while it lives, unless they are ignored; check() throws Interrupted after one.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  static void check();

 private:
  struct sigaction interrupt_ {};
  struct sigaction terminate_ {};
};

}  // namespace if4
