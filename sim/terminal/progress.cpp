#include "sim/terminal/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <utility>

namespace if4 {
namespace {

std::atomic<bool> drawn{false};

}  // namespace

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)),
      terminal_(isatty(STDERR_FILENO) == 1),
      next_(std::chrono::steady_clock::now() + std::chrono::milliseconds(500)) {}

ProgressBar::~ProgressBar() { erase(); }

void ProgressBar::erase() {
  if (drawn.exchange(false)) std::fputs("\r\033[K", stderr);
}

void ProgressBar::update(std::uint64_t done, std::uint64_t total) {
  if (!terminal_ || total == 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  constexpr std::uint64_t kWidth = 40;
  const auto filled = static_cast<std::size_t>(kWidth * done / total);
  fmt::print(stderr, "\r{} [{:<40}] {:3} %", label_, std::string(filled, '#'), 100 * done / total);
  std::fflush(stderr);
  drawn = true;
}

}  // namespace if4
