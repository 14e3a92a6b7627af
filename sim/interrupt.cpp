#include "sim/interrupt.hpp"

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
  install(SIGINT, &interrupt_);
  install(SIGTERM, &terminate_);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &interrupt_, nullptr);
  ::sigaction(SIGTERM, &terminate_, nullptr);
}

void InterruptGuard::check() {
  if (caught != 0) throw Interrupted(caught);
}

}  // namespace if4
