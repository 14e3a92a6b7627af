#include "sim/terminal/interrupt.hpp"

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <initializer_list>
#include <thread>
#include <utility>

#include "model/core/temporary.hpp"

namespace if4 {
namespace {

auto handler_of(int signal) {
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  return action.sa_handler;
}

// These come to the thread that caused them, where no other can wait for them. The ones that they are passed on
// as come to the process.
struct Passed {
  int caught, as;
};
std::array<Passed, 2> passed_signals() { return {{{SIGPIPE, SIGRTMIN}, {SIGBUS, SIGRTMIN + 1}}}; }

void pass_on(int signal) {
  for (const Passed& passed : passed_signals()) {
    if (passed.caught == signal) ::kill(::getpid(), passed.as);
  }
  for (;;) ::pause();
}

void set_mask(int how, int signal) {
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, signal);
  ::pthread_sigmask(how, &one, nullptr);
}

void wait_and_end(const sigset_t& signals, const std::function<void()>& before) {
  // This thread may find that nobody reads what it says, and must not wait for itself.
  set_mask(SIG_BLOCK, SIGPIPE);
  int signal = 0;
  while (::sigwait(&signals, &signal) != 0) {
  }
  for (const Passed& passed : passed_signals()) {
    if (signal == passed.as) signal = passed.caught;
  }
  remove_temporaries();
  if (before) before();
  if (signal == SIGBUS) {
    std::fputs("if4: a file in use was cut off, or cannot grow as its disk is full\n", stderr);
    ::_exit(2);
  }
  std::signal(signal, SIG_DFL);
  set_mask(SIG_UNBLOCK, signal);
  std::raise(signal);
  ::_exit(128 + signal);
}

}  // namespace

// A handler of a signal may do next to nothing, as it may interrupt anything. So all threads block the signals,
// and one that does nothing else waits for them.
void end_at_signals(std::function<void()> before) {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU}) {
    if (handler_of(signal) != SIG_IGN) ::sigaddset(&signals, signal);
  }
  for (const Passed& passed : passed_signals()) ::sigaddset(&signals, passed.as);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals, before = std::move(before)] { wait_and_end(signals, before); }).detach();
  // A sanitizer has a handler of its own.
  for (const Passed& passed : passed_signals()) {
    if (handler_of(passed.caught) == SIG_DFL) std::signal(passed.caught, pass_on);
  }
}

}  // namespace if4
