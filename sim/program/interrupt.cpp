#include "sim/program/interrupt.hpp"

namespace if4 {
namespace {

volatile std::sig_atomic_t caught = 0;

void note(int signal) { caught = signal; }

void install(int signal, struct sigaction* before) {
  struct sigaction action {};
  action.sa_handler = note;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, nullptr, before);
  if (before->sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) install(kSignals[i], &before_[i]);
}

InterruptGuard::~InterruptGuard() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
}

void InterruptGuard::check() {
  if (caught != 0) throw Interrupted(caught);
}

}  // namespace if4
